"""Every example is well formed and tested somewhere; every script runs, and keeps what its text promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tnc
from tnc import driver, ir
from tnc.limits import Limits
from tnc.reading import read_source

EXAMPLES = Path(__file__).parent.parent / "examples"
FILES = sorted(EXAMPLES.glob("*.tn"))


def build(network: tnc.Network) -> Any:
    module: Any = network.module("torch")
    return module()


def numbers(module: Any) -> int:
    return sum(int(parameter.numel()) for parameter in module.parameters())


def run(name: str, *options: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_fine_and_formatted(path: Path) -> None:
    source = read_source(str(path), Limits())
    assert driver.check(source, driver.Options()).diagnostics == ()
    assert driver.format_source(source, Limits()) == source.text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_values_are_compared_with_the_oracle(path: Path) -> None:
    tests = (Path(__file__).parent / "test_values.py").read_text(encoding="utf-8")
    assert f'"{path.name}"' in tests


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_the_networks_with_fixed_names_have_fixed_programs(name: str) -> None:
    """Each layer in six topologies: names, cores and statements that scripts rely on, by their digests."""
    lines = (Path(__file__).parent / "contract_digests.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split() for line in lines)
    source = read_source(str(EXAMPLES / f"{name}.tn"), Limits())
    networks = driver.elaborate(source, driver.Options()).networks
    found = {each.program.name: ir.digest(each.program)[:16] for each in networks}
    assert found == {network: pinned[network] for network in found}
    assert len(found) == len(pinned) / 2


def test_an_adapter_changes_nothing_at_first() -> None:
    import torch

    network = build(tnc.load(EXAMPLES / "lora.tn", rows=6, cols=5, rank=2))
    x = torch.randn(3, 5)
    torch.testing.assert_close(network(x), x @ network.cores()["base"].T)
    assert {name for name, _ in network.named_buffers()} == {"base"}


def test_three_projections_share_a_decoder() -> None:
    network = tnc.load(EXAMPLES / "qkv.tn")
    assert [output.name for output in network.outputs] == ["q", "k", "v"]
    layer = build(network)
    assert [tuple(weight.shape) for weight in layer()] == [(64, 64)] * 3
    text = (EXAMPLES / "qkv.tn").read_text(encoding="utf-8").replace("0..3", "0..1")
    alone = build(tnc.loads(text[: text.index("  output k")] + "}\n"))
    assert numbers(layer) == numbers(alone) + 2 * 4 * 4


def test_isometric_cores_stay_isometric() -> None:
    printed = run("isometric.py", "--steps", "60")
    found = {key: float(value) for key, value in re.findall(r"^(\w[\w ]*?)  +(\S+)$", printed, re.MULTILINE)}
    assert found["furthest from isometry"] < 1e-5
    assert found["norm of the state"] == pytest.approx(1, abs=1e-4)
    assert found["infidelity"] < 0.5


@pytest.mark.peers  # scikit-learn has the digits
def test_the_mps_classifier_runs() -> None:
    assert re.search(r"test accuracy 0\.\d{3}", run("mps_classifier.py", "--seeds", "1", "--epochs", "1"))


@pytest.mark.slow
@pytest.mark.peers
def test_the_mps_classifier_reads_digits() -> None:
    accuracy = re.search(r"test accuracy ([\d.]+)", run("mps_classifier.py"))
    assert accuracy is not None
    assert float(accuracy[1]) >= 0.93
