"""argparse, with messages in the manner of the compiler's own."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, NoReturn

from tnc.characters import escaped
from tnc.cli.console import say, write_product

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

INVALID_CHOICE = re.compile(r"argument (?P<name>\S+): invalid choice: '(?P<given>.*)' \(choose from (?P<known>.*)\)")


class Parser(argparse.ArgumentParser):
    """A parser whose errors name what is wrong and suggest what may have been meant."""

    def __init__(self, **settings: object) -> None:
        super().__init__(allow_abbrev=False, **settings)  # type: ignore[arg-type]

    def parse(self, argv: list[str]) -> argparse.Namespace | int:
        """The arguments, or the exit code where there is nothing left to do."""
        try:
            arguments, unknown = self.parse_known_args(argv)
            if unknown:
                self._refuse(unknown[0], arguments)
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else 2
        return arguments

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and stop with exit code 2."""
        found = INVALID_CHOICE.fullmatch(message)
        if found is None:
            self._stop(message, f"`{self.prog} --help` lists options and arguments")
        known = re.findall(r"[\w-]+", found["known"])
        where = "" if found["name"] == "COMMAND" else f" of `{found['name']}`"
        what = "value" if where else "command"
        self._stop(f"unknown {what} `{found['given']}`{where}", _suggestion(found["given"], what, known))

    def _refuse(self, argument: str, arguments: argparse.Namespace) -> NoReturn:
        parser: Parser = arguments.parser
        if not argument.startswith("-") or argument == "-":
            parser._stop(f"unexpected argument `{argument}`", f"`{parser.prog} --help` lists options and arguments")
        option = argument.partition("=")[0]
        known = [string for action in parser._actions for string in action.option_strings]
        parser._stop(f"unknown option `{option}` of `{parser.prog}`", _suggestion(option, "option", known))

    def _stop(self, message: str, help_text: str) -> NoReturn:
        text = f"error: {escaped(message)}\n  = help: {escaped(help_text)}"
        say(f"{text}\n\n{self.format_usage().rstrip()}")
        raise SystemExit(2)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Print a help text or the version; argparse itself would say nothing of an output that is full."""
        if message:
            write_product(message)


def _suggestion(given: str, what: str, known: list[str]) -> str:
    from tnc.diagnostics.suggest import known_names

    return known_names(what, given, known) or ""
