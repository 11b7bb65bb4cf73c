"""Every candidate computes the same, chosen or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

import tnc
from tests.evaluate_program import evaluate_program, random_tensors
from tests.evaluate_schedule import evaluate_schedule
from tests.order import networks
from tests.order.networks import column
from tnc import ir, passes
from tnc.ir.legs import contract
from tnc.ir.program import Contract, Input, Normal, Program, Reshape, Use, View
from tnc.ir.schedule import Plan
from tnc.order import Decision, Evaluation, Objective, PlanOptions, decide

ALIKE = """
network alike() {
  core state([2] * 14)
  core f[k in 0..6](2, 2 -> 2, 2)
  core g[k in 0..6](2, 2 -> 2, 2)
  h(y[0..14]) = relu(state(y[0], x[1..13], y[13])
    * prod(k in 0..6) f[k](x[2*k + 1], x[2*k + 2], y[2*k + 1], y[2*k + 2]))
  # The same again, but legs that stay are told to by copy tensors, which come first.
  output w(y[0..14]) = delta(y[13], x[13]) * delta(y[0], x[0]) * h(x[0..14])
    * prod(k in 0..6) g[k](x[2*k + 1], x[2*k + 2], y[2*k + 1], y[2*k + 2])
}
"""


@dataclass(frozen=True)
class Nth:
    """The candidate with this number, or the last one if there are fewer."""

    number: int

    def __call__(self, evaluations: Sequence[Evaluation], objective: Objective) -> int:
        return min(self.number, len(evaluations) - 1)


def apart(*firsts: int) -> Program:
    gates = column(14, *firsts, apart=True)
    return networks.network([*gates.statements, View("flat", "h", Reshape(), (2**14,))], list(gates.parameters))


def on_data(firsts: tuple[int, ...]) -> Program:
    """Data times a generated weight with 2^14 entries whose legs alternate between rows and columns."""
    gates = column(14, *firsts)
    (statement,) = gates.statements
    assert isinstance(statement, Contract)
    legs = statement.legs
    batch = len(statement.dims)
    factors = [*statement.factors, Use("x", (batch, *legs[1::2]))]
    applied = contract("y", factors, (batch, *legs[::2]), (*statement.dims, "batch"))
    return networks.network([applied], list(gates.parameters), (Input("x", ("batch", *(2,) * 7)),))


PROGRAMS: dict[str, tuple[Program, dict[str, int]]] = {
    "apart": (apart(1), {}),
    "two columns apart": (apart(0, 1), {}),
    "alike": (passes.run_passes(tnc.loads(ALIKE).initialised.program), {}),
    "on data": (on_data((1,)), {"batch": 300}),
    "two columns on data": (on_data((0, 1)), {"batch": 300}),
}


def decided(name: str, number: int) -> tuple[Plan, tuple[Decision, ...]]:
    program, sizes = PROGRAMS[name]
    inits = {str(parameter.name): Normal(1.0) for parameter in program.parameters}
    options = PlanOptions(tuple(sizes.items()), "float64")
    return decide(program, ir.stacks(program, inits), "0" * 64, options, Nth(number))


def agree(name: str, numbers: Sequence[int]) -> None:
    program, sizes = PROGRAMS[name]
    tensors = random_tensors(program, sizes=sizes)
    ((output, expected),) = evaluate_program(program, tensors, sizes).items()
    for number in numbers:
        plan, decisions = decided(name, number)
        got = evaluate_schedule(plan.schedule, tensors, sizes)[output]
        near = np.allclose(got, expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())
        assert near, decisions[-1].winner.name


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_kind_of_candidate(name: str) -> None:
    evaluations = decided(name, 0)[1][-1].evaluations
    first = {each.name: number for number, each in reversed(list(enumerate(evaluations)))}
    assert any("swept" in planner for planner in first)
    assert ("data" in name) == any("weight first, swept" in planner for planner in first)
    agree(name, sorted(first.values()))


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_all_candidates(name: str) -> None:
    agree(name, range(max(len(decision.evaluations) for decision in decided(name, 0)[1])))
