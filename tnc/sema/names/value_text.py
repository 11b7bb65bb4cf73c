"""Values as messages and canonical arguments show them."""

from __future__ import annotations

from collections.abc import Iterator

from tnc.sema.names.scope import (
    Builtin,
    Declared,
    Helper,
    Namespace,
    NetworkValue,
    StandardLibrary,
    UserFunction,
    Value,
)


def kind_of(value: Value) -> str:
    """What a value is, with its article, as messages say it."""
    match value:
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a float"
        case str():
            return "a string"
        case tuple():
            return "a list"
        case Builtin() | UserFunction():
            return "a function"
        case Helper():
            return "a `def`"
        case NetworkValue():
            return "a network"
        case Namespace() | StandardLibrary():
            return "a namespace"


def integer_text(value: int) -> str:
    """The integer in decimals, or its size if that would be unreadable."""
    bits = value.bit_length()
    return str(value) if bits <= 200 else f"an integer of {bits} bits"


def value_text(value: Value) -> str:
    """The value as an author would write it: the canonical text of an argument."""
    return "".join(_pieces(value))


def _pieces(value: Value) -> Iterator[str]:
    """The text of a value in pieces, so that long lists can be cut without building all of it."""
    if not isinstance(value, tuple):
        yield _text_of_one(value)
        return
    yield "["
    for k, item in enumerate(value):
        if k:
            yield ", "
        yield from _pieces(item)
    yield "]"


def _text_of_one(value: int | float | bool | str | Declared) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return integer_text(value)
        case float():
            return repr(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
            return f'"{escaped}"'
        case Builtin() | UserFunction():
            return value.name
        case Helper():
            return value.node.name
        case NetworkValue():
            return value.shown
        case Namespace():
            return value.name
        case StandardLibrary():
            return "std"


def short_text(value: Value, length: int = 40) -> str:
    """:func:`value_text`, cut where it would fill a message."""
    if isinstance(value, tuple) and len(value) > length:
        return f"[{', '.join(_cut(item, 8) for item in value[:4])}, …] (a list of {len(value)})"
    return _cut(value, length)


def _cut(value: Value, length: int) -> str:
    text = ""
    for piece in _pieces(value):
        text += piece
        if len(text) > length:
            return f"{text[: length - 1]}…"
    return text
