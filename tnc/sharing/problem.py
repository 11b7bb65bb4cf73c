"""What searches decide: the uses of shared tensors to merge. Every set of uses is a whole plan with a cost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from tnc import order
from tnc.diagnostics import CompileError
from tnc.ir.program import Program
from tnc.ir.schedule import Plan, Stack
from tnc.order import Decision, Evaluation, PlanOptions
from tnc.passes.merge_contractions import InnerUse
from tnc.sharing.alike import colours
from tnc.sharing.shared import (
    MOST_FACTORS,
    MOST_FORCED_FACTORS,
    SharedTensor,
    Uses,
    added_factors,
    largest_first,
    merged,
)

Measure: TypeAlias = tuple[float, float]
"""What plans are compared by, less being better: :meth:`tnc.order.Evaluation.measure`."""

_INFEASIBLE: Measure = (math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Merged uses, their plan, and what the whole plan takes."""

    uses: Uses
    plan: Plan
    decisions: tuple[Decision, ...]
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class Refusal:
    """Merged uses for which there is no plan, and why."""

    uses: Uses
    name: str
    error: CompileError


class SharingProblem:
    """A Program with shared tensors. Plans are made when their measure is asked for, each once."""

    def __init__(
        self,
        program: Program,
        stacks: tuple[Stack, ...],
        digest: str,
        options: PlanOptions,
        tensors: tuple[SharedTensor, ...],
    ) -> None:
        self.tensors = tensors
        self._program = program
        self._stacks = stacks
        self._digest = digest
        self._options = options
        self._known: order.Known = {}
        self._measures: dict[Uses, Measure] = {}
        self.evaluations: dict[Uses, Evaluation] = {}
        self.refusals: list[Refusal] = []
        self.best: Alternative | None = None

    # -- sets of uses --------------------------------------------------------------------------

    @cached_property
    def forced(self) -> Uses:
        """Uses that every plan merges, because their tensor has too many entries for any plan to make it."""
        uses = frozenset(use for tensor in self.tensors if not tensor.is_storable for use in tensor.uses)
        return uses if added_factors(self._program, uses) <= MOST_FORCED_FACTORS else frozenset()

    @cached_property
    def everything(self) -> Uses:
        """All uses; fewer if the Program would become too long: those of the largest tensors then."""
        uses = self.forced
        for tensor in largest_first(self.tensors):
            more = uses.union(tensor.uses)
            uses = more if self.is_feasible(more) else uses
        return uses

    @cached_property
    def groups(self) -> tuple[Uses, ...]:
        """The uses to decide on, tensors that play the same part together; the largest tensors first."""
        found: dict[int, set[InnerUse]] = {}
        for tensor in largest_first(self.tensors):
            found.setdefault(self._colours[tensor.name], set()).update(tensor.uses)
        return self._undecided(found.values())

    @cached_property
    def parts(self) -> tuple[Uses, ...]:
        """Groups in parts, where readers play several parts: the uses by readers of one part together."""
        found: dict[int, dict[int, set[InnerUse]]] = {}
        for tensor in largest_first(self.tensors):
            readers = found.setdefault(self._colours[tensor.name], {})
            for use in tensor.uses:
                readers.setdefault(self._colours[use.user], set()).add(use)
        return self._undecided(uses for readers in found.values() if len(readers) > 1 for uses in readers.values())

    def _undecided(self, groups: Iterable[set[InnerUse]]) -> tuple[Uses, ...]:
        rest = (frozenset(uses - self.forced) for uses in groups)
        return tuple(uses for uses in rest if uses)

    @cached_property
    def _colours(self) -> dict[str, int]:
        return colours(self._program)

    def name(self, uses: Uses) -> str:
        """The set in the words of reports."""
        if not uses:
            return "built"
        texts = [text for tensor in self.tensors if (text := _text(tensor, uses))]
        if all(uses.issuperset(tensor.uses) for tensor in self.tensors):
            return "inlined"
        return f"inlined: {', '.join(texts[:3])}{f' and {len(texts) - 3} more' if len(texts) > 3 else ''}"

    # -- plans ---------------------------------------------------------------------------------

    def measure(self, uses: Uses) -> Measure:
        """The measure of the plan in which these uses are merged; infinite if there is none."""
        known = self._measures.get(uses)
        if known is None:
            known = self._measures[uses] = self._plan(uses)
        return known

    def _plan(self, uses: Uses) -> Measure:
        """Make the plan, and keep it if it is the best so far; among equals the first one is."""
        name = self.name(uses)
        program = merged(self._program, uses)
        try:
            plan, decisions = order.decide(program, self._stacks, self._digest, self._options, known=self._known)
        except CompileError as error:
            if any(diagnostic.code != "TN404" for diagnostic in error.diagnostics):
                raise
            self.refusals.append(Refusal(uses, name, error))
            return _INFEASIBLE
        evaluation = order.evaluate_plan(name, plan, self._options)
        self.evaluations[uses] = evaluation
        measure = evaluation.measure(self._options.objective)
        if self.best is None or measure < self._measures[self.best.uses]:
            self.best = Alternative(uses, plan, decisions, evaluation)
        return measure

    @property
    def plans(self) -> int:
        """The number of sets that were tried."""
        return len(self._measures)

    def is_feasible(self, uses: Uses) -> bool:
        """Whether merging these uses leaves a Program of bearable length, counted from what every plan merges."""
        return uses == self.forced or added_factors(self._program, uses) <= self._most

    @cached_property
    def _most(self) -> int:
        return MOST_FACTORS + added_factors(self._program, self.forced)


def _text(tensor: SharedTensor, uses: Uses) -> str:
    """A tensor with those of its readers that compute it anew, if not all do; empty if none does."""
    inside = [use.user for use in tensor.uses if use in uses]
    if not inside or len(inside) == len(tensor.uses):
        return tensor.name if inside else ""
    return f"{tensor.name} in {', '.join(inside[:3])}{' …' if len(inside) > 3 else ''}"
