"""Composite activations in terms of primitive ones: one definition for every backend, for costs, and for readers.

A composite stays one application: substituting it into a nest of others would grow exponentially. Who walks a Scalar
walks a composite's body with its operands as the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import TypeVar, assert_never

from tnc.ir.program import Apply, Argument, Literal, Scalar

T = TypeVar("T")


def _add(left: Scalar, right: Scalar) -> Scalar:
    return Apply("add", (left, right))


def _mul(left: Scalar, right: Scalar) -> Scalar:
    return Apply("mul", (left, right))


def _snake() -> Scalar:
    t, a = Argument(0), Argument(1)
    wave = Apply("sin", (_mul(a, t), Literal(1.0)))
    return _add(t, Apply("div", (Apply("pow", (wave, Literal(2.0))), a)))


def _rational() -> Scalar:
    t, a0, a1, a2, a3, b1, b2 = (Argument(index) for index in range(7))
    numerator = _add(a0, _mul(t, _add(a1, _mul(t, _add(a2, _mul(t, a3))))))
    denominator = _add(Literal(1.0), Apply("abs", (_mul(t, _add(b1, _mul(t, b2))),)))
    return Apply("div", (numerator, denominator))


COMPOSITES: MappingProxyType[str, Scalar] = MappingProxyType({"snake": _snake(), "rational": _rational()})
"""Activations that no framework has, each as a function of its operands."""


def spell(name: str, operands: tuple[Scalar, ...]) -> Apply:
    """One application in one spelling: ``prelu`` is ``leaky_relu``, and ``sin(t, w)`` is ``sin(w t)``."""
    match name, operands:
        case "prelu", _:
            return Apply("leaky_relu", operands)
        case "sin", (_, Literal(value=1.0)):
            return Apply(name, operands)
        case "sin", (t, frequency):
            return Apply(name, (_mul(frequency, t), Literal(1.0)))
        case _:
            return Apply(name, operands)


def applied(
    function: Scalar, environment: Sequence[T | float], call: Callable[[str, list[T | float]], T | float]
) -> T | float:
    """What a function makes of its operands, primitive by primitive; ``call`` has the name of one and its operands."""
    match function:
        case Argument(index=index):
            return environment[index]
        case Literal(value=number):
            return number
        case Apply(operator=name, operands=operands):
            own = spell(name, operands)
            values = [applied(operand, environment, call) for operand in own.operands]
            if own.operator in COMPOSITES:
                return applied(COMPOSITES[own.operator], values, call)
            return call(own.operator, values)
        case _:
            assert_never(function)
