"""The command ``tnc``: its subcommands, and what becomes of everything that can go wrong.

Exit codes: 0 fine, 1 the program is wrong, 2 the usage is wrong, 70 the compiler is wrong. Nothing but the standard
library is loaded until a subcommand runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from tnc import __version__
from tnc.cli import bench, calibrate, check, compile, expand, explain, fmt, help, report
from tnc.cli.console import Console
from tnc.cli.parser import Parser

SUBCOMMANDS = (check, fmt, expand, report, explain, compile, bench, calibrate, help)

FINE, PROGRAM_WRONG, USAGE_WRONG, COMPILER_WRONG, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 70, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse(sys.argv[1:] if argv is None else list(argv))
    if isinstance(arguments, int):
        return arguments
    console = Console.of(arguments)
    try:
        code = _run(arguments, console)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as `head` does. What is still buffered must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


def _run(arguments: argparse.Namespace, console: Console) -> int:
    try:
        code: int = arguments.run(arguments, console)
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        from tnc.diagnostics import CompileError

        if isinstance(error, CompileError):
            return console.show(error.diagnostics)
        if os.environ.get("TNC_TRACEBACK"):
            raise
        console.fault(error)
        return COMPILER_WRONG
    return code


def _parser() -> Parser:
    parser = Parser(
        prog="tnc",
        description="A compiler for tensor networks with activations: .tn files to PyTorch, JAX and NumPy modules.",
        epilog="exit codes: 0 fine, 1 the program is wrong, 2 the usage is wrong, 70 a fault of the compiler",
    )
    parser.add_argument("--version", action="version", version=f"tnc {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for subcommand in SUBCOMMANDS:
        subcommand.add_to(subparsers)
    return parser
