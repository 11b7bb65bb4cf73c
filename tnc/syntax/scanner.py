"""From text to tokens and comments."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from tnc.diagnostics import Diagnostic
from tnc.source import Source, Span
from tnc.syntax.grammar import terminals
from tnc.syntax.tokens import END, Token
from tnc.syntax.tree import Comment


class Scan(NamedTuple):
    """What a text is made of; the last token is the end."""

    tokens: list[Token]
    comments: list[Comment]
    diagnostics: list[Diagnostic]


@cache
def _pattern() -> re.Pattern[str]:
    """The grammar's terminals as one expression; what none of them takes is a stray character."""
    found = terminals()
    symbols = sorted((text for text in found.literals if not text.isalpha()), key=len, reverse=True)
    parts = [f"(?P<{name}>{found.patterns[name]})" for name in ("WHITE_SPACE", "NAME", "NUMBER", "STRING", "COMMENT")]
    parts.append("(?P<symbol>" + "|".join(map(re.escape, symbols)) + ")")
    parts.append("(?P<stray>.)")
    return re.compile("|".join(parts), re.DOTALL)


def scan(source: Source) -> Scan:
    """The tokens and comments of a text."""
    literals = terminals().literals
    keywords = {text: literals[text] for text in terminals().keywords}
    tokens: list[Token] = []
    comments: list[Comment] = []
    diagnostics: list[Diagnostic] = []
    line_end = True
    start = 1 if source.text.startswith("\ufeff") else 0
    for match in _pattern().finditer(source.text, start):
        kind, text = match.lastgroup, match[0]
        assert kind is not None
        if kind == "WHITE_SPACE":
            line_end = line_end or "\n" in text or "\r" in text
        elif kind == "COMMENT":
            comments.append(Comment(text.rstrip(), line_end, span=Span(source, *match.span())))
        elif kind == "stray":
            diagnostics.append(Diagnostic("TN100", f"unexpected character `{text}`", Span(source, *match.span())))
        else:
            if kind == "NAME":
                kind = keywords.get(text, "NAME")
            elif kind == "symbol":
                kind = literals[text]
            tokens.append(Token(kind, text, source, match.start(), match.end()))
            line_end = False
    end = len(source.text)
    tokens.append(Token(END, "", source, end, end))
    return Scan(tokens, comments, diagnostics)
