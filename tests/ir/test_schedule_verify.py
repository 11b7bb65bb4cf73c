from __future__ import annotations

from dataclasses import replace

import pytest

from tnc.diagnostics import InternalError
from tnc.ir import verify_schedule
from tnc.ir.extent import extent
from tnc.ir.program import Apply, Argument, Normal
from tnc.ir.schedule import (
    Add,
    Broadcast,
    Contiguous,
    Diagonal,
    Embed,
    Eye,
    Gather,
    Index,
    InputTensor,
    Kron,
    Loop,
    Matmul,
    Member,
    Multiply,
    NamedView,
    Normalize,
    Operation,
    Pointwise,
    Read,
    ReduceSum,
    Result,
    ScalarConstant,
    Scale,
    Schedule,
    Slice,
    Stack,
    Step,
    Sweep,
    Window,
)

STACK = Stack("g", (2, 3), False, True, tuple(Member(f"g[{k}]", k, 1, Normal(1.0)) for k in range(4)))
X = InputTensor("x", ("batch", 6))
IDS = InputTensor("ids", ("batch",), values=24)
PICKED = Read("ids", ("batch",))
TABLE = Read("g", (4, 6))
ROW = Read("x", ("batch", 6))


def core(position: int = 0, *, step: int = 0) -> Read:
    return Read("g", (2, 3), (0, Index(position, step)))


def schedule(*steps: Step) -> Schedule:
    return Schedule("net", (STACK,), (X, IDS), steps, (Result("out", Read("x", ("batch", 6)), (None, None)),))


def step(operation: Operation, *shape: int | str, strided: bool = False, name: str = "a") -> Step:
    return Step(name, shape, operation, strided)


def gate(front: int) -> Window:
    return Window(core(1), front)


def sweep(*windows: Window) -> Sweep:
    """Over the 24 entries of all cores; :func:`gate` makes two of three."""
    return Sweep(Read("g", (24,)), windows)


GOOD: list[Step] = [
    step(ScalarConstant(1.0)),
    step(Matmul(Read("x", (extent(("batch", 3)), 2)), core()), strided=False),
    step(Matmul(Read("g", (4, 2, 3)), Read("g", (4, 2, 3), None, (0, 2, 1))), 4, 2, 2),
    step(Matmul(Read("g", (1, 3, 2), (0, Index(0))), Read("g", (4, 2, 3))), 4, 3, 3),
    step(Matmul(Read("g", (4, 2, 3)), Read("g", (1, 3, 2), (0, Index(0)))), 4, 2, 2),
    step(Eye(3), 3, 3),
    step(Kron(core(), core(1)), 4, 9),
    step(Multiply(Read("g", (2, 3, 1), (0, Index(3))), Read("g", (1, 3, 8))), 2, 3, 8),
    step(Add(((1.0, core()), (2.0, Read("g", (2, 3), (0, Index(0)))))), 2, 3),
    step(Add(((1.0, Read("x", ("batch", 6, 1))), (-1.0, Read("g", (1, 6, 1), (0, Index(0)))))), "batch", 6, 1),
    step(ReduceSum(ROW, (0,)), 6),
    step(Diagonal(Read("g", (2, 2, 6))), 2, 6),
    step(Embed(core()), 2, 2, 3),
    step(Broadcast(Read("x", (1, "batch", 6))), 5, "batch", 6),
    step(Contiguous(Read("x", ("batch", 6), None, (1, 0))), 6, "batch"),
    step(NamedView(Read("x", ("batch", 6), None, (1, 0))), 6, "batch", strided=True),
    step(NamedView(Read("x", ("batch", 2, 3))), "batch", 2, 3),
    step(NamedView(Read("g", (4, 2, 1), (2, Index(1)))), 4, 2, 1, strided=True),
    step(Slice(ROW), "batch", 4, strided=True),
    step(Slice(core()), 1, 3),
    step(Pointwise(Apply("relu", (Argument(0),)), (ROW,)), "batch", 6),
    step(Normalize(ROW, (1,), 1e-12), "batch", 6),
    step(sweep(gate(1)), 2, 8),
    step(sweep(Window(Read("g", (3, 2), (0, Index(0)), (1, 0)), 8)), 8, 2),
    step(sweep(Window(Read("g", (3, 2), (0, Index(0))), 4), gate(4)), 4, 2, 3),
    step(sweep(gate(8)), 8, 2),
    step(Gather(TABLE, PICKED), "batch", 6),
    step(Gather(Read("g", (24, 1)), PICKED, 3, leads=False), "batch", 1),
    step(Contiguous(PICKED), "batch"),
]
GOOD[1] = replace(GOOD[1], shape=(extent(("batch", 3)), 3))

