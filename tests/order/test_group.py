from __future__ import annotations

from math import prod

import numpy as np
import pytest

from tests.evaluate_program import evaluate_program, random_tensors
from tests.evaluate_schedule import evaluate_schedule
from tests.order.networks import column, core, einsum, network, operations, schedule_of
from tnc.cost import Target
from tnc.cost.time import Clock
from tnc.ir.program import Dim, Input, Program, Reshape, View
from tnc.ir.reads import reads
from tnc.ir.schedule import Contiguous, Eye, Kron, Matmul, Schedule, Step
from tnc.order.group import grouped
from tnc.order.search import effort
from tnc.order.tree import Network, Path, fold, pairs

CLOCK = Clock(Target(), "float32")


def large_passes(schedule: Schedule, entries: int) -> int:
    shapes = [[int(str(size)) for size in step.shape] for step in operations(schedule, Matmul)]
    return sum(prod(shape) >= entries for shape in shapes)


def moves_of_the_state(schedule: Schedule) -> list[Step]:
    """Moves of the state or of anything made from it, however small."""
    made = {"state"}
    moves: list[Step] = []
    for step in schedule.steps:
        if any(read.source in made for read in reads(step.operation)):
            made.add(step.name)
            moves += [step] if isinstance(step.operation, Contiguous) else []
    assert len(made) > 1
    return moves


def agree(program: Program) -> None:
    tensors = random_tensors(program)
    expected = evaluate_program(program, tensors)["out_h"]
    got = evaluate_schedule(schedule_of(program), tensors)["out_h"]
    assert np.allclose(got, expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize(("firsts", "gates", "passes"), [((0,), 10, 5), ((1,), 9, 5), ((0, 1), 19, 6)])
def test_a_large_state_is_passed_over_once_for_several_gates(firsts: tuple[int, ...], gates: int, passes: int) -> None:
    program = column(20, *firsts)
    assert len(program.parameters) == gates + 1
    schedule = schedule_of(program)
    assert large_passes(schedule, 2**20) <= passes
    assert not moves_of_the_state(schedule)


@pytest.mark.parametrize("legs", [5, 8, 11, 12])
@pytest.mark.parametrize("firsts", [(0,), (1,), (0, 1), (1, 0), (0, 1, 0), (0, 0)])
def test_values(legs: int, firsts: tuple[int, ...]) -> None:
    agree(column(legs, *firsts))


@pytest.mark.parametrize("firsts", [(0,), (1,), (0, 1)])
def test_values_where_groups_pay(firsts: tuple[int, ...]) -> None:
    agree(column(16, *firsts))


def test_small_networks_are_not_slower_for_it() -> None:
    # A product of two gates costs a call, and so does a pass over a state that small.
    assert len(schedule_of(column(4, 0)).steps) <= 2


def test_legs_behind_a_group_take_part_idly_where_they_are_few() -> None:
    # The last gates of a column that is asked for row-major: leg 19 stands behind them.
    gates = [(f"g{k}", legs) for k, legs in enumerate(("abcd", "efgh"))]
    product = einsum("h", "xcdghz", ("s", "xabefz"), *gates, x=2**15)
    flat = View("flat", "h", Reshape(), (2**20,))
    cores = [core(name, (2, 2, 2, 2)) for name, _ in gates]
    program = network([product, flat], [core("s", (2**15, 2, 2, 2, 2, 2)), *cores], outputs=("flat",))
    schedule = schedule_of(program)
    assert [step.shape for step in operations(schedule, Kron)] == [(16, 16), (32, 32)]
    assert not [
        step for step in operations(schedule, Contiguous) if prod(int(str(size)) for size in step.shape) > 2**10
    ]


def test_values_with_idle_legs() -> None:
    gates = column(15, 1)
    program = network(
        [*gates.statements, View("g", "h", Reshape(), (2**15,))], list(gates.parameters), outputs=("h", "g")
    )
    agree(program)


def test_dynamic_legs_are_never_idle() -> None:
    def program(size: Dim) -> Program:
        state, gate = ("s", "xabz"), ("g", "abcd")
        product = einsum("h", "xcdz", state, gate, x=2**15, z=size, a=4, b=4, c=4, d=4)
        return network([product], [core("g", (4, 4, 4, 4))], (Input("s", (2**15, 4, 4, size)),))

    assert operations(schedule_of(program(2)), Eye)
    assert not operations(schedule_of(program("batch"), {"batch": 2}), Eye)


def network_of(legs: int, *firsts: int) -> tuple[Network, Path]:
    current, fresh = list(range(legs)), legs
    operands = [tuple(current)]
    for first in firsts:
        for leg in range(first, legs - 1, 2):
            operands.append((current[leg], current[leg + 1], fresh, fresh + 1))
            current[leg : leg + 2] = fresh, fresh + 1
            fresh += 2
    found = Network(tuple(operands), tuple(current), (2,) * fresh, (True,) * len(operands))
    return found, fold(range(len(operands)))


@pytest.mark.parametrize("firsts", [(0,), (1, 0), (0, 1, 0)])
def test_groups_are_trees_over_the_same_operands(firsts: tuple[int, ...]) -> None:
    net, path = network_of(20, *firsts)
    trees = list(grouped(net, path, CLOCK))
    assert len(trees) == 3
    for tree in trees:
        assert sorted(node for pair in tree for node in pair) == list(range(2 * len(net.operands) - 2))
        assert pairs(net, tree)[-1].legs == frozenset(net.result)
        assert effort(net, tree)[1] == 2**20


def test_gates_of_two_columns_stand_together_in_a_sweep() -> None:
    net, path = network_of(20, 0, 1)
    fewest = min(
        sum(net.entries(pair.legs) == 2**20 for pair in pairs(net, tree)) for tree in grouped(net, path, CLOCK)
    )
    assert fewest <= 6
