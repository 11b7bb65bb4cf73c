"""What a compile-time expression can be worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from tnc.source import Span
from tnc.syntax import tree

if TYPE_CHECKING:
    from tnc.sema.names.scope import Scope


@dataclass(frozen=True, slots=True)
class Builtin:
    """A name of the language itself: ``relu``, ``len``, ``delta``. What it can be used for is said in ``builtins``."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class UserFunction:
    """An author's ``fn`` with the scope that it closes over. Two are equal only if they are the same one."""

    node: tree.Function
    scope: Scope = field(repr=False)

    @property
    def name(self) -> str:
        """The name that the author gave it."""
        return self.node.name


FunctionValue: TypeAlias = Builtin | UserFunction
"""What a parameter of type ``fn`` takes; a :class:`Builtin` only if it is an activation."""


@dataclass(frozen=True, slots=True, eq=False)
class Helper:
    """An author's ``def`` with the scope that it closes over."""

    node: tree.Def
    scope: Scope = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkValue:
    """A network, some of whose parameters may have values already.

    ``node`` is the declaration with the body, ``scope`` that of its file. ``place`` is where ``name`` is declared:
    in ``node``, or in the application that gave the values ``bound``, each with its place; ``applied`` is that call.
    ``shown`` is the name as messages say it.
    """

    name: str
    node: tree.Network
    scope: Scope = field(repr=False)
    place: Span = field(repr=False)
    shown: str
    bound: Mapping[str, tuple[Value, Span]] = field(default_factory=dict[str, "tuple[Value, Span]"], repr=False)
    applied: Span | None = field(default=None, repr=False)

    @property
    def parameters(self) -> tuple[tree.NetworkParameter, ...]:
        """The parameters without a value, in the order of their declaration."""
        return tuple(parameter for parameter in self.node.parameters if parameter.name not in self.bound)


@dataclass(frozen=True, slots=True, eq=False)
class Namespace:
    """An imported file: what it exports. Not ``complete`` if some of it could not be read."""

    name: str
    members: Mapping[str, Value]
    complete: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class StandardLibrary:
    """``std``: networks that are loaded when they are first named."""


Data: TypeAlias = "int | float | bool | str | tuple[Value, ...]"
Declared: TypeAlias = "Builtin | UserFunction | Helper | NetworkValue | Namespace | StandardLibrary"
Value: TypeAlias = "Data | Declared"
"""Every value of a compile-time expression."""


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
    """The text of a value bit by bit: a list of lists can be longer than anybody may wait for."""
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
