"""Text that could not be parsed: it may declare what seems to be unknown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tnc.source import Span
from tnc.syntax import tree

WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
"""A name."""


@dataclass(slots=True)
class BrokenText:
    """What recovery skipped, file by file."""

    _spans: dict[str, tuple[Span, ...]] = field(default_factory=dict[str, tuple[Span, ...]])
    _words: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def add(self, file: tree.File) -> None:
        """Take note of a file."""
        self._spans[file.source.name] = file.broken
        self._words[file.source.name] = frozenset(word for span in file.broken for word in WORD.findall(span.text))

    def mentions(self, name: str, span: Span) -> bool:
        """Whether a name occurs in text of the file of a span that could not be read."""
        return name in self._words.get(span.source.name, frozenset())

    def inside(self, span: Span) -> bool:
        """Whether a part of a span could not be read."""
        spans = self._spans.get(span.source.name, ())
        return any(span.start <= broken.start and broken.end <= span.end for broken in spans)
