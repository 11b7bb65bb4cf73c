"""The plan of a Program whose shared tensors are built, or computed anew within their uses, whichever is better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tnc import order
from tnc.ir.program import Program
from tnc.ir.schedule import Plan, Stack
from tnc.order import Decision, PlanOptions
from tnc.order.tree import LARGEST
from tnc.sharing.problem import SharingProblem
from tnc.sharing.searches import SEARCHES, Search
from tnc.sharing.shared import SharedTensor, shared_tensors


@dataclass(frozen=True, slots=True)
class SharingDecision:
    """The shared tensors of a network, the evaluations of whole plans, and the ways for which there is no plan.

    The ``decision`` is between the evaluations; its region is empty. Of the refused ways it gives name and reason.
    """

    tensors: tuple[SharedTensor, ...]
    decision: Decision
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A plan, the decisions on its regions, and the decision on its shared tensors, if it has any."""

    plan: Plan
    decisions: tuple[Decision, ...]
    sharing: SharingDecision | None = None


def plan(program: Program, stacks: tuple[Stack, ...], digest: str, options: PlanOptions) -> Plan:
    """The plan alone."""
    return decide(program, stacks, digest, options).plan


def decide(
    program: Program,
    stacks: tuple[Stack, ...],
    digest: str,
    options: PlanOptions,
    searches: Sequence[Search] = SEARCHES,
) -> Choice:
    """The best plan by the objective, over all sets of shared tensors that the ``searches`` try.

    ``program`` is optimised; ``stacks`` and ``digest`` are those of the Program as it was elaborated.

    Raises:
        CompileError: TN404 if none of them has a plan.
    """
    tensors = shared_tensors(program, dict(order.nominal_sizes(program, options)))
    if not tensors:
        return Choice(*order.decide(program, stacks, digest, options))
    problem = SharingProblem(program, stacks, digest, options, tensors)
    for search in searches:
        for uses in search(problem):
            problem.measure(uses)
    best = problem.best
    if best is None:
        raise problem.refusals[-1].error
    chosen = list(problem.evaluations).index(best.uses)
    decision = Decision("", options.objective, tuple(problem.evaluations.values()), chosen)
    refused = (*_too_large(problem), *((each.name, each.error.diagnostics[0].message) for each in problem.refusals))
    return Choice(best.plan, best.decisions, SharingDecision(tensors, decision, refused))


def _too_large(problem: SharingProblem) -> Iterator[tuple[str, str]]:
    """Why not every tensor is built, if some cannot be."""
    if problem.forced:
        first = next(tensor for tensor in problem.tensors if not tensor.is_storable)
        power = first.entries.bit_length() - 1
        yield (
            "built",
            f"`{first.name}` has 2^{power} entries or more; a plan stores at most 2^{LARGEST.bit_length() - 1}",
        )
