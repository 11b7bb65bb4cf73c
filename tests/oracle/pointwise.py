"""The activations, each as its formula says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

# how many further arguments, and those that have a default
ACTIVATIONS: dict[str, tuple[float | None, ...]] = {
    "relu": (),
    "leaky_relu": (0.01,),
    "prelu": (None,),
    "elu": (1.0,),
    "gelu": (),
    "silu": (),
    "mish": (),
    "tanh": (),
    "sigmoid": (),
    "softplus": (),
    "sin": (1.0,),
    "snake": (1.0,),
    "rational": (None,) * 6,
}

_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def erf(t: Array) -> Array:
    """The error function, entry by entry."""
    return np.asarray(_erf(t), dtype=np.float64)


def gelu(t: Array) -> Array:
    """t Φ(t), with Φ from 1 + erf; in extended precision from erfc.

    The sum cancels where t is negative, and leaves 1e-16 of noise there. PyTorch takes the one and JAX the other, so
    what the difference becomes in a network is what may differ between them.
    """
    if t.dtype == np.longdouble:
        return np.asarray(0.5 * t * np.asarray(_erfc(-t / math.sqrt(2.0)), dtype=np.float64))
    return np.asarray(0.5 * t * (1.0 + erf(t / math.sqrt(2.0))))


def sigmoid(t: Array) -> Array:
    """1 / (1 + exp(-t)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * t)))


def _truth(value: Array) -> Array:
    return np.where(value, 1.0, 0.0)


def _rational(t: Array, a: Sequence[Array], b: Sequence[Array]) -> Array:
    above = a[0] + a[1] * t + a[2] * t**2 + a[3] * t**3
    return np.asarray(above / (1.0 + np.abs(b[0] * t + b[1] * t**2)))


UNARY: dict[str, Callable[[Array], Array]] = {
    "neg": lambda a: -a,
    "exp": lambda t: np.exp(t),
    "log": lambda t: np.log(t),
    "cos": lambda t: np.cos(t),
    "erf": erf,
    "abs": lambda t: np.abs(t),
    "sqrt": lambda t: np.sqrt(t),
    "relu": lambda t: np.maximum(t, 0.0),
    "gelu": gelu,
    "silu": lambda t: t * sigmoid(t),
    "mish": lambda t: t * np.tanh(np.logaddexp(0.0, t)),
    "tanh": lambda t: np.tanh(t),
    "sigmoid": sigmoid,
    "softplus": lambda t: np.logaddexp(0.0, t),
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
    "<": lambda a, b: _truth(a < b),
    "<=": lambda a, b: _truth(a <= b),
    ">": lambda a, b: _truth(a > b),
    ">=": lambda a, b: _truth(a >= b),
    "==": lambda a, b: _truth(np.equal(a, b)),
    "!=": lambda a, b: _truth(np.not_equal(a, b)),
    "min": lambda a, b: np.minimum(a, b),
    "max": lambda a, b: np.maximum(a, b),
    "leaky_relu": lambda t, a: np.where(t > 0, t, a * t),
    "prelu": lambda t, a: np.where(t > 0, t, a * t),
    "elu": lambda t, a: np.where(t > 0, t, a * np.expm1(np.minimum(t, 0.0))),
    "sin": lambda t, w: np.sin(w * t),
    "snake": lambda t, a: t + np.sin(a * t) ** 2 / a,
}
SCALAR_FUNCTIONS = frozenset({"exp", "log", "cos", "erf", "abs", "sqrt", "min", "max", "where"})


def apply(operator: str, operands: Sequence[Array]) -> Array:
    """An operator or a function at every entry."""
    if operator == "rational":
        return _rational(operands[0], operands[1:5], operands[5:])
    if operator == "where":
        condition, yes, no = operands
        return np.where(condition != 0, yes, no)
    if operator in UNARY:
        (only,) = operands
        return np.asarray(UNARY[operator](only))
    left, right = operands
    return np.asarray(BINARY[operator](left, right))