BAD: list[tuple[str, Step]] = [
    ("has shape", step(ScalarConstant(1.0), 1)),
    ("not defined", step(Contiguous(Read("y", (1,))), 1)),
    ("is read as", step(Contiguous(Read("x", ("batch", 5))), "batch", 5)),
    ("is read as", step(Contiguous(Read("x", (6,))), 6)),
    ("in the order", step(Contiguous(Read("x", ("batch", 6), None, (0, 0))), "batch", "batch")),
    ("no axis 3", step(Contiguous(Read("g", (2, 3), (3, Index(0)))), 2, 3)),
    ("no entries 4", step(Contiguous(core(4)), 2, 3)),
    ("no entries", step(Contiguous(Read("x", (6,), (0, Index(0)))), 6)),
    ("is strided", step(Contiguous(Read("g", (8,), (2, Index(0)))), 8)),
    ("multiplies matrices", step(Matmul(core(), core(1)), 2, 3)),
    ("multiplies matrices", step(Matmul(Read("g", (24,)), Read("g", (24,))))),
    ("multiplies matrices", step(Matmul(Read("g", (4, 2, 3)), Read("g", (2, 3, 4))), 4, 2, 4)),
    ("multiplies matrices", step(Matmul(Read("g", (4, 2, 3)), Read("g", (2, 3, 1), (0, Index(0)))), 4, 2, 1)),
    ("overwrites", step(Pointwise(Apply("relu", (Argument(0),)), (ROW,), "", True), "batch", 6)),
    ("identity with 0 rows", step(Eye(0), 0, 0)),
    ("has shape", step(Eye(3), 9)),
    ("Kronecker product", step(Kron(core(), Read("g", (2, 3, 1), (0, Index(0)))), 4, 9)),
    ("Kronecker product", step(Kron(core(), Read("g", (2, 3), (0, Index(0)), (1, 0))), 6, 6)),
    ("has shape", step(Kron(core(), core()), 2, 2, 3, 3)),
    ("different ranks", step(Multiply(core(), Read("g", (2, 1, 3), (0, Index(0)))), 2, 1, 3)),
    ("combines axes", step(Multiply(core(), Read("g", (3, 2), (0, Index(0)))), 2, 3)),
    ("sums axes", step(ReduceSum(core(), (2,)), 2, 3)),
    ("sums axes", step(ReduceSum(core(), ()), 2, 3)),
    ("not square", step(Diagonal(core()), 3)),
    ("embeds a scalar", step(Embed(Read("g", (), (0, Index(0)))), 1, 1)),
    ("cannot repeat", step(Broadcast(core()), 2, 1)),
    ("crops", step(Slice(core()), 2, 4)),
    ("crops", step(Slice(ROW), 3, 6)),
    ("claims to be contiguous", step(Slice(core()), 2, 2)),
    ("claims to be contiguous", step(NamedView(Read("x", ("batch", 6), None, (1, 0))), 6, "batch")),
    ("strided, but not a view", step(Contiguous(core()), 2, 3, strided=True)),
    ("further operands", step(Pointwise(Argument(1), (ROW,)), "batch", 6)),
    ("further operands", step(Pointwise(Argument(1), (ROW, core())), "batch", 6)),
    ("not flat", step(Sweep(ROW, (gate(1),)), 16)),
    ("not flat", step(Sweep(Read("x", (extent(("batch", 6)),)), (gate(1),)), 16)),
    ("without windows", step(sweep(), 24)),
    ("a gate of shape", step(sweep(Window(Read("g", (2, 3, 1), (0, Index(0))), 1)), 16)),
    ("a gate of shape", step(sweep(Window(ROW, 1)), 16)),
    ("cannot see 24", step(sweep(gate(0)), 16)),
    ("cannot see 24", step(sweep(gate(16)), 16)),
    ("cannot see 16", step(sweep(gate(1), gate(1)), 8)),
    ("has shape", step(sweep(gate(1)), 24)),
    ("has shape", step(sweep(gate(1)), 4, 4)),
    ("strided, but not a view", step(sweep(gate(1)), 2, 8, strided=True)),
    ("not of a contiguous matrix", step(Gather(Read("g", (4, 2, 3)), PICKED), "batch", 2, 3)),
    ("not of a contiguous matrix", step(Gather(Read("g", (6, 4), None, (1, 0)), PICKED), "batch", 6)),
    ("not of a contiguous matrix", step(Gather(ROW, PICKED), "batch", 6)),
    ("by an index of shape", step(Gather(TABLE, Read("ids", ("batch", 1))), "batch", 6)),
    ("by an index of shape", step(Gather(TABLE, PICKED, 0), "batch", 6)),
    ("has shape", step(Gather(TABLE, PICKED), "batch", 4)),
    ("numbers as integers", step(Gather(TABLE, Read("g", (24,))), 24, 6)),
    ("reads integers as numbers", step(Scale(PICKED, 2.0), "batch")),
    ("normalizes", step(Normalize(ROW, (2,), 1e-12), "batch", 6)),
]


@pytest.mark.parametrize("good", GOOD, ids=[type(each.operation).__name__ for each in GOOD])
def test_good_steps(good: Step) -> None:
    verify_schedule(schedule(good))


