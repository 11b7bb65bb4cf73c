"""Times by hand on a small profile, and laws: times are positive and grow with what there is to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.order.networks import chain, column, core, einsum, network, schedule_of
from tnc.cost import Target
from tnc.cost.device import Curve, Grid, Overhead, Products, Profile
from tnc.cost.device_file import shipped
from tnc.cost.kernels import Gemm, Kernel, MemoryPass, transposition
from tnc.cost.predict import predicted
from tnc.cost.time import Clock
from tnc.diagnostics import CompileError
from tnc.ir.schedule import Schedule

FLAT = Grid((1.0,), ((1e9,),))
SMALL = Profile(
    name="small",
    title="a device for tests",
    measured=False,
    digest="0" * 64,
    products=(("float32", Products(FLAT, FLAT, FLAT)),),
    alone=1.0,
    batch=1e-6,
    bandwidth=Curve((1.0,), (1e8,)),
    scatter=Curve((4.0, 64.0), (4.0, 1.0)),
    turn=1e-8,
    functions=1e7,
    call=Overhead(1e-3, 2e-3),
    view=Overhead(1e-4, 2e-4),
    fresh=1e7,
    recycled=10_000,
)


def clock(*, forward_only: bool = False) -> Clock:
    return Clock(Target(device=SMALL), "float32", forward_only=forward_only)


@pytest.mark.parametrize(
    ("kernel", "seconds"),
    [
        (Gemm(1, 10, 100, 10), 4 * 2100 / 1e8),  # memory takes longer
        (Gemm(1, 50, 1000, 50), 2 * 50 * 1000 * 50 / 1e9),  # arithmetic does
        (Gemm(5, 10, 100, 10), 5 * 4 * 2100 / 1e8 + 4e-6),
        (MemoryPass(2000, 1000), 4 * 2000 / 1e8),
        (MemoryPass(20_000, 10_000), 4 * 20_000 / 1e8 + 4 * 10_000 / 1e7),  # the result is new memory
        (MemoryPass(2000, 1000, functions=1000), 1000 / 1e7),
        (MemoryPass(2000, 1000, together=1), 4 * 4 * 2000 / 1e8),
        (MemoryPass(2000, 1000, together=16), 4 * 2000 / 1e8),
        (MemoryPass(2000, 1000, together=4), 2 * 4 * 2000 / 1e8),  # half-way on logarithmic scales
        (MemoryPass(2000, 1000, together=1, turns=300), 4 * 4 * 2000 / 1e8 + 300 * 1e-8),
    ],
)
def test_calls_by_hand(kernel: Kernel, seconds: float) -> None:
    assert clock().work(kernel) == pytest.approx(seconds)


def matrices() -> Schedule:
    product = einsum("y", "ac", ("u", "ab"), ("v", "bc"), a=8, b=4, c=2)
    return schedule_of(network([product], [core("u", (8, 4)), core("v", (4, 2))]))


def test_a_product_and_its_gradients_by_hand() -> None:
    once = 4 * (32 + 8 + 16) / 1e8
    found = predicted(matrices(), clock())
    assert found.forward == pytest.approx(once + 1e-3 + 2e-4)
    assert found.backward == pytest.approx(2 * once + 4e-3 + 4e-4)
    assert found.total == found.forward + found.backward
    alone = predicted(matrices(), clock(forward_only=True))
    assert (alone.forward, alone.backward) == (found.forward, 0.0)


def test_a_dtype_without_rates() -> None:
    with pytest.raises(CompileError) as caught:
        Clock(Target(device=SMALL), "float64")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.help) == ("TN022", "it has them for `float32`; name another device")


def test_complex_numbers_take_four_times_the_arithmetic() -> None:
    slow = replace(SMALL, products=(("float32", Products(*3 * (Grid((1.0,), ((1e3,),)),))),))
    product = Gemm(1, 8, 8, 8)
    assert Clock(Target(device=slow), "complex64").work(product) == pytest.approx(
        4 * Clock(Target(device=slow), "float32").work(product)
    )


sizes = st.integers(1, 2**12)


@settings(deadline=None, derandomize=True)
@given(st.sampled_from(shipped()), sizes, sizes, sizes, st.integers(1, 64), st.booleans())
def test_products_are_positive_and_bigger_ones_take_no_less(
    device: str, rows: int, summed: int, columns: int, batch: int, back: bool
) -> None:
    clock = Clock(Target().on(device), "float32", forward_only=not back)
    product = Gemm(batch, rows, summed, columns)
    here = clock.product(product)
    assert here > 0
    # Twice as much of anything never takes less: rates at most double where a side does.
    for bigger in (
        replace(product, batch=2 * batch) if batch > 1 else product,
        replace(product, rows=2 * rows),
        replace(product, summed=2 * summed),
        replace(product, columns=2 * columns),
    ):
        assert clock.product(bigger) >= here * (1 - 1e-9)


@settings(deadline=None, derandomize=True)
@given(st.sampled_from(shipped()), st.integers(1, 2**26), st.integers(0, 2**26), st.integers(0, 64))
def test_passes_are_positive_and_longer_ones_take_no_less(device: str, entries: int, fresh: int, together: int) -> None:
    clock = Clock(Target().on(device), "float32")
    here = clock.work(MemoryPass(entries, fresh, together=together))
    assert here > 0
    assert clock.work(MemoryPass(2 * entries, fresh, together=together)) >= here * (1 - 1e-9)
    assert clock.work(MemoryPass(entries, fresh + 1, together=together)) >= here * (1 - 1e-9)
    assert clock.work(MemoryPass(entries, fresh, together=max(together, 1), turns=100)) >= here * (1 - 1e-9)


@settings(deadline=None, derandomize=True)
@given(st.permutations(range(6)), st.lists(st.integers(1, 9), min_size=6, max_size=6))
def test_permutations(order: list[int], shape: list[int]) -> None:
    moved = transposition(shape, order)
    entries = 1
    for size in shape:
        entries *= size
    assert moved.entries == 2 * entries
    assert 0 <= moved.together <= entries
    if [axis for axis in order if shape[axis] > 1] == [axis for axis in range(6) if shape[axis] > 1]:
        assert (moved.together, moved.turns) == (0, 0)


@pytest.mark.parametrize("device", shipped())
def test_a_schedule_takes_longer_with_more_data(device: str) -> None:
    clock = Clock(Target().on(device), "float32")
    schedule = schedule_of(chain(6, 3), {"batch": 64})
    times = [predicted(replace(schedule, sizes=(("batch", size),)), clock) for size in (64, 2**12, 2**20)]
    assert 0 < times[0].total <= times[1].total < times[2].total
    assert all(found.forward > 0 and found.backward > 0 for found in times)
    assert predicted(schedule_of(column(8)), clock).total < predicted(schedule_of(column(16)), clock).total
