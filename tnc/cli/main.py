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
from tnc.cli.console import Console, open_streams, silence_stdout
from tnc.cli.parser import Parser

SUBCOMMANDS = (check, fmt, expand, report, explain, compile, bench, calibrate, help)

FINE, PROGRAM_WRONG, USAGE_WRONG, COMPILER_WRONG, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 70, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    open_streams()
    try:
        arguments = _parser().parse(sys.argv[1:] if argv is None else list(argv))
        code = arguments if isinstance(arguments, int) else _run(arguments, Console.of(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        silence_stdout()  # the reader has gone, as `head` does
        return PIPE_CLOSED
    except OSError as error:  # of argparse's own texts; products are told of where they are written
        silence_stdout()
        print(f"error: standard output cannot be written: {error.strerror}", file=sys.stderr)
        return USAGE_WRONG
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
