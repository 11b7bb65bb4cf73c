"""The compiled grammar. No other module imports lark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias

from lark import Lark, UnexpectedToken
from lark.lexer import PatternStr

from tnc.syntax.build import Builder
from tnc.syntax.tokens import END, Token

Start: TypeAlias = Literal["file", "expression"]

_CLASSES: Final = ("NAME", "NUMBER", "STRING", "COMMENT", "WHITE_SPACE")


class _Callbacks:
    """The builder's methods as lark calls them: by the name of a rule, with one list."""

    def __init__(self) -> None:
        for name in dir(Builder):
            if not name.startswith("_"):
                setattr(self, name, self._spread(getattr(Builder, name)))

    @staticmethod
    def _spread(method: Callable[..., object]) -> Callable[[list[Any]], object]:
        return lambda children: method(*children)


def grammar_text() -> str:
    """The text of ``grammar/tn.lark``."""
    return files("tnc.grammar").joinpath("tn.lark").read_text(encoding="utf-8")


@cache
def _compiled() -> Lark:
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer="basic",
        start=["file", "expression"],
        keep_all_tokens=True,
        maybe_placeholders=True,
        transformer=_Callbacks(),
    )


@dataclass(frozen=True, slots=True)
class Terminals:
    """The grammar's terminals: regular expressions by name, and the name of each literal."""

    patterns: dict[str, str]
    literals: dict[str, str]

    @property
    def keywords(self) -> frozenset[str]:
        """The literals that are words."""
        return frozenset(literal for literal in self.literals if literal.isalpha())


@cache
def terminals() -> Terminals:
    """The terminals of the grammar, so that the scanner need not repeat them."""
    patterns: dict[str, str] = {}
    literals: dict[str, str] = {}
    for terminal in _compiled().terminals:
        if isinstance(terminal.pattern, PatternStr):
            literals[terminal.pattern.value] = terminal.name
        else:
            patterns[terminal.name] = terminal.pattern.to_regexp()
    return Terminals(patterns, literals)


@cache
def _shown() -> dict[str, str]:
    """The literal behind each terminal's name."""
    return {name: literal for literal, name in terminals().literals.items()}


class Machine:
    """One run of the LALR automaton, fed token by token."""

    __slots__ = ("_interactive", "_state", "result")

    def __init__(self, start: Start) -> None:
        self._interactive = _compiled().parse_interactive(start=start)
        self._state = self._interactive.parser_state
        self.result: Any = None

    def feed(self, token: Token) -> bool:
        """Take a token; False if it cannot stand here (some reductions may have happened nevertheless)."""
        try:
            result = self._state.feed_token(token, token.type == END)  # type: ignore[arg-type]
        except UnexpectedToken:
            return False
        if token.type == END:
            self.result = result
        return True
