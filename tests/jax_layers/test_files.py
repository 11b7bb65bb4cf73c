"""Cores on disk: what JAX writes, PyTorch and ``tnc merge`` read, and the other way round."""

# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.requirements import package
from tnc.diagnostics import CompileError
from tnc.layers.core_file import open_core_file

jax: Any = package("jax")
jnp: Any = package("jax.numpy")
tnc_jax: Any = package("tnc.jax")

KEY: Any = jax.random.key(0)


def layers() -> Any:
    """Params with the paths and shapes of ``nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 6))``."""
    keys = jax.random.split(KEY, 4)
    return [
        {"weight": jax.random.normal(keys[0], (8, 6)), "bias": jax.random.normal(keys[1], (8,))},
        {"weight": jax.random.normal(keys[2], (6, 8)), "bias": jax.random.normal(keys[3], (6,))},
    ]


def same(one: Any, two: Any) -> bool:
    return bool(jax.tree.all(jax.tree.map(lambda a, b: jnp.array_equal(a, b), one, two)))


def refused(params: Any, path: Path) -> list[tuple[str, str]]:
    with pytest.raises(CompileError) as caught:
        tnc_jax.load_layers(params, path)
    return [(each.code, each.message) for each in caught.value.diagnostics]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_what_is_saved_is_loaded(dtype: str, tmp_path: Path) -> None:
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), layers())
    small, expand = tnc_jax.replace(params, {"**/weight": tnc_jax.Generated("mps", chi=2, shard="out")}, key=KEY)
    path = tmp_path / "cores.safetensors"
    assert tnc_jax.save_layers(small, expand, path) == path.stat().st_size
    loaded, again = tnc_jax.load_layers(jax.eval_shape(lambda: params), path)
    assert jax.tree.structure(loaded) == jax.tree.structure(small)
    assert same(loaded, small)
    assert jnp.allclose(again(loaded)[0]["weight"], expand(small)[0]["weight"])
    assert str(again.plan) == str(expand.plan)
    assert [layer.shard for layer in again.layers] == [layer.shard for layer in expand.layers]


def test_cores_alone_take_the_rest_from_the_params(tmp_path: Path) -> None:
    params = layers()
    small, expand = tnc_jax.replace(params, {"0/weight": "mps"}, key=KEY)
    path = tmp_path / "cores.safetensors"
    tnc_jax.save_layers(small, expand, path, rest=None)
    with open_core_file(path) as file:
        assert file.others == ()
    other = jax.tree.map(jnp.zeros_like, params)
    loaded, _ = tnc_jax.load_layers(other, path)
    assert loaded[1]["weight"] is other[1]["weight"]
    assert same(loaded[0]["weight"], small[0]["weight"])


def test_an_adapter_is_saved_without_the_dense_weight(tmp_path: Path) -> None:
    params = layers()
    small, expand = tnc_jax.replace(params, {"**/weight": "attn"}, key=KEY, mode="add")
    small = jax.tree.map(lambda leaf: leaf + 0.5, small)
    path = tmp_path / "adapter.safetensors"
    tnc_jax.save_layers(small, expand, path)
    with open_core_file(path) as file:
        assert file.others == ()
    loaded, again = tnc_jax.load_layers(params, path)
    assert loaded[0]["bias"] is None
    assert jnp.allclose(again(loaded, params)[0]["weight"], expand(small, params)[0]["weight"])


@pytest.mark.parametrize("mode", ["replace", "add"])
def test_torch_loads_what_jax_wrote_and_back(mode: str, tmp_path: Path) -> None:
    torch: Any = package("torch")
    tnc_torch: Any = package("tnc.torch")
    nn: Any = package("equinox.nn")
    params = [nn.Linear(6, 8, key=KEY), nn.Linear(8, 6, key=KEY)]
    small, expand = tnc_jax.replace(params, {"**/weight": "attn"}, key=KEY, mode=mode)
    small = jax.tree.map(lambda leaf: leaf + 0.25, small)
    path = tmp_path / "cores.safetensors"
    tnc_jax.save_layers(small, expand, path)

    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Linear(8, 6))
    for layer, own in zip(params, model, strict=True):
        own.weight.data = torch.tensor(np.asarray(layer.weight))
        own.bias.data = torch.tensor(np.asarray(layer.bias))
    tnc_torch.load_layers(model, path)
    full = expand(small, params)
    for own, layer in zip(model, full, strict=True):
        np.testing.assert_allclose(own.weight.detach().numpy(), layer.weight, atol=1e-5)
        np.testing.assert_allclose(own.bias.detach().numpy(), layer.bias, atol=1e-6)

    back = tmp_path / "back.safetensors"
    tnc_torch.save_layers(model, back, rest="all" if mode == "replace" else None)
    loaded, again = tnc_jax.load_layers(params, back)
    for one, two in zip(again(loaded, params), full, strict=True):
        np.testing.assert_allclose(one.weight, two.weight, atol=1e-5)


def test_files_of_other_models_are_refused(tmp_path: Path) -> None:
    params = layers()
    small, expand = tnc_jax.replace(params, {"**/weight": "mps"}, key=KEY)
    path = tmp_path / "cores.safetensors"
    tnc_jax.save_layers(small, expand, path)
    fewer = [params[0], {"weight": jnp.zeros((6, 9))}]
    before = jax.tree.leaves(fewer)
    assert refused(fewer, path) == [
        ("TN054", f"`1.weight` has the shape 6 × 8 in `{path}`, and 6 × 9 in the params"),
        ("TN054", f"`{path}` has the array `1.bias`, and the params have none of that path"),
    ]
    assert all(one is two for one, two in zip(before, jax.tree.leaves(fewer), strict=True))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(params, path)[0][0] == "TN050"
    path.write_bytes(b"not a file of tensors")
    assert refused(params, path)[0][0] == "TN050"
    package("safetensors.numpy").save_file({"a": np.zeros(3)}, str(path))
    assert refused(params, path)[0][0] == "TN051"


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = layers()
    small, expand = tnc_jax.replace(params, {"**/weight": "mps"}, key=KEY)
    path = tmp_path / "cores.safetensors"
    tnc_jax.save_layers(small, expand, path)
    before = path.read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tnc.jax.files.np.asarray", killed)
    with pytest.raises(KeyboardInterrupt):
        tnc_jax.save_layers(jax.tree.map(lambda leaf: leaf + 1, small), expand, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
