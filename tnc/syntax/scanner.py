"""From text to tokens and comments; text that is not a token is reported and repaired."""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from tnc.characters import UNSAFE, code_point
from tnc.diagnostics import Diagnostic
from tnc.limits import Limits
from tnc.source import Source, Span
from tnc.syntax.grammar import terminals
from tnc.syntax.slips import Slip, read_slip
from tnc.syntax.tokens import END, MOST_ERRORS, Token, number_value
from tnc.syntax.tree import Comment

_OPENERS: Final = frozenset("([{")
_CLOSERS: Final = frozenset(")]}")
_ENDS_OPERAND: Final = frozenset({"NAME", "NUMBER", "STRING"})
_KEEPS_CHAIN: Final = frozenset({"if", "else", "std", "true", "false"})
_LENGTHENS_CHAIN: Final = frozenset({".", "^", "not", "then"})


class Scan(NamedTuple):
    """What a text is made of; the last token is the end. ``fatal`` says why the rest was not read."""

    tokens: list[Token]
    comments: list[Comment]
    diagnostics: list[Diagnostic]
    fatal: Diagnostic | None


@cache
def _pattern() -> re.Pattern[str]:
    """The grammar's terminals as one expression, after what looks like them and is not."""
    found = terminals()
    symbols = sorted((text for text in found.literals if not text.isidentifier()), key=len, reverse=True)
    parts = [f"(?P<{name}>{found.patterns[name]})" for name in ("WHITE_SPACE", "NAME", "NUMBER", "STRING", "COMMENT")]
    foreign = r"\*\*|&&|\|\||:=|===|!==|\.\.\.+|\.\.[=<]|/\*|=>|<>|[-+*/%^]=(?!=)"
    parts.append(f"(?P<slip>{foreign})")
    parts.append("(?P<symbol>" + "|".join(map(re.escape, symbols)) + ")")
    parts.append("(?P<stray>.)")
    return re.compile("|".join(parts), re.DOTALL)


class _Depth:
    """A bound on how deep the tree can become, from below, so that hostile texts are given up early.

    Brackets are counted exactly. What nests without brackets (``a.b.c``, ``- - a``, ``2^2^2``, ``if … then if …``) is
    counted loosely, a run at each depth: the exact count, on the tree, comes later.
    """

    __slots__ = ("_chains", "_most", "_operand", "strays")

    def __init__(self, nesting: int) -> None:
        self._most = nesting
        self._chains = [0]
        self._operand = False
        self.strays = 0

    def too_deep(self, kind: str, text: str) -> bool:
        """Take one token."""
        chains = self._chains
        if kind in _ENDS_OPERAND:
            self._operand = True
        elif text in _OPENERS:
            chains[-1] = chains[-1] + 1 if self._operand and text != "{" else 0
            chains.append(0)
            self._operand = False
        elif text in _CLOSERS:
            if len(chains) > 1:
                chains.pop()
            else:
                self.strays += 1
            self._operand = text != "}"
        else:
            if text in _LENGTHENS_CHAIN or (text == "-" and not self._operand):
                chains[-1] += 1
            elif text not in _KEEPS_CHAIN:
                chains[-1] = 0
            self._operand = text in ("std", "true", "false")
        return len(chains) > self._most + 1 or chains[-1] > 8 * self._most


def too_deep(span: Span, limits: Limits) -> Diagnostic:
    """The diagnostic of a text that nests beyond the limit."""
    return Diagnostic(
        "TN121",
        f"the text nests more than {limits.nesting} levels deep",
        span,
        "too deep here",
        help="split it into several statements, or raise the limit `nesting`",
    )


def too_many(span: Span | None) -> Diagnostic:
    """The diagnostic after which no more are given."""
    return Diagnostic("TN123", f"more than {MOST_ERRORS} errors: the rest of the file was not read", span)


_LARGEST_FLOAT: Final = "floats end at about 1.8e308"