@pytest.mark.parametrize(("message", "bad"), BAD, ids=[f"{type(b.operation).__name__}-{m}" for m, b in BAD])
def test_bad_steps(message: str, bad: Step) -> None:
    if message == "embeds a scalar":
        bad = replace(bad, operation=Embed(Read("n", ())))
        with pytest.raises(InternalError, match=message):
            verify_schedule(schedule(step(ScalarConstant(1.0), name="n"), bad))
        return
    with pytest.raises(InternalError, match=message):
        verify_schedule(schedule(bad))


def test_sweeps_start_from_contiguous_states() -> None:
    rows = step(ReduceSum(Read("g", (4, 2, 3)), (1,)), 4, 3, name="n")
    wide = Window(Read("n", (4, 3)), 1)
    verify_schedule(schedule(rows, step(Sweep(Read("n", (3,), (0, Index(0))), (wide,)), 4, 1)))
    with pytest.raises(InternalError, match="not flat"):
        verify_schedule(schedule(rows, step(Sweep(Read("n", (4,), (1, Index(0))), (wide,)), 4)))


def test_names_are_defined_once_and_before_their_use() -> None:
    with pytest.raises(InternalError, match="defined twice"):
        verify_schedule(schedule(step(ScalarConstant(1.0)), step(ScalarConstant(2.0))))
    with pytest.raises(InternalError, match="defined twice"):
        verify_schedule(schedule(step(ScalarConstant(1.0), name="g")))
    with pytest.raises(InternalError, match="not defined"):
        verify_schedule(schedule(step(Contiguous(Read("b", ())), name="a"), step(ScalarConstant(1.0), name="b")))


def test_a_strided_value_is_not_read_under_another_shape() -> None:
    look = step(NamedView(Read("x", ("batch", 6), None, (1, 0))), 6, "batch", strided=True)
    verify_schedule(schedule(look, step(Contiguous(Read("a", (2, 3, 1, "batch"))), 2, 3, 1, "batch", name="b")))
    fused = extent((6, "batch"))
    with pytest.raises(InternalError, match="is strided"):
        verify_schedule(schedule(look, Step("b", (fused,), Contiguous(Read("a", (fused,))))))


def loop(count: int = 3, **changes: object) -> Step:
    """A loop over members of the stack."""
    body = Step("w", (2, 2), Matmul(core(0, step=1), Read("v", (3, 2))))
    back = Step("u", (3, 2), Matmul(Read("g", (2, 3), (0, Index(0)), (1, 0)), Read("w", (2, 2))))
    repeat = Loop(count, Read("g", (3, 2), (0, Index(0))), "v", (body, back))
    return Step("l", (3, 2), replace(repeat, **changes))  # type: ignore[arg-type]


def test_loops() -> None:
    verify_schedule(schedule(loop()))
    verify_schedule(schedule(loop(4)))
    for message, bad in [
        ("no entries 0 to 4", loop(5)),
        ("is empty", loop(0)),
        ("is empty", loop(body=())),
        ("starts from", loop(initial=Read("g", (2, 3), (0, Index(0))))),
        ("starts from", loop(initial=Read("g", (2, 3), (0, Index(0)), (1, 0)))),
        ("not defined", loop(carried="z")),
        ("defined twice", loop(carried="g")),
        ("has shape", replace(loop(initial=core()), shape=(2, 3))),
    ]:
        with pytest.raises(InternalError, match=message):
            verify_schedule(schedule(bad))
    with pytest.raises(InternalError, match="not defined"):
        verify_schedule(schedule(loop(), step(Contiguous(Read("w", (2, 2))), 2, 2)))


def test_results() -> None:
    good = schedule()
    with pytest.raises(InternalError, match="not defined"):
        verify_schedule(replace(good, results=(Result("out", Read("y", ()), ()),)))
    with pytest.raises(InternalError, match="number of axes"):
        verify_schedule(replace(good, results=(Result("out", ROW, (None,)),)))


def product_and(function: str, *, in_place: bool = True, shape: tuple[int, ...] = (2, 2)) -> tuple[Step, Step]:
    made = Step("h", (2, 2), Matmul(core(), Read("g", (3, 2), (0, Index(1)))))
    applied = Pointwise(Apply(function, (Argument(0),)), (Read("h", shape),), "", in_place)
    return made, Step("a", shape, applied)


def test_what_may_be_overwritten() -> None:
    verify_schedule(schedule(*product_and("relu")))
    also = step(Contiguous(Read("h", (2, 2))), 2, 2, name="b")
    verify_schedule(schedule(*product_and("gelu", in_place=False), also))
    again = Step("b", (2, 2), Pointwise(Apply("relu", (Argument(0),)), (Read("a", (2, 2)),), "", True))
    for bad in [
        product_and("gelu"),  # its derivative asks for the argument
        product_and("relu", shape=(4,)),  # a view
        (*product_and("relu"), also),  # read twice
        (*product_and("tanh"), again),  # the derivative of tanh asks for its result
    ]:
        with pytest.raises(InternalError, match="overwrites"):
            verify_schedule(schedule(*bad))
    returned = replace(schedule(*product_and("relu")), results=(Result("out", Read("h", (2, 2)), (None, None)),))
    with pytest.raises(InternalError, match="overwrites"):
        verify_schedule(returned)
