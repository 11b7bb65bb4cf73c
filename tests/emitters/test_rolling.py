"""Loops of the text over blocks whose shapes differ: which there are, and that they compute what the steps do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.emitters.schedules import BACKENDS, plan_of, random_cores, run, stack
from tests.emitters.sweeps import swept
from tests.evaluate_schedule import evaluate_schedule
from tnc.codegen import emitter
from tnc.codegen.rolling import Rolled, in_turn, inferred, roll_text
from tnc.ir.extent import Extent, extent
from tnc.ir.number_kinds import schedule_kinds
from tnc.ir.program import Apply, Argument, Normal
from tnc.ir.schedule import (
    Broadcast,
    Conjugate,
    Contiguous,
    Index,
    InputTensor,
    Matmul,
    Multiply,
    Pointwise,
    Read,
    Result,
    Schedule,
    Stack,
    Step,
    Sweep,
    Window,
)
from tnc.ir.schedule_verify import verify_schedule


def gates(count: int) -> Stack:
    """Gates with two entries summed and four new ones."""
    return stack("g", (2, 4), [Normal(1.0)] * count)


def schedule(steps: Sequence[Step], given: Stack, *inputs: InputTensor) -> Schedule:
    """Steps of which the last one is the output."""
    last = steps[-1]
    result = Result("y", Read(last.name, last.shape), (None,) * len(last.shape))
    made = Schedule("net", (given,), inputs, tuple(steps), (result,))
    verify_schedule(made)
    return made


def chain(positions: Sequence[int], source: str = "g", first: Sequence[Step] = (), complex_: bool = False) -> Schedule:
    """Gates at these positions, each on the first leg of a state that doubles; the new legs come last."""
    steps: list[Step] = list(first)
    for k, position in enumerate(positions):
        before = Read(f"h{k - 1}" if k else "x", (2, 2 ** (k + 1)), None, (1, 0))
        gate = Read(source, (2, 4), (0, Index(position)))
        steps.append(Step(f"h{k}", (2 ** (k + 1), 4), Matmul(before, gate), region="h"))
    given = replace(gates(max(positions) + 1), is_complex=complex_)
    return schedule(steps, given, InputTensor("x", (2, 2)))


def batched(apart: bool, size: int = 4) -> Schedule:
    """A chain over a batch of states of this size, which doubles; it is fused with the batch, or stands apart."""
    steps: list[Step] = []
    for k in range(4):
        rows = size * 2**k
        gate, source = (0, Index(k)), f"h{k - 1}" if k else "x"
        if apart:
            shape: tuple[Extent, ...] = ("batch", rows, 4)
            operation = Matmul(Read(source, ("batch", rows, 2)), Read("g", (1, 2, 4), gate))
        else:
            shape = (extent(("batch", rows)), 4)
            operation = Matmul(Read(source, (extent(("batch", rows)), 2)), Read("g", (2, 4), gate))
        steps.append(Step(f"h{k}", shape, operation, region="h"))
    return schedule(steps, gates(4), InputTensor("x", ("batch", 2 * size)))


def entries() -> Schedule:
    """Every block makes a pair of matrices and selects one of them."""
    steps: list[Step] = []
    for k in range(4):
        before = Read(f"v{k - 1}" if k else "x", (1, 2, 2**k))
        pair = Multiply(before, Read("pair", (2, 1, 1)))
        steps.append(Step(f"p{k}", (2, 2, 2**k), pair, region="h"))
        chosen = Read(f"p{k}", (2, 2**k), (0, Index(1)), (1, 0))
        steps.append(Step(f"v{k}", (2**k, 4), Matmul(chosen, Read("g", (2, 4), (0, Index(k)))), region="h"))
    return schedule(steps, gates(4), InputTensor("x", (2, 1)), InputTensor("pair", (2,)))


def activated() -> Schedule:
    """Every block ends with a function that overwrites what it is given."""
    steps: list[Step] = []
    for k in range(4):
        before = Read(f"v{k - 1}" if k else "x", (2, 2 ** (k + 1)), None, (1, 0))
        shape = (2 ** (k + 1), 4)
        steps.append(Step(f"h{k}", shape, Matmul(before, Read("g", (2, 4), (0, Index(k)))), region="h"))
        tanh = Pointwise(Apply("tanh", (Argument(0),)), (Read(f"h{k}", shape),), in_place=True)
        steps.append(Step(f"v{k}", shape, tanh, region="h"))
    return schedule(steps, gates(4), InputTensor("x", (2, 2)))


def repeated() -> Schedule:
    """Every block fills a growing tensor, which needs its size in full."""
    steps: list[Step] = []
    for k in range(4):
        shape = (2, 2**k, 2)
        filled = Broadcast(Read(f"v{k - 1}" if k else "x", (1, 2**k, 2)))
        steps.append(Step(f"b{k}", shape, filled, region="h"))
        steps.append(Step(f"v{k}", shape, Multiply(Read(f"b{k}", shape), Read(f"b{k}", shape)), region="h"))
    return schedule(steps, gates(1), InputTensor("x", (1, 2)))


CONJUGATE = Step("c", (5, 2, 4), Conjugate(Read("g", (5, 2, 4))), region="h")

_CASES: dict[str, tuple[Schedule, str, str]] = {
    "grows": (chain([0, 1, 2, 3, 4]), "for g_k in g:", "@ g_k"),
    "part of a stack": (chain([2, 3, 4, 5]), "for g_k in g[2:]", "@ g_k"),
    "falling": (chain([5, 4, 3, 2]), "for g_k in g[:1:-1]", "@ g_k"),
    "every other": (chain([1, 3, 5, 7]), "for g_k in g[1::2]", "@ g_k"),
    "uneven": (chain([3, 0, 2, 1]), "for k in (3, 0, 2, 1)", "g[k]"),
    "one gate": (chain([1, 1, 1, 1]), "for _ in range(4)", "g[1]"),
    "batch in the growing size": (batched(apart=False), "for g_k in g", ".reshape(-1, 2)"),
    "batch beside the growing size": (batched(apart=True), "(4, 8, 16, 32)", ".reshape(batch, size, 2)"),
    "entry of an inner value": (entries(), "for g_k in g", "[1].T @ g_k"),
    "in place": (activated(), "for g_k in g", "tanh"),
    "conjugate": (chain([0, 1, 2, 3, 4], "c", (CONJUGATE,), complex_=True), "for c_k in c", ".reshape(2, -1).T"),
}


def loops(made: Schedule) -> list[tuple[int, int]]:
    """Iterations and length of the body of each loop of the text."""
    shapes = {given.name: given.shape for given in made.inputs}
    shapes.update((each.key, each.stored_shape) for each in made.stacks)
    kept = frozenset(result.read.source for result in made.results)
    items = roll_text(in_turn(made.steps, kept), shapes, kept, schedule_kinds(made), dict(made.sizes))
    return [(item.count, len(item.body)) for item in items if isinstance(item, Rolled)]


@pytest.mark.parametrize("batch", [3, 0])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", _CASES)
def test_values(name: str, backend: str, batch: int) -> None:
    made, header, body = _CASES[name]
    dynamic = any(isinstance(dim, str) for given in made.inputs for dim in given.shape)
    if batch == 0 and not dynamic:
        return
    random = np.random.default_rng(1)

    turned = 1 + 0.5j if made.stacks[0].is_complex else 1.0
    cores = {member: value * turned for member, value in random_cores(made).items()}
    shapes = [tuple(batch if isinstance(dim, str) else dim for dim in given.shape) for given in made.inputs]
    inputs = [random.normal(size=shape) * turned for shape in shapes]
    (found,) = run(made, backend, *inputs, cores=cores)
    tensors = cores | {given.name: value for given, value in zip(made.inputs, inputs, strict=True)}
    np.testing.assert_allclose(found, evaluate_schedule(made, tensors, {"batch": batch})["y"], rtol=1e-12)
    text = emitter(backend).emit(plan_of(made))
    assert header in text
    assert body in text
    assert len(loops(made)) == 1


def test_few_blocks_and_blocks_of_other_forms_stay_written_out() -> None:
    assert loops(chain([0])) == loops(chain([0, 1])) == loops(chain([0, 1, 2])) == []
    assert loops(chain([0, 1, 2, 3])) == [(4, 1)]
    assert loops(repeated()) == []


def test_a_loop_ends_where_a_value_is_used_again() -> None:
    made = chain([0, 1, 2, 3, 4, 5, 6, 7])
    again = Step("z", (16, 64), Multiply(Read("h7", (16, 64)), Read("h3", (1, 64))), region="h")
    assert loops(schedule([*made.steps, again], made.stacks[0], *made.inputs)) == [(4, 1), (4, 1)]


def test_a_loop_stays_within_one_statement() -> None:
    made = chain([0, 1, 2, 3, 4, 5, 6, 7])
    regions = [*["h"] * 4, *["w"] * 4]
    steps = [Step(s.name, s.shape, s.operation, region=r) for s, r in zip(made.steps, regions, strict=True)]
    assert loops(schedule(steps, made.stacks[0], *made.inputs)) == [(4, 1), (4, 1)]


def test_products_that_a_backend_writes_in_two_ways_are_no_loop() -> None:
    # JAX expands a matrix that is small beside a member of its batch: here the last two.
    assert loops(batched(apart=True, size=1)) == []
    assert loops(batched(apart=True, size=4)) == [(4, 1)]


def test_at_most_one_size_is_inferred_and_none_beside_a_dynamic_one() -> None:
    sizes: dict[str, tuple[Extent, ...]] = {"#a": (2, 4), "#b": (8, 16), "#c": ("batch", "batch")}
    assert inferred((2, "#a"), sizes) == 1
    assert inferred(("#a", 2), sizes) == 0
    assert inferred(("#a", 16, "#b"), sizes) == 2
    assert inferred(("batch", "#a"), sizes) is None
    assert inferred(("#c", "#a"), sizes) is None
    assert inferred((2, 3), sizes) is None


def test_gates_of_a_sweep_are_made_in_turn() -> None:
    made = swept(64, (4, 4, 1), (4, 4, 4), (2, 2, 8))
    (step,) = made.steps
    assert isinstance(step.operation, Sweep)
    copies = [Step(f"c{n}", (4, 4), Contiguous(Read(f"g{n}", (4, 4))), region="h") for n in (1, 0)]
    shared = Step("c2", (2, 2), Contiguous(Read("g2", (2, 2))), region="h")
    windows = tuple(Window(Read(f"c{n}", w.gate.shape), w.front) for n, w in enumerate(step.operation.windows))
    sweep = Step("h", step.shape, Sweep(Read("a", (64,)), windows), region="h")
    order = [step.name for step in in_turn((*copies, shared, sweep), frozenset({"h", "c2"}))]
    assert order == ["c2", "c0", "h#window_1", "c1", "h#window_2", "h"]
