"""The tensors of a Program that are used several times, and the Programs in which their uses compute them anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from tnc.ir.extent import evaluate
from tnc.ir.legs import used_tensors
from tnc.ir.program import Contract, Program
from tnc.order.tree import LARGEST
from tnc.passes.merge_contractions import InnerUse, MergeShared, inner_uses
from tnc.passes.pipeline import run_passes
from tnc.passes.uses import use_counts

Uses: TypeAlias = frozenset[InnerUse]
"""The uses that compute a shared tensor anew; all others read it."""

MOST_FACTORS = 2**11
"""Maximum number of factors that merging may add to a Program: tensors made of tensors grow exponentially."""

MOST_FORCED_FACTORS = 2**16
"""The same where merging is the only way, because no plan can store the tensors."""


@dataclass(frozen=True, slots=True)
class SharedTensor:
    """A Contract with several readers, at least one of them a Contract.

    ``uses`` are by the Contracts among the readers; ``times`` is how often it is read in all, by outputs, activations
    and sums as well.
    """

    name: str
    shape: tuple[int, ...]
    uses: tuple[InnerUse, ...]
    times: int

    @property
    def entries(self) -> int:
        """The number of entries at the nominal sizes."""
        return prod(self.shape)

    @property
    def is_storable(self) -> bool:
        """Whether a plan may make it."""
        return self.entries <= LARGEST


def shared_tensors(program: Program, sizes: Mapping[str, int]) -> tuple[SharedTensor, ...]:
    """The shared tensors in the order in which they are defined."""
    counts = use_counts(program)
    shapes = program.shapes()
    uses: dict[str, list[InnerUse]] = {}
    for use in inner_uses(program):
        uses.setdefault(use.tensor, []).append(use)
    return tuple(
        SharedTensor(
            statement.name,
            tuple(evaluate(dim, sizes) for dim in shapes[statement.name]),
            tuple(uses[statement.name]),
            counts[statement.name],
        )
        for statement in program.statements
        if statement.name in uses and counts[statement.name] > 1
    )


def merged(program: Program, uses: Uses) -> Program:
    """The Program in which these uses compute their tensor anew."""
    return run_passes(MergeShared(uses).run(program)) if uses else program


def added_factors(program: Program, uses: AbstractSet[InnerUse]) -> int:
    """The number of factors that merging these uses adds; exact, though it may be astronomic."""
    factors: dict[str, int] = {}
    added = 0
    for statement in program.statements:
        if isinstance(statement, Contract):
            inlined = [tensor for tensor in used_tensors(statement) if InnerUse(tensor, statement.name) in uses]
            more = sum(factors[tensor] - 1 for tensor in inlined)
            factors[statement.name] = len(statement.factors) + more
            added += more
    return added


def largest_first(tensors: Iterable[SharedTensor]) -> Sequence[SharedTensor]:
    """Tensors by size, those defined first before others of their size."""
    return sorted(tensors, key=lambda tensor: -tensor.entries)
