"""Cores without axes: stored with one of size 1, scalars everywhere else; older weights, without it, still load."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
import torch

import tnc

_TEXT = """
network scaled() {
  core gain() init normal(1)
  core shift() init [0.5] frozen
  core slope() init 0.25
  core each[k in 0..3]() init normal(1)
  core a(3, 4) init normal(1)
  h(i, j) = prelu(a(i, j), slope())
  output w(i, j) = gain() * h(i, j) + shift() * each[0]() * each[1]() * each[2]()
  output z() = gain()
  output v(j) = gain() * ones(j) * a([0], j)
}
"""
_SHAPES = {"gain": (1,), "shift": (1,), "slope": (1,), "each": (3,), "a": (3, 4)}
_LONE = ("gain", "shift", "slope")


def _module(backend: str) -> Any:
    return tnc.loads(_TEXT).module(backend)


def _without_axis(values: dict[str, Any]) -> dict[str, Any]:
    """Weights as they were saved before scalars were stored with an axis."""
    return {key: value.reshape(()) if key in _LONE else value for key, value in values.items()}


def test_what_is_stored_and_what_is_seen() -> None:
    network = _module("torch")()
    numpy, jaxed = _module("numpy"), _module("jax")
    stored: list[dict[str, Any]] = [network.state_dict(), numpy.init(0), jaxed.init(jax.random.key(0))]
    seen: list[dict[str, Any]] = [network.cores(), numpy.cores(stored[1]), jaxed.cores(stored[2])]
    for params in stored:
        assert {key: tuple(value.shape) for key, value in params.items()} == _SHAPES
    for cores in seen:
        assert {name: tuple(core.shape) for name, core in cores.items()} == {
            name: shape for name, (_, _, shape) in numpy.CORES.items()
        }
        assert cores["gain"].shape == cores["each[1]"].shape == ()
    assert {str(core.name): core.shape for core in tnc.loads(_TEXT).parameters}["gain"] == ()


def test_a_seed_draws_a_scalar_as_it_always_did() -> None:
    """The values are those that the frameworks draw for the shape ()."""
    network = _module("torch")(generator=torch.Generator().manual_seed(5))
    drawn = torch.empty(()).normal_(generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(network.gain[0], drawn, rtol=0, atol=0)
    assert _module("numpy").init(5)["gain"][0] == np.random.default_rng(5).standard_normal(())
    first = jax.random.split(jax.random.key(5), 3)[0]
    assert _module("jax").init(jax.random.key(5))["gain"][0] == jax.random.normal(first, ())


@pytest.mark.parametrize("assign", [False, True])
def test_older_weights_load_in_torch(assign: bool) -> None:
    network = _module("torch")()
    nested: Any = torch.nn.Sequential(_module("torch")())
    older = _without_axis(network.state_dict())
    kept = {f"0.{key}": value.clone() for key, value in older.items()}
    nested.load_state_dict(kept, assign=assign)
    assert {key: tuple(value.shape) for key, value in nested[0].state_dict().items()} == _SHAPES
    assert all(kept[f"0.{key}"].ndim == 0 for key in _LONE), "the file in the caller's hands was changed"
    assert [type(value) for value in nested[0].parameters()] == [torch.nn.Parameter] * 4
    for value, expected in zip(nested[0](), network(), strict=True):
        torch.testing.assert_close(value, expected, rtol=0, atol=0)
    nested[0]().w.sum().backward()
    assert nested[0].gain.grad.shape == (1,)
    with pytest.raises(RuntimeError, match="size mismatch for a"):
        network.load_state_dict({**older, "a": torch.zeros(4, 3)})


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_older_weights_apply(backend: str) -> None:
    module = _module(backend)
    params = module.init(0) if backend == "numpy" else module.init(jax.random.key(0))
    older = _without_axis(params)
    for value, expected in zip(module.apply(older), module.apply(params), strict=True):
        assert value.shape == expected.shape
        np.testing.assert_array_equal(value, expected)
    assert module.cores(older)["gain"].shape == ()
    again = module.params_from_cores(module.cores(older))
    assert {key: tuple(value.shape) for key, value in again.items()} == _SHAPES


def test_a_core_loads_as_it_is_seen_and_as_it_is_stored() -> None:
    network, numpy = _module("torch")(), _module("numpy")
    cores = {name: core.detach().clone() for name, core in network.cores().items()}
    for gain in (torch.tensor(7.0), torch.tensor([7.0])):
        network.load_cores({**cores, "gain": gain})
        assert network.gain.tolist() == [7]
        assert numpy.params_from_cores({**cores, "gain": gain.numpy()})["gain"].tolist() == [7]
    with pytest.raises(ValueError, match=r"core gain has shape \(\), not \(2,\)"):
        network.load_cores({**cores, "gain": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"core gain has shape \(\), not \(1, 1\)"):
        numpy.params_from_cores({**cores, "gain": np.zeros((1, 1))})


def test_gradients_are_those_of_scalars() -> None:
    network, jaxed = _module("torch")(), _module("jax")
    params = {key: value.detach().numpy() for key, value in network.state_dict().items()}
    result = network()
    (result.w.sum() + result.z.sum() + result.v.sum()).backward()

    def loss(values: dict[str, Any]) -> Any:
        return sum(value.sum() for value in jaxed.apply(values))

    untyped: Any = jax
    gradients, older = untyped.grad(loss)(params), untyped.grad(loss)(_without_axis(params))
    for key, parameter in network.named_parameters():
        np.testing.assert_allclose(gradients[key], parameter.grad, rtol=1e-5)
        np.testing.assert_allclose(older[key].reshape(parameter.shape), parameter.grad, rtol=1e-5)
