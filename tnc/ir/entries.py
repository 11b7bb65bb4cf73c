"""What the compiler knows of a name of the scalar language; :mod:`tnc.ir.activations` has the entries."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from tnc.ir.program import Scalar

Parameters: TypeAlias = tuple[tuple[str, float | None], ...]
"""The operands after the first: names and defaults; None has to be given."""


class Saved(Enum):
    """What eager PyTorch saves for the backward pass of a primitive."""

    NOTHING = "nothing"
    RESULT = "the result"
    ARGUMENT = "the first operand"
    OPERANDS = "depends on which operands are tensors: see tnc.cost.saved_pointwise"


class Work(Enum):
    """What a processor does for one entry."""

    SIMPLE = "an instruction or a few"
    DIVISION = "a division or a square root"
    SERIES = "a series, such as that of exp"


class Sign(Enum):
    """The signs of the values; the text completes "every entry is …"."""

    ANY = "of either sign"
    NOT_NEGATIVE = "not negative"
    POSITIVE = "positive"


def never(*_parameters: float) -> bool:
    """False."""
    return False


def always(*_parameters: float) -> bool:
    """True."""
    return True


def no_singularity(*_operands: float) -> float:
    """The distance of a function whose derivatives are finite everywhere: infinity."""
    return math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """What backends spell: one call or one operator.

    ``value`` follows IEEE 754 and raises nothing. ``derivative`` has a function of the operands for each operand.
    ``singularity`` is the distance of operands from the nearest point where a derivative is not finite, negative
    outside of the domain. ``selects``: every derivative is finite whatever the operands are, infinities and nan too.

    ``real_only`` has no complex form in any framework; ``real_valued`` returns real numbers for complex ones.
    ``in_place``: whether the derivative follows from the result alone, given the parameters as numbers.

    ``shared`` counts what XLA computes once for the result and its gradient, where neither is a function of the other:
    for ``silu``, the sigmoid.
    """

    value: Callable[..., float]
    derivative: tuple[Scalar, ...]
    saved: Saved
    work: Work
    real_only: bool
    parameters: Parameters = ()
    real_valued: bool = False
    sign: Sign = Sign.ANY
    in_place: Callable[..., bool] = never
    selects: bool = False
    singularity: Callable[..., float] = no_singularity
    shared: int = 0

    @property
    def operands(self) -> int:
        """The number of operands."""
        return len(self.derivative)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """An activation in terms of primitives: the compiler writes its text, and all facts follow from ``body``.

    ``body`` is a function of the operands. ``summary`` is the docstring of the helper in generated modules.
    """

    body: Scalar
    summary: str
    parameters: Parameters = ()
    sign: Sign = Sign.ANY

    @property
    def operands(self) -> int:
        """The number of operands."""
        return 1 + len(self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A second name for an activation, with defaults of its own."""

    of: str
    parameters: Parameters = ()
    sign: Sign = Sign.ANY

    @property
    def operands(self) -> int:
        """The number of operands."""
        return 1 + len(self.parameters)


Entry: TypeAlias = Primitive | Composite | Alias
