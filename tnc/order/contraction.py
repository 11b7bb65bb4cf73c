"""One region: its candidates, and the steps of the best one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from tnc.cost.time import Clock
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.cost import Terms
from tnc.ir.extent import evaluate
from tnc.ir.program import Contract
from tnc.order.builder import Builder
from tnc.order.candidate import Candidate, ReferenceCandidate, RegionProblem, Search
from tnc.order.evaluation import Chooser, Decision, Evaluation, choose, evaluate_steps
from tnc.order.layout_constraints import Groups, satisfied
from tnc.order.leg_orders import Demand, Order, moving
from tnc.order.lookup import WAYS, Selection, Tensor, Way
from tnc.order.options import Objective, PlanOptions
from tnc.order.region import Operand, Prepared, finish, prepare, scaled, with_rows
from tnc.order.tensor_layout import Layout
from tnc.order.tree import LARGEST, Network

RegionKey: TypeAlias = tuple[Network, tuple[bool, ...], tuple[int, ...], Groups | None]
"""Equal for isomorphic regions: legs renumbered, layouts of the operands, legs of the result's axes, the demand."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found: the candidate to take, and the evaluations of all of them."""

    candidate: Candidate
    evaluations: tuple[Evaluation, ...]
    chosen: int


Known: TypeAlias = dict[RegionKey, Searched]
"""Regions that were searched already. Several plans may share one, if options, searches and chooser are the same."""


class Planner:
    """Plans regions, isomorphic ones once.

    ``known`` are regions that earlier plans have searched; those that this one searches are added.
    """

    def __init__(
        self,
        builder: Builder,
        options: PlanOptions,
        chooser: Chooser,
        searches: Sequence[Search],
        known: Known,
        *,
        complex_cores: bool,
    ) -> None:
        self._builder = builder
        clock = partial(Clock, dtype=options.dtype, forward_only=options.forward_only, complex_cores=complex_cores)
        self._clock = clock(options.target)
        reference = options.target.reference
        self._reference = clock(reference) if reference is not None and options.objective == "time" else None
        self._objective: Objective = options.objective
        self._chooser = chooser
        self._searches = searches
        self._known = known
        self._first: dict[RegionKey, str] = {}

    def contract(
        self,
        statement: Contract,
        located: Mapping[str, Layout],
        selections: Mapping[str, Selection],
        wanted: Groups | None,
    ) -> tuple[Layout, Decision]:
        """Append the steps of a region; the layout of its result, and how its order was chosen."""
        builder = self._builder
        prepared = scaled(prepare(statement, located, selections, builder), builder)
        if not prepared.operands:
            number = Evaluation("a number", True, Terms(), 0, 0, 0, 0, 0)
            decision = Decision(statement.name, self._objective, (number,), 0)
            return finish(prepared, prepared.scalars[0], (), statement, builder), decision
        if prepared.pickers:
            return self._with_rows(statement, prepared, wanted)
        problem = self._problem(statement, prepared, wanted, builder)
        key = _key(problem.network, prepared, statement, wanted)
        if key not in self._known:
            self._known[key] = self._search(statement, problem)
        found = self._known[key]
        first = self._first.setdefault(key, statement.name)
        like = "" if first == statement.name else first
        decision = Decision(statement.name, self._objective, found.evaluations, found.chosen, like)
        operand = found.candidate.lower(problem, builder)
        return finish(prepared, operand.tensor, operand.legs, statement, builder), decision

    def _with_rows(self, statement: Contract, prepared: Prepared, wanted: Groups | None) -> tuple[Layout, Decision]:
        """A region in which integers pick rows: each way to pick them, with each way to contract what is left.

        It is planned as for the reference, if there is one.
        """
        clock = self._reference or self._clock
        names = _names(statement, prepared)
        options: list[tuple[Way, Candidate, Evaluation]] = []
        for word, way in WAYS:
            before = self._builder.scratch()
            left = with_rows(prepared, way, partial(self._contracted, prepared, names, before), names, before)
            if left is None:
                continue
            problem = self._problem(statement, left, wanted, before).timed_by(clock)
            for candidate in self._candidates(problem):
                after = before.scratch()
                result = candidate.lower(problem, after)
                steps = (*before.steps, *after.steps)
                name = f"{word}, {candidate.name}"
                found = evaluate_steps(name, candidate.regular, steps, after, clock)
                moves = found.terms.moves + problem.demand(result.legs)
                options.append((way, candidate, replace(found, terms=replace(found.terms, moves=moves))))
        if not options:
            raise CompileError((_infeasible(statement),))
        evaluations = tuple(evaluation for _, _, evaluation in options)
        chosen = self._chooser(evaluations, self._objective)
        way, candidate, _ = options[chosen]
        builder = self._builder
        left = with_rows(prepared, way, partial(self._contracted, prepared, names, builder), names, builder)
        assert left is not None
        operand = candidate.lower(self._problem(statement, left, wanted, builder).timed_by(clock), builder)
        decision = Decision(statement.name, self._objective, evaluations, chosen)
        return finish(left, operand.tensor, operand.legs, statement, builder), decision

    def _contracted(
        self,
        prepared: Prepared,
        names: Sequence[str],
        builder: Builder,
        tensors: Sequence[Tensor],
        legs: Sequence[int],
    ) -> Tensor | None:
        """Append the steps of the best candidate for some of a region's operands."""
        operands = tuple(Operand(tensor, held) for tensor, held in tensors)
        part = replace(prepared, operands=operands, scalars=(), scale=1.0, result=tuple(legs), absent=(), pickers=())
        network = _network(part, builder)
        problem = RegionProblem(network, part, lambda _: lambda _: 0.0, names, self._reference or self._clock)
        candidates = self._candidates(problem)
        if not candidates:
            return None
        evaluations = tuple(self._evaluate(candidate, problem, builder) for candidate in candidates)
        made = candidates[choose(evaluations, self._objective)].lower(problem, builder)
        return made.tensor, made.legs

    def _candidates(self, problem: RegionProblem) -> list[Candidate]:
        return [candidate for search in self._searches for candidate in search(problem)]

    def _problem(
        self, statement: Contract, prepared: Prepared, wanted: Groups | None, builder: Builder
    ) -> RegionProblem:
        network = _network(prepared, builder)

        def demand(clock: Clock) -> Demand:
            return partial(_bringing, statement, prepared, wanted, network, clock)

        return RegionProblem(network, prepared, demand, _names(statement, prepared), self._clock)

    def _search(self, statement: Contract, problem: RegionProblem) -> Searched:
        """The candidate whose steps, layout included, are best by the objective."""
        candidates = self._candidates(problem)
        if not candidates:
            raise CompileError((_infeasible(statement),))
        evaluations = [self._evaluate(candidate, problem, self._builder) for candidate in candidates]
        if self._reference is not None:
            candidates.append(self._chosen_by(self._reference, problem))
            evaluations.append(replace(self._evaluate(candidates[-1], problem, self._builder), reference=True))
        chosen = self._chooser(evaluations, self._objective)
        return Searched(candidates[chosen], tuple(evaluations), chosen)

    def _chosen_by(self, clock: Clock, problem: RegionProblem) -> ReferenceCandidate:
        """The candidate that is best by another clock."""
        problem = problem.timed_by(clock)
        candidates = self._candidates(problem)
        evaluations = [self._evaluate(candidate, problem, self._builder) for candidate in candidates]
        return ReferenceCandidate(candidates[choose(evaluations, self._objective)], clock)

    def _evaluate(self, candidate: Candidate, problem: RegionProblem, builder: Builder) -> Evaluation:
        """What a candidate takes, lowered in a builder of its own; permutations of the result count as its own."""
        scratch = builder.scratch()
        result = candidate.lower(problem, scratch)
        found = evaluate_steps(candidate.name, candidate.regular, scratch.steps, scratch, problem.clock)
        moves = found.terms.moves + problem.demand(result.legs)
        return replace(found, terms=replace(found.terms, moves=moves))


