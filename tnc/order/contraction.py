"""One region: which order, in which layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from tnc.cost.time import Clock
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.cost import Terms
from tnc.ir.extent import evaluate
from tnc.ir.program import Contract
from tnc.order.builder import Builder
from tnc.order.built import Built, built, lower_built
from tnc.order.evaluation import Choice, Decision, Trial, tried
from tnc.order.layout_constraints import Groups, satisfied
from tnc.order.leg_orders import Demand, Leaf, Order, arrange, moving
from tnc.order.lower import lower
from tnc.order.lower_sweep import lower_sweep
from tnc.order.options import Objective, PlanOptions
from tnc.order.region import Operand, Prepared, finish, prepare, scaled
from tnc.order.search import Candidate, candidates
from tnc.order.sweep import Swept, sweeps
from tnc.order.tensor_layout import Layout
from tnc.order.tree import LARGEST, Network

_Key: TypeAlias = tuple[Network, tuple[bool, ...], tuple[int, ...], Groups | None]
"""Equal for isomorphic regions: legs renumbered, layouts of the operands, legs of the result's axes, what is asked."""


class Planner:
    """Plans regions, each kind of region once."""

    def __init__(self, builder: Builder, options: PlanOptions, choice: Choice, *, complex_cores: bool) -> None:
        self._builder = builder
        self._clock = Clock(
            options.device, options.dtype, forward_only=options.forward_only, complex_cores=complex_cores
        )
        self._objective: Objective = options.objective
        self._choice = choice
        self._known: dict[_Key, tuple[Candidate | Swept | Built, Decision]] = {}

    def contract(
        self, statement: Contract, located: Mapping[str, Layout], wanted: Groups | None
    ) -> tuple[Layout, Decision]:
        """Append the steps of a region; where its result lies, and how its order was chosen."""
        builder = self._builder
        prepared = scaled(prepare(statement, located, builder), builder)
        if not prepared.operands:
            number = Trial("a number", Terms(), 0, 0, 0, 0, 0)
            decision = Decision(statement.name, self._objective, (number,), 0)
            return finish(prepared, prepared.scalars[0], (), statement, builder), decision
        held = {leg for operand in prepared.operands for leg in operand.legs}
        network = Network(
            operands=tuple(operand.legs for operand in prepared.operands),
            result=tuple(leg for leg in prepared.result if leg in held),
            sizes=tuple(evaluate(dim, builder.sizes) for dim in prepared.dims),
            grads=tuple(builder.trained[operand.tensor.source] for operand in prepared.operands),
            dynamic=frozenset(leg for leg, dim in enumerate(prepared.dims) if isinstance(dim, str) and leg in held),
        )
        demand = partial(_bringing, statement, prepared, wanted, network, self._clock)
        key = _key(network, prepared, statement, wanted)
        if key not in self._known:
            self._known[key] = self._search(statement, network, prepared, demand)
        candidate, decision = self._known[key]
        if decision.region != statement.name:
            decision = replace(decision, region=statement.name, like=decision.region)
        operand = self._lower(candidate, network, prepared, demand, statement.leg_names, builder)
        return finish(prepared, operand.tensor, operand.legs, statement, builder), decision

    def _search(
        self, statement: Contract, network: Network, prepared: Prepared, demand: Demand
    ) -> tuple[Candidate | Swept | Built, Decision]:
        """The candidate whose steps, layout included, have the least of what is asked for."""
        trees = candidates(network, self._clock)
        found: tuple[Candidate | Swept | Built, ...] = (
            *trees,
            *sweeps(network, [tree.path for tree in trees], self._clock),
            *built(network, self._clock),
        )
        if not found:
            raise CompileError((_infeasible(statement),))
        trials = tuple(self._try(candidate, network, prepared, demand) for candidate in found)
        decision = Decision(statement.name, self._objective, trials, self._choice(trials, self._objective))
        return found[decision.chosen], decision

    def _try(self, candidate: Candidate | Swept | Built, network: Network, prepared: Prepared, demand: Demand) -> Trial:
        scratch = self._builder.scratch()
        result = self._lower(candidate, network, prepared, demand, (), scratch)
        trial = tried(candidate.planner, scratch.steps, scratch, self._clock)
        moves = trial.terms.moves + demand(result.legs)
        return replace(trial, terms=replace(trial.terms, moves=moves))

    def _lower(
        self,
        candidate: Candidate | Swept | Built,
        network: Network,
        prepared: Prepared,
        demand: Demand,
        leg_names: tuple[str, ...],
        builder: Builder,
    ) -> Operand:
        names = leg_names or tuple(f"l{leg}" for leg in range(len(prepared.dims)))
        if isinstance(candidate, Swept):
            return lower_sweep(candidate, network, prepared, names, builder, self._clock)
        if isinstance(candidate, Built):
            return lower_built(candidate, network, prepared, demand, names, builder, self._clock)
        leaves = [Leaf(operand.legs, operand.tensor.strided) for operand in prepared.operands]
        made, choices = arrange(network, candidate.path, leaves, demand, self._clock)
        return lower(prepared.operands, made, choices, prepared.dims, names, builder)


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
    """The time of moving a result in this order to where what follows the region wants it; 0 where that reads it so."""
    if wanted is None:
        return 0.0
    place = {leg: number for number, leg in enumerate(order)}
    places = {axis: place.get(prepared.leaders[leg]) for axis, leg in enumerate(statement.legs)}
    return 0.0 if satisfied(wanted, places) else moving(network, order, network.result, clock)


def _key(network: Network, prepared: Prepared, statement: Contract, wanted: Groups | None) -> _Key:
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
