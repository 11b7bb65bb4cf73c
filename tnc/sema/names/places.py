"""Places of names inside declarations."""

from __future__ import annotations

from tnc.source import Span
from tnc.syntax import tree


def binder_span(binder: tree.Binder) -> Span:
    """The place of the name that a binder binds."""
    return Span(binder.span.source, binder.span.start, binder.span.start + len(binder.name))


def name_span(
    node: tree.Network | tree.Application | tree.Function | tree.Def | tree.Input | tree.Output,
) -> Span:
    """The place of the name in a declaration that begins with a keyword."""
    text = node.span.text
    keyword = 0
    while keyword < len(text) and not text[keyword].isspace():
        keyword += 1
    found = text.find(node.name, keyword)
    if found < 0:
        return node.span  # recovery made the name up, for a head that could not be read
    start = node.span.start + found
    return Span(node.span.source, start, start + len(node.name))