def _names(statement: Contract, prepared: Prepared) -> tuple[str, ...]:
    """The author's names of the legs."""
    return statement.leg_names or tuple(f"l{leg}" for leg in range(len(prepared.dims)))


def _network(prepared: Prepared, builder: Builder) -> Network:
    """The operands of a region as legs and sizes."""
    held = {leg for operand in prepared.operands for leg in operand.legs}
    return Network(
        operands=tuple(operand.legs for operand in prepared.operands),
        result=tuple(leg for leg in prepared.result if leg in held),
        sizes=tuple(evaluate(dim, builder.sizes) for dim in prepared.dims),
        grads=tuple(builder.trained[operand.tensor.source] for operand in prepared.operands),
        dynamic=frozenset(leg for leg, dim in enumerate(prepared.dims) if isinstance(dim, str) and leg in held),
    )


def _infeasible(statement: Contract) -> Diagnostic:
    return Diagnostic(
        "TN404",
        f"no order was found in which `{statement.name}` can be contracted: "
        f"each makes a tensor of more than {LARGEST} entries",
        span=statement.span,
        label="this region is too densely connected",
        help="smaller bonds, fewer legs, or intermediate tensors between activations make regions smaller",
    )


def _bringing(
    statement: Contract, prepared: Prepared, wanted: Groups | None, network: Network, clock: Clock, order: Order
) -> float:
    """The seconds to permute a result in this order for the statements that read it; 0 if they read it as it is."""
    if wanted is None:
        return 0.0
    place = {leg: number for number, leg in enumerate(order)}
    places = {axis: place.get(prepared.leaders[leg]) for axis, leg in enumerate(statement.legs)}
    return 0.0 if satisfied(wanted, places) else moving(network, order, network.result, clock)


def _key(network: Network, prepared: Prepared, statement: Contract, wanted: Groups | None) -> RegionKey:
    number: dict[int, int] = {}
    for legs in network.operands:
        for leg in legs:
            number.setdefault(leg, len(number))
    renumbered = Network(
        tuple(tuple(number[leg] for leg in legs) for legs in network.operands),
        tuple(number[leg] for leg in network.result),
        tuple(network.sizes[leg] for leg in number),
        network.grads,
        frozenset(number[leg] for leg in network.dynamic),
    )
    strided = tuple(operand.tensor.strided for operand in prepared.operands)
    axes = tuple(number.get(prepared.leaders[leg], -1) for leg in statement.legs)
    return renumbered, strided, axes, wanted
