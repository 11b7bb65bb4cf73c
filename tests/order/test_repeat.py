from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tests.evaluate_schedule import evaluate_schedule
from tests.order.networks import core, schedule_of
from tnc.ir import schedule_text, stacks, verify_schedule
from tnc.ir.program import Dim, Normal, Program
from tnc.ir.schedule import (
    Contiguous,
    Index,
    InputTensor,
    Loop,
    Matmul,
    Multiply,
    NamedView,
    Operation,
    Read,
    Result,
    Schedule,
    Stack,
    Step,
)
from tnc.order.repeat import roll


def stack(count: int) -> Stack:
    """A family of matrices."""
    program = Program("net", tuple(core("g", (2, 2), k) for k in range(count)), (), (), ())
    return stacks(program, {f"g[{k}]": Normal(1.0) for k in range(count)})[0]


def pick(position: int) -> Read:
    """One of them."""
    return Read("g", (2, 2), (0, Index(position)))


def schedule(steps: list[tuple[str, Operation]], count: int, result: str | None = None) -> Schedule:
    """Steps on two-by-two matrices."""
    made = tuple(Step(name, (2, 2), operation) for name, operation in steps)
    read = Read(result or steps[-1][0], (2, 2))
    return Schedule("net", (stack(count),), (), made, (Result("out", read, (None, None)),))


def powers(positions: list[int]) -> Schedule:
    """The members at these positions multiplied, one after the other."""
    steps: list[tuple[str, Operation]] = [("v0", Matmul(pick(positions[0]), pick(positions[1])))]
    for number, position in enumerate(positions[2:], start=1):
        steps.append((f"v{number}", Matmul(Read(f"v{number - 1}", (2, 2)), pick(position))))
    return schedule(steps, max(positions) + 1)


def value(given: Schedule) -> NDArray[np.float64]:
    """The output of a Schedule on random tensors."""
    draw = np.random.default_rng(0)
    shapes = {member.name: each.shape for each in given.stacks for member in each.members}
    shapes.update((each.name, evaluated(each.shape)) for each in given.inputs)
    tensors = {name: draw.standard_normal(shape) for name, shape in shapes.items()}
    return np.asarray(evaluate_schedule(given, tensors)["out"], np.float64)


def evaluated(shape: tuple[Dim, ...]) -> tuple[int, ...]:
    """A shape without dynamic sizes."""
    return tuple(int(dim) for dim in shape)


def loops(rolled: Schedule) -> list[tuple[int, int]]:
    """Iterations and length of the body of each loop."""
    verify_schedule(rolled)
    return [
        (step.operation.count, len(step.operation.body)) for step in rolled.steps if isinstance(step.operation, Loop)
    ]


def test_a_chain_becomes_a_loop() -> None:
    rolled = roll(powers(list(range(12))))
    np.testing.assert_array_equal(value(rolled), value(powers(list(range(12)))))
    assert loops(rolled) == [(11, 1)]
    assert schedule_text(rolled).splitlines()[-3:] == [
        "v10(2, 2) = loop 11 times, g#carried from g[0: 0](2, 2)",
        "  v0(2, 2) = g#carried(2, 2) @ g[0: 1 + 1i](2, 2)",
        "result out(_, _) = v10(2, 2)",
    ]


def test_positions_may_fall_and_stand_still() -> None:
    assert loops(roll(powers(list(range(12, 0, -1))))) == [(11, 1)]
    assert loops(roll(powers([0] * 12))) == [(11, 1)]


def test_a_jump_ends_a_loop() -> None:
    assert loops(roll(powers([*range(8), *range(20, 28)]))) == [(7, 1), (8, 1)]


def test_alternating_positions_are_a_loop_of_two() -> None:
    positions = [0, 1] + [p for k in range(6) for p in (2 + k, 30 - k)]
    assert loops(roll(powers(positions))) == [(6, 2)]


def test_few_repetitions_stay_written_out() -> None:
    assert loops(roll(powers(list(range(4))))) == []
    assert loops(roll(powers(list(range(5))))) == [(4, 1)]


def test_a_value_that_is_used_later_ends_a_loop() -> None:
    steps: list[tuple[str, Operation]] = [("v0", Matmul(pick(0), pick(1)))]
    steps += [(f"v{k}", Matmul(Read(f"v{k - 1}", (2, 2)), pick(k + 1))) for k in range(1, 11)]
    steps.append(("end", Multiply(Read("v5", (2, 2)), Read("v10", (2, 2)))))
    assert loops(roll(schedule(steps, 12))) == [(6, 1), (5, 1)]
    both = schedule(steps[:-1], 12)
    both = replace(both, results=(*both.results, Result("other", Read("v3", (2, 2)), (None, None))))
    assert loops(roll(both)) == [(4, 1), (7, 1)]


def test_independent_steps_are_no_loop() -> None:
    steps: list[tuple[str, Operation]] = [(f"v{k}", Matmul(pick(k), pick(k + 1))) for k in range(9)]
    assert loops(roll(schedule(steps, 10))) == []


