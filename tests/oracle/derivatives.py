"""Scalar functions with their derivatives by two variables, entry by entry: dual numbers over the chosen branches.

A function is a nest of tuples ``(operator, operand, ...)`` over ``"t"``, ``"w"`` and numbers. A branch of ``where``
that is not taken is never evaluated. At kinks: abs and relu 0; min and max of equal operands half of each;
leaky_relu, prelu and elu the slope of their left; 0 for ``a ^ 0`` by a, and for ``0 ^ b`` by b.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Function: TypeAlias = "str | float | tuple[str, *tuple[Function, ...]]"

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
INFIX = frozenset({"+", "-", "*", "/", "^", *COMPARISONS})


@dataclass(frozen=True)
class Dual:
    """A value, its derivatives by t and by w, and for each the sum of the sizes of what was added up to it.

    ``varies`` where the value depends on t or w.
    """

    value: float
    by: tuple[float, float] = (0.0, 0.0)
    size: tuple[float, float] = (0.0, 0.0)
    varies: bool = False

    @property
    def finite(self) -> bool:
        """Whether the value and all derivatives are numbers."""
        return all(map(math.isfinite, (self.value, *self.by, *self.size)))


def text(function: Function) -> str:
    """The function as a ``.tn`` file writes it, in brackets throughout."""
    match function:
        case str():
            return function
        case float():
            return f"({function:g})"
        case ("neg", a):
            return f"(-{text(a)})"
        case (name, a, b) if name in INFIX:
            return f"({text(a)} {name} {text(b)})"
        case (name, *operands):
            return f"{name}({', '.join(map(text, operands))})"
        case _:
            raise AssertionError(function)


def dual(function: Function, t: float, w: float) -> Dual:
    """The value and the derivatives at a point."""
    match function:
        case "t":
            return Dual(t, (1.0, 0.0), (1.0, 0.0), True)
        case "w":
            return Dual(w, (0.0, 1.0), (0.0, 1.0), True)
        case float():
            return Dual(function)
        case ("where", (comparison, left, right), yes, no):
            taken = COMPARISONS[str(comparison)](dual(left, t, w).value, dual(right, t, w).value)
            return dual(yes if taken else no, t, w)
        case (name, *operands):
            given = [dual(operand, t, w) for operand in operands]
            value, slopes = _primitive(name, [each.value for each in given])
            return _chain(value, slopes, given)
        case _:
            raise AssertionError(function)


def _chain(value: float, slopes: tuple[float, ...], given: list[Dual]) -> Dual:
    # A number contributes nothing, whatever the slope is.
    pairs = [(slope, each) for slope, each in zip(slopes, given, strict=True) if each.varies]
    by = [sum(slope * each.by[k] for slope, each in pairs) for k in range(2)]
    size = [sum(abs(slope) * each.size[k] for slope, each in pairs) for k in range(2)]
    return Dual(value, (by[0], by[1]), (size[0], size[1]), bool(pairs))


Slopes: TypeAlias = "tuple[float, tuple[float, ...]]"
"""The value of a primitive, and its derivative by each operand."""


def _primitive(name: str, values: list[float]) -> Slopes:
    """What Python's ``math`` refuses is nan: no such point is compared."""
    try:
        match values:
            case [t]:
                return UNARY[name](t)
            case [a, b]:
                return BINARY[name](a, b)
            case _:
                raise AssertionError(name)
    except (ValueError, OverflowError, ZeroDivisionError):
        return math.nan, (math.nan,) * len(values)


def _sigmoid(t: float) -> float:
    decay = math.exp(-abs(t))
    return (1.0 if t >= 0 else decay) / (1.0 + decay)


def _pow(a: float, b: float) -> Slopes:
    by_base = 0.0 if b == 0 else b * a ** (b - 1)
    by_exponent = 0.0 if a == 0 and b >= 0 else math.nan if a <= 0 else a**b * math.log(a)
    return math.pow(a, b), (by_base, by_exponent)


def _extreme(a: float, b: float, sign: float) -> Slopes:
    if a == b:
        return a, (0.5, 0.5)
    first = (a - b) * sign > 0
    return (a, (1.0, 0.0)) if first else (b, (0.0, 1.0))


def _leaky(t: float, slope: float) -> Slopes:
    return (t, (1.0, 0.0)) if t > 0 else (slope * t, (slope, t))


def _elu(t: float, alpha: float) -> Slopes:
    return (t, (1.0, 0.0)) if t > 0 else (alpha * math.expm1(t), (alpha * math.exp(t), math.expm1(t)))


def _snake(t: float, a: float) -> Slopes:
    wave, slope = math.sin(a * t), 2 * math.sin(a * t) * math.cos(a * t)
    return t + wave**2 / a, (1 + slope, (slope * t * a - wave**2) / a**2)


def _gelu(t: float) -> Slopes:
    below = 0.5 * math.erfc(-t / math.sqrt(2))
    return t * below, (below + t * math.exp(-t * t / 2) / math.sqrt(2 * math.pi),)


def _mish(t: float) -> Slopes:
    gate = math.tanh(max(t, 0.0) + math.log1p(math.exp(-abs(t))))
    return t * gate, (gate + t * _sigmoid(t) * (1.0 - gate**2),)


UNARY: dict[str, Callable[[float], Slopes]] = {
    "neg": lambda t: (-t, (-1.0,)),
    "exp": lambda t: (math.exp(t), (math.exp(t),)),
    "log": lambda t: (math.log(t), (1 / t,)),
    "sqrt": lambda t: (math.sqrt(t), (0.5 / math.sqrt(t),)),
    "cos": lambda t: (math.cos(t), (-math.sin(t),)),
    "sin": lambda t: (math.sin(t), (math.cos(t),)),
    "tanh": lambda t: (math.tanh(t), (1 - math.tanh(t) ** 2,)),
    "sigmoid": lambda t: (_sigmoid(t), (_sigmoid(t) * _sigmoid(-t),)),
    "softplus": lambda t: (max(t, 0.0) + math.log1p(math.exp(-abs(t))), (_sigmoid(t),)),
    "silu": lambda t: (t * _sigmoid(t), (_sigmoid(t) * (1 + t * _sigmoid(-t)),)),
    "mish": _mish,
    "gelu": _gelu,
    "erf": lambda t: (math.erf(t), (2 / math.sqrt(math.pi) * math.exp(-t * t),)),
    "abs": lambda t: (abs(t), (float(t > 0) - float(t < 0),)),
    "relu": lambda t: (max(t, 0.0), (float(t > 0),)),
}
BINARY: dict[str, Callable[[float, float], Slopes]] = {
    "+": lambda a, b: (a + b, (1.0, 1.0)),
    "-": lambda a, b: (a - b, (1.0, -1.0)),
    "*": lambda a, b: (a * b, (b, a)),
    "/": lambda a, b: (a / b, (1 / b, -a / b / b)),
    "^": _pow,
    "min": lambda a, b: _extreme(a, b, -1.0),
    "max": lambda a, b: _extreme(a, b, 1.0),
    "leaky_relu": _leaky,
    "prelu": _leaky,
    "elu": _elu,
    "snake": _snake,
}
