"""``tnc fmt``: files in canonical form."""

from __future__ import annotations

import argparse
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from tnc.characters import printable
from tnc.cli.arguments import STDIN, Subparsers, add_subcommand, read_file, read_limits
from tnc.cli.console import Console, write_product

if TYPE_CHECKING:
    from tnc.diagnostics import Diagnostic


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_subcommand(subparsers, "fmt", "rewrite .tn files in canonical form", run)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a .tn file, or - for standard input to stdout")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Format every file; what is wrong with one keeps no other from being formatted."""
    from tnc.diagnostics import CompileError
    from tnc.driver import format_source
    from tnc.writing.output import write_file

    limits = read_limits(arguments)
    diagnostics: list[Diagnostic] = []
    changed = 0
    for file in arguments.files:
        try:
            if not arguments.diff and not arguments.check:
                _refuse_stream(file)
            source = read_file(file, limits)
            text = format_source(source, limits)
            changed += text != source.text
            if arguments.diff:
                write_product(_difference(source.name, source.text, text))
            elif arguments.check:
                write_product(f"would reformat {printable(source.name)}\n" if text != source.text else "")
            elif file == STDIN:
                write_product(text)
            elif text != source.text:
                write_file(Path(file), text, f"print it: `tnc fmt - < {file}`")
        except CompileError as error:
            diagnostics += error.diagnostics
    code = console.show(diagnostics)
    return code or int(arguments.check and changed > 0)


def _refuse_stream(file: str) -> None:
    """What is read once and is gone, as a pipe is, cannot be rewritten.

    Raises:
        CompileError: TN008, before it is read.
    """
    from tnc.diagnostics import CompileError, Diagnostic
    from tnc.reading import mode, own_descriptor

    if file == STDIN:
        return
    kind = stat.S_IFMT(mode(file))
    if own_descriptor(file) is not None or kind not in (0, stat.S_IFREG, stat.S_IFDIR):  # others fail to be read
        message = f"`{file}` is not a file, so it cannot be rewritten"
        raise CompileError((Diagnostic("TN008", message, help="`tnc fmt -` reads standard input, and prints"),))


def _difference(name: str, before: str, after: str) -> str:
    from difflib import unified_diff

    lines = unified_diff(_lines(before), _lines(after), printable(name), printable(name))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """The lines with their ends, for reading: characters that would act on a terminal are written out."""
    pieces: list[tuple[str, str]] = re.findall(r"([^\n]*?)(\r?\n|\Z)", text)
    return [printable(line) + end for line, end in pieces if line or end]
