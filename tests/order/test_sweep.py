"""Sweeps: states keep their order, runs of gates become windows, nothing large moves."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import prod

import numpy as np
import pytest

import tnc
from tests.evaluate_program import evaluate_program, random_tensors
from tests.evaluate_schedule import evaluate_schedule
from tests.order import networks
from tests.order.networks import column, schedule_of
from tnc.cost import Target
from tnc.cost.time import Clock
from tnc.ir.extent import count
from tnc.ir.program import Reshape, View
from tnc.ir.schedule import Contiguous, Matmul, Schedule, Sweep
from tnc.ir.sweep import without_sweeps
from tnc.order.spine import along_legs, orders, spine
from tnc.order.sweep import sweeps
from tnc.order.tree import Network, fold

CLOCK = Clock(Target(), "float32")


def chain(legs: int, *firsts: int) -> Network:
    """Columns of gates on pairs of neighbouring legs of size 2, each column from another leg on."""
    state = list(range(legs))
    fresh = legs
    gates: list[tuple[int, ...]] = []
    for first in firsts:
        for left in range(first, legs - 1, 2):
            gates.append((state[left], state[left + 1], fresh, fresh + 1))
            state[left : left + 2] = fresh, fresh + 1
            fresh += 2
    operands = (tuple(range(legs)), *gates)
    return Network(operands, tuple(state), (2,) * fresh, (True,) * len(operands))


@pytest.mark.parametrize("firsts", [(0,), (1,), (0, 1), (1, 0, 1)])
def test_a_sweep_ends_in_the_order_of_the_state(firsts: tuple[int, ...]) -> None:
    network = chain(16, *firsts)
    path = fold(tuple(range(len(network.operands))))
    found = list(sweeps(network, [path], CLOCK))
    assert found
    for sweep in found:
        assert (sweep.start, sweep.result) == (network.operands[0], network.result)
        gates = [gate for place in sweep.places for tree in place.trees for gate in tree.operands]
        assert sorted(gates) == list(range(1, len(network.operands)))


@pytest.mark.parametrize("firsts", [(0,), (1,), (0, 1)])
def test_what_the_result_wants_apart_is_sorted_within_windows(firsts: tuple[int, ...]) -> None:
    network = chain(18, *firsts)
    network = replace(network, result=network.result[::2] + network.result[1::2])
    place = {leg: number for number, leg in enumerate(network.result)}
    blocks: list[int] = []
    for sweep in sweeps(network, [fold(tuple(range(len(network.operands))))], CLOCK):
        assert sorted(sweep.result) == sorted(network.result)
        blocks.append(1 + sum(place[after] != place[before] + 1 for before, after in pairwise(sweep.result)))
        assert blocks[-1] <= 2 * len(sweep.places) + 2
    assert min(blocks) == 8


@pytest.mark.parametrize("legs", [14, 15])
@pytest.mark.parametrize("firsts", [(0,), (1,), (0, 1)])
def test_values_where_the_result_wants_legs_apart(legs: int, firsts: tuple[int, ...]) -> None:
    gates = column(legs, *firsts, apart=True)
    flat = View("flat", "h", Reshape(), (2**legs,))
    program = networks.network([*gates.statements, flat], list(gates.parameters))
    schedule = schedule_of(program)
    assert any(isinstance(step.operation, Sweep) for step in schedule.steps)
    tensors = random_tensors(program)
    expected = evaluate_program(program, tensors)["out_flat"]
    got = evaluate_schedule(schedule, tensors)["out_flat"]
    assert np.allclose(got, expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())


def test_gates_of_two_columns_share_a_window() -> None:
    network = chain(16, 0, 1)
    found = sweeps(network, [fold(tuple(range(16)))], CLOCK)
    assert min(len(sweep.places) for sweep in found) <= 5


def test_small_states_and_long_sequences_are_left_alone() -> None:
    small, long = chain(8, 0, 1), chain(16, *[0, 1] * 9)
    for network in (small, long):
        assert not list(sweeps(network, [fold(tuple(range(len(network.operands))))], CLOCK))


def test_gates_on_distant_legs_are_no_sweep() -> None:
    state = tuple(range(16))
    network = Network(
        (state, (0, 15, 16, 17), (1, 14, 18, 19)), (16, 18, *range(2, 14), 19, 17), (2,) * 20, (True,) * 3
    )
    assert not list(sweeps(network, [((0, 1), (2, 3))], CLOCK))


def test_both_ends_come_first_on_the_way_to_the_middle() -> None:
    network = chain(16, 0)
    state, smalls = spine(network, fold(tuple(range(len(network.operands)))))
    firsts = [small.legs[0] for small in along_legs(network, state, smalls, 0)]
    assert [abs(first + 0.5 - 7.5) for first in firsts] == sorted((abs(f + 0.5 - 7.5) for f in firsts), reverse=True)
    assert orders(network, network.operands[state], smalls)[-1] == network.result


@pytest.mark.parametrize("legs", [14, 15, 17])
@pytest.mark.parametrize("firsts", [(0,), (1,), (0, 1), (0, 1, 0)])
def test_values(legs: int, firsts: tuple[int, ...]) -> None:
    program = column(legs, *firsts)
    tensors = random_tensors(program)
    expected = evaluate_program(program, tensors)["out_h"]
    got = evaluate_schedule(schedule_of(program), tensors)["out_h"]
    assert np.allclose(got, expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())


def large_moves(schedule: Schedule) -> list[str]:
    steps = without_sweeps(schedule.steps)
    return [
        s.name for s in steps if isinstance(s.operation, Contiguous) and prod(int(str(d)) for d in s.shape) >= 2**18
    ]


def brick_wall(legs: int) -> Schedule:
    text = """network w(n: int) {
      let t = std.brickwall([2] * n, 2, act = relu)
      output w(x[0..n]) = t(x[0..n])
    }"""
    return tnc.loads(text, n=legs)._planned("torch").plan.schedule  # pyright: ignore[reportPrivateUsage]


def test_a_brick_wall_moves_nothing_large() -> None:
    schedule = brick_wall(18)
    assert any(isinstance(step.operation, Sweep) for step in schedule.steps)
    assert not large_moves(schedule)


def test_matrices_of_narrow_sums_are_not_read_transposed() -> None:
    products = [s.operation for s in without_sweeps(brick_wall(22).steps) if count(s.shape, {}) >= 2**14]
    narrow = [
        p for p in products if isinstance(p, Matmul) and len(p.right.seen) == 2 and count(p.right.seen[:1], {}) <= 8
    ]
    assert narrow
    assert all(p.left.perm is None and p.right.perm is None for p in narrow)
