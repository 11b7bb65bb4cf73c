"""Definitions with every name looked up, every loop unrolled and every compile-time value known.

``tnc.sema.tensors.resolve`` makes them of syntax trees, ``tnc.sema.legs.lower`` makes Program statements of them.
Legs are still names here: dimensions are not yet unified, sums not yet placed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from tnc.ir.program import Dim, Scalar
from tnc.source import Span


@dataclass(frozen=True, slots=True)
class LegName:
    """``x'[l, k]``: base name, number of primes, subscripts (None without brackets).

    Legs that no author wrote, those of the values of an index, have a number for a name: ``#1``.
    """

    base: str
    primes: int = 0
    subscripts: tuple[int, ...] | None = None

    def __str__(self) -> str:
        """As an author would write it."""
        suffix = "" if self.subscripts is None else f"[{', '.join(map(str, self.subscripts))}]"
        return f"{self.base.replace('#', 'row')}{chr(39) * self.primes}{suffix}"


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg name at a place."""

    name: LegName
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis made of legs, row-major: one leg as a rule, several for a group, none for a group ``()`` of dimension 1.

    ``grouped`` is true where parentheses were written.
    """

    legs: tuple[Leg, ...]
    grouped: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pick:
    """``[k]``: entry k of this axis, which takes no leg."""

    index: int
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Lookup:
    """``[ids(b)]``: the entry of this axis that an index says; ``axes`` are those of the index, without its values."""

    tensor: str
    shape: tuple[Dim, ...]
    axes: tuple[Axis | Pick, ...]
    span: Span = field(compare=False, repr=False)
    declared: Span | None = field(default=None, compare=False, repr=False)
    shown: str = field(default="", compare=False)

    @property
    def count(self) -> int:
        """How many values the index has."""
        count = self.shape[-1]
        assert isinstance(count, int)
        return count


# -- expressions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TensorUse:
    """A tensor of the Program (by its unique name, with its shape) and what is written on its axes.

    The number of axes has been checked already. ``declared`` is where the tensor comes from, for messages.
    """

    tensor: str
    shape: tuple[Dim, ...]
    axes: tuple[Axis | Pick, ...]
    span: Span = field(compare=False, repr=False)
    declared: Span | None = field(default=None, compare=False, repr=False)
    shown: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class DeltaUse:
    """``delta(i, j, …)``."""

    legs: tuple[Leg, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OnesUse:
    """``ones(i, …)``."""

    legs: tuple[Leg, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NumberUse:
    """A number: it scales a product or is a constant term."""

    value: float
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Product:
    """Factors, nested products already flattened. No factors is 1."""

    factors: tuple[Expression, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SumOf:
    """(sign, term) pairs, sign +1 or -1, nested sums already flattened. No terms is 0."""

    terms: tuple[tuple[int, Expression], ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Activation:
    """A pointwise function applied: a barrier.

    ``scalars`` are the further tensors, of shape ``()``: ``Argument(1)`` is the first.
    """

    function: Scalar
    function_name: str
    argument: Expression
    scalars: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rms:
    """``rms(e)``: a barrier, not pointwise."""

    argument: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Conjugated:
    """``conj(e)``: no barrier."""

    argument: Expression
    span: Span = field(compare=False, repr=False)


Expression: TypeAlias = TensorUse | DeltaUse | OnesUse | NumberUse | Product | SumOf | Activation | Rms | Conjugated


# -- definitions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeftAxis:
    """An axis on the left: its legs, its name if it has one (outputs), the number of entries to keep if cropped.

    ``crop`` also gives its dimension to a leg that nothing else gives one; then it may be a dynamic size.
    """

    axis: Axis
    name: str | None
    crop: Dim | None


@dataclass(frozen=True, slots=True)
class Definition:
    """``name(left) reshape(...) = value``; ``name`` is the unique name that the result must have in the Program.

    ``reshape`` holds (axis name or None, size); a dynamic size stands there by its bare name.
    """

    name: str
    left: tuple[LeftAxis, ...]
    reshape: tuple[tuple[str | None, Dim], ...] | None
    value: Expression
    span: Span = field(compare=False, repr=False)
    reshape_span: Span | None = field(default=None, compare=False, repr=False)
