"""Pointwise functions: the same values on every backend, and gradients that are finite everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch

from tests.emitters.schedules import BACKENDS, Array, apply, module, plan_of, pointwise, run, torch_module
from tests.oracle import pointwise as oracle
from tnc.backends.torch_source import TorchDialect
from tnc.codegen import emitter
from tnc.codegen.scalars import variant
from tnc.diagnostics import CompileError
from tnc.ir.activations import ACTIVATIONS, ENTRIES, is_real_only
from tnc.ir.entries import Primitive
from tnc.ir.program import Apply, Argument, Literal, Scalar

_T = Argument(0)
_POINTS = np.concatenate([np.linspace(-6, 6, 97), [-800.0, -90.0, -40.0, -1e-9, 0.0, 1e-9, 39.9, 40.1, 90.0, 800.0]])

_erf = np.vectorize(math.erf)

Case: TypeAlias = tuple[Scalar, Callable[[Array], Array]]
"""A function, and its value by the oracle."""


def _built_in(name: str) -> Case:
    numbers = [0.25 * k if default is None else default for k, default in enumerate(oracle.ACTIVATIONS[name], 1)]
    return apply(name, *numbers), lambda t: oracle.apply(name, [t, *map(np.asarray, numbers)])


_REAL: dict[str, Case] = {
    **{name: _built_in(name) for name in ACTIVATIONS if is_real_only(name)},
    "steep leaky_relu": (apply("leaky_relu", 3.0), lambda t: np.where(t > 0, t, 3 * t)),
    "large elu": (apply("elu", 1.5), lambda t: np.where(t > 0, t, 1.5 * np.expm1(np.minimum(t, 0)))),
    "erf": (apply("erf"), _erf),
    "min": (apply("min", 0.5), lambda t: np.minimum(t, 0.5)),
    "max of a number": (Apply("max", (Literal(-1.0), _T)), lambda t: np.maximum(t, -1)),
    "step": (
        Apply("where", (apply("ge", 0.1), Literal(0.1), Literal(-0.3))),
        lambda t: np.where(t >= 0.1, 0.1, -0.3),
    ),
    "constant": (Literal(0.1), lambda t: np.full_like(t, 0.1)),
    "compared with itself": (
        Apply("where", (Apply("lt", (apply("mul", 2.0), apply("pow", 2.0))), _T, Apply("neg", (_T,)))),
        lambda t: np.where(2 * t < t**2, t, -t),
    ),
}

_ANALYTIC: dict[str, Case] = {
    **{name: _built_in(name) for name in ACTIVATIONS if not is_real_only(name)},
    "fast sin": (apply("sin", 30.0), lambda t: np.sin(30 * t)),
    "slow snake": (apply("snake", 0.5), lambda t: t + np.sin(0.5 * t) ** 2 / 0.5),
    "steep rational": (
        apply("rational", 0.1, 1.0, -0.5, 0.25, 0.5, 2.0),
        lambda t: (0.1 + t - 0.5 * t**2 + 0.25 * t**3) / (1 + np.abs(0.5 * t + 2 * t**2)),
    ),
    "cube": (apply("pow", 3.0), lambda t: t**3),
    "bell": (Apply("exp", (Apply("neg", (apply("pow", 2.0),)),)), lambda t: np.exp(-(t**2))),
    "signs": (Apply("sub", (apply("add", -1.5), apply("mul", -2.0))), lambda t: t - 1.5 + 2 * t),
    "nested sums": (
        Apply(
            "sub", (_T, Apply("sub", (Literal(1.0), Apply("div", (_T, Apply("mul", (Literal(4.0), Literal(2.0))))))))
        ),
        lambda t: t - (1 - t / 8),
    ),
    "powers of powers": (
        Apply("pow", (Apply("pow", (apply("cos"), Literal(2.0))), Literal(3.0))),
        lambda t: np.cos(t) ** 6,
    ),
    "minus a power": (Apply("neg", (apply("pow", 2.0),)), lambda t: -(t**2)),
    "power of minus": (Apply("pow", (Apply("neg", (_T,)), Literal(3.0))), lambda t: -(t**3)),
    "identity": (_T, lambda t: t),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [*_REAL, *_ANALYTIC])
def test_values(name: str, backend: str) -> None:
    function, expected = (_REAL | _ANALYTIC)[name]
    with np.errstate(over="ignore"):
        wanted = expected(_POINTS)
    (value,) = run(pointwise(function), backend, _POINTS)
    assert value.dtype == np.float64
    # To the last bits of each entry, so that tails count, too; zeros may come out as numbers that only look like zero.
    np.testing.assert_allclose(value, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", _ANALYTIC)
def test_complex_values(name: str, backend: str) -> None:
    function, expected = _ANALYTIC[name]
    random = np.random.default_rng(0)
    points = random.normal(size=50) + 1j * random.normal(size=50)
    (value,) = run(pointwise(function), backend, points)
    np.testing.assert_allclose(value, expected(points), rtol=1e-12)


@pytest.mark.parametrize("name", [*_REAL, *_ANALYTIC])
def test_gradients_are_finite_and_agree(name: str) -> None:
    function, _ = (_REAL | _ANALYTIC)[name]
    schedule = pointwise(function)
    smooth = _POINTS + 0.00123  # beside the kinks
    points = torch.tensor(smooth, requires_grad=True)
    output = torch_module(schedule)(points)
    if name in ("step", "constant"):
        assert (
            not output.requires_grad or not torch.autograd.grad(output.sum(), points, materialize_grads=True)[0].any()
        )
        return
    (slope,) = torch.autograd.grad(output.sum(), points)
    generated: Any = module(schedule, "jax")

    def total(t: Any) -> Any:
        return generated.apply({}, t).sum()

    jax: Any = import_module("jax")
    with jax.enable_x64(True):
        other = jax.grad(total)(jax.numpy.asarray(smooth))
    assert torch.isfinite(slope).all()
    np.testing.assert_allclose(np.asarray(slope), np.asarray(other), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["leaky_relu", "prelu", "elu", "snake", "min", "max", "mul", "div", "pow"])
def test_scalar_tensors_as_further_arguments(name: str) -> None:
    """The gradient reaches them, and is that of finite differences."""
    schedule = pointwise(Apply(name, (_T, Argument(1))), further=1)
    points = np.linspace(0.3, 2.0, 9) * ([-1, 1, 1] * 3 if name != "pow" else 1.0)
    values = [run(schedule, backend, points, np.asarray(0.7))[0] for backend in BACKENDS]
    np.testing.assert_allclose(values[0], values[2], rtol=1e-13)
    np.testing.assert_allclose(values[1], values[2], rtol=1e-13)
    network = torch_module(schedule)
    inputs = (torch.tensor(points, requires_grad=True), torch.tensor(0.7, dtype=torch.float64, requires_grad=True))
    assert torch.autograd.gradcheck(network, inputs)


@pytest.mark.parametrize("backend", BACKENDS)
def test_precision_is_kept(backend: str) -> None:
    for function in (*(case for case, _ in _REAL.values()), *(case for case, _ in _ANALYTIC.values())):
        (value,) = run(pointwise(function), backend, np.linspace(-2, 2, 5, dtype=np.float32))
        assert value.dtype == np.float32


def test_elu_has_no_gradient_trap_with_a_tensor() -> None:
    """The branch that is not taken overflows; its gradient must not turn into NaN."""
    schedule = pointwise(Apply("elu", (_T, Argument(1))), further=1)
    points = torch.tensor([1e4, -1e4], dtype=torch.float64, requires_grad=True)
    alpha = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    torch_module(schedule)(points, alpha).sum().backward()
    assert points.grad is not None
    assert torch.equal(points.grad, torch.tensor([1.0, 0.0], dtype=torch.float64))
    assert alpha.grad is not None
    assert alpha.grad.item() == -1.0


def test_what_has_no_complex_meaning_is_refused_all_at_once() -> None:
    function = Apply("max", (apply("relu"), apply("gelu")))
    for backend in BACKENDS:
        with pytest.raises(CompileError) as caught:
            emitter(backend).emit(plan_of(pointwise(function), "complex64"))
        assert [d.code for d in caught.value.diagnostics] == ["TN501"] * 3
        assert [d.message.split("`")[1] for d in caught.value.diagnostics] == ["gelu", "max", "relu"]


def test_deep_functions_are_split_into_readable_lines() -> None:
    function: Scalar = _T
    for _ in range(40):
        function = Apply("add", (Apply("tanh", (Apply("mul", (Literal(0.123456), function)),)), _T))
    text = emitter("torch").emit(plan_of(pointwise(function)))
    assert max(map(len, text.splitlines())) <= 88
    wanted = _POINTS
    for _ in range(40):
        wanted = np.tanh(0.123456 * wanted) + _POINTS
    for backend in BACKENDS:
        np.testing.assert_allclose(run(pointwise(function), backend, _POINTS)[0], wanted, rtol=1e-12)


def test_torch_spells_every_function_that_may_be_in_place() -> None:
    spelled = TorchDialect().functions.in_place
    in_place = [
        variant(name, (_T, *[Literal(0.1)] * (entry.operands - 1)))
        for name, entry in ENTRIES.items()
        if isinstance(entry, Primitive) and entry.in_place(*[0.1] * (entry.operands - 1))
    ]
    assert sorted(in_place) == sorted(spelled)
