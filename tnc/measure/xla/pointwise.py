"""Pointwise functions as XLA gets them: primitives, and what the gradient of each is computed from.

=====================================  ==========================================================
tanh sigmoid exp expm1 sqrt            the result
silu                                   the argument and its sigmoid
gelu                                   the argument, an exponential and two quotients of it
softplus                               the argument and a logarithm of it
a + b, a - b, -a, comparisons          nothing
all else                               the arguments
=====================================  ==========================================================

What is cheap is computed anew where it is wanted. What is costly is computed once: it lies in memory if more than one
kernel wants it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from tnc.cost.strided import Strided
from tnc.ir import guards
from tnc.ir.program import Scalar
from tnc.ir.scalar import COMPARISONS
from tnc.measure.xla.graph import Graph

_COSTLY = frozenset({"tanh", "sigmoid", "exp", "expm1", "sqrt", "sin", "cos", "log", "erf", "pow", "div", "elu"})
_OF_RESULT = frozenset({"tanh", "sigmoid", "exp", "expm1", "sqrt"})
_LINEAR = frozenset({"add", "sub", "neg"})
_PARTS: Mapping[str, int] = MappingProxyType({"silu": 1, "gelu": 3, "softplus": 1})
"""Costly functions of the argument that the result and its gradient are both made of."""

_Operand: TypeAlias = Strided | float


@dataclass(frozen=True, slots=True)
class _Call:
    """A primitive: its result, its operands, and what the gradients of these are computed from."""

    result: Strided
    operands: tuple[Strided, ...]
    needs: tuple[Strided, ...]


@dataclass(slots=True)
class Tape:
    """The primitives of one pointwise step, in order."""

    operands: tuple[Strided, ...]
    result: Strided
    calls: list[_Call] = field(default_factory=list[_Call])

    def back(self, graph: Graph, gradient: Strided) -> list[Strided | None]:
        """The gradients of the operands; None where none is needed."""
        found: dict[int, list[Strided]] = {self.result.storage.number: [gradient]}
        for call in reversed(self.calls):
            terms = found.pop(call.result.storage.number, None)
            if terms is None:
                continue
            for operand in call.operands:
                if operand.grad:
                    made = graph.gradient(operand, (*terms, *call.needs))
                    found.setdefault(operand.storage.number, []).append(made)
        gradients: list[Strided | None] = []
        for operand in self.operands:
            terms = found.pop(operand.storage.number, None) if operand.grad else None
            gradients.append(graph.loop(operand.shape, terms) if terms else None)
        return gradients


def evaluated(graph: Graph, function: Scalar, operands: Sequence[Strided]) -> tuple[Strided, Tape]:
    """The value of a function, and how it came about."""
    calls: list[_Call] = []

    def call(name: str, values: Sequence[_Operand]) -> _Operand:
        return _apply(graph, name, values, calls)

    last = guards.evaluated(function, operands, call)
    result = last if isinstance(last, Strided) else graph.loop(operands[0].shape, ())
    return result, Tape(tuple(operands), result, calls)


def _apply(graph: Graph, name: str, values: Sequence[_Operand], calls: list[_Call]) -> _Operand:
    given = tuple(value for value in values if isinstance(value, Strided))
    if not given:
        return 0.0  # a number, folded when the text is written
    parts = tuple(graph.loop(given[0].shape, given[:1], costly=True) for _ in range(_PARTS.get(name, 0)))
    shape = max(given, key=lambda tensor: tensor.entries).shape
    made = graph.loop(shape, (*given, *parts), costly=name in _COSTLY)
    grad = name not in COMPARISONS and any(tensor.grad for tensor in given)
    result = Strided(made.storage, made.shape, made.strides, grad)
    if grad:
        needs = () if name in _LINEAR else (result,) if name in _OF_RESULT else (*given, *parts)
        calls.append(_Call(result, given, needs))
    return result
