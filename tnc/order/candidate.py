"""What the planner chooses from: candidates, and the problem that each of them solves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, TypeAlias

from tnc.cost.time import Clock
from tnc.order.builder import Builder
from tnc.order.leg_orders import Demand, Leaf, arrange
from tnc.order.lower import lower
from tnc.order.region import Operand, Prepared
from tnc.order.search import searched_paths
from tnc.order.tree import FoundPath, Network


@dataclass(frozen=True)
class RegionProblem:
    """A region to contract: its legs, its operands, what the following statements ask of the result, and the clock.

    ``names`` are the author's names of the legs.
    """

    network: Network
    prepared: Prepared
    demand_by: Callable[[Clock], Demand]
    names: Sequence[str]
    clock: Clock

    @cached_property
    def demand(self) -> Demand:
        """The seconds to bring a result into the order that is asked for."""
        return self.demand_by(self.clock)

    def timed_by(self, clock: Clock) -> RegionProblem:
        """The same region on another device."""
        return replace(self, clock=clock)

    @cached_property
    def paths(self) -> tuple[FoundPath, ...]:
        """The contraction paths that the searches for trees find; other searches start from them."""
        return searched_paths(self.network, self.clock)


class Candidate(Protocol):
    """One way to contract a region.

    A ``regular`` one takes the operands one by one: its steps become a loop and read like the source, so it wins if it
    takes hardly longer than the best.
    """

    @property
    def name(self) -> str:
        """How it was found, in the words of reports."""
        ...

    @property
    def regular(self) -> bool:
        """Whether it takes the operands one by one."""
        ...

    def lower(self, problem: RegionProblem, builder: Builder) -> Operand:
        """Append its steps; the result, with its legs in the order of memory."""
        ...


Search: TypeAlias = Callable[[RegionProblem], Iterable[Candidate]]
"""Finds candidates for a region; no two searches depend on each other."""


@dataclass(frozen=True, slots=True)
class TreeCandidate:
    """A contraction tree, its layouts chosen so that the steps are products of matrices on views."""

    found: FoundPath

    @property
    def name(self) -> str:
        """The name of the search that found the path."""
        return self.found.name

    @property
    def regular(self) -> bool:
        """Whether the path takes the operands one by one."""
        return self.found.regular

    def lower(self, problem: RegionProblem, builder: Builder) -> Operand:
        """Append a step for each pair of the path."""
        prepared = problem.prepared
        leaves = [Leaf(operand.legs, operand.tensor.strided) for operand in prepared.operands]
        made, arrangements = arrange(problem.network, self.found.path, leaves, problem.demand, problem.clock)
        return lower(prepared.operands, made, arrangements, prepared.dims, problem.names, builder)


@dataclass(frozen=True, slots=True)
class ReferenceCandidate:
    """How eager PyTorch would compute a region: its choice, with layouts by its times."""

    found: Candidate
    clock: Clock

    @property
    def name(self) -> str:
        """The name of its choice."""
        return f"as for torch: {self.found.name}"

    @property
    def regular(self) -> bool:
        """Whether its choice takes the operands one by one."""
        return self.found.regular

    def lower(self, problem: RegionProblem, builder: Builder) -> Operand:
        """Append the steps of its choice."""
        return self.found.lower(problem.timed_by(self.clock), builder)


def tree_candidates(problem: RegionProblem) -> Iterable[TreeCandidate]:
    """A candidate for every path that was found."""
    return map(TreeCandidate, problem.paths)
