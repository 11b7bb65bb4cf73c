"""Compile-time arithmetic, written down once more from the language reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeGuard

from .values import OracleError, UserFunction, Value


def number(value: Value) -> int | float:
    """A number, or an error; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OracleError(f"not a number: {value!r}")
    return value


def integer(value: Value) -> int:
    """An integer, or an error."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise OracleError(f"not an integer: {value!r}")
    return value


def boolean(value: Value) -> bool:
    """A truth value, or an error."""
    if not isinstance(value, bool):
        raise OracleError(f"neither true nor false: {value!r}")
    return value


def is_list(value: Value) -> TypeGuard[list[Value]]:
    """Whether a value is a list; its entries are values."""
    return isinstance(value, list)


def items(value: Value) -> list[Value]:
    """A list, or an error."""
    if not is_list(value):
        raise OracleError(f"not a list: {value!r}")
    return value


def arithmetic(operator: str, left: Value, right: Value) -> Value:
    """One operator on two compile-time values."""
    if operator == "+" and is_list(left) and is_list(right):
        return items(left) + items(right)
    if operator == "*" and is_list(left):
        return items(left) * max(0, integer(right))
    if operator == "*" and is_list(right):
        return items(right) * max(0, integer(left))
    a, b = number(left), number(right)
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
        case "//":
            return a // b
        case "%":
            return a % b
        case "^":
            result: int | float = a**b
            return result
        case _:
            raise OracleError(f"no operator {operator}")


def equal(left: Value, right: Value) -> bool:
    """``==``; functions of an author are equal if they are the same."""
    if isinstance(left, UserFunction) or isinstance(right, UserFunction):
        return left is right
    return left == right


def compare(operator: str, left: Value, right: Value) -> bool:
    """One comparison."""
    if operator == "==":
        return equal(left, right)
    if operator == "!=":
        return not equal(left, right)
    a, b = number(left), number(right)
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def element(value: Value, index: Value) -> Value:
    """``value[index]``."""
    values, at = items(value), integer(index)
    if not 0 <= at < len(values):
        raise OracleError(f"index {at} of a list of {len(values)}")
    return values[at]


def span(start: Value, stop: Value, step: Value) -> list[int]:
    """The integers of ``start..stop by step``."""
    return list(range(integer(start), integer(stop), integer(step)))


def part(value: Value, start: Value, stop: Value, step: Value) -> list[Value]:
    """``value[start..stop by step]``: beyond the end is clipped, negative is an error."""
    first, last = integer(start), integer(stop)
    if first < 0 or last < 0:
        raise OracleError("a slice with a negative bound")
    return items(value)[first : last : integer(step)]


def interleave(lists: Sequence[Sequence[Value]]) -> list[Value]:
    """Round robin; a shorter list ends earlier."""
    longest = max((len(entries) for entries in lists), default=0)
    return [entries[k] for k in range(longest) for entries in lists if k < len(entries)]


def _several(values: list[Value]) -> list[Value]:
    """The arguments of ``min(a, b)`` or the entries of ``min([a, b])``."""
    return items(values[0]) if len(values) == 1 and is_list(values[0]) else values


def _numbers(values: list[Value]) -> list[int | float]:
    return [number(value) for value in _several(values)]


def _product(values: list[Value]) -> int | float:
    result: int | float = 1
    for value in _numbers(values):
        result *= value
    return result


def _sum(values: list[Value]) -> int | float:
    result: int | float = 0
    for value in _numbers(values):
        result += value
    return result


def factors(n: int) -> list[Value]:
    """Prime factors, ascending, by trial division."""
    if not 1 <= n <= 2**40:
        raise OracleError(f"factors of {n}")
    found: list[Value] = []
    divisor = 2
    while divisor * divisor <= n:
        if n % divisor:
            divisor += 1
        else:
            found.append(divisor)
            n //= divisor
    return [*found, n] if n > 1 else found


def smooth(n: int, most: int = 7) -> int:
    """The smallest m from n on of which division by 2, …, ``most`` leaves 1, by trying one after another."""
    if not 1 <= n <= 2**40 or most < 2:
        raise OracleError(f"smooth({n}, {most})")
    m = n
    while True:
        rest = m
        for divisor in range(2, min(most, m) + 1):
            while rest % divisor == 0:
                rest //= divisor
        if rest == 1:
            return m
        m += 1


NAMES = {"smooth": ["n", "most"]}
"""The functions whose arguments can be given by name, with these names."""

FUNCTIONS: dict[str, Callable[[list[Value]], Value]] = {
    "len": lambda a: len(items(a[0])),
    "min": lambda a: min(_numbers(a)),
    "max": lambda a: max(_numbers(a)),
    "sum": _sum,
    "prod": _product,
    "ceil": lambda a: math.ceil(number(a[0])),
    "floor": lambda a: math.floor(number(a[0])),
    "log2": lambda a: math.log2(number(a[0])),
    "sqrt": lambda a: math.sqrt(number(a[0])),
    "ceil_div": lambda a: -(-integer(a[0]) // integer(a[1])),
    "abs": lambda a: abs(number(a[0])),
    "range": lambda a: list(range(*(integer(v) for v in a))),
    "reversed": lambda a: items(a[0])[::-1],
    "interleave": lambda a: interleave([items(v) for v in a]),
    "factors": lambda a: factors(integer(a[0])),
    "smooth": lambda a: smooth(*(integer(v) for v in a)),
}