def test_values_from_before_the_loop_may_be_read_in_it() -> None:
    steps: list[tuple[str, Operation]] = [("far", Matmul(pick(0), pick(1)))]
    steps += [(f"w{k}", Matmul(Read("far" if k == 0 else f"w{k - 1}", (2, 2)), pick(k % 3))) for k in range(40)]
    steps += [
        (f"v{k}", Multiply(Read("w39" if k == 0 else f"v{k - 1}", (2, 2)), Read("far", (2, 2)))) for k in range(6)
    ]
    assert loops(roll(schedule(steps, 3)))[-1] == (6, 1)


def test_a_loop_over_entries_of_a_value_begins_with_the_first() -> None:
    # The value is made just before the chain, and the first step is as far from it as later steps from each other.
    steps = (
        Step("all", (9, 2, 2), NamedView(Read("x", (9, 2, 2)))),
        *(
            Step(
                f"v{k}", (2, 2), Matmul(Read(f"v{k - 1}", (2, 2)) if k else pick(0), Read("all", (2, 2), (0, Index(k))))
            )
            for k in range(9)
        ),
    )
    result = Result("out", Read("v8", (2, 2)), (None, None))
    rolled = roll(Schedule("net", (stack(1),), (InputTensor("x", (9, 2, 2)),), steps, (result,)))
    assert loops(rolled) == [(9, 1)]
    assert "loop 9 times, g#carried from g[0: 0](2, 2)" in schedule_text(rolled)
    assert "all[0: 0 + 1i]" in schedule_text(rolled)


def entries(positions: list[int]) -> Schedule:
    """In every block a stack of two matrices of which one, at the block's position, meets a core."""
    steps: list[Step] = []
    for k, position in enumerate(positions):
        before = Read(f"v{k - 1}", (1, 2, 2)) if k else Read("g", (1, 2, 2), (0, Index(0)))
        both = Read("x", (2, 2, 2))
        steps.append(Step(f"w{k}", (2, 2, 2), Matmul(both, before)))
        steps.append(Step(f"v{k}", (2, 2), Matmul(Read(f"w{k}", (2, 2), (0, Index(position))), pick(k + 1))))
    result = Result("out", Read(steps[-1].name, (2, 2)), (None, None))
    inputs = (InputTensor("x", (2, 2, 2)),)
    return Schedule("net", (stack(len(positions) + 1),), inputs, tuple(steps), (result,))


def test_an_entry_of_a_value_made_inside_the_block_stays_where_it_is() -> None:
    rolled = roll(entries([1] * 8))
    np.testing.assert_array_equal(value(rolled), value(entries([1] * 8)))
    assert loops(rolled) == [(8, 2)]
    assert "w0[0: 1](2, 2) @ g[0: 1 + 1i](2, 2)" in schedule_text(rolled)


def test_entries_of_values_made_inside_the_blocks_do_not_advance() -> None:
    rolled = roll(entries([0, 1] * 4))
    assert loops(rolled) == [(4, 4)]
    np.testing.assert_array_equal(value(rolled), value(entries([0, 1] * 4)))
    assert loops(roll(entries([0, 1, 1, 0, 1, 1, 0, 0]))) == []


def test_an_entry_of_the_start_is_no_entry_of_what_is_carried() -> None:
    """The first block reads one entry of a value as a whole; later ones read what the block before made."""
    steps = [Step("all", (2, 2, 2), Contiguous(Read("x", (2, 2, 2))))]
    steps += [
        Step(f"v{k}", (2, 2), Matmul(Read(f"v{k - 1}", (2, 2)) if k else Read("all", (2, 2), (0, Index(1))), pick(k)))
        for k in range(5)
    ]
    result = Result("out", Read("v4", (2, 2)), (None, None))
    rolled = roll(Schedule("net", (stack(5),), (InputTensor("x", (2, 2, 2)),), tuple(steps), (result,)))
    assert loops(rolled) == [(5, 1)]
    assert "all#carried from all[0: 1](2, 2)" in schedule_text(rolled)


def test_a_start_of_another_size_stays_outside() -> None:
    steps = [Step("v0", (2, 2), Matmul(Read("x", (2, 3)), Read("x", (2, 3), None, (1, 0))))]
    steps += [Step(f"v{k}", (2, 2), Matmul(Read(f"v{k - 1}", (2, 2)), pick(k))) for k in range(1, 7)]
    result = Result("out", Read("v6", (2, 2)), (None, None))
    rolled = roll(Schedule("net", (stack(7),), (InputTensor("x", (2, 3)),), tuple(steps), (result,)))
    assert loops(rolled) == [(6, 1)]


def test_nothing_to_roll() -> None:
    empty = Schedule("net", (stack(1),), (), (), (Result("out", pick(0), (None, None)),))
    assert roll(empty) == empty
    assert schedule_of(Program("net", (), (), (), ())).steps == ()
