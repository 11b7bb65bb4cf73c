"""Lines of Python as ``ruff format`` would break them.

Generated text must come out of a formatter unchanged, and no formatter may be needed to make it. So emitters build the
few shapes of expression that they use as small documents, and :func:`lay` breaks them by the formatter's rules: flat
if it fits; else the brackets open, with their content on one line if that fits (calls only), or one item a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

WIDTH = 88
"""The longest line, the formatter's own default."""

_STEP = "    "


@dataclass(frozen=True, slots=True)
class Group:
    """Items in brackets: ``head`` ends with the opening one, ``tail`` begins with the closing one.

    A ``display`` (tuple, list, dict) that must break puts one item a line; a call first tries one line for all. The
    ``joint`` between items is a comma but in comprehensions, whose clauses stand side by side.
    """

    head: str
    items: tuple[Doc, ...]
    tail: str
    display: bool = False
    joint: str = ", "


@dataclass(frozen=True, slots=True)
class Terms:
    """Operands with an infix operator before each but the first: ``a + b - c``; in brackets where it must break."""

    head: str
    first: str
    rest: tuple[tuple[str, str], ...]


Doc: TypeAlias = str | Group | Terms


def call(function: str, *arguments: Doc) -> Group:
    """``function(arguments)``."""
    return Group(f"{function}(", arguments, ")")


def tuple_of(items: Sequence[Doc]) -> Group:
    """A tuple display; one item gets the comma that makes it a tuple."""
    return Group("(", tuple(items), ",)" if len(items) == 1 else ")", display=True)


def parse_call(text: str) -> Doc:
    """The text of an expression as a group if it is one call, so that it can be broken between its arguments."""
    head, bracket, content = text.partition("(")
    if not bracket or not head.replace(".", "").isidentifier():
        return text
    items, depth, start = list[str](), 0, 0
    for position, character in enumerate(content):
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            items.append(content[start:position].strip())
            return text if content[position + 1 :] else Group(head + bracket, tuple(items), ")")
        if character == "," and depth == 0:
            items.append(content[start:position].strip())
            start = position + 1
    return text


def prefixed(prefix: str, doc: Doc) -> Doc:
    """The document with text before it: ``name = `` and the like."""
    match doc:
        case str():
            return prefix + doc
        case Group(head=head):
            return replace(doc, head=prefix + head)
        case Terms(head, first, rest):
            return Terms(prefix + head, first, rest)
        case _:
            assert_never(doc)


def flat(doc: Doc) -> str:
    """The document on one line, however long."""
    match doc:
        case str():
            return doc
        case Group(head, items, tail, _, joint):
            return f"{head}{joint.join(flat(item) for item in items)}{tail}"
        case Terms(head, first, rest):
            return head + first + "".join(f" {operator} {operand}" for operator, operand in rest)
        case _:
            assert_never(doc)


def lay(doc: Doc, indent: str = "", suffix: str = "") -> list[str]:
    """The lines of a document, indented; ``suffix`` follows its last bracket."""
    line = indent + flat(doc) + suffix
    if len(line) <= WIDTH:
        return [line]
    match doc:
        case str():
            return [line]
        case Group(items=()):
            return [line]
        case Group(head=head, tail=tail):
            return [indent + head, *_content(doc, indent + _STEP), indent + tail.removeprefix(",") + suffix]
        case Terms(head, first, rest):
            inner = indent + _STEP
            content = inner + flat(Terms("", first, rest))
            if len(content) <= WIDTH:
                return [f"{indent}{head}(", content, f"{indent}){suffix}"]
            operands = [f"{inner}{operator} {operand}" for operator, operand in rest]
            return [f"{indent}{head}(", inner + first, *operands, f"{indent}){suffix}"]
        case _:
            assert_never(doc)


def _content(group: Group, indent: str) -> list[str]:
    items = group.items
    if not group.display:
        line = indent + group.joint.join(flat(item) for item in items)
        if len(line) <= WIDTH:
            return [line]
        if len(items) == 1:
            return lay(items[0], indent)
    return [line for item in items for line in lay(item, indent, group.joint.strip())]
