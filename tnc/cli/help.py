"""``tnc help``: the page of a code, the list of all codes, or the help of a command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import Final

from tnc.cli.arguments import Subparsers, add_subcommand
from tnc.cli.console import Console, write_product
from tnc.cli.parser import Parser

BLOCKS: Final = {
    "TN0": "files, options and the command line",
    "TN1": "syntax",
    "TN2": "names, structure and compile-time values",
    "TN3": "dimensions and legs",
    "TN4": "planning, memory and budgets",
    "TN5": "what a backend cannot express",
    "TN8": "lints: `--allow CODE` turns one off, `--deny CODE` makes it an error",
    "TN9": "faults of the compiler",
}
_CODE = re.compile(r"(?:TN)?(\d{3})", re.IGNORECASE)
_FENCE = re.compile(r"```(?P<words>.*)")


def add_to(subparsers: Subparsers) -> None:
    """Make the subcommand known."""
    parser = add_subcommand(subparsers, "help", "explain a code such as TN201, or list all of them", run)
    parser.add_argument("topics", nargs="*", metavar="CODE", help="a code, or a command")
    parser.set_defaults(commands=subparsers.choices)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what is asked for; an unknown topic prints nothing but the error."""
    topics: list[str] = arguments.topics
    commands: dict[str, Parser] = arguments.commands
    texts = [_topic(topic, commands) for topic in topics]
    write_product("\n".join(texts) if topics else _list())
    return 0


def page(code: str) -> str:
    """The page of a code, as it is in ``docs/errors``."""
    from importlib.resources import files

    return files("tnc.errors").joinpath(f"{code}.md").read_text(encoding="utf-8")


def _topic(topic: str, commands: dict[str, Parser]) -> str:
    from tnc.diagnostics import CATALOGUE, CompileError, Diagnostic
    from tnc.diagnostics.suggest import did_you_mean

    number = _CODE.fullmatch(topic)
    code = f"TN{number[1]}" if number else topic
    if code in CATALOGUE:
        return _plain(page(code).splitlines())
    if topic in commands:
        return commands[topic].format_help()
    hint = did_you_mean(code.upper(), CATALOGUE) if number or topic[:1] in "Tt" else did_you_mean(topic, commands)
    raise CompileError((Diagnostic("TN016", f"unknown code `{topic}`", help=hint or "`tnc help` lists all codes"),))


def _list() -> str:
    from tnc.diagnostics import CATALOGUE

    lines: list[str] = []
    for block, title in BLOCKS.items():
        codes = [code for code in CATALOGUE if code.startswith(block)]
        if codes:
            lines += ["", f"{block}xx  {title}", *(f"  {code}  {CATALOGUE[code]}" for code in codes)]
    lines += ["", "`tnc help CODE` explains one, with a program that is wrong and one that is right."]
    return "\n".join(lines[1:]) + "\n"


def _plain(lines: Iterable[str]) -> str:
    """Markdown for a terminal: no fences, code indented, headings bare."""
    plain: list[str] = []
    inside = False
    for line in lines:
        fence = _FENCE.fullmatch(line)
        if fence is None:
            plain.append(f"    {line}".rstrip() if inside else line.lstrip("#").strip())
            continue
        inside = not inside
        _, _, file = fence["words"].partition(" ")
        if file:
            plain.append(f"    # {file}")
    return "\n".join(plain) + "\n"
