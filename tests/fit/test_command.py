"""``tnc fit``: what it reads, writes and refuses."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tnc.cli import main

OWN = """network w(shape: ints, rank: int = 2) {
  let product = std.lowrank(shape[0], shape[1], rank)
  output w(o, i) = product(o, i)
}
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """A model file in the current folder."""
    monkeypatch.chdir(tmp_path)
    random = torch.Generator().manual_seed(0)
    tensors = {"fc.weight": torch.randn(6, 4, generator=random), "fc.bias": torch.zeros(6)}
    save_file(tensors, "model.safetensors")
    Path("own.tn").write_text(OWN, encoding="utf-8")
    return tensors


@pytest.mark.parametrize("network", ["lowrank --set chi=2", "own.tn", "own.tn:w", "own.tn --network w --set rank=2"])
def test_a_merge_builds_what_was_fitted(
    network: str, model: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = model["fc.weight"]
    options = ["--target", "model.safetensors:fc.weight", "-o", "cores.safetensors", "--json"]
    assert main(["fit", *network.split(), *options]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    best = torch.linalg.svdvals(wanted.double())[2:].norm() / wanted.double().norm()
    assert found["error"] == pytest.approx(float(best), rel=1e-2)
    assert (found["method"], found["parameters"], found["elements"]) == ("als", 20, 24)
    assert found["compared"][0] == {"name": "low rank", "parameters": 20, "error": pytest.approx(float(best), rel=1e-4)}
    assert main(["merge", "cores.safetensors", "-o", "dense.safetensors"]) == 0
    (key, weight), *others = load_file("dense.safetensors").items()
    assert (key, others) == ("fc.weight", [])
    assert float((weight - wanted).norm() / wanted.norm()) == pytest.approx(found["error"], rel=1e-4)
    assert not Path("cores.safetensors.fit").exists()


def test_arrays_of_numpy(model: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]) -> None:
    np.save("one.npy", model["fc.weight"].numpy())
    np.savez("many.npz", a=np.ones((3, 3)), b=np.eye(3) * 1j)
    for target in ("one.npy", "many.npz:a", "many.npz:b"):
        assert main(["fit", "lowrank", "--target", target, "-o", "cores.safetensors", "--steps", "2"]) == 0
        assert "relative error" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("model.safetensors:fc.weigt", "did you mean `fc.weight`?"),
        ("model.safetensors", "has several tensors: `fc.bias` and `fc.weight`"),
        ("none.safetensors:a", "TN001"),
        ("none.npy", "TN001"),
        ("model.pt", "is not the name of a file that is read"),
        ("damaged.npz:a", "is damaged"),
        ("damaged.safetensors:a", "TN050"),
        ("model.safetensors:fc.bias", "every entry of the target is zero"),
    ],
)
def test_targets_that_are_refused(
    target: str, message: str, model: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("damaged.npz", "damaged.safetensors"):
        Path(name).write_bytes(b"PK\x03\x04 and no more")
    assert main(["fit", "cp", "--target", target, "-o", "cores.safetensors"]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "TN901" not in told
    assert not Path("cores.safetensors").exists()


@pytest.mark.parametrize(
    ("network", "code"),
    [("atn", "TN040"), ("lowrank --set rnk=2", "TN0"), ("none.tn", "TN001"), ("lowrank --method alss", "TN059")],
)
def test_networks_that_are_refused(
    network: str, code: str, model: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--target", "model.safetensors:fc.weight", "-o", "cores.safetensors"]
    assert main(["fit", *network.split(), *options]) in (1, 2)
    told = capsys.readouterr().err
    assert f"error[{code}" in told
    assert "TN901" not in told
