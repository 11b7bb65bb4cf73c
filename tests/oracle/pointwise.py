"""The activations, each as its formula says."""

from __future__ import annotations

import math
from collections.abc import Callable
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
    "tanh": (),
    "sigmoid": (),
    "softplus": (),
    "sin": (1.0,),
    "snake": (1.0,),
    "rational": (None,) * 6,
}

_erf = np.frompyfunc(math.erf, 1, 1)


def erf(t: Array) -> Array:
    """The error function, entry by entry."""
    return np.asarray(_erf(t), dtype=np.float64)


def sigmoid(t: Array) -> Array:
    """1 / (1 + exp(-t)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * t)))


def _elu(t: Array, a: Array) -> Array:
    return np.where(t > 0, t, a * np.expm1(np.minimum(t, 0.0)))


def _rational(t: Array, a0: Array, a1: Array, a2: Array, a3: Array, b1: Array, b2: Array) -> Array:
    return np.asarray((a0 + a1 * t + a2 * t**2 + a3 * t**3) / (1.0 + np.abs(b1 * t + b2 * t**2)))


def _truth(value: Array) -> Array:
    return np.where(value, 1.0, 0.0)


def _where(condition: Array, yes: Array, no: Array) -> Array:
    return np.where(condition != 0, yes, no)


OPERATORS: dict[str, Callable[..., Array]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
    "neg": lambda a: -a,
    "<": lambda a, b: _truth(a < b),
    "<=": lambda a, b: _truth(a <= b),
    ">": lambda a, b: _truth(a > b),
    ">=": lambda a, b: _truth(a >= b),
    "==": lambda a, b: _truth(a == b),
    "!=": lambda a, b: _truth(a != b),
    "exp": np.exp,
    "log": np.log,
    "cos": np.cos,
    "erf": erf,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "min": np.minimum,
    "max": np.maximum,
    "where": _where,
    "relu": lambda t: np.maximum(t, 0.0),
    "leaky_relu": lambda t, a: np.where(t > 0, t, a * t),
    "prelu": lambda t, a: np.where(t > 0, t, a * t),
    "elu": _elu,
    "gelu": lambda t: 0.5 * t * (1.0 + erf(t / math.sqrt(2.0))),
    "silu": lambda t: t * sigmoid(t),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softplus": lambda t: np.logaddexp(0.0, t),
    "sin": lambda t, w: np.sin(w * t),
    "snake": lambda t, a: t + np.sin(a * t) ** 2 / a,
    "rational": _rational,
}
SCALAR_FUNCTIONS = frozenset({"exp", "log", "cos", "erf", "abs", "sqrt", "min", "max", "where"})
