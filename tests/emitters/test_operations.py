"""Every operation of a Schedule on every backend, against NumPy by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import numpy as np
import pytest

from tests.emitters.schedules import BACKENDS, PRODUCT, Array, one_step, run
from tnc.ir.schedule import (
    Add,
    Broadcast,
    Conjugate,
    Contiguous,
    Diagonal,
    Embed,
    Eye,
    Index,
    Kron,
    Loop,
    Matmul,
    Multiply,
    NamedView,
    Normalize,
    Read,
    ReduceSum,
    ScalarConstant,
    Scale,
    Schedule,
    Slice,
    Step,
)

_Function: TypeAlias = (
    Callable[[Array], Array] | Callable[[Array, Array], Array] | Callable[[Array, Array, Array], Array]
)

_CASES: dict[str, tuple[Schedule, _Function, tuple[tuple[int, ...], ...]]] = {
    "number": (one_step(ScalarConstant(2.5), (), ()), lambda a: np.asarray(2.5), ((),)),
    "matmul": (
        one_step(Matmul(Read("a", (3, 4), perm=(1, 0)), Read("b", (3, 5))), (4, 5), (3, 4), (3, 5)),
        lambda a, b: a.T @ b,
        ((3, 4), (3, 5)),
    ),
    "batched matmul": (
        one_step(Matmul(Read("a", (2, 3, 4)), Read("b", (2, 5, 4), perm=(0, 2, 1))), (2, 3, 5), (2, 3, 4), (2, 5, 4)),
        lambda a, b: a @ b.transpose(0, 2, 1),
        ((2, 3, 4), (2, 5, 4)),
    ),
    "multiply": (
        one_step(Multiply(Read("a", (3, 1)), Read("b", (1, 4))), (3, 4), (3,), (4,)),
        np.multiply.outer,
        ((3,), (4,)),
    ),
    "eye": (one_step(Eye(3), (3, 3), (2,)), lambda a: np.eye(3), ((2,),)),
    "kron": (
        one_step(Kron(Read("a", (2, 3)), Read("b", (4, 2))), (8, 6), (2, 3), (8,)),
        lambda a, b: np.kron(a, b.reshape(4, 2)),
        ((2, 3), (8,)),
    ),
    "add": (
        one_step(Add(((-1.0, Read("a", (3,))), (0.5, Read("b", (1,))), (-2.0, Read("c", (3,))))), (3,), (3,), (), (3,)),
        lambda a, b, c: -a + 0.5 * b - 2 * c,
        ((3,), (), (3,)),
    ),
    "one term": (one_step(Add(((-3.0, Read("a", (2,))),)), (2,), (2,)), lambda a: -3 * a, ((2,),)),
    "scale": (one_step(Scale(Read("a", (2,)), -0.25), (2,), (2,)), lambda a: -0.25 * a, ((2,),)),
    "reduce one": (one_step(ReduceSum(Read("a", (2, 3)), (1,)), (2,), (2, 3)), lambda a: a.sum(1), ((2, 3),)),
    "reduce two": (
        one_step(ReduceSum(Read("a", (2, 3, 4)), (0, 2)), (3,), (2, 3, 4)),
        lambda a: a.sum((0, 2)),
        ((2, 3, 4),),
    ),
    "reduce all": (one_step(ReduceSum(Read("a", (2, 3)), (0, 1)), (), (2, 3)), np.sum, ((2, 3),)),
    "reduce none": (one_step(ReduceSum(Read("a", (2,)), ()), (2,), (2,)), lambda a: a, ((2,),)),
    "diagonal": (one_step(Diagonal(Read("a", (3, 3))), (3,), (3, 3)), np.diagonal, ((3, 3),)),
    "diagonal of more": (
        one_step(Diagonal(Read("a", (3, 3, 2, 4))), (3, 2, 4), (3, 3, 2, 4)),
        lambda a: np.einsum("iijk->ijk", a),
        ((3, 3, 2, 4),),
    ),
    "embed": (one_step(Embed(Read("a", (3,))), (3, 3), (3,)), np.diag, ((3,),)),
    "embed more": (
        one_step(Embed(Read("a", (3, 2, 4))), (3, 3, 2, 4), (3, 2, 4)),
        lambda a: np.einsum("ij,jkl->ijkl", np.eye(3), a),
        ((3, 2, 4),),
    ),
    "broadcast": (
        one_step(Broadcast(Read("a", (3, 1))), (3, 4), (3,)),
        lambda a: np.repeat(a[:, None], 4, axis=1),
        ((3,),),
    ),
    "move": (
        one_step(Contiguous(Read("a", (2, 3, 4), perm=(2, 0, 1))), (4, 2, 3), (2, 3, 4)),
        lambda a: a.transpose(2, 0, 1),
        ((2, 3, 4),),
    ),
    "look": (one_step(NamedView(Read("a", (6,))), (6,), (2, 3)), np.ravel, ((2, 3),)),
    "look at a scalar": (one_step(NamedView(Read("a", ())), (), (1, 1)), lambda a: a[0, 0], ((1, 1),)),
    "crop": (
        one_step(Slice(Read("a", (3, 4, 5))), (3, 2, 5), (3, 4, 5)),
        lambda a: a[:, :2],
        ((3, 4, 5),),
    ),
    "crop nothing": (one_step(Slice(Read("a", (3,))), (3,), (3,)), lambda a: a, ((3,),)),
    "conjugate": (one_step(Conjugate(Read("a", (3,))), (3,), (3,)), np.conj, ((3,),)),
    "normalize": (
        one_step(Normalize(Read("a", (2, 3)), (1,), 1e-12), (2, 3), (2, 3)),
        lambda a: a / np.sqrt((np.abs(a) ** 2).mean(1, keepdims=True) + 1e-12),
        ((2, 3),),
    ),
    "normalize nothing": (
        one_step(Normalize(Read("a", ("n",)), (), 1e-12), ("n",), ("n",)),
        lambda a: a / np.sqrt(np.abs(a) ** 2 + 1e-12),
        ((3,),),
    ),
    "pick": (
        one_step(Multiply(Read("a", (2, 4), (1, Index(2))), Read("a", (2, 4), (1, Index(0)))), (2, 4), (2, 3, 4)),
        lambda a: a[:, 2] * a[:, 0],
        ((2, 3, 4),),
    ),
    "fused dynamic axes": (
        one_step(Matmul(Read("a", (PRODUCT, 3)), Read("b", (3, 4))), (PRODUCT, 4), ("batch", 2, 3), (3, 4)),
        lambda a, b: a.reshape(-1, 3) @ b,
        ((5, 2, 3), (3, 4)),
    ),
    "many axes": (
        one_step(Contiguous(Read("a", (2,) * 12, perm=tuple(range(11, -1, -1)))), (2,) * 12, (2,) * 12),
        np.transpose,
        ((2,) * 12,),
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", _CASES)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_operation(case: str, backend: str, dtype: str) -> None:
    schedule, expected, shapes = _CASES[case]
    random = np.random.default_rng(0)
    inputs = [np.asarray(random.normal(size=shape)) for shape in shapes]
    if dtype == "complex128":
        inputs = [value + 1j * random.normal(size=value.shape) for value in inputs]
    (value,) = run(schedule, backend, *inputs)
    wanted = np.asarray(cast("Callable[..., Array]", expected)(*inputs))
    assert value.shape == wanted.shape
    np.testing.assert_allclose(value, wanted, rtol=1e-13, atol=1e-13)


_WALKS = [(0, 1, 5), (1, 1, 3), (4, -1, 5), (3, -1, 2), (0, 2, 3), (4, -2, 2), (2, 0, 3), (4, -2, 3), (1, 3, 2)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("start", "step", "count"), _WALKS)
@pytest.mark.parametrize("axis", [0, 1])
def test_loops_walk_from_any_entry_in_any_direction(backend: str, start: int, step: int, count: int, axis: int) -> None:
    shape = (5, 3) if axis == 0 else (3, 5)
    body = (
        Step("s", (3,), Scale(Read("c", (3,)), 0.5)),
        Step("t", (3,), Add(((1.0, Read("s", (3,))), (1.0, Read("a", (3,), (axis, Index(start, step))))))),
    )
    schedule = one_step(Loop(count, Read("b", (3,)), "c", body), (3,), shape, (3,))
    random = np.random.default_rng(1)
    a, b = random.normal(size=shape), random.normal(size=3)
    wanted = b
    for iteration in range(count):
        wanted = 0.5 * wanted + np.take(a, start + step * iteration, axis)
    (value,) = run(schedule, backend, a, b)
    np.testing.assert_allclose(value, wanted, rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_loops_nest_and_share_what_is_outside(backend: str) -> None:
    inner = (Step("t", (3,), Multiply(Read("d", (3,)), Read("a", (3,), (0, Index(0, 1))))),)
    body = (
        Step("s", (3,), Add(((1.0, Read("c", (3,))), (1.0, Read("b", (3,)))))),
        Step("r", (3,), Loop(2, Read("s", (3,)), "d", inner)),
    )
    schedule = one_step(Loop(3, Read("b", (3,)), "c", body), (3,), (2, 3), (3,))
    random = np.random.default_rng(1)
    a, b = random.normal(size=(2, 3)), random.normal(size=3)
    wanted = b
    for _ in range(3):
        wanted = (wanted + b) * a[0] * a[1]
    (value,) = run(schedule, backend, a, b)
    np.testing.assert_allclose(value, wanted, rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_of_another_shape_are_refused(backend: str) -> None:
    schedule = one_step(Multiply(Read("a", ("n", 2)), Read("b", ("n", 1))), ("n", 2), ("n", 2), ("n",), (2, "m", 3), ())
    good = (np.ones((4, 2)), np.ones(4), np.ones((2, 7, 3)), np.ones(()))
    run(schedule, backend, *good)
    bad: dict[int, list[tuple[Array, str]]] = {
        0: [(np.ones((4, 3)), r"a has shape \(4, 3\), not \(n, 2\)"), (np.ones(4), r"not \(n, 2\)")],
        1: [(np.ones((4, 1)), r"not \(n,\)"), (np.ones(5), "axis 0 of b must be n = 4")],
        2: [(np.ones((2, 7, 4)), r"not \(2, m, 3\)"), (np.ones((2, 3)), r"not \(2, m, 3\)")],
        3: [(np.ones(1), r"not \(\)")],
    }
    for position, values in bad.items():
        for value, message in values:
            with pytest.raises(ValueError, match=message):
                run(schedule, backend, *good[:position], value, *good[position + 1 :])
