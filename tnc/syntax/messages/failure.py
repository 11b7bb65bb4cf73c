"""A token that cannot stand where it does, and what is answered to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tnc.diagnostics import Diagnostic
from tnc.syntax.grammar import terminals
from tnc.syntax.structure import Lines
from tnc.syntax.tokens import Token, clip


@dataclass(frozen=True, slots=True)
class Repair:
    """How to go on: take ``words`` as if they stood there, or the token as a name, and skip ``takes`` tokens."""

    words: tuple[str, ...] = ()
    takes: int = 0
    as_name: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A token that cannot stand where it does, in a statement that begins at ``start``; what could stand there."""

    tokens: list[Token]
    lines: Lines
    start: int
    index: int
    expected: frozenset[str]
    in_network: bool

    @property
    def token(self) -> Token:
        """What was found."""
        return self.tokens[self.index]

    @property
    def before(self) -> Token:
        """The token before it."""
        return self.tokens[max(self.index - 1, 0)]

    @property
    def after(self) -> Token:
        """The token after it."""
        return self.tokens[min(self.index + 1, len(self.tokens) - 1)]

    @property
    def head(self) -> str:
        """The first word of the statement."""
        return clip(self.tokens[self.start].text)

    def only(self, *words: str) -> bool:
        """Whether just this could stand there."""
        return self.expected == frozenset(words)

    @property
    def starts_line(self) -> bool:
        """Whether it is the first of its line."""
        return self.index > 0 and self.lines.starts(self.index)

    @property
    def wants_operand(self) -> bool:
        """Whether an expression must begin here."""
        return "NUMBER" in self.expected

    @property
    def has_operand(self) -> bool:
        """Whether an expression may go on here."""
        return "+" in self.expected

    @property
    def keyword(self) -> bool:
        """Whether it is a keyword."""
        return self.token.text in terminals().keywords

    @property
    def begins_operand(self) -> bool:
        """Whether an expression could begin with it."""
        token = self.token
        return token.type in ("NAME", "NUMBER", "STRING") or token.text in ("(", "[", "true", "false", "std", "not")


Explanation = tuple[Diagnostic, Repair | None]
"""What is said, and how to go on if that is certain."""

Rule = Callable[[Failure], Explanation | None]
