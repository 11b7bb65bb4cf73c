from __future__ import annotations

from dataclasses import replace

from tests.order.networks import core, schedule_of
from tnc.ir import schedule_text, stacks, verify_schedule
from tnc.ir.program import Normal, Program
from tnc.ir.schedule import Index, Loop, Matmul, Multiply, Operation, Read, Result, Schedule, Stack, Step
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


def loops(rolled: Schedule) -> list[tuple[int, int]]:
    """Iterations and length of the body of each loop."""
    verify_schedule(rolled)
    return [
        (step.operation.count, len(step.operation.body)) for step in rolled.steps if isinstance(step.operation, Loop)
    ]


def test_a_chain_becomes_a_loop() -> None:
    rolled = roll(powers(list(range(12))))
    assert loops(rolled) == [(10, 1)]
    assert schedule_text(rolled).splitlines()[-4:] == [
        "v0(2, 2) = g[0: 0](2, 2) @ g[0: 1](2, 2)",
        "v10(2, 2) = loop 10 times, v0#carried from v0(2, 2)",
        "  v1(2, 2) = v0#carried(2, 2) @ g[0: 2 + 1i](2, 2)",
        "result out(_, _) = v10(2, 2)",
    ]


def test_positions_may_fall_and_stand_still() -> None:
    assert loops(roll(powers(list(range(12, 0, -1))))) == [(10, 1)]
    assert loops(roll(powers([0] * 12))) == [(10, 1)]


def test_a_jump_ends_a_loop() -> None:
    assert loops(roll(powers([*range(8), *range(20, 28)]))) == [(6, 1), (8, 1)]


def test_alternating_positions_are_a_loop_of_two() -> None:
    positions = [0, 1] + [p for k in range(6) for p in (2 + k, 30 - k)]
    assert loops(roll(powers(positions))) == [(6, 2)]


def test_few_repetitions_stay_written_out() -> None:
    assert loops(roll(powers(list(range(5))))) == []
    assert loops(roll(powers(list(range(6))))) == [(4, 1)]


def test_a_value_that_is_used_later_ends_a_loop() -> None:
    steps: list[tuple[str, Operation]] = [("v0", Matmul(pick(0), pick(1)))]
    steps += [(f"v{k}", Matmul(Read(f"v{k - 1}", (2, 2)), pick(k + 1))) for k in range(1, 11)]
    steps.append(("end", Multiply(Read("v5", (2, 2)), Read("v10", (2, 2)))))
    assert loops(roll(schedule(steps, 12))) == [(5, 1), (5, 1)]
    both = schedule(steps[:-1], 12)
    both = replace(both, results=(*both.results, Result("other", Read("v3", (2, 2)), (None, None))))
    assert loops(roll(both)) == [(7, 1)]


def test_independent_steps_are_no_loop() -> None:
    steps: list[tuple[str, Operation]] = [(f"v{k}", Matmul(pick(k), pick(k + 1))) for k in range(9)]
    assert loops(roll(schedule(steps, 10))) == []


def test_values_from_before_the_loop_may_be_read_in_it() -> None:
    steps: list[tuple[str, Operation]] = [("far", Matmul(pick(0), pick(1)))]
    steps += [(f"w{k}", Matmul(Read("far" if k == 0 else f"w{k - 1}", (2, 2)), pick(k % 3))) for k in range(40)]
    steps += [
        (f"v{k}", Multiply(Read("w39" if k == 0 else f"v{k - 1}", (2, 2)), Read("far", (2, 2)))) for k in range(6)
    ]
    rolled = roll(schedule(steps, 3))
    assert (6, 1) in loops(rolled) or (5, 1) in loops(rolled)


def test_nothing_to_roll() -> None:
    empty = Schedule("net", (stack(1),), (), (), (Result("out", pick(0), (None, None)),))
    assert roll(empty) == empty
    assert schedule_of(Program("net", (), (), (), ())).steps == ()
