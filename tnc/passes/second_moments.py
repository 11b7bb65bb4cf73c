"""Second moments: of freshly initialised cores, and of activations of normal variables."""

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
    Normal,
    Orthogonal,
    Parameter,
    Scalar,
    Uniform,
)
from tnc.ir.scalar import evaluate


def core_moment(parameter: Parameter) -> float | None:
    """The mean square of a core's entries at the start; None where the compiler still has to choose."""
    rows = math.prod(parameter.shape[: parameter.inputs])
    columns = math.prod(parameter.shape[parameter.inputs :])
    match parameter.init:
        case Normal(std=std):
            return std**2
        case Uniform(low=low, high=high):
            return (low * low + low * high + high * high) / 3
        case Orthogonal(gain=gain):
            return gain**2 / max(rows, columns)
        case Identity(noise=noise):
            return 1 / max(rows, columns) + noise**2
        case Constant(value=value):
            return value**2
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


_WIDTH = 9.0
_POINTS = 1801
"""The trapezoidal rule with a point at zero: exact to rounding where ``f`` is smooth but for a kink there."""


@lru_cache(maxsize=4096)
def activated_moment(function: Scalar, moment: float, scalars: Sequence[float] = ()) -> float:
    """E[f(z)²] for a normal z with mean zero and this second moment; further arguments of ``f`` are given numbers."""
    deviation = math.sqrt(moment)
    step = 2 * _WIDTH / (_POINTS - 1)
    terms: list[float] = []
    for index in range(_POINTS):
        point = (index - _POINTS // 2) * step
        density = math.exp(-point * point / 2) / math.sqrt(2 * math.pi)
        terms.append(density * step * evaluate(function, (deviation * point, *scalars)) ** 2)
    return math.fsum(terms) if all(map(math.isfinite, terms)) else math.nan
