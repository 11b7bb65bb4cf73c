"""The number of primitives in a pointwise function, and of those that a processor evaluates by a series."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from tnc.ir.activations import body_of, primitive
from tnc.ir.entries import Work
from tnc.ir.expansion import spell
from tnc.ir.guards import guarded
from tnc.ir.program import Apply, Argument, Literal, Scalar


def primitives(function: Scalar) -> int:
    """The number of primitives that the function applies to one entry, those of composites included."""
    return _applications(function, lambda _: True)


def passes(function: Scalar, arguments: int) -> int:
    """The number of primitives as the torch backend writes them, the guards of branches included."""
    straight = guarded(function, arguments)
    return sum(map(primitives, (*straight.parts, straight.result)))


def evaluations(function: Scalar) -> int:
    """The number of primitives that a processor evaluates by a series: exp, tanh and the like."""
    return _applications(function, lambda name: primitive(name).work is Work.SERIES)


def _applications(function: Scalar, counts: Callable[[str], bool]) -> int:
    match function:
        case Argument() | Literal():
            return 0
        case Apply(operator=name, operands=operands):
            own = spell(name, operands)
            body = body_of(own.operator)
            within = int(counts(own.operator)) if body is None else _applications(body, counts)
            return within + sum(_applications(operand, counts) for operand in own.operands)
        case _:
            assert_never(function)
