"""Every kind of initialisation, on every backend and for unusual dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.emitters.schedules import BACKENDS, Array, initialised, module, runner, stack, torch_module
from tnc.ir.program import Glorot, He, Init, Normal, Orthogonal, Uniform
from tnc.ir.schedule import Read, Result, Schedule, Stack
from tnc.modules import torch_class


def _start(schedule: Schedule, backend: str, dtype: str = "float64", seed: int = 0) -> dict[str, Array]:
    """The parameters of a new network."""
    return runner(schedule, backend, dtype).start(dtype, seed)


def _family(init: Init, shape: tuple[int, ...], inputs: int, members: int) -> Schedule:
    cores: Stack = stack("g", shape, [init] * members, inputs=inputs)
    return Schedule(
        "family", (cores,), (), (), (Result("y", Read("g", (members, *shape)), (None,) * (len(shape) + 1)),)
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_every_kind(backend: str, dtype: str) -> None:
    params = _start(initialised(), backend, dtype)
    exact = 1e-5 if dtype == "float32" else 1e-12
    near = 1e-6
    assert params["normal"].shape == (5, 4, 3)
    assert len(np.unique(params["normal"])) == 60
    isometries = params["isometry"].reshape(3, 2, 12)
    gram = isometries @ isometries.conj().swapaxes(1, 2)
    np.testing.assert_allclose(gram, np.broadcast_to(1.5**2 * np.eye(2), gram.shape), atol=exact)
    squares = params["square"]
    np.testing.assert_allclose(
        squares @ squares.conj().swapaxes(1, 2), np.broadcast_to(np.eye(3), squares.shape), atol=exact
    )
    tall = params["tall"]
    np.testing.assert_allclose(tall.conj().T @ tall, np.eye(3), atol=exact)
    np.testing.assert_array_equal(params["near_identity"][:2].reshape(2, 4, 4), np.broadcast_to(np.eye(4), (2, 4, 4)))
    noise = params["near_identity"][2].reshape(4, 4) - np.eye(4)
    assert 0.1 < np.abs(noise).std() + np.abs(noise).mean() < 1
    np.testing.assert_array_equal(params["constant"], np.full((2, 2), -1.0))
    np.testing.assert_array_equal(params["entries"], np.broadcast_to(np.arange(6).reshape(2, 3), (2, 2, 3)))
    np.testing.assert_allclose(params["many"].ravel(), np.arange(240) / 7, rtol=near)
    np.testing.assert_allclose(params["long"], np.arange(40) / 7, rtol=near)
    if "complex" in dtype:
        assert np.iscomplexobj(params["normal"])
        assert np.abs(np.imag(params["normal"])).min() > 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_deviations(backend: str, dtype: str) -> None:
    """Twenty thousand draws; a deviation is then known to half a percent."""
    expected: dict[Init, float] = {
        Normal(0.3): 0.3,
        Glorot(): (2 / (4 + 25)) ** 0.5,
        He(): (2 / 4) ** 0.5,
        Uniform(-2.0, 1.0): (3**2 / 12 + 0.25) ** 0.5,
        Orthogonal(2.0): 2 * 25**-0.5,
    }
    for init, deviation in expected.items():
        drawn = _start(_family(init, (4, 5, 5), 1, 200), backend, dtype)["g"]
        assert np.sqrt((np.abs(drawn) ** 2).mean()) == pytest.approx(deviation, rel=0.02), init
    uniform = _start(_family(Uniform(-2.0, 1.0), (4, 5, 5), 1, 200), backend, dtype)["g"]
    assert np.real(uniform).min() >= -2
    assert np.real(uniform).max() < 1
    assert not np.imag(uniform).any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_wide_isometries_are_squares_side_by_side(backend: str) -> None:
    """All columns of the long side have one norm, and members differ."""
    drawn = _start(_family(Orthogonal(1.0), (3, 2, 6), 1, 7), backend)["g"].reshape(7, 3, 12)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), np.full((7, 12), 0.5), rtol=1e-12)
    np.testing.assert_allclose(drawn @ drawn.swapaxes(1, 2), np.broadcast_to(np.eye(3), (7, 3, 3)), atol=1e-12)
    assert len(np.unique(drawn)) == drawn.size


@pytest.mark.parametrize("backend", BACKENDS)
def test_orthogonal_is_uniform_over_the_group(backend: str) -> None:
    """Without the signs of R, the diagonal of QR's Q is mostly negative."""
    drawn = _start(_family(Orthogonal(1.0), (2, 2), 1, 4000), backend)["g"]
    assert abs(drawn[:, 0, 0].mean()) < 0.05
    assert np.linalg.det(drawn).mean() == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("backend", BACKENDS)
def test_seeds(backend: str) -> None:
    first, again, other = (_start(initialised(), backend, seed=seed) for seed in (1, 1, 2))
    for key, value in first.items():
        np.testing.assert_array_equal(value, again[key])
    assert not np.array_equal(first["isometry"], other["isometry"])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(dtype: str) -> None:
    for backend in ("torch", "jax"):
        params = _start(initialised(), backend, dtype)
        gram = params["tall"].T @ params["tall"]
        np.testing.assert_allclose(gram, np.eye(3), atol=0.03)


def test_nothing_is_computed_on_meta() -> None:
    kind: Any = torch_class(module(initialised(), "torch"))
    network = kind(device="meta")
    assert all(tensor.is_meta for tensor in network.state_dict().values())
    network = network.to_empty(device="cpu").to(torch.float64)
    network.reset_parameters(torch.Generator().manual_seed(0))
    expected = kind(dtype=torch.float64, generator=torch.Generator().manual_seed(0)).state_dict()
    for key in ("constant", "entries", "many"):
        assert torch.equal(network.state_dict()[key], expected[key])


def test_drawing_anew_leaves_no_graph() -> None:
    network = torch_module(initialised())
    assert all(parameter.requires_grad and parameter.grad_fn is None for parameter in network.parameters())
    assert [name for name, _ in network.named_buffers()] == ["entries"]
    assert "entries" in network.state_dict()
