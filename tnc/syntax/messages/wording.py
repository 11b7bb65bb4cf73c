"""How it is said what was expected and what was found."""

from __future__ import annotations

from typing import Final

from tnc.diagnostics import Diagnostic
from tnc.source import Span
from tnc.syntax.grammar import terminals
from tnc.syntax.messages.failure import Explanation, Failure, Repair
from tnc.syntax.structure import STATEMENT_WORDS
from tnc.syntax.tokens import END, Token, clip

_ORDER: Final = (
    ",", ")", "]", "{", "}", "=", ":", "->", "..", "in", "by", "then", "else",
    "complex", "init", "seed", "frozen", "reshape", "std", "one_hot", "index",
)  # fmt: skip
"""The order in which words and symbols are named, where several could stand."""


def expected_words(failure: Failure) -> str:
    """What could stand there, as people say it."""
    expected = set(failure.expected)
    said: list[str] = []
    if "NUMBER" in expected:
        said.append("an expression")
        expected -= {"NAME", "NUMBER", "STRING", "true", "false", "std", "(", "[", "-", "not", "if", "in"}
    if "+" in expected:
        said.append("an operator")
        expected -= {*"+-*/%^.([", "//", "==", "!=", "<", "<=", ">", ">=", "and", "or"}
    if "NAME" in expected and "let" not in expected:
        said.append("a name")
        expected -= {"NAME", "in"}
    if "STRING" in expected:
        said.append("a string")
        expected -= {"STRING"}
    if "let" in expected:
        said.append("a statement" if not said else "a new statement")
        expected -= {*STATEMENT_WORDS, "NAME", "for", "if", "}", END}
    if END in expected:
        said.append("the end")
        expected -= {END}
    symbols = sorted(expected, key=lambda text: (_ORDER.index(text) if text in _ORDER else len(_ORDER), text))
    said[0:0] = [f"`{text}`" for text in symbols[:4]] if "a new statement" not in said else []
    if len(said) < 2:
        return "".join(said)
    return f"{', '.join(said[:-1])} or {said[-1]}"


def found_words(token: Token) -> str:
    """A token as people name it."""
    if token.type == END:
        return "the end of the text"
    if token.type == "STRING":
        return "a string"
    if token.text in terminals().keywords:
        return f"the keyword `{token.text}`"
    return f"`{clip(token.text)}`"


def say(
    failure: Failure, expected: str, advice: str | None, repair: Repair | None = None, label: str = ""
) -> Explanation:
    """Expected this, found that; where the statement simply ended, the place is its end, not the next statement."""
    token, before = failure.token, failure.before
    begins = failure.starts_line and (token.text in STATEMENT_WORDS or token.text in ("for", "if"))
    if failure.index > failure.start and (token.type == END or token.text == "}" or begins):
        end = ", found the end of the text" if token.type == END else ""
        message = f"expected {expected} after {found_words(before)}{end}"
        place = Span(before.source, before.end, before.end)
        return Diagnostic("TN101", message, place, label or f"expected {expected}", help=advice), repair
    message = f"expected {expected}, found {found_words(token)}"
    return say_at_token(failure, message, advice, repair, label or f"expected {expected}")


def say_at_token(
    failure: Failure,
    message: str,
    advice: str | None,
    repair: Repair | None = None,
    label: str = "",
    code: str = "TN101",
) -> Explanation:
    """A message of its own, at the token that cannot stand there."""
    return Diagnostic(code, message, failure.token.span, label, help=advice), repair
