"""Values, scopes and instances: what a name stands for, and where it can be seen.

One module, since the types refer to each other: a network is a value with a scope, a scope has instances, an instance
has a network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tnc.diagnostics import Label
from tnc.ir.program import Dim
from tnc.sema.problem import Poisoned, fail
from tnc.source import Span
from tnc.syntax import tree


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


Subscripts: TypeAlias = tuple[int, ...] | None
"""The subscripts of a member of a family; None for a name without brackets."""


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor of the Program as names see it. ``name`` may be provisional, ``shown`` is what messages say."""

    name: str
    shape: tuple[Dim, ...]
    shown: str
    span: Span = field(repr=False)
    is_index: bool = False
    """Whether it is an input of integers; its last axis is that of their values."""


@dataclass(slots=True, eq=False)
class Bound:
    """A name with a compile-time value; None if the value could not be computed, which has been reported."""

    kind: str
    value: Value | None
    span: Span | None = field(repr=False)


@dataclass(slots=True, eq=False)
class Family:
    """Tensors of one name; ``members`` maps subscripts to the tensor, or to None if its declaration failed.

    ``kind`` is ``core``, ``input`` or ``intermediate``; ``poisoned`` if it is unknown which members there should be.
    """

    kind: str
    name: str
    span: Span = field(repr=False)
    members: dict[Subscripts, Tensor | None] = field(default_factory=dict[Subscripts, Tensor | None])
    places: dict[Subscripts, Span] = field(default_factory=dict[Subscripts, Span])
    poisoned: bool = False


@dataclass(slots=True, eq=False)
class Instances:
    """Instances of one name, like a :class:`Family`."""

    name: str
    span: Span = field(repr=False)
    members: dict[Subscripts, Instance | None] = field(default_factory=dict[Subscripts, "Instance | None"])
    places: dict[Subscripts, Span] = field(default_factory=dict[Subscripts, Span])
    poisoned: bool = False
    kind: str = "instance"


Entry: TypeAlias = Bound | Family | Instances

POISON = "poison"
"""The kind of a name whose declaration failed, so that it is not even known what it would have been."""


class Scope:
    """Names of one block; what it does not know, its parent may."""

    __slots__ = ("names", "parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Entry] = {}

    def find(self, name: str) -> Entry | None:
        """What the name stands for here."""
        scope: Scope | None = self
        while scope is not None:
            entry = scope.names.get(name)
            if entry is not None:
                return entry
            scope = scope.parent
        return None

    def find_declared(self, name: str) -> Entry | None:
        """What the name stands for here, unless that is a network of the file, whose name may be used again."""
        entry = self.find(name)
        return None if entry is not None and entry.kind == "network" and name not in self.names else entry

    def visible(self) -> Iterator[tuple[str, Entry]]:
        """Every name that can be seen from here, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names.items()
            scope = scope.parent

    def bind(self, name: str, value: Value | None, span: Span, kind: str) -> Bound:
        """Give a name a value; it must not be taken."""
        self.check_free(name, span)
        bound = Bound(kind, value, span)
        self.names[name] = bound
        return bound

    def check_free(self, name: str, span: Span) -> None:
        """Complain if the name is taken here or further out: nothing is ever shadowed."""
        taken = self.find_declared(name)
        if taken is None:
            return
        if taken.kind == POISON:
            raise Poisoned
        if taken.span is None:
            fail("TN202", f"`{name}` is built in and cannot be declared", span, help="choose another name")
        what = article(taken.kind)
        fail(
            "TN202",
            f"`{name}` is already declared, as {what}",
            span,
            label="declared again here",
            labels=(Label(taken.span, "first declared here"),),
            help="names are neither redefined nor shadowed; choose another name",
        )


@dataclass(slots=True, eq=False)
class Instance:
    """A network with arguments and cores of its own.

    ``path`` prefixes the canonical names of all it holds. ``scope`` has the parameters bound. ``cores`` are those
    of an earlier elaboration, shared by later ones; ``results`` are the outputs, by what the inputs were bound to:
    None for an output that failed, or for all if the elaboration did not come to an end.
    """

    path: str
    shown: str
    network: NetworkValue
    scope: Scope = field(repr=False)
    span: Span = field(repr=False)
    cores: dict[str, Tensor] = field(default_factory=dict[str, Tensor], repr=False)
    results: dict[tuple[tuple[str, str], ...], dict[str, Tensor | None] | None] = field(
        default_factory=dict[tuple[tuple[str, str], ...], dict[str, Tensor | None] | None], repr=False
    )
    used: bool = False


_KINDS = {
    "core": "a core",
    "input": "an input",
    "intermediate": "a tensor",
    "instance": "an instance",
    "parameter": "a parameter",
    "let": "a compile-time value",
    "loop": "a loop variable",
    "fn": "a function",
    "def": "a `def`",
    "network": "a network",
    "import": "an imported file",
    "builtin": "a built-in",
}


def article(kind: str) -> str:
    """The kind of an entry, with its article."""
    return _KINDS.get(kind, kind)
