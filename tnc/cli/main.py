"""The command ``tnc``: its subcommands, and what becomes of everything that can go wrong.

Exit codes: 0 fine, 1 the program is wrong, 2 the usage is wrong, 70 the compiler is wrong. Nothing but the standard
library is loaded until a subcommand runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tnc import __version__
from tnc.cli import bench, calibrate, check, compile, expand, explain, fit, fmt, help, merge, report
from tnc.cli.console import INTERRUPTED, PIPE_CLOSED, Console, open_streams, silence_stdout
from tnc.cli.parser import Parser

SUBCOMMANDS = (check, fmt, expand, report, explain, compile, fit, merge, bench, calibrate, help)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    open_streams()
    try:
        return _run(sys.argv[1:] if argv is None else list(argv))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        silence_stdout()  # the reader has gone, as `head` does
        return PIPE_CLOSED


def _run(argv: list[str]) -> int:
    console = Console(colour=False, json=False)
    try:
        arguments = _parser().parse(argv)
        if isinstance(arguments, int):
            return arguments
        console = Console.of(arguments)
        code: int = arguments.run(arguments, console)
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        if os.environ.get("TNC_TRACEBACK") and not _is_expected(error):
            raise
        return console.failed(error)
    return code


def _is_expected(error: Exception) -> bool:
    from tnc.diagnostics import CompileError

    return isinstance(error, CompileError)


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
