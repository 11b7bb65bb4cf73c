"""Operators on compile-time values. Integers are exact, floats finite, and the two are never confused with booleans."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn, TypeAlias, TypeGuard

from tnc.sema.meter import Meter
from tnc.sema.names.scope import Value
from tnc.sema.names.value_text import kind_of, short_text
from tnc.sema.problem import fail
from tnc.source import Span

Numeric: TypeAlias = int | float

GUARD = "where it may be zero, ask first: `if n == 0 then … else …`"


def is_number(value: Value) -> TypeGuard[int | float]:
    """Whether the value is an integer or a float; a boolean is neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Value) -> TypeGuard[int]:
    """Whether the value is an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def as_float(value: Value, span: Span, what: str) -> float:
    """A value that must be a number, as a float."""
    if not is_number(value):
        fail("TN221", f"{what} must be a number, not {kind_of(value)}", span, label=short_text(value))
    try:
        return float(value)
    except OverflowError:
        fail("TN213", "this number is too large for a float", span)


def binary(operator: str, left: Value, right: Value, span: Span, meter: Meter) -> Value:
    """``left operator right`` for ``+ - * / // % ^``."""
    if is_number(left) and is_number(right):
        return arithmetic(operator, left, right, span, meter)
    match operator, left, right:
        case "+", tuple(), tuple():
            meter.list_length(len(left) + len(right), span)
            return left + right
        case "*", tuple(), int() if is_integer(right):
            meter.list_length(len(left) * max(right, 0), span)
            return left * right
        case "*", int(), tuple() if is_integer(left):
            meter.list_length(len(right) * max(left, 0), span)
            return right * left
        case "*", tuple(), float():
            fail(
                "TN211",
                f"a list can be repeated an integer number of times only, not {short_text(right)}",
                span,
                help="`//` divides integers, `floor` and `ceil` round",
            )
        case _:
            _bad_operands(operator, left, right, span)


def _bad_operands(operator: str, left: Value, right: Value, span: Span) -> NoReturn:
    hint = None
    if isinstance(left, str) or isinstance(right, str):
        hint = "strings can only be compared"
    elif isinstance(left, bool) or isinstance(right, bool):
        hint = "a boolean is not a number: choose with `if c then a else b`"
    elif isinstance(left, tuple) != isinstance(right, tuple) and operator == "+":
        hint = "a list is extended by a list: `dims + [3]`"
    elif isinstance(left, tuple) or isinstance(right, tuple):
        hint = "entry by entry, write `[a * 2 for a in list]`"
    fail("TN211", f"`{operator}` cannot take {kind_of(left)} and {kind_of(right)}", span, help=hint)


def arithmetic(operator: str, left: Numeric, right: Numeric, span: Span, meter: Meter) -> Numeric:
    """An operator on two numbers."""
    try:
        result = _power(left, right, span, meter) if operator == "^" else _OPERATORS[operator](left, right)
    except ZeroDivisionError:
        fail("TN212", "division by zero", span, label=f"{short_text(left)} {operator} {short_text(right)}", help=GUARD)
    except OverflowError:
        fail("TN213", "the result is too large for a float", span)
    return checked(result, span, meter)


def checked(result: Numeric, span: Span, meter: Meter) -> Numeric:
    """The number, if it is one that the language can hold."""
    if isinstance(result, float):
        if not math.isfinite(result):
            fail("TN213", "the result is too large for a float", span)
    elif result.bit_length() > meter.limits.number_bits:
        _too_many_bits(span, meter)
    return result


def _too_many_bits(span: Span, meter: Meter) -> NoReturn:
    fail(
        "TN213",
        f"the result has more than {meter.limits.number_bits:,} bits",
        span,
        help=meter.setting("number_bits"),
    )


def _power(base: Numeric, exponent: Numeric, span: Span, meter: Meter) -> Numeric:
    exact = isinstance(base, int) and isinstance(exponent, int) and exponent > 0 and abs(base) > 1
    if exact and (int(base).bit_length() - 1) * exponent > meter.limits.number_bits:
        _too_many_bits(span, meter)
    result: object = base**exponent
    if isinstance(result, complex):
        fail(
            "TN214",
            f"{short_text(base)} to the power {short_text(exponent)} is not a real number",
            span,
            help="a negative number can be raised to an integer only",
        )
    assert isinstance(result, int | float)
    return result


_OPERATORS: dict[str, Callable[[Numeric, Numeric], Numeric]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


def compare(operator: str, left: Value, right: Value, span: Span, meter: Meter) -> bool:
    """``left operator right`` for ``== != < <= > >=``."""
    if operator in ("==", "!="):
        return equal(left, right, span, meter) == (operator == "==")
    if not (is_number(left) and is_number(right)):
        fail(
            "TN211",
            f"`{operator}` compares numbers, not {kind_of(left)} with {kind_of(right)}",
            span,
        )
    match operator:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case _:
            return left >= right


def equal(left: Value, right: Value, span: Span, meter: Meter) -> bool:
    """Whether two values of one kind are the same; integers and floats are of one kind."""
    if is_number(left) and is_number(right):
        return left == right
    match left, right:
        case (bool(), bool()) | (str(), str()):
            return left == right
        case tuple(), tuple():
            if len(left) != len(right):
                return False
            meter.enter(span)  # lists of lists can be deep, and large though few lists were written
            meter.pay(len(left), span)
            same = [equal(a, b, span, meter) for a, b in zip(left, right, strict=True)]  # all are checked
            meter.depth -= 1
            return all(same)
        case _ if kind_of(left) == kind_of(right) == "a function":
            return left == right
        case _:
            fail(
                "TN211",
                f"{kind_of(left)} and {kind_of(right)} cannot be compared",
                span,
                label=f"{short_text(left)} and {short_text(right)}",
            )
