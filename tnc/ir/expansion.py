"""Walks a pointwise function primitive by primitive.

A composite stays one application: substituting it into a nest of others would grow exponentially. A walk of a Scalar
walks a composite's body with its operands as the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, assert_never

from tnc.ir.activations import ENTRIES, body_of
from tnc.ir.entries import Alias
from tnc.ir.program import Apply, Argument, Literal, Scalar

T = TypeVar("T")


def spell(name: str, operands: tuple[Scalar, ...]) -> Apply:
    """The application with aliases resolved (``prelu`` is ``leaky_relu``) and ``sin(t, w)`` as ``sin(w t)``."""
    entry = ENTRIES[name]
    match name, operands:
        case _ if isinstance(entry, Alias):
            return spell(entry.of, operands)
        case "sin", (_, Literal(value=1.0)):
            return Apply(name, operands)
        case "sin", (t, frequency):
            return Apply(name, (Apply("mul", (frequency, t)), Literal(1.0)))
        case _:
            return Apply(name, operands)


def applied(
    function: Scalar, environment: Sequence[T | float], call: Callable[[str, list[T | float]], T | float]
) -> T | float:
    """The value of a function of the operands ``environment``; ``call`` applies a primitive, given its name."""
    match function:
        case Argument(index=index):
            return environment[index]
        case Literal(value=number):
            return number
        case Apply(operator=name, operands=operands):
            own = spell(name, operands)
            values = [applied(operand, environment, call) for operand in own.operands]
            body = body_of(own.operator)
            return call(own.operator, values) if body is None else applied(body, values, call)
        case _:
            assert_never(function)
