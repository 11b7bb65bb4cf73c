"""Merging files of cores: weights as the NumPy modules build them, other tensors as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.layers.stored import Parts
from tests.requirements import package
from tnc.cli import main
from tnc.diagnostics import CompileError
from tnc.layers.merge import merge_file
from tnc.layers.tensor_file import TensorSpec, bytes_of, open_tensors, write_tensors


def values(path: Path) -> dict[str, Any]:
    with open_tensors(path) as file:
        return {name: file.array(name) for name, spec in file.tensors.items() if spec.dtype != "I64"}


def dtypes(path: Path) -> dict[str, str]:
    with open_tensors(path) as file:
        return {name: spec.dtype for name, spec in file.tensors.items()}


def dense(path: Path, tensors: dict[str, Any]) -> Path:
    specs = {name: TensorSpec("F32", np.shape(value)) for name, value in tensors.items()}
    write_tensors(path, {}, specs, lambda name: [bytes_of(np.asarray(tensors[name]), "F32")])
    return path


def codes(path: Path, output: Path, **options: Any) -> list[str]:
    with pytest.raises(CompileError) as caught:
        merge_file(path, output, **options)
    assert not output.exists() or output.read_bytes() == b"old"
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def test_weights_are_built_and_others_copied(tmp_path: Path) -> None:
    parts = Parts()
    weights = {"a.weight": parts.add_layer("a"), "b.c.weight": parts.add_layer("b.c", (3, 5), seed=1)}
    parts.add_tensor("a.bias", np.arange(6.0))
    merged = merge_file(parts.write(tmp_path / "cores"), tmp_path / "dense")
    found = values(tmp_path / "dense")
    assert set(found) == {"a.weight", "b.c.weight", "a.bias"}
    for name, weight in weights.items():
        assert np.array_equal(found[name], weight)
    assert np.array_equal(found["a.bias"], np.arange(6.0))
    assert merged.size == (tmp_path / "dense").stat().st_size
    assert [(layer.weight, layer.shape, layer.cores) for layer in merged.layers] == [
        ("a.weight", (6, 4), 29),
        ("b.c.weight", (3, 5), 25),
    ]


def test_the_base_gives_what_is_not_generated(tmp_path: Path) -> None:
    parts = Parts()
    weight = parts.add_layer("a")
    parts.add_tensor("a.bias", np.ones(6))
    base = {"a.weight": np.zeros((6, 4)), "a.bias": np.zeros(6), "norm.weight": np.full(3, 7.0)}
    merge_file(parts.write(tmp_path / "cores"), tmp_path / "out", bases=[dense(tmp_path / "base", base)])
    found = values(tmp_path / "out")
    assert np.array_equal(found["a.weight"], weight)
    assert np.array_equal(found["a.bias"], np.ones(6))
    assert np.array_equal(found["norm.weight"], np.full(3, 7.0))


def test_adapters_add_to_the_dense_weight(tmp_path: Path) -> None:
    parts = Parts()
    one = parts.add_layer("a", scale=0.5, adapter="one")
    two = parts.add_layer("a", seed=1, scale=-2.0, adapter="two")
    base = dense(tmp_path / "base", {"a.weight": np.full((6, 4), 3.0), "b": np.ones(2)})
    cores = parts.write(tmp_path / "cores")
    merge_file(cores, tmp_path / "both", bases=[base])
    merge_file(cores, tmp_path / "second", bases=[base], adapters=["two"])
    np.testing.assert_allclose(values(tmp_path / "both")["a.weight"], 3 + 0.5 * one - 2 * two, rtol=1e-6)
    np.testing.assert_allclose(values(tmp_path / "second")["a.weight"], 3 - 2 * two, rtol=1e-6)
    assert set(values(tmp_path / "both")) == {"a.weight", "b"}


def test_an_adapter_that_was_disabled_is_left_out(tmp_path: Path) -> None:
    parts = Parts()
    one = parts.add_layer("a", scale=1.0, adapter="one")
    two = parts.add_layer("a", seed=1, scale=1.0, adapter="two", enabled=False)
    base = dense(tmp_path / "base", {"a.weight": np.zeros((6, 4))})
    cores = parts.write(tmp_path / "cores")
    merge_file(cores, tmp_path / "enabled", bases=[base])
    merge_file(cores, tmp_path / "both", bases=[base], adapters=["one", "two"])
    np.testing.assert_allclose(values(tmp_path / "enabled")["a.weight"], one, rtol=1e-6)
    np.testing.assert_allclose(values(tmp_path / "both")["a.weight"], one + two, rtol=1e-5)


def test_the_padding_of_an_embedding_is_zero(tmp_path: Path) -> None:
    parts = Parts()
    weight = parts.add_layer("a", padding_row=2)
    merge_file(parts.write(tmp_path / "cores"), tmp_path / "out")
    weight[2] = 0
    assert np.array_equal(values(tmp_path / "out")["a.weight"], weight)


def test_tied_weights_have_both_keys(tmp_path: Path) -> None:
    parts = Parts()
    weight = parts.add_layer("embed")
    (first,) = parts.layers
    parts.layers.append(type(first)("head", "Linear", "head.weight", first.network, "float32", first.cores))
    merge_file(parts.write(tmp_path / "cores"), tmp_path / "out")
    found = values(tmp_path / "out")
    assert np.array_equal(found["embed.weight"], weight)
    assert np.array_equal(found["head.weight"], weight)


@pytest.mark.parametrize("dtype", [None, "bfloat16", "float16", "float64"])
def test_dtypes(dtype: str | None, tmp_path: Path) -> None:
    torch = package("torch")
    parts = Parts()
    weight = parts.add_layer("a")
    parts.add_tensor("a.bias", np.arange(6.0) / 7)
    parts.tensors["steps"] = (TensorSpec("I64", (1,)), bytes(8))
    merge_file(parts.write(tmp_path / "cores"), tmp_path / "out", dtype=dtype)
    kind = {None: "F32", "bfloat16": "BF16", "float16": "F16", "float64": "F64"}[dtype]
    assert dtypes(tmp_path / "out") == {"a.weight": kind, "a.bias": kind, "steps": "I64"}
    expected = torch.as_tensor(weight).to(getattr(torch, dtype or "float32")).double().numpy()
    assert np.array_equal(values(tmp_path / "out")["a.weight"], expected)


@pytest.mark.parametrize(("dtype", "error"), [("bfloat16", 3e-2), ("float64", 1e-6)])
def test_the_weight_has_the_dtype_of_its_layer(dtype: str, error: float, tmp_path: Path) -> None:
    parts = Parts()
    weight = parts.add_layer("a", dtype=dtype)
    merge_file(parts.write(tmp_path / "cores"), tmp_path / "out")
    assert dtypes(tmp_path / "out") == {"a.weight": {"bfloat16": "BF16", "float64": "F64"}[dtype]}
    difference = np.abs(values(tmp_path / "out")["a.weight"] - weight).max()
    assert 0 < difference < error * np.abs(weight).max() or dtype == "float64"


def test_bad_use_leaves_every_file_as_it_is(tmp_path: Path) -> None:
    parts = Parts()
    parts.add_layer("a", scale=1.0, adapter="one")
    parts.add_layer("b", (3, 5), scale=1.0, adapter="one")
    cores, out = parts.write(tmp_path / "cores"), tmp_path / "out"
    base = dense(tmp_path / "base", {"a.weight": np.zeros((6, 4)), "b.weight": np.zeros((5, 3))})
    before = {path: path.read_bytes() for path in (cores, base)}
    assert codes(cores, out) == ["TN055", "TN055"]
    assert codes(cores, out, bases=[base]) == ["TN055"]
    assert codes(cores, out, bases=[base], adapters=["two", "three"]) == ["TN056", "TN056"]
    assert codes(cores, out, bases=[base], dtype="float31") == ["TN012"]
    assert codes(base, out) == ["TN051"]
    assert codes(tmp_path / "none", out) == ["TN001"]
    with pytest.raises(CompileError, match="TN008"):
        merge_file(cores, cores, bases=[base])
    (tmp_path / "link").symlink_to("base")
    with pytest.raises(CompileError, match="is an input"):
        merge_file(cores, base, bases=[tmp_path / "link"])
    assert {path: path.read_bytes() for path in (cores, base)} == before


def test_a_text_that_was_changed_is_found_before_anything_is_written(tmp_path: Path) -> None:
    parts = Parts()
    parts.add_layer("a")
    (key,) = parts.networks
    changed = parts.networks[key].text.replace("tanh", "relu")
    from dataclasses import replace

    parts.networks[key] = replace(parts.networks[key], text=changed)
    (tmp_path / "out").write_bytes(b"old")
    assert codes(parts.write(tmp_path / "cores"), tmp_path / "out") == ["TN053"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parts = Parts()
    parts.add_layer("a")
    parts.add_tensor("a.bias", np.arange(6.0))
    parts.write(Path("cores.safetensors"))
    assert main(["merge", "cores.safetensors", "-o", "dense.safetensors"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        "weight    shape  dtype    generated from\n"
        "a.weight  6 × 4  float32  29 numbers\n"
        "\n"
        "dense.safetensors: 288 B, 1 generated weight, 1 other tensor\n"
    )
    assert main(["merge", "cores.safetensors", "-o", "dense.safetensors", "--json", "--dtype", "bfloat16"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "output": "dense.safetensors",
        "bytes": Path("dense.safetensors").stat().st_size,
        "layers": [{"name": "a", "weight": "a.weight", "shape": [6, 4], "dtype": "bfloat16", "cores": 29}],
        "others": 1,
    }
    for arguments in (["cores.safetensors"], ["dense.safetensors", "-o", "x"], ["cores.safetensors", "-o", "."]):
        assert main(["merge", *arguments]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cores.safetensors", "dense.safetensors"]


MEMORY = """
import resource, sys
from tnc.cli import main

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

main(["merge", sys.argv[1], "-o", sys.argv[3]])  # loads everything that a merge needs
before = peak()
main(["merge", sys.argv[2], "-o", sys.argv[3], "--base", sys.argv[4]])
print(peak() - before)
"""


@pytest.mark.slow
def test_memory_is_bounded_by_the_largest_layer(tmp_path: Path) -> None:
    """Twelve weights of 16 MiB, and a copied tensor of 256 MiB, in the memory of a few weights."""
    small, large = Parts(), Parts()
    small.add_layer("a")
    for number in range(12):
        large.add_layer(f"layers.{number}", (2048, 2048), seed=number)
    write_tensors(
        tmp_path / "base", {}, {"other": TensorSpec("U8", (2**28,))}, lambda _: (bytes(2**20) for _ in range(2**8))
    )
    arguments = [small.write(tmp_path / "small"), large.write(tmp_path / "large"), tmp_path / "out", tmp_path / "base"]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    assert (tmp_path / "out").stat().st_size > 2**28 + 12 * 2**24
    assert int(done.stdout.splitlines()[-1]) < 6 * 2**24
