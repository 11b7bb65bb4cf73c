"""How plans are chosen: every objective's winner is the best by its own measure, and every plan computes the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluate_program import evaluate_program, random_tensors
from tests.evaluate_schedule import evaluate_schedule
from tests.order.networks import chain, column, core, einsum, network, operations
from tnc import codegen
from tnc.cost import Target
from tnc.ir import stacks
from tnc.ir.cost import Terms
from tnc.ir.program import Input, Normal, Program
from tnc.ir.schedule import Matmul, Plan
from tnc.order import OBJECTIVES, Decision, Evaluation, Objective, PlanOptions, decide
from tnc.order.builder import Builder
from tnc.order.candidate import RegionProblem, TreeCandidate
from tnc.order.dataflow import families
from tnc.order.evaluation import MARGIN, TOLERANCE, choose
from tnc.order.region import Operand
from tnc.order.searches import SEARCHES
from tnc.order.tree import FoundPath, Network, fold, pairs


def evaluation(regular: bool, seconds: float, flops: int, saved: int, peak: int) -> Evaluation:
    return Evaluation("found", regular, Terms(arithmetic=seconds), flops, 0, saved, peak, 1)


EVALUATIONS = st.lists(
    st.builds(
        evaluation,
        st.booleans(),
        st.floats(1e-6, 1.0),
        *(st.integers(0, 100) for _ in range(3)),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(EVALUATIONS)
def test_the_winner_is_the_best_by_its_own_measure(evaluations: list[Evaluation]) -> None:
    least = min(each.seconds for each in evaluations)
    winner = evaluations[choose(evaluations, "time")]
    assert winner.seconds == least or (winner.regular and winner.seconds <= TOLERANCE * least)
    assert evaluations[choose(evaluations, "flops")].flops == min(each.flops for each in evaluations)
    assert evaluations[choose(evaluations, "memory")].memory == min(each.saved + each.peak for each in evaluations)


def test_a_regular_order_may_be_a_little_slower() -> None:
    regular, other = evaluation(True, 1.04, 9, 9, 9), evaluation(False, 1.0, 1, 1, 1)
    assert choose([other, regular], "time") == 1
    assert choose([other, evaluation(True, 1.06, 0, 0, 0)], "time") == 0
    assert choose([other, regular], "flops") == 0


def test_the_reference_wins_unless_another_is_much_faster() -> None:
    reference = replace(evaluation(False, 1.0, 9, 9, 9), reference=True)
    near, far = (evaluation(True, 1 / (MARGIN + change), 1, 1, 1) for change in (-0.01, 0.01))
    assert choose([near, reference], "time") == 1
    assert choose([far, reference], "time") == 0
    assert choose([near, reference], "flops") == choose([near, reference], "memory") == 0


@pytest.mark.parametrize("name", ["column", "chain", "tt"])
@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_other_backends_depart_from_the_plan_for_torch_only_for_much_less_time(name: str, backend: str) -> None:
    program, sizes = PROGRAMS[name]
    target = codegen.target(backend, None)
    _, decisions = decided(program, PlanOptions(tuple(sizes.items()), "float64", target))
    for decision in decisions:
        (reference,) = (each for each in decision.evaluations if each.reference)
        assert reference.name.startswith("as for torch: ")
        assert decision.winner.reference or decision.winner.seconds * MARGIN < reference.seconds


def tt_linear(modes: tuple[int, ...], rank: int) -> Program:
    """A TT-matrix on data, all legs apart."""
    letters = iter("abcdefghijklmnopqrstuvw")
    ins, outs = [next(letters) for _ in modes], [next(letters) for _ in modes]
    bonds = ["", *(next(letters) for _ in modes[1:]), ""]
    cores = [(f"g{k}", f"{bonds[k]}{outs[k]}{ins[k]}{bonds[k + 1]}") for k in range(len(modes))]
    dims = {**dict(zip(ins, modes, strict=True)), **dict(zip(outs, modes, strict=True))}
    dims.update({bond: rank for bond in bonds if bond})
    statement = einsum("y", f"z{''.join(outs)}", ("x", f"z{''.join(ins)}"), *cores, z="batch", **dims)
    parameters = [core(name, tuple(dims[leg] for leg in legs)) for name, legs in cores]
    return network([statement], parameters, (Input("x", ("batch", *modes)),))


def decided(program: Program, options: PlanOptions) -> tuple[Plan, tuple[Decision, ...]]:
    inits = {str(parameter.name): Normal(1.0) for parameter in program.parameters}
    return decide(program, stacks(program, inits), "0" * 64, options)


PROGRAMS: dict[str, tuple[Program, dict[str, int]]] = {
    "column": (column(8, 0, 1), {}),
    "chain": (chain(6, 3), {"batch": 4}),
    "tt": (tt_linear((3, 2, 3), 2), {"batch": 5}),
}
CHOICES = tuple(product(OBJECTIVES, (False, True), ("generic-cpu", "h100")))


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(("objective", "forward_only", "device"), CHOICES)
def test_every_plan_that_can_be_chosen_computes_the_same(
    name: str, objective: Objective, forward_only: bool, device: str
) -> None:
    program, sizes = PROGRAMS[name]
    options = PlanOptions(tuple(sizes.items()), "float64", Target().on(device), objective, forward_only)
    plan, decisions = decided(program, options)
    tensors = random_tensors(program, sizes=sizes)
    for output, expected in evaluate_program(program, tensors, sizes).items():
        got = evaluate_schedule(plan.schedule, tensors, sizes)[output]
        assert np.allclose(got, expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())
    for decision in decisions:
        measures = [each.measure(objective)[0] for each in decision.evaluations]
        assert decision.winner.measure(objective)[0] <= min(measures) * (TOLERANCE if objective == "time" else 1)
        assert not forward_only or decision.winner.saved == 0


def test_more_objectives_than_one_matter() -> None:
    program = tt_linear((8, 8, 8), 8)
    winners = {
        objective: decided(program, PlanOptions((("batch", 64),), objective=objective))[1][0].winner
        for objective in OBJECTIVES
    }
    assert winners["time"].seconds <= winners["flops"].seconds
    assert winners["flops"].flops <= winners["time"].flops
    assert winners["memory"].memory < winners["time"].memory


@pytest.mark.parametrize("objective", ["time", "flops"])
@pytest.mark.parametrize(("batch", "through"), [(8, True), (100_000, False)])
def test_the_weight_is_built_where_that_is_cheaper(objective: Objective, batch: int, through: bool) -> None:
    # Two factors of rank 48 for a weight of 64 by 64: for much data, building costs nothing and saves a third.
    program = network(
        [einsum("y", "zo", ("x", "zi"), ("a", "ir"), ("b", "ro"), z="batch", i=64, o=64, r=48)],
        [core("a", (64, 48)), core("b", (48, 64))],
        (Input("x", ("batch", 64)),),
    )
    plan, _ = decided(program, PlanOptions((("batch", batch),), objective=objective))
    weights = [step for step in operations(plan.schedule, Matmul) if "batch" not in map(str, step.shape)]
    assert bool(weights) is not through


def test_families_are_trees_over_all_operands() -> None:
    # x(z, i, j), a(i, r, o), b(r, j, p)
    net = Network(
        ((0, 1, 2), (1, 3, 4), (3, 2, 5)), (0, 4, 5), (16, 2, 2, 2, 2, 2), (False, True, True), frozenset({0})
    )
    found = list(families(net))
    assert {each.name for each in found} == {"data first", "weight first"}
    for each in found:
        made = pairs(net, each.path)
        assert made[-1].legs == frozenset(net.result)
        data_steps = sum(0 in pair.legs for pair in made)
        assert data_steps == (2 if each.name == "data first" else 1)


def test_both_families_are_among_the_candidates() -> None:
    (decision,) = decided(tt_linear((8, 8, 8, 8), 8), PlanOptions((("batch", 512),)))[1]
    found = {each.name.partition(",")[0] for each in decision.evaluations}
    assert {"data first", "weight first"} <= found


@dataclass(frozen=True)
class Backwards:
    """A candidate of another search: the operands one by one, from the last."""

    name: str = "backwards"
    regular: bool = True

    def lower(self, problem: RegionProblem, builder: Builder) -> Operand:
        path = fold(tuple(reversed(range(len(problem.network.operands)))))
        return TreeCandidate(FoundPath(self.name, path)).lower(problem, builder)


def backwards(problem: RegionProblem) -> Iterator[Backwards]:
    yield Backwards()


def test_a_search_that_is_added_competes_with_the_others() -> None:
    """The whole of what a new kind of candidate needs: a class, a search, and a place among the searches."""
    program, sizes = PROGRAMS["tt"]
    inits = {str(parameter.name): Normal(1.0) for parameter in program.parameters}
    arguments = program, stacks(program, inits), "0" * 64, PlanOptions(tuple(sizes.items()), "float64")
    (with_others,) = decide(*arguments, searches=(*SEARCHES, backwards))[1]
    assert with_others.evaluations[-1].name == "backwards"
    assert with_others.evaluations[:-1] == decide(*arguments)[1][0].evaluations
    plan, (alone,) = decide(*arguments, searches=(backwards,))
    assert alone.winner.name == "backwards"
    tensors = random_tensors(program, sizes=sizes)
    for output, expected in evaluate_program(program, tensors, sizes).items():
        assert np.allclose(evaluate_schedule(plan.schedule, tensors, sizes)[output], expected)
