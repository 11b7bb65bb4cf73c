"""Generated JAX modules: pure functions under every transform."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from tests.emitters.schedules import Array, initialised, module, random_cores, tensor_train, torch_module
from tests.emitters.sweeps import swept

jax: Any = import_module("jax")
jnp: Any = import_module("jax.numpy")


@pytest.fixture
def generated() -> Any:
    return module(tensor_train(), "jax")


@pytest.fixture
def params(generated: Any) -> Any:
    with jax.enable_x64(True):
        return generated.params_from_cores(random_cores(tensor_train()))


@pytest.fixture
def data() -> Any:
    return np.random.default_rng(0).normal(size=(4, 8, 2))


def _noise(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(1).normal(size=shape)


def test_jit_and_grad(generated: Any, params: Any, data: Any) -> None:
    def loss(params: Any, x: Any) -> Any:
        return (generated.apply(params, x).y ** 2).mean() + generated.apply(params, x).w.sum()

    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(loss))(params, data)
        for key in ("first", "g", "tree__out", "gain"):
            direction = _noise(params[key].shape)
            step = 1e-6
            ahead = loss({**params, key: params[key] + step * direction}, data)
            behind = loss({**params, key: params[key] - step * direction}, data)
            assert float((slope[key] * direction).sum()) == pytest.approx(
                float((ahead - behind) / (2 * step)), rel=1e-6
            )


def test_vmap_over_data_and_over_params(generated: Any, params: Any, data: Any) -> None:
    def one_sample(x: Any) -> Any:
        return generated.apply(params, x[None]).y[0]

    def one_network(params: Any) -> Any:
        return generated.apply(params, data).y

    with jax.enable_x64(True):
        each = jax.vmap(one_sample)(jnp.asarray(data))
        np.testing.assert_allclose(each, one_network(params), rtol=1e-12, atol=1e-12)
        both = jax.vmap(one_network)({key: jnp.stack([value, 2 * value]) for key, value in params.items()})
        np.testing.assert_allclose(both[0], one_network(params), rtol=1e-12, atol=1e-12)


def test_frozen_parameters_receive_no_gradient(generated: Any, params: Any, data: Any) -> None:
    assert generated.FROZEN == ("fixed",)

    def loss(params: Any) -> Any:
        return (generated.apply(params, data).y ** 3).sum()

    with jax.enable_x64(True):
        slope = jax.grad(loss)(params)
    assert not slope["fixed"].any()
    assert slope["g"].all()


def test_shapes_without_values(generated: Any) -> None:
    params = jax.eval_shape(generated.init, jax.random.key(0))
    shapes = jax.eval_shape(generated.apply, params, jax.ShapeDtypeStruct((7, 8, 2), jnp.float32))
    assert shapes.y.shape == (7, 5)
    assert shapes.y.dtype == jnp.float32


def test_an_ensemble_of_starts(generated: Any) -> None:
    params = jax.vmap(generated.init)(jax.random.split(jax.random.key(0), 3))
    assert params["g"].shape == (3, 6, 3, 2, 3)
    assert not np.array_equal(params["g"][0], params["g"][1])


def test_shards(generated: Any, data: Any) -> None:
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    params = generated.init(jax.random.key(0))
    spec = jax.sharding.PartitionSpec
    data = jnp.asarray(data, jnp.float32)

    def network(params: Any, x: Any) -> Any:
        return generated.apply(params, x).y

    sharded = jax.shard_map(network, mesh=mesh, in_specs=(spec(), spec("data")), out_specs=spec("data"))
    np.testing.assert_allclose(sharded(params, data), generated.apply(params, data).y, rtol=1e-6)


def test_a_loop_carries_the_promoted_dtype(generated: Any, data: Any) -> None:
    """Inputs of another precision than the parameters must not break the scan."""
    for dtype in (jnp.bfloat16, jnp.float32, jnp.float16):
        params = generated.init(jax.random.key(0), dtype)
        assert generated.apply(params, np.asarray(data, "float32")).y.dtype == jnp.float32


def test_cores_there_and_back(generated: Any, params: Any) -> None:
    cores = generated.cores(params)
    assert list(cores) == list(generated.CORES)
    again = generated.params_from_cores({name: np.asarray(core) for name, core in cores.items()})
    for key, value in params.items():
        np.testing.assert_allclose(again[key], value, rtol=1e-6)
    with pytest.raises(ValueError, match="unknown"):
        generated.params_from_cores({**cores, "more": 1.0})
    with pytest.raises(ValueError, match=r"core gain has shape \(\), not \(2,\)"):
        generated.params_from_cores({**cores, "gain": np.ones(2)})


def test_keys_are_those_of_torch() -> None:
    for schedule in (tensor_train(), initialised()):
        state = torch_module(schedule).state_dict()
        for backend in ("jax", "numpy"):
            generated: Any = module(schedule, backend)
            params = generated.init(jax.random.key(0) if backend == "jax" else 0)
            assert {key: value.shape for key, value in params.items()} == {
                key: tuple(value.shape) for key, value in state.items()
            }
            assert vars(module(schedule, "torch"))["CORES"] == generated.CORES


@pytest.mark.parametrize(("columns", "transposed"), [(64, False), (4, True)])
def test_a_light_matrix_is_repeated_for_its_batch_and_nothing_large_transposed(columns: int, transposed: bool) -> None:
    schedule = swept(32 * 8 * columns, (8, 8, 32))
    generated: Any = module(schedule, "jax")
    params = generated.params_from_cores(random_cores(schedule))
    compiled = jax.jit(generated.apply).lower(params, jnp.ones(32 * 8 * columns)).compile().as_text()
    assert (" transpose(" in compiled) == transposed
