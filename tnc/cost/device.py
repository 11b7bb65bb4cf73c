"""Device profiles: the properties of a machine that plans depend on.

Profiles are JSON files. Those shipped in ``tnc/devices`` come from public data sheets, and say so; ``tnc calibrate``
measures others. The user names a profile; it is never detected, so plans are the same everywhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Final

GENERIC: Final = "generic-cpu"
"""The shipped profile that is used where none is named."""

TORCH: Final = "torch"
"""The backend whose profiles stand in where another one has none of its own."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A positive quantity over another, straight between given points on logarithmic scales and level beyond them."""

    points: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, point: float) -> float:
        """The value at a point."""
        low, high, part = _between(self.points, point)
        return _blend(self.values[low], self.values[high], part)


@dataclass(frozen=True, slots=True)
class Grid:
    """The same over two quantities; ``values`` are rows for the first one's points."""

    points: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]

    def at(self, first: float, second: float) -> float:
        """The value at a pair of points."""
        low, high, part = _between(self.points, first)
        left, right, along = _between(self.points, second)
        below, above = self.values[low], self.values[high]
        return _blend(_blend(below[left], below[right], along), _blend(above[left], above[right], along), part)


@dataclass(frozen=True, slots=True)
class Saturation:
    """A rate that comes near its peak as two sides grow; with one of them at ``half``, half of it is left.

    So do vector machines gain speed with length (Hockney and Jesshope, Parallel Computers, 1981: r_inf and n_1/2), and
    registers and tiles fill likewise.
    """

    peak: float
    half: float

    def at(self, first: float, second: float) -> float:
        """The rate for a pair of sides."""
        return self.peak * first / (first + self.half) * second / (second + self.half)


@dataclass(frozen=True, slots=True)
class Products:
    """FLOPs a second of one product of matrices (rows, summed) and (summed, columns), by its shape.

    A shape is told by which of its three sides is the longest, and by how short the two others are, in the order above.
    """

    long_rows: Grid | Saturation
    long_summed: Grid | Saturation
    long_columns: Grid | Saturation

    def rate(self, rows: int, summed: int, columns: int) -> float:
        """FLOPs a second for this shape."""
        if rows >= columns and rows >= summed:
            return self.long_rows.at(summed, columns)
        if columns >= summed:
            return self.long_columns.at(rows, summed)
        return self.long_summed.at(rows, columns)


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds that something takes however small the tensors are, in the forward pass and for its part backward."""

    forward: float
    backward: float


NOTHING: Final = Overhead(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Profile:
    """A device.

    ``products`` are rates by real dtype; one narrow product outside a batch reaches the part ``alone`` of them, since
    the threads of a processor share it less well than a batch. ``batch`` is what every further matrix of a batched
    product takes beyond its arithmetic. ``bandwidth`` is bytes a second over the bytes that a pass touches; ``scatter``
    is how many times as long as a copy a permutation takes, over the bytes that stay together, and ``turn`` the seconds
    it takes to advance an index over one of many axes. ``functions`` are evaluations a second of exp, tanh and their
    like. ``call`` is the cost of an operation, ``view`` that of a view, ``kron`` what a Kronecker product takes beyond
    a call. New memory comes in at ``fresh`` bytes a second where a tensor has more than ``recycled`` bytes; smaller
    ones get what was freed before. All times are those of ``backend``.
    """

    name: str
    title: str
    measured: bool
    digest: str
    products: tuple[tuple[str, Products], ...]
    alone: float
    batch: float
    bandwidth: Curve
    scatter: Curve
    turn: float
    functions: float
    call: Overhead
    view: Overhead
    fresh: float
    recycled: int
    kron: Overhead = NOTHING
    backend: str = TORCH

    def rates(self, dtype: str) -> tuple[Products, int] | None:
        """The rates for a dtype, and how many real operations one of its operations is."""
        known = dict(self.products)
        real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
        return (known[real], 1 if real == dtype else 4) if real in known else None

    @property
    def label(self) -> str:
        """Name and digest, as headers and reports tell them."""
        return f"{self.name} ({self.digest[:12]})"


def _between(points: Sequence[float], point: float) -> tuple[int, int, float]:
    """The neighbours of a point, and how far it is from the lower to the upper one, on a logarithmic scale."""
    high = bisect_right(points, point)
    if high == 0:
        return 0, 0, 0.0
    if high == len(points):
        return high - 1, high - 1, 0.0
    low = high - 1
    return low, high, log(point / points[low]) / log(points[high] / points[low])


def _blend(low: float, high: float, part: float) -> float:
    return low if part == 0.0 or low == high else exp(log(low) * (1.0 - part) + log(high) * part)
