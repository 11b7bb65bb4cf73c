"""The scalar language of pointwise functions: its names, a printer, and an evaluator for compile time.

Every name stands with all its operands: elaboration filled in the defaults (``sin(t)`` is ``sin(t, 1)``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import assert_never

from tnc.diagnostics import InternalError
from tnc.ir.program import Apply, Argument, Literal, Scalar

ACTIVATIONS: MappingProxyType[str, int] = MappingProxyType(
    {
        "relu": 1,
        "leaky_relu": 2,
        "prelu": 2,
        "elu": 2,
        "gelu": 1,
        "silu": 1,
        "tanh": 1,
        "sigmoid": 1,
        "softplus": 1,
        "sin": 2,
        "snake": 2,
        "rational": 7,
    }
)
"""The built-in activations with the number of their operands, the tensor included."""

FUNCTIONS: MappingProxyType[str, int] = MappingProxyType(
    {"exp": 1, "log": 1, "cos": 1, "erf": 1, "abs": 1, "sqrt": 1, "min": 2, "max": 2, "where": 3}
)
"""What else a ``fn`` may call, with the number of operands; these alone activate nothing."""

OPERATORS: MappingProxyType[str, str] = MappingProxyType(
    {
        "add": "+",
        "sub": "-",
        "mul": "*",
        "div": "/",
        "pow": "^",
        "neg": "-",
        "lt": "<",
        "le": "<=",
        "gt": ">",
        "ge": ">=",
        "eq": "==",
        "ne": "!=",
    }
)
"""Operators by name, as they are written; ``neg`` is the only one with one operand."""

COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
"""Operators whose value is a truth value, and whose derivative is 0."""

# How tightly an operator binds. A minus sign counts as the loosest: it stands in brackets wherever it is not alone.
_LOOSEST, _SUM, _PRODUCT, _POWER, _ATOM = range(5)

_LEVELS: MappingProxyType[str, int] = MappingProxyType(
    {
        "lt": _LOOSEST,
        "le": _LOOSEST,
        "gt": _LOOSEST,
        "ge": _LOOSEST,
        "eq": _LOOSEST,
        "ne": _LOOSEST,
        "add": _SUM,
        "sub": _SUM,
        "mul": _PRODUCT,
        "div": _PRODUCT,
        "neg": _LOOSEST,
        "pow": _POWER,
    }
)


def operand_count(name: str) -> int | None:
    """How many operands an operator, function or activation has; None if there is none of this name."""
    if name in OPERATORS:
        return 1 if name == "neg" else 2
    return ACTIVATIONS.get(name, FUNCTIONS.get(name))


def is_builtin(function: Scalar) -> bool:
    """Whether this is a built-in activation of the tensor, further operands being numbers or arguments."""
    match function:
        case Apply(operator=name, operands=(Argument(index=0), *further)) if name in ACTIVATIONS:
            return all(isinstance(operand, Argument | Literal) for operand in further)
        case _:
            return False


def number_text(value: float) -> str:
    """The shortest text that reads back as this number; whole numbers without a fraction."""
    if value.is_integer() and abs(value) < 1e15 and (value != 0 or math.copysign(1, value) > 0):
        return str(int(value))
    return repr(value).replace("e+", "e")


def scalar_text(scalar: Scalar, names: Sequence[str], level: int = _LOOSEST) -> str:
    """The expression as a ``.tn`` file writes it; ``names[i]`` stands for argument i."""
    match scalar:
        case Argument(index=index):
            return names[index]
        case Literal(value=value):
            text = number_text(value)
            return f"({text})" if text.startswith("-") and level > _LOOSEST else text
        case Apply(operator=name, operands=operands) if name in OPERATORS:
            own = _LEVELS[name]
            text = _operation_text(name, own, operands, names)
            return f"({text})" if own < level else text
        case Apply(operator=name, operands=operands):
            return f"{name}({', '.join(scalar_text(operand, names) for operand in operands)})"
        case _:
            assert_never(scalar)


def _operation_text(name: str, level: int, operands: tuple[Scalar, ...], names: Sequence[str]) -> str:
    symbol = OPERATORS[name]
    if name == "neg":
        # `-2` reads back as a number, so the negation of a number keeps its brackets.
        inner = scalar_text(operands[0], names, _ATOM if isinstance(operands[0], Literal) else _POWER)
        return f"-({inner})" if isinstance(operands[0], Literal) else f"-{inner}"
    left, right = operands
    if name == "pow":
        return f"{scalar_text(left, names, _ATOM)}^{scalar_text(right, names, _ATOM)}"
    # Sums and products associate to the left; comparisons chain, so both their sides stand in brackets.
    left_level = level + 1 if level == _LOOSEST else level
    return f"{scalar_text(left, names, left_level)} {symbol} {scalar_text(right, names, level + 1)}"


# -- evaluation --------------------------------------------------------------------------------


def evaluate(scalar: Scalar, arguments: Sequence[float]) -> float:
    """Return the value at one entry by the rules of IEEE 754, as the backends do; nothing is raised."""
    match scalar:
        case Argument(index=index):
            return arguments[index]
        case Literal(value=value):
            return value
        case Apply(operator=name, operands=operands):
            return _apply(name, [evaluate(operand, arguments) for operand in operands])
        case _:
            assert_never(scalar)


def _ieee(function: Callable[..., float]) -> Callable[..., float]:
    """A function of ``math`` that gives infinity where it overflows, and nan where it is undefined."""

    def total(*values: float) -> float:
        try:
            return function(*values)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return total


_exp, _cos, _sine = _ieee(math.exp), _ieee(math.cos), _ieee(math.sin)


def _log(t: float) -> float:
    return -math.inf if t == 0 else math.log(t) if t > 0 else math.nan


def _divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)


def _power(a: float, b: float) -> float:
    odd = b % 2 == 1 if math.isfinite(b) else False
    if a == 0 and b < 0:
        return math.copysign(math.inf, a) if odd else math.inf
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and odd else math.inf
    except ValueError:
        return math.nan


def _minimum(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)


def _maximum(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)


def _elu(t: float, alpha: float) -> float:
    return t if t > 0 else alpha * math.expm1(t)


def _snake(t: float, a: float) -> float:
    return t + _divide(_sine(a * t) ** 2, a)


def _gelu(t: float) -> float:
    return 0.5 * t * (1 + math.erf(t / math.sqrt(2)))


def _softplus(t: float) -> float:
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def _leaky_relu(t: float, slope: float) -> float:
    return t if t > 0 else slope * t


def _sigmoid(t: float) -> float:
    return 1 / (1 + math.exp(-t)) if t >= 0 else math.exp(t) / (1 + math.exp(t))


def _rational(t: float, a0: float, a1: float, a2: float, a3: float, b1: float, b2: float) -> float:
    return (a0 + t * (a1 + t * (a2 + t * a3))) / (1 + abs(t * (b1 + t * b2)))


_UNARY: MappingProxyType[str, Callable[[float], float]] = MappingProxyType(
    {
        "neg": lambda t: -t,
        "exp": _exp,
        "log": _log,
        "cos": _cos,
        "tanh": math.tanh,
        "erf": math.erf,
        "abs": abs,
        "sqrt": _ieee(math.sqrt),
        "relu": lambda t: _maximum(t, 0.0),
        "gelu": _gelu,
        "silu": lambda t: t * _sigmoid(t),
        "sigmoid": _sigmoid,
        "softplus": _softplus,
    }
)

_BINARY: MappingProxyType[str, Callable[[float, float], float]] = MappingProxyType(
    {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "div": _divide,
        "pow": _power,
        "lt": lambda a, b: float(a < b),
        "le": lambda a, b: float(a <= b),
        "gt": lambda a, b: float(a > b),
        "ge": lambda a, b: float(a >= b),
        "eq": lambda a, b: float(a == b),
        "ne": lambda a, b: float(a != b),
        "min": _minimum,
        "max": _maximum,
        "leaky_relu": _leaky_relu,
        "prelu": _leaky_relu,
        "sin": lambda t, w: _sine(w * t),
        "elu": _elu,
        "snake": _snake,
    }
)


def _apply(name: str, values: list[float]) -> float:
    match values:
        case [t]:
            return _UNARY[name](t)
        case [a, b]:
            return _BINARY[name](a, b)
        case [condition, a, b]:
            return a if condition else b
        case [t, a0, a1, a2, a3, b1, b2]:
            return _rational(t, a0, a1, a2, a3, b1, b2)
        case _:
            raise InternalError(f"`{name}` of {len(values)} operands")
