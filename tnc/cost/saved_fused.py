"""Storages that a compiled step saves for the backward pass of a pointwise function.

Cheap values are computed again from what they were computed from, so the arguments are saved in their place. Expensive
ones, such as tanh, are computed once and stored. docs/time-model.md has the rules of XLA, which these follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tnc.cost.strided import Storage, Strided
from tnc.ir.activations import COMPARISONS, primitive
from tnc.ir.entries import Saved, Work
from tnc.ir.guards import evaluated
from tnc.ir.program import Scalar


@dataclass(frozen=True, slots=True)
class _Value:
    """A tensor: the stored ones that it can be computed from cheaply, itself if it is stored."""

    sources: tuple[Storage, ...]
    entries: int
    grad: bool


_Operand: TypeAlias = _Value | float


def saved_when_fused(
    function: Scalar, operands: Sequence[Strided], result: Strided, itemsize: int, new: Callable[[int], Storage]
) -> tuple[Storage, ...]:
    """The storages kept by a function of tensors whose value is ``result``, of entries of ``itemsize`` bytes."""
    kept: list[Storage] = []

    def call(name: str, values: Sequence[_Operand]) -> _Operand:
        given = [value for value in values if isinstance(value, _Value)]
        if not given:
            return 0.0  # a number, folded when the text is written
        entry = primitive(name)
        entries = max(value.entries for value in given)
        parts = [new(entries * itemsize) for _ in range(entry.shared)]
        read = tuple(dict.fromkeys([*(source for value in given for source in value.sources), *parts]))
        costly = entry.work is not Work.SIMPLE and not entry.shared
        grad = name not in COMPARISONS and any(value.grad for value in given)
        made = _Value((new(entries * itemsize),) if costly else read, entries, grad)
        if grad and entry.saved is not Saved.NOTHING:
            kept.extend(made.sources if costly and entry.saved is Saved.RESULT else read)
        return made

    environment = tuple(_Value((each.storage,), each.entries, each.grad) for each in operands)
    last = evaluated(function, environment, call)
    given = {operand.storage for operand in operands}
    # A costly outermost call made the result itself.
    named = dict.fromkeys(last.sources[:1], result.storage) if isinstance(last, _Value) else {}
    return tuple(dict.fromkeys(each if each in given else named.get(each, each) for each in kept))
