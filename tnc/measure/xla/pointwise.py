"""Pointwise functions as XLA gets them: primitives, and what the gradient of each is computed from.

That is nothing for what is linear, the result for an expensive function whose derivative follows from it (``tanh``),
and the operands for all else, with what the result and its gradient share: for ``silu`` the sigmoid, for ``gelu`` an
exponential and two quotients of it, for ``softplus`` a logarithm.

Cheap values are computed again by each kernel that reads them. Expensive ones are computed once: they are stored if
more than one kernel reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tnc.cost.strided import Strided
from tnc.ir import guards
from tnc.ir.activations import COMPARISONS, primitive
from tnc.ir.entries import Primitive, Saved, Work
from tnc.ir.program import Scalar
from tnc.measure.xla.graph import Graph

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
    """The value of a function, and the tape of calls that computed it."""
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
    entry = primitive(name)
    costly = entry.work is not Work.SIMPLE and not entry.shared
    parts = tuple(graph.loop(given[0].shape, given[:1], costly=True) for _ in range(entry.shared))
    shape = max(given, key=lambda tensor: tensor.entries).shape
    made = graph.loop(shape, (*given, *parts), costly=costly)
    grad = name not in COMPARISONS and any(tensor.grad for tensor in given)
    result = Strided(made.storage, made.shape, made.strides, grad)
    if grad:
        calls.append(_Call(result, given, _needs(entry, costly, result, (*given, *parts))))
    return result


def _needs(entry: Primitive, costly: bool, result: Strided, operands: tuple[Strided, ...]) -> tuple[Strided, ...]:
    """What the gradients of a primitive are computed from."""
    match entry.saved:
        case Saved.NOTHING:
            return ()
        case Saved.RESULT if costly:
            return (result,)
        case _:
            return operands
