"""Generated JAX modules where people put functions: export, several devices, precisions, donation, weights of torch."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tnc
from tests.citizens.networks import LAYER, WEIGHT, source

jax: Any = import_module("jax")
jnp: Any = import_module("jax.numpy")


@pytest.fixture
def weight() -> Any:
    return tnc.loads(WEIGHT).module("jax")


@pytest.fixture
def layer() -> Any:
    return tnc.loads(LAYER, sizes={"batch": 4}).module("jax")


def test_shapes_without_values(weight: Any, layer: Any) -> None:
    assert jax.eval_shape(weight.apply, jax.eval_shape(weight.init, jax.random.key(0))).shape == (8, 8)
    params = jax.eval_shape(layer.init, jax.random.key(0))
    assert jax.eval_shape(layer.apply, params, jax.ShapeDtypeStruct((9, 12), jnp.float32)).shape == (9, 7)


def test_export_with_a_symbolic_batch(layer: Any) -> None:
    export: Any = import_module("jax.export")
    params = layer.init(jax.random.key(0))
    shapes = jax.eval_shape(layer.init, jax.random.key(0))
    (batch,) = export.symbolic_shape("batch")
    exported = export.export(jax.jit(layer.apply))(shapes, jax.ShapeDtypeStruct((batch, 12), jnp.float32))
    for size in (1, 6):
        x = np.random.default_rng(size).normal(size=(size, 12)).astype("float32")
        np.testing.assert_allclose(exported.call(params, x), layer.apply(params, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("x64", [False, True])
def test_precision_is_that_of_the_parameters(weight: Any, x64: bool) -> None:
    with jax.enable_x64(x64):
        assert weight.apply(weight.init(jax.random.key(0))).dtype == jnp.float32
        if x64:
            assert weight.apply(weight.init(jax.random.key(0), dtype=jnp.float64)).dtype == jnp.float64
        for dtype in (jnp.bfloat16, jnp.float16):
            assert weight.apply(weight.init(jax.random.key(0), dtype=dtype)).dtype == dtype


def test_donated_buffers(layer: Any) -> None:
    def loss(params: Any, x: Any) -> Any:
        return (layer.apply(params, x) ** 2).mean()

    def step(params: Any, x: Any) -> Any:
        gradient = jax.grad(loss)(params, x)
        return {key: value - 0.1 * gradient[key] for key, value in params.items()}

    params, x = layer.init(jax.random.key(0)), jnp.ones((4, 12))
    expected = step(params, x)
    donated = jax.jit(step, donate_argnums=0)(params, x)
    for key, value in expected.items():
        np.testing.assert_allclose(donated[key], value, rtol=1e-5, atol=1e-6)


def test_shards_on_four_devices(tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text(source(LAYER, "jax"), encoding="utf-8")
    script = textwrap.dedent("""
        import jax, numpy as np, layer
        from jax.sharding import PartitionSpec as P
        assert jax.device_count() == 4
        mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
        params, x = layer.init(jax.random.key(0)), np.random.default_rng(0).normal(size=(8, 12)).astype("float32")
        sharded = jax.shard_map(layer.apply, mesh=mesh, in_specs=(P(), P("data")), out_specs=P("data"))
        np.testing.assert_allclose(jax.jit(sharded)(params, x), layer.apply(params, x), rtol=1e-5, atol=1e-6)
    """)
    environment = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu", "PATH": ""}
    subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=tmp_path, env=environment, check=True, timeout=120
    )


@pytest.mark.parametrize("text", [WEIGHT, LAYER], ids=["weight", "layer"])
def test_safetensors_between_torch_and_jax(text: str, tmp_path: Path) -> None:
    import torch

    of_numpy: Any = import_module("safetensors.numpy")
    of_torch: Any = import_module("safetensors.torch")
    network = tnc.loads(text, sizes={"batch": 4} if "batch" in text else {})
    generated: Any = network.module("torch")
    module, functions = generated(), network.module("jax")
    x = np.random.default_rng(0).normal(size=(4, 12)).astype("float32")
    inputs = [x] if "batch" in text else []

    of_torch.save_file(module.state_dict(), tmp_path / "from_torch.safetensors")
    params = of_numpy.load_file(tmp_path / "from_torch.safetensors")
    expected = module(*map(torch.as_tensor, inputs)).detach()
    apply: Any = vars(functions)["apply"]
    np.testing.assert_allclose(apply(params, *inputs), expected, rtol=1e-4, atol=1e-5)

    init: Any = vars(functions)["init"]
    fresh = {key: np.asarray(value) for key, value in init(jax.random.key(1)).items()}
    of_numpy.save_file(fresh, tmp_path / "from_jax.safetensors")
    module.load_state_dict(of_torch.load_file(tmp_path / "from_jax.safetensors"))
    np.testing.assert_allclose(
        module(*map(torch.as_tensor, inputs)).detach(), apply(fresh, *inputs), rtol=1e-4, atol=1e-5
    )
