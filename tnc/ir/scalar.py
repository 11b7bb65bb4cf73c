"""The scalar language of pointwise functions: a printer, and an evaluator for compile time.

Every name has all its operands: elaboration filled in the defaults (``sin(t)`` is ``sin(t, 1)``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import assert_never

from tnc.ir.activations import ACTIVATIONS, ENTRIES, body_of, primitive
from tnc.ir.program import Apply, Argument, Literal, Scalar

SYMBOLS: MappingProxyType[str, str] = MappingProxyType(
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
    """The number of operands of an operator, function or activation; None for an unknown name."""
    entry = ENTRIES.get(name)
    return None if entry is None else entry.operands


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
        case Apply(operator=name, operands=operands) if name in SYMBOLS:
            own = _LEVELS[name]
            text = _operation_text(name, own, operands, names)
            return f"({text})" if own < level else text
        case Apply(operator=name, operands=operands):
            return f"{name}({', '.join(scalar_text(operand, names) for operand in operands)})"
        case _:
            assert_never(scalar)


def _operation_text(name: str, level: int, operands: tuple[Scalar, ...], names: Sequence[str]) -> str:
    symbol = SYMBOLS[name]
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
    """Return the value at one entry by the rules of IEEE 754, as the backends compute it; nothing is raised."""
    match scalar:
        case Argument(index=index):
            return arguments[index]
        case Literal(value=value):
            return value
        case Apply(operator=name, operands=operands):
            values = [evaluate(operand, arguments) for operand in operands]
            body = body_of(name)
            return primitive(name).value(*values) if body is None else evaluate(body, values)
        case _:
            assert_never(scalar)


def slope(scalar: Scalar, arguments: Sequence[float]) -> float:
    """Return the derivative by the first argument at one entry, by forward differentiation; nothing is raised."""
    return _dual(scalar, [(value, float(index == 0)) for index, value in enumerate(arguments)])[1]


def _dual(scalar: Scalar, arguments: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The value and the derivative of a function of arguments with derivatives."""
    match scalar:
        case Argument(index=index):
            return arguments[index]
        case Literal(value=value):
            return value, 0.0
        case Apply(operator=name, operands=operands):
            given = [_dual(operand, arguments) for operand in operands]
            body = body_of(name)
            if body is not None:
                return _dual(body, given)
            values = [value for value, _ in given]
            entry = primitive(name)
            partials = [
                evaluate(partial, values) if own != 0 else 0.0
                for partial, (_, own) in zip(entry.derivative, given, strict=True)
            ]
            # Zero times an infinite derivative is zero: the operand does not vary, or the branch is not taken.
            terms = [partial * own for partial, (_, own) in zip(partials, given, strict=True) if partial != 0]
            return entry.value(*values), sum(terms)
        case _:
            assert_never(scalar)