def scan(source: Source, limits: Limits) -> Scan:
    """The tokens and comments of a text."""
    literals = terminals().literals
    keywords = {text: literals[text] for text in terminals().keywords}
    match_at = _pattern().match
    text = source.text
    tokens: list[Token] = []
    comments: list[Comment] = []
    diagnostics: list[Diagnostic] = []
    depth = _Depth(limits.nesting)
    own_line = True
    fatal: Diagnostic | None = None
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        match = match_at(text, at)
        assert match is not None
        kind, word, end = match.lastgroup, match[0], match.end()
        assert kind is not None
        if kind == "WHITE_SPACE":
            own_line = own_line or "\n" in word or "\r" in word
            at = end
            continue
        if kind == "COMMENT":
            comments.append(Comment(word.rstrip(), own_line, span=Span(source, at, end)))
            at = end
            continue
        if kind in ("slip", "stray") or word in ("True", "False"):
            slip = read_slip(source, at, tokens[-1] if tokens else None)
            if slip.joins_last:
                tokens.pop()
            diagnostics.append(slip.diagnostic)
            if len(diagnostics) >= MOST_ERRORS:
                fatal = too_many(slip.diagnostic.span)
                break
            kind, word, at, end = _repaired(slip, at, literals)
            if kind is None:
                at = end
                continue
        elif kind == "NAME":
            kind = keywords.get(word, "NAME")
        elif kind == "symbol":
            kind = literals[word]
        token = Token(kind, word, source, at, end)
        if problem := _flaw(token, limits):
            diagnostics.append(problem)
            token = token._replace(text="0" if kind == "NUMBER" else UNSAFE.sub("", word))
        tokens.append(token)
        if depth.too_deep(kind, word):
            fatal = too_deep(token.span, limits)
            break
        if depth.strays > MOST_ERRORS:
            break
        own_line = False
        at = end
    end = tokens[-1].end if tokens else 0
    tokens.append(Token(END, "", source, end, end))
    return Scan(tokens, comments, diagnostics, fatal)


def _repaired(slip: Slip, at: int, literals: dict[str, str]) -> tuple[str | None, str, int, int]:
    """The kind, text and place of the token that a slip stands for; no kind if for none."""
    start = slip.start if slip.joins_last else at
    if slip.meant is None:
        return None, "", start, slip.end
    return slip.kind or literals[slip.meant], slip.meant, start, slip.end


def _flaw(token: Token, limits: Limits) -> Diagnostic | None:
    """What is wrong with the value of a token that is well written."""
    match token.type:
        case "NUMBER":
            return _number_too_large(token, limits)
        case "STRING":
            return _unsafe_string(token)
        case _:
            return None


def _unsafe_string(token: Token) -> Diagnostic | None:
    """What is wrong with a string that a terminal or a generated file would not show as it is written."""
    found = UNSAFE.search(token.text)
    if found is None:
        return None
    span = Span(token.source, token.start + found.start(), token.start + found.end())
    advice = (
        "write a tab as `\\t`" if found[0] == "\t" else "remove it: strings hold visible characters, `\\n` and `\\t`"
    )
    return Diagnostic("TN102", f"the string contains the control character {code_point(found[0])}", span, help=advice)


_DIGITS_AT_MOST: Final = 4300
"""Python converts no longer decimal text to an integer."""


def _number_too_large(token: Token, limits: Limits) -> Diagnostic | None:
    """What is wrong with a number that is well written and too large."""
    digits = re.match(r"[0-9]+", token.text)
    assert digits is not None
    whole = len(digits[0].lstrip("0"))
    most = min(_DIGITS_AT_MOST, int(limits.number_bits * 0.30103) + 1)
    if re.fullmatch(r"[0-9]+([KMGT]iB|[kMGT]?B|[kMGT])?", token.text):
        if whole <= most:
            return None
        message = f"the number has {whole} digits, more than the limit of {most}"
        return Diagnostic("TN122", message, token.span, help="raise the limit `number_bits` if it is meant")
    if number_value(token.text) < float("inf"):
        return None
    return Diagnostic(
        "TN122", f"the number `{token.text[:20]}` is too large for a float", token.span, help=_LARGEST_FLOAT
    )
