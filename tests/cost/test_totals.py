from __future__ import annotations

import pytest

from tests.order.networks import chain, core, einsum, network, schedule_of
from tnc.cost import totals
from tnc.cost.run import run
from tnc.ir.program import Apply, Argument, Input, Normalize, Pointwise, Program
from tnc.ir.schedule import Loop, Schedule

RELU = Apply("relu", (Argument(0),))


def two_layers(batch: str | int = "batch") -> Program:
    """x through two matrices with a relu between them."""
    return network(
        [
            einsum("h", "zb", ("x", "za"), ("u", "ab"), z=batch, a=3, b=5),
            Pointwise("r", RELU, ("h",)),
            einsum("y", "zc", ("r", "zb"), ("v", "bc"), z=batch, b=5, c=7),
        ],
        [core("u", (3, 5)), core("v", (5, 7))],
        (Input("x", (batch, 3)),),
    )


def test_two_layers_by_hand() -> None:
    z, f = 11, 4
    found = totals(schedule_of(two_layers(), {"batch": z}), "float32")
    first, second = 2 * z * 3 * 5, 2 * z * 5 * 7
    assert found.flops_forward == first + z * 5 + second
    # The input needs no gradient; relu's is two FLOPs an entry.
    assert found.flops_training == found.flops_forward + first + 2 * z * 5 + 2 * second
    assert found.bytes_parameters == f * (15 + 35)
    assert found.bytes_saved == f * z * 5
    # At the second product h is gone: r and y are alive, at the relu h and r.
    assert found.bytes_peak_forward == f * max(z * 5 + z * 7, 2 * z * 5)
    # The backward pass starts with y, its gradient, r (saved), and makes the gradients of r and v; u's comes later.
    assert found.bytes_peak_training == f * (z * 7 + z * 7 + z * 5 + z * 5 + 35)
    assert found.largest_intermediate == z * 7


def test_two_layers_with_a_gradient_of_the_input_by_hand() -> None:
    z, f = 11, 4
    schedule = schedule_of(two_layers(), {"batch": z}, input_grads=True)
    found, without = (totals(each, "float32") for each in (schedule, schedule_of(two_layers(), {"batch": z})))
    first = 2 * z * 3 * 5
    assert found.flops_forward == without.flops_forward
    assert found.flops_training == without.flops_training + first
    assert found.bytes_saved == without.bytes_saved == f * z * 5
    assert found.bytes_peak_forward == without.bytes_peak_forward
    # x's gradient comes last, beside the result, the gradient of h and those of the cores.
    last = f * (z * 7 + z * 5 + z * 3 + 15 + 35)
    assert found.bytes_peak_training == max(without.bytes_peak_training, last)


def test_sizes_that_are_not_given_are_one_and_dtypes_count() -> None:
    program = two_layers()
    assert totals(schedule_of(program), "float64").bytes_saved == 8 * 5
    assert totals(schedule_of(program, dtype="complex128"), "complex128").bytes_saved == 16 * 5
    assert totals(schedule_of(program), "bfloat16").bytes_parameters == 2 * 50


def test_frozen_networks_have_no_backward_pass() -> None:
    program = network(
        [einsum("y", "ac", ("u", "ab"), ("v", "bc"))], [core("u", (2, 2), frozen=True), core("v", (2, 2), frozen=True)]
    )
    found = totals(schedule_of(program), "float32")
    assert (found.flops_forward, found.flops_training, found.bytes_saved) == (16, 16, 0)


@pytest.mark.parametrize(
    ("result", "legs", "flops", "training"),
    [
        ("ac", ("ab", "bc"), 16, 48),
        ("ab", ("a", "b"), 4, 4 + 2 * 8),
        ("ab", ("ab", "ab"), 4, 12),
        ("zac", ("zab", "zbc"), 32, 96),
        ("", ("ab", "ab"), 8, 24),
    ],
)
def test_flops_of_products(result: str, legs: tuple[str, str], flops: int, training: int) -> None:
    parameters = [core("t", (2,) * len(each), number) for number, each in enumerate(legs)]
    program = network([einsum("y", result, *((f"t[{n}]", each) for n, each in enumerate(legs)))], parameters)
    found = totals(schedule_of(program), "float32")
    assert (found.flops_forward, found.flops_training) == (flops, training)


def test_views_cost_nothing() -> None:
    schedule = schedule_of(network([einsum("y", "ba", ("t", "ab"))], [core("t", (2, 2))]))
    found = totals(schedule, "float32")
    assert (found.flops_forward, found.bytes_peak_forward, found.largest_intermediate) == (0, 0, 0)


def test_a_loop_costs_what_its_iterations_cost() -> None:
    schedule = schedule_of(chain(100, 4), {"batch": 8})
    found = totals(schedule, "float32")
    assert found.flops_forward == sum(step.cost.flops for step in schedule.steps)
    assert found.flops_training == sum(step.cost.flops + step.cost.flops_backward for step in schedule.steps)
    assert found.bytes_saved == sum(step.cost.saved for step in schedule.steps)
    (loop,) = (step for step in schedule.steps if isinstance(step.operation, Loop))
    assert isinstance(loop.operation, Loop)
    body = sum(step.cost.flops for step in loop.operation.body)
    assert loop.cost.flops == loop.operation.count * body


def alive(schedule: Schedule) -> list[tuple[int, int]]:
    return [(moment.live_before, moment.live_after) for moment in run(schedule, "float32").moments]


def test_values_die_after_their_last_use() -> None:
    assert alive(schedule_of(two_layers(), {"batch": 1})) == [(0, 20), (20, 20), (20, 28)]
    # What is read again later, or returned, lives on.
    program = network(
        [
            einsum("h", "ac", ("u", "ab"), ("v", "bc")),
            Pointwise("r", RELU, ("h",)),
            Normalize("n", "r"),
            einsum("y", "ac", ("n", "ab"), ("h", "bc")),
        ],
        [core("u", (2, 2)), core("v", (2, 2))],
        outputs=("r", "y"),
    )
    assert alive(schedule_of(program)) == [(0, 16), (16, 32), (32, 48), (48, 32)]
