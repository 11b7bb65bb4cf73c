"""Second moments: of freshly initialised cores, and of what activations make of their arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import assert_never

from tnc.ir.program import (
    Auto,
    Constant,
    Entries,
    Glorot,
    He,
    Identity,
    Index,
    Input,
    Normal,
    Numbers,
    OneHot,
    Orthogonal,
    Parameter,
    Scalar,
    Uniform,
)
from tnc.ir.scalar import evaluate


def squared(value: float) -> float:
    """The square; infinite where ``**`` would raise."""
    return value * value


def sides(shape: Sequence[int], inputs: int) -> tuple[int, int]:
    """A core as a matrix: entries of the axes before the arrow, entries of those after it."""
    return math.prod(shape[:inputs]), math.prod(shape[inputs:])


def isometry_moment(parameter: Parameter) -> float:
    """The mean square of the entries of an isometry of a core's shape."""
    return 1 / max(sides(parameter.shape, parameter.inputs))


def core_moment(parameter: Parameter) -> float | None:
    """The mean square of a core's entries at the start; None where the compiler still has to choose."""
    rows, columns = sides(parameter.shape, parameter.inputs)
    match parameter.init:
        case Normal(std=std):
            return squared(std)
        case Uniform(low=low, high=high):
            return (low * low + low * high + high * high) / 3
        case Orthogonal(gain=gain):
            return squared(gain) / max(rows, columns)
        case Identity(noise=noise):
            return 1 / max(rows, columns) + squared(noise)
        case Constant(value=value):
            return squared(value)
        case Entries(values=values):
            return math.fsum(value * value for value in values) / len(values)
        case Glorot():
            return 2 / (rows + columns)
        case He():
            return 2 / rows
        case Auto():
            return None
        case _:
            assert_never(parameter.init)


def input_moment(given: Input) -> float:
    """The mean square of an input's entries, by what its author says about them."""
    match given.values:
        case Numbers(std=std):
            return squared(std)
        case OneHot() | Index():
            classes = given.shape[-1]
            assert isinstance(classes, int)
            return 1 / classes
        case _:
            assert_never(given.values)


def is_white(parameter: Parameter) -> bool:
    """Whether a core starts with uncorrelated entries of mean zero, its law not changed by a change of sign."""
    match parameter.init:
        case Normal() | Orthogonal() | Glorot() | He():
            return True
        case Auto():
            return bool(parameter.shape)
        case Uniform(low=low, high=high):
            return low == -high
        case Identity() | Constant() | Entries():
            return False
        case _:
            assert_never(parameter.init)


# -- activations -------------------------------------------------------------------------------

_WIDTH = 9.0
_POINTS = 1801


@lru_cache(maxsize=1)
def normal_sample() -> tuple[tuple[float, float], ...]:
    """Points and weights for a standard normal variable.

    The trapezoidal rule with a point at zero: exact to rounding where a function is smooth except for a kink there.
    """
    step = 2 * _WIDTH / (_POINTS - 1)
    points = [(index - _POINTS // 2) * step for index in range(_POINTS)]
    return tuple((point, step * math.exp(-point * point / 2) / math.sqrt(2 * math.pi)) for point in points)


def activated_moment(
    function: Scalar, moment: float, scalars: tuple[float, ...], sample: Sequence[tuple[float, float]]
) -> float:
    """E[f(z)²] for z of this second moment, distributed as the sample (points and weights, mean square 1) says."""
    deviation = math.sqrt(moment)
    terms = [weight * squared(evaluate(function, (deviation * point, *scalars))) for point, weight in sample]
    return math.fsum(terms) if all(map(math.isfinite, terms)) else math.nan


_PROBES = (0.37, 1.0, 2.9)


def homogeneous_gain(function: Scalar, scalars: tuple[float, ...]) -> float | None:
    """E[f(z)²] / E[z²] for any z whose law is symmetric, if f is linear on both sides of zero; else None.

    That is so for relu and its like, whatever the distribution: half of (f(1)² + f(-1)²).
    """
    up = evaluate(function, (1.0, *scalars))
    down = evaluate(function, (-1.0, *scalars))
    for size in _PROBES:
        for sign, slope in ((1.0, up), (-1.0, down)):
            found = evaluate(function, (sign * size, *scalars))
            if not math.isclose(found, size * slope, rel_tol=1e-12, abs_tol=1e-300):
                return None
    return (up * up + down * down) / 2
