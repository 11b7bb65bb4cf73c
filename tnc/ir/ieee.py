"""Real functions by the rules of IEEE 754: infinity on overflow, nan where undefined; nothing is raised."""

from __future__ import annotations

import math
from collections.abc import Callable


def _total(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function of ``math`` that returns infinity on overflow and nan where it is undefined."""

    def total(t: float) -> float:
        try:
            return function(t)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return total


exp, cos, sin, sqrt = _total(math.exp), _total(math.cos), _total(math.sin), _total(math.sqrt)


def log(t: float) -> float:
    """The natural logarithm; -inf at 0."""
    return -math.inf if t == 0 else math.log(t) if t > 0 else math.nan


def divide(a: float, b: float) -> float:
    """The quotient; a signed infinity where only ``b`` is 0."""
    if b != 0:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)


def power(a: float, b: float) -> float:
    """``a`` to the power ``b``."""
    odd = b % 2 == 1 if math.isfinite(b) else False
    if a == 0 and b < 0:
        return math.copysign(math.inf, a) if odd else math.inf
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and odd else math.inf
    except ValueError:
        return math.nan


def minimum(a: float, b: float) -> float:
    """The smaller one; nan if either is."""
    return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)


def maximum(a: float, b: float) -> float:
    """The larger one; nan if either is."""
    return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)


def sigmoid(t: float) -> float:
    """``1 / (1 + exp(-t))``, without overflow."""
    return 1 / (1 + math.exp(-t)) if t >= 0 else math.exp(t) / (1 + math.exp(t))


def softplus(t: float) -> float:
    """``log(1 + exp(t))``, without overflow."""
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def gelu(t: float) -> float:
    """``t`` times the standard normal distribution function of ``t``."""
    return 0.5 * t * (1 + math.erf(t / math.sqrt(2)))
