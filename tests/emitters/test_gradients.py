"""Gradients at ``where`` and at kinks: torch's convention on every backend, in every mode of differentiation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import functional_call, hessian, jacrev, jvp, vmap

import tnc
from tests import backends
from tests.random_functions import Array, check_seed

NAN, INF = math.nan, math.inf


def compiled(body: str) -> tnc.Network:
    """``y`` as the function of the input ``x`` and the scalar core ``w``."""
    function = f"fn f(t) = {body.replace('w', 'w()').replace('w()here', 'where')} + 0 * t + 0 * w()"
    return tnc.loads(f"network n() {{\n  input x(batch?)\n  core w()\n  {function}\n  output y(i) = f(x(i))\n}}")


@dataclass(frozen=True)
class Case:
    """A function at some points for a value of w, its derivatives by t there, and the sum of those by w."""

    body: str
    points: list[float]
    w: float
    by_input: list[float]
    by_core: float


def one_network(cases: Sequence[Case]) -> tnc.Network:
    """Every function with a core of its points and one of its w."""
    lines = ["network n() {"]
    for k, case in enumerate(cases):
        function = case.body.replace("w", f"w{k}()").replace(f"w{k}()here", "where")
        lines += [
            f"  core a{k}({len(case.points)})",
            f"  core w{k}()",
            f"  fn f{k}(t) = {function} + 0 * t + 0 * w{k}()",
        ]
        lines.append(f"  output y{k}(i) = f{k}(a{k}(i))")
    return tnc.loads("\n".join([*lines, "}"]))


def torch_gradients(cases: Sequence[Case], dtype: str) -> dict[str, Array]:
    module: Any = one_network(cases).module("torch")
    instance = module(dtype=getattr(torch, dtype))
    instance.load_cores(cores(cases))
    backends.total(instance()).backward()
    return {name: parameter.grad.double().numpy() for name, parameter in instance.named_parameters()}


def jax_gradients(cases: Sequence[Case], dtype: str) -> dict[str, Array]:
    jax: Any = import_module("jax")
    module: Any = one_network(cases).module("jax")
    with jax.enable_x64(True):
        given = {name: jax.numpy.asarray(core, dtype) for name, core in cores(cases).items()}

        def total(parameters: Any) -> Any:
            return backends.total(module.apply(parameters))

        derivative = jax.jit(jax.grad(total))
        found = derivative(module.params_from_cores(given))
        return {name: np.asarray(value, np.float64) for name, value in found.items()}


def cores(cases: Sequence[Case]) -> dict[str, torch.Tensor]:
    found = {f"a{k}": torch.tensor(case.points, dtype=torch.float64) for k, case in enumerate(cases)}
    return found | {f"w{k}": torch.tensor(float(case.w)) for k, case in enumerate(cases)}


GRADIENTS = {"torch": torch_gradients, "jax": jax_gradients}

WHERE = (
    Case("where(t > 0, sqrt(t), 0)", [0, -1, 4, NAN, -INF], 1, [0, 0, 0.25, 0, 0], 0),
    Case("where(t == 0, 1, sin(t) / t)", [0], 1, [0], 0),
    Case("where(t == t, t^2, 0)", [NAN, 3], 1, [0, 6], 0),
    Case("where(t < 10, exp(t), t)", [1e4, 0], 1, [1, 1], 0),
    Case("where(t < 10, exp(w * t), t)", [1e4, 0], 1, [1, 1], 0),
    Case("where(t > 1, w * log(t - 1), w * t)", [1, 0, -1, 2], 3, [3, 3, 3, 3], 0),
    Case("where(t > 1, log(t), where(t < -1, log(-t), w))", [0, 1, -1, 2, -2], 5, [0, 0, 0, 0.5, -0.5], 3),
    Case("where(t > 0, t^w, 0)", [-2, 0, 1], 0.5, [0, 0, 0.5], 0),
    Case("where(w == 0, t, t / w)", [1, 2], 0, [1, 1], 0),
    Case("where(t > w, sqrt(t - w), 0)", [1, 0, 5], 1, [0, 0, 0.25], -0.25),
    Case("where(t > 100000, sqrt(t - 100000), t)", [0, 1], 1, [1, 1], 0),
    Case("exp(where(t > 0, log(t), 0)) * w", [0, -1, 2], 1, [0, 0, 1], 4),
    Case("where(t > 0, exp(where(t > 1, log(t - 1), log(-t))), t)", [0, -1, 2], 1, [1, 1, 1], 0),
    Case("where(t > 0, snake(t, w), t)", [-1, 0], 0, [1, 1], 0),
    Case("where(t > 0, min(1 / t, w), 0)", [0, -1, 4], 1, [0, 0, -0.0625], 0),
    Case("where(t > 0, where(t < 1, sqrt(t), 1 / t), 1 / t^2)", [-1], 1, [2], 0),
    Case("where((t > 0) == (t < 1), 1 / (t * (1 - t)), 2 * t)", [0, 1, -1], 1, [2, 2, 2], 0),
    Case("where(where(t > 0, log(t), 1) > 0, t, sqrt(-t))", [0, -1, 2], 1, [1, 1, 1], 0),
    Case("(t > 0) * t + (w > 0) - (t < 0)", [0, -1, 2], 0, [0, 0, 1], 0),
)  # fmt: skip

KINKS = (
    Case("abs(t)", [0.0, -0.0, 2.0, -2.0, INF, -INF], 1.0, [0.0, 0.0, 1.0, -1.0, 1.0, -1.0], 0.0),
    Case("relu(t)", [0.0, -0.0, 1.0, INF, -INF], 1.0, [0.0, 0.0, 1.0, 1.0, 0.0], 0.0),
    Case("leaky_relu(t)", [0.0, -0.0, 1.0, -1.0, INF, -INF], 1.0, [0.01, 0.01, 1.0, 0.01, 1.0, 0.01], 0.0),
    Case("prelu(t, w)", [0.0, -0.0, 1.0, -2.0, INF], 0.25, [0.25, 0.25, 1.0, 0.25, 1.0], -2.0),
    Case("elu(t, w)", [0.0, -0.0, 1.0, 1e4, -1e4, INF], 0.5, [0.5, 0.5, 1.0, 1.0, 0.0, 1.0], -1.0),
    Case("elu(t)", [0.0, 1e4, -1e4], 1.0, [1.0, 1.0, 0.0], 0.0),
    Case("min(t, 1)", [1.0, 0.0, 2.0, INF, -INF], 1.0, [0.5, 1.0, 0.0, 0.0, 1.0], 0.0),
    Case("max(0, t)", [0.0, -0.0, 1.0, -1.0], 1.0, [0.5, 0.5, 1.0, 0.0], 0.0),
    Case("max(t, w)", [0.5, 0.0, 1.0], 0.5, [0.5, 0.0, 1.0], 1.5),
    Case("min(t, t)", [0.5], 0.5, [1.0], 0.0),
    Case("sqrt(max(t, 0))", [-1.0, 4.0], 1.0, [0.0, 0.25], 0.0),
    Case("sqrt(max(t, w))", [-1.0, 4.0], 1.0, [0.0, 0.25], 0.5),
    Case("rational(t, 0, 1, 0, 0, w, 0)", [0.0], 2.0, [1.0], 0.0),
    Case("rational(t, 1, 0, 0, 0, w, 0)", [0.0], 2.0, [0.0], 0.0),
    Case("t^0", [0.0, 2.0], 1.0, [0.0, 0.0], 0.0),
    Case("t^1", [0.0, -2.0], 1.0, [1.0, 1.0], 0.0),
    Case("t^2", [0.0, -2.0], 1.0, [0.0, -4.0], 0.0),
    Case("t^w", [0.0, 2.0], 0.0, [0.0, 0.0], math.log(2.0)),
    Case("t^w", [0.0], 2.0, [0.0], 0.0),
    Case("t^w", [0.0], 1.0, [1.0], 0.0),
    Case("0^t", [0.0, 1.0], 1.0, [0.0, 0.0], 0.0),
    Case("w^t", [1.0, 2.0], 0.0, [0.0, 0.0], 1.0),
    Case("softplus(t)", [0.0, 1e4, -1e4, INF, -INF], 1.0, [0.5, 1.0, 0.0, 1.0, 0.0], 0.0),
    Case("tanh(t) + sigmoid(t) + erf(t)", [INF, -INF, 1e4], 1.0, [0.0, 0.0, 0.0], 0.0),
    Case("gelu(t) + silu(t)", [0.0, 1e3, -1e3], 1.0, [1.0, 2.0, 0.0], 0.0),
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", GRADIENTS)
@pytest.mark.parametrize("cases", [WHERE, KINKS], ids=["where", "kinks"])
def test_gradients(cases: Sequence[Case], backend: str, dtype: str) -> None:
    found = GRADIENTS[backend](cases, dtype)
    for k, case in enumerate(cases):
        message = f"{case.body}, w = {case.w}, at {case.points}"
        np.testing.assert_allclose(found[f"a{k}"], case.by_input, rtol=1e-6, atol=1e-12, err_msg=message)
        np.testing.assert_allclose(found[f"w{k}"].item(), case.by_core, rtol=1e-6, atol=1e-12, err_msg=message)


MODES = (
    "where(t > 0, sqrt(t), 0)",
    "where(t > 1, log(t - 1) * w, where(t < -1, (-t)^w, t / w))",
    "where(t == 0, w, sin(t) / t)",
    "max(t, 0) + min(w, t) * where(t > 0, t^1.5, -1)",
    "prelu(t, w) + abs(t) * leaky_relu(t) + elu(t, w) + rational(t, 1, 2, 3, 4, w, 1)",
)


# PyTorch's own: `hessian` scripts a decomposition.
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("body", MODES)
def test_modes_of_differentiation_agree(body: str) -> None:
    """Reverse, forward and second derivatives, on torch and on JAX, one entry at a time and batched."""
    jax: Any = import_module("jax")
    network = compiled(body)
    made: Any = network.module("torch")
    instance = made(dtype=torch.float64)
    points, w = torch.tensor([0.0, 1.0, -1.0, 2.0, -2.0, 0.5], dtype=torch.float64), torch.tensor([0.5]).double()

    def function(w: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = functional_call(instance, {"w": w}, (x,))
        return result

    by_w, by_x = jacrev(function, (0, 1))(w, points)
    assert torch.isfinite(by_x).all()
    assert torch.isfinite(by_w).all()
    zeros, ones = torch.zeros_like(points), torch.ones_like(points)
    torch.testing.assert_close(jvp(function, (w, points), (torch.zeros_like(w), ones))[1], by_x.diagonal())
    torch.testing.assert_close(jvp(function, (w, points), (torch.ones_like(w), zeros))[1], by_w[:, 0])

    def total(x: torch.Tensor) -> torch.Tensor:
        return function(w, x).sum()

    def single(x: torch.Tensor) -> torch.Tensor:
        return function(w, x[None])

    second = torch.as_tensor(hessian(total)(points))
    assert torch.equal(vmap(single)(points)[:, 0], function(w, points))
    module: Any = network.module("jax")

    def other(w: Any, x: Any) -> Any:
        return module.apply({"w": w}, x)

    def summed(x: Any) -> Any:
        return other(jax.numpy.asarray([0.5], "float64"), x).sum()

    with jax.enable_x64(True):
        given = jax.numpy.asarray([0.5], "float64"), jax.numpy.asarray(points.numpy())
        for derivative in (jax.jit(jax.jacrev(other, (0, 1))), jax.jacfwd(other, (0, 1))):
            found = derivative(*given)
            np.testing.assert_allclose(found[0], by_w, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(found[1], by_x, rtol=1e-9, atol=1e-12)
        twice = jax.hessian(summed)(given[1])
    np.testing.assert_allclose(twice, second, rtol=1e-9, atol=1e-12)


def test_compiled_and_exported_modules_have_the_same_gradients() -> None:
    made: Any = compiled(MODES[1]).module("torch")
    instance = made()
    instance.load_cores({"w": torch.tensor(0.5)})
    points = torch.tensor([0.0, 1.0, -1.0, 2.0, -2.0, 0.5])
    wanted = gradients(instance, instance, points)
    assert torch.isfinite(wanted[0]).all()
    framework: Any = torch
    for module in (framework.compile(instance, backend="aot_eager"), torch.export.export(instance, (points,)).module()):
        for found, value in zip(gradients(module, module, points), wanted, strict=True):
            torch.testing.assert_close(found, value)


def gradients(module: Any, owner: Any, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x = points.clone().requires_grad_()
    found = torch.autograd.grad(module(x).sum(), (x, *owner.parameters()))
    return found[0], found[1]


@pytest.mark.parametrize("seed", range(2))
def test_random_functions(seed: int) -> None:
    check_seed(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 80))
def test_many_random_functions(seed: int) -> None:
    check_seed(seed)
