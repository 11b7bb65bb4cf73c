"""Pointwise functions whose gradient at ``where`` is that of the branch taken.

Reverse differentiation passes 0 to the branch that is not taken, and multiplies it by that branch's derivatives: nan
where one of them is infinite or nan, as at ``where(t > 0, sqrt(t), 0)`` for t = 0. So such a branch is evaluated at
constants wherever it is not taken. Sums and selections multiply by finite numbers only and stay as written. NumPy
has no derivatives, but warns of what a branch computes where it is not taken, so it gets the same functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from types import MappingProxyType
from typing import TypeAlias, TypeVar, assert_never

from tnc.ir.activations import COMPARISONS, ENTRIES, body_of, primitive
from tnc.ir.entries import Primitive
from tnc.ir.expansion import applied, spell
from tnc.ir.program import Apply, Argument, Literal, Scalar
from tnc.ir.scalar import evaluate

T = TypeVar("T")

_CANDIDATES = (1.0, 0.5, 2.0, 0.0, -1.0, -0.5, -2.0, 4.0, -4.0)
_MOST_COMBINED = 3
_MOST_VALUES = 16
_MOST_NODES = 200

# In every dtype from float16 on, a primitive's derivatives are finite where its operands keep away from its
# singularities by the margin, and its values below the bound.
_MARGIN, _BOUND = 0.125, 1024.0

_Path: TypeAlias = tuple[tuple[Scalar, bool], ...]
"""Conditions, each with the value for which a branch is taken; outermost first."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A function as a few assignments and a result.

    ``parts[k]`` is known to later parts and to the result as ``Argument(arguments + k)``. Parts are conditions
    (comparisons) and guarded values (``where``).
    """

    arguments: int
    parts: tuple[Scalar, ...]
    result: Scalar


def evaluated(
    function: Scalar, operands: Sequence[T | float], call: Callable[[str, list[T | float]], T | float]
) -> T | float:
    """Return what a function makes of its operands as backends write it, primitive by primitive."""
    straight = guarded(function, len(operands))
    known = list(operands)
    for part in straight.parts:
        known.append(applied(part, known, call))
    return applied(straight.result, known, call)


@lru_cache(maxsize=1024)
def guarded(function: Scalar, arguments: int) -> Guarded:
    """Return the function of ``arguments`` arguments with the branches of every ``where`` guarded.

    Values are equal bit for bit. A function without ``where``, or whose branches are sums and selections, has no parts.
    """
    guard = _Guard(arguments)
    result = guard.walk(function, (), None)
    return Guarded(arguments, tuple(guard.parts), result)


@dataclass(slots=True)
class _Guard:
    arguments: int
    parts: dict[Scalar, Argument] = field(default_factory=dict[Scalar, Argument])

    def walk(self, function: Scalar, path: _Path, point: _Point | None) -> Scalar:
        """Return the function, taken where ``path`` says; below a guarded node, arguments are those of ``point``."""
        match function:
            case Literal():
                return function
            case Argument():
                return function if point is None else self._value(function, point.path, point.values[function.index])
            case Apply(operator=name) if name in COMPARISONS:
                return function
            case Apply(operator="where", operands=(condition, yes, no)):
                known = _truth(condition)
                if known is not None:
                    return self.walk(yes if known else no, path, point)
                yes = self.walk(yes, _extended(path, condition, True), point)
                no = self.walk(no, _extended(path, condition, False), point)
                return Apply("where", (self.parts.get(condition, condition), yes, no))
            case Apply(operator=name, operands=operands) if not path or _is_bounded(function):
                return Apply(name, tuple(self.walk(operand, path, point) for operand in operands))
            case Apply():
                return self._guard(function, path, point)
            case _:
                assert_never(function)

    def _guard(self, function: Apply, path: _Path, point: _Point | None) -> Scalar:
        """Replace the arguments by constants, or, where none are known to be good, the operands by 1."""
        values = point.values if point is not None else _regular_point(function)
        if values is not None:
            inner = _Point(path, values)
            return Apply(function.operator, tuple(self.walk(operand, path, inner) for operand in function.operands))
        walked = (self.walk(operand, path, None) for operand in function.operands)
        return Apply(
            function.operator,
            tuple(value if isinstance(value, Literal) else self._guarded(value, path, 1.0) for value in walked),
        )

    def _value(self, argument: Argument, path: _Path, constant: float) -> Scalar:
        """The argument where the path is taken, else the constant: an assignment for each condition."""
        value: Scalar = argument
        for depth in range(len(path)):
            value = self._part(self._guarded(value, path[depth : depth + 1], constant))
        return value

    def _guarded(self, value: Scalar, path: _Path, constant: float) -> Scalar:
        for condition, taken in path:
            choices = (value, Literal(constant)) if taken else (Literal(constant), value)
            value = Apply("where", (self._part(condition), *choices))
        return value

    def _part(self, scalar: Scalar) -> Argument:
        return self.parts.setdefault(scalar, Argument(self.arguments + len(self.parts)))


@dataclass(frozen=True, slots=True)
class _Point:
    """Where arguments are replaced: outside ``path``, by the value of each."""

    path: _Path
    values: MappingProxyType[int, float]


def _extended(path: _Path, condition: Scalar, taken: bool) -> _Path:
    return path if (condition, taken) in path else (*path, (condition, taken))


def _truth(condition: Scalar) -> bool | None:
    """The value of a condition without arguments."""
    return None if _arguments(condition) else bool(evaluate(condition, ()))


def _is_bounded(function: Apply) -> bool:
    """Whether the backward pass multiplies by finite numbers only, whatever the operands are."""
    match function:
        case Apply(operator="mul", operands=(Literal(value=value), _) | (_, Literal(value=value))):
            return abs(value) <= _BOUND
        case (
            Apply(operator="div", operands=(_, Literal(value=value)))
            | Apply(operator="leaky_relu" | "prelu", operands=(_, Literal(value=value)))
        ):
            return 1 / _BOUND <= abs(value) <= _BOUND
        case Apply(operator=name):
            entry = ENTRIES[name]
            return isinstance(entry, Primitive) and entry.selects


# -- constants that give finite derivatives ----------------------------------------------------


def _regular_point(function: Scalar) -> MappingProxyType[int, float] | None:
    """A value for every argument such that the function and all its derivatives are finite; None if none is found."""
    if _size(function) > _MOST_NODES:
        return None
    indices = sorted(set(_arguments(function)))
    for point in _points(len(indices)):
        values = MappingProxyType(dict(zip(indices, point, strict=True)))
        if _values(function, values) is not None:
            return values
    return None


def _points(count: int) -> Iterator[tuple[float, ...]]:
    for value in _CANDIDATES:
        yield (value,) * count
    if 1 < count <= _MOST_COMBINED:
        yield from product(_CANDIDATES, repeat=count)


def _size(function: Scalar) -> int:
    return 1 + sum(map(_size, function.operands)) if isinstance(function, Apply) else 1


def _arguments(function: Scalar) -> Iterable[int]:
    match function:
        case Argument(index=index):
            return (index,)
        case Literal():
            return ()
        case Apply(operands=operands):
            return dict.fromkeys(index for operand in operands for index in _arguments(operand))
        case _:
            assert_never(function)


def _values(function: Scalar, point: MappingProxyType[int, float]) -> tuple[float, ...] | None:
    """The values that a function may have at a point, whatever its conditions are; None if one of them is singular."""
    match function:
        case Argument(index=index):
            return (point[index],)
        case Literal(value=value):
            return (value,)
        case Apply(operator=name) if name in COMPARISONS:
            return (0.0, 1.0)
        case Apply(operator="where", operands=(_, yes, no)):
            first, second = _values(yes, point), _values(no, point)
            return None if first is None or second is None else tuple(dict.fromkeys((*first, *second)))
        case Apply(operator=name, operands=operands):
            own = spell(name, operands)
            choices = [_values(operand, point) for operand in own.operands]
            given = [choice for choice in choices if choice is not None]
            if len(given) < len(choices) or math.prod(map(len, given)) > _MOST_VALUES:
                return None
            return _applied(own, given)
        case _:
            assert_never(function)


def _applied(function: Apply, choices: Sequence[tuple[float, ...]]) -> tuple[float, ...] | None:
    results: dict[float, None] = {}
    for values in product(*choices):
        result = evaluate(Apply(function.operator, tuple(map(Literal, values))), ())
        if not _is_regular(function, values) or not abs(result) <= _BOUND:
            return None
        results[result] = None
    return tuple(results)


def _is_regular(function: Apply, values: Sequence[float]) -> bool:
    """Whether all derivatives of an application are finite at the values of its operands."""
    body = body_of(function.operator)
    if body is not None:
        return _body_is_regular(body, values)
    match function:
        case Apply(operator="pow", operands=(_, Literal(value=exponent))) if exponent >= 0 and exponent.is_integer():
            return True
        case Apply(operator=name):
            return primitive(name).singularity(*values) >= _MARGIN


def _body_is_regular(body: Scalar, values: Sequence[float]) -> bool:
    match body:
        case Apply(operands=operands):
            given = [evaluate(operand, values) for operand in operands]
            return _is_regular(body, given) and all(_body_is_regular(operand, values) for operand in operands)
        case Argument() | Literal():
            return True
        case _:
            assert_never(body)
