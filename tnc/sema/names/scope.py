"""What a name stands for, and where it can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from tnc.diagnostics import Label
from tnc.ir.program import Dim
from tnc.sema.names.values import Value
from tnc.sema.problem import Poisoned, fail
from tnc.source import Span

if TYPE_CHECKING:
    from tnc.sema.names.instances import Instance

Subscripts: TypeAlias = tuple[int, ...] | None
"""The subscripts of a member of a family; None for a name without brackets."""


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor of the Program as names see it. ``name`` may be provisional, ``shown`` is what messages say."""

    name: str
    shape: tuple[Dim, ...]
    shown: str
    span: Span = field(repr=False)


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
