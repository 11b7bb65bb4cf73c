"""How many primitives a pointwise function applies to an entry, and how many of them take more than an instruction."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from tnc.ir.expansion import COMPOSITES, spell
from tnc.ir.guards import guarded
from tnc.ir.program import Apply, Argument, Literal, Scalar

_SLOW = frozenset(
    {"exp", "expm1", "log", "sin", "cos", "tanh", "sigmoid", "erf", "gelu", "silu", "softplus", "elu", "pow"}
)


def primitives(function: Scalar) -> int:
    """Applications in the function, composites taken apart."""
    return _applications(function, lambda _: True)


def passes(function: Scalar, arguments: int) -> int:
    """Applications as the torch backend writes them, the guards of branches included."""
    straight = guarded(function, arguments)
    return sum(map(primitives, (*straight.parts, straight.result)))


def evaluations(function: Scalar) -> int:
    """Those among them that a processor evaluates by a series: exp, tanh and their like."""
    return _applications(function, _SLOW.__contains__)


def _applications(function: Scalar, counts: Callable[[str], bool]) -> int:
    match function:
        case Argument() | Literal():
            return 0
        case Apply(operator=name, operands=operands):
            own = spell(name, operands)
            within = _applications(COMPOSITES[name], counts) if name in COMPOSITES else int(counts(name))
            return within + sum(_applications(operand, counts) for operand in own.operands)
        case _:
            assert_never(function)
