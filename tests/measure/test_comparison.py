"""``tnc bench``: figures of small networks, and what is said where nothing can be run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tnc import codegen
from tnc.cli import main
from tnc.codegen import registry
from tnc.ir.schedule import Plan
from tnc.measure import comparison, runners, torch_runner

LAYER = """network layer(n: int = 32) {
  input x(batch?, n)
  core u(n, n)
  core v(n, 8)
  h(z, b) = tanh(x(z, a) * u(a, b))
  output y(z, c) = h(z, b) * v(b, c)
}
network still() {
  core w(4, 4) frozen
  output y(a) = w(a, b) * ones(b)
}
"""


@pytest.fixture(name="file")
def layer(tmp_path: Path) -> str:
    path = tmp_path / "layer.tn"
    path.write_text(LAYER, encoding="utf-8")
    return str(path)


def figures(argv: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["bench", *argv, "--json", "--seconds", "0.01"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_layer_in_torch(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = figures([file, "--network", "layer", "--size", "batch=16"], capsys)
    assert found["device"]["name"] == "generic-cpu"
    assert found["framework"].startswith("torch ")
    (network,) = found["networks"]
    assert (network["name"], network["arguments"], network["sizes"]) == ("layer", {"n": "32"}, {"batch": 16})
    assert network["rounds"] >= 5
    # Autograd keeps the result of tanh: 16 × 32 numbers of four bytes.
    assert network["saved"]["measured"] == network["saved"]["predicted"] == 4 * 16 * 32
    assert network["peak"]["measured"] == pytest.approx(network["peak"]["predicted"], rel=0.1)
    for half in ("forward", "backward", "whole"):
        figure = network[half]
        assert 0 < figure["low"] <= figure["measured"] <= figure["high"]
        assert figure["error"] == pytest.approx(figure["predicted"] / figure["measured"] - 1)
    assert network["whole"]["measured"] > network["forward"]["measured"]


def test_several_networks_and_one_that_is_not_trained(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    layer, still = figures([file], capsys)["networks"]
    assert (layer["name"], still["name"]) == ("layer", "still")
    assert "backward" not in still
    assert still["forward"]["measured"] > 0
    assert still["saved"]["measured"] == still["saved"]["predicted"] == 0


def test_jax_tells_no_saved_bytes(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = figures([file, "--network", "layer", "--size", "batch=16", "-b", "jax"], capsys)
    (network,) = found["networks"]
    assert network["saved"]["measured"] is None
    assert network["peak"]["measured"] > 0
    assert network["whole"]["measured"] > 0


def test_numpy_runs_forward_only(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = figures([file, "--network", "layer", "--size", "batch=160", "-b", "numpy"], capsys)
    assert found["framework"].startswith("numpy ")
    (network,) = found["networks"]
    assert network["forward"]["measured"] > 0
    assert "whole" not in network
    # The product, its tanh and the result are alive at once, or two of them.
    assert 160 * 40 * 4 <= network["peak"]["measured"] <= 160 * 72 * 4 + 10_000


class Theirs:
    """The emitter of an installed package: torch's modules under another name."""

    def emit(self, plan: Plan) -> str:
        return codegen.emitter("torch").emit(plan)

    def runner(self) -> runners.Runner:
        return torch_runner.TorchRunner()


class Silent:
    """An emitter without a runner."""

    def emit(self, plan: Plan) -> str:
        return codegen.emitter("torch").emit(plan)


@pytest.mark.parametrize("backend", [Theirs, Silent])
def test_the_backend_of_another_package_brings_its_runner(
    backend: type[Theirs | Silent], file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offered = {**registry.BACKENDS, "other": f"{__name__}:{backend.__name__}"}
    monkeypatch.setattr(registry, "BACKENDS", offered)
    if backend is Theirs:
        (network,) = figures([file, "--network", "layer", "-b", "other"], capsys)["networks"]
        assert network["whole"]["measured"] > 0
    else:
        assert main(["bench", file, "-b", "other"]) == 2
        assert "the backend `other` has no runner" in capsys.readouterr().err


def test_the_table_warns_of_figures_from_data_sheets(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", file, "--network", "layer", "--seconds", "0.01"]) == 0
    out = capsys.readouterr().out
    assert "note: this profile is from data sheets and was not measured here" in out
    rows = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert rows[-5:] == ["forward", "backward", "whole", "peak", "saved"]


def test_a_framework_that_is_missing(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(_: str) -> None:
        return None

    monkeypatch.setattr(runners, "find_spec", nothing)
    assert main(["bench", file]) == 2
    err = capsys.readouterr().err
    assert "error[TN024]: networks cannot be run here: `torch` is not installed" in err


def test_a_framework_that_does_not_load(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["bench", file]) == 2
    err = capsys.readouterr().err
    assert "error[TN024]" in err
    assert "Traceback" not in err


def test_memory_that_is_not_there(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(comparison, "available_bytes", lambda: 1000)
    assert main(["bench", file, "--network", "layer", "--size", "batch=100"]) == 2
    assert "error[TN024]: network `layer` cannot be run here: a training step needs" in capsys.readouterr().err


def test_what_a_framework_dies_of_is_told_in_a_line(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("not\nimplemented for 'Half'")

    monkeypatch.setattr(torch_runner.TorchRunning, "run", fail)
    assert main(["bench", file, "--network", "layer"]) == 2
    err = capsys.readouterr().err
    assert "error[TN024]: network `layer` cannot be run here: not implemented for 'Half'" in err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--device", "gtx9000"], "error[TN020]"),
        (["--seconds", "0"], "is not a number of seconds"),
        (["--backend", "torhc"], "did you mean `torch`?"),
        (["-b", "numpy", "--threads", "1"], "error[TN024]"),
        (["-b", "jax", "--threads", "1"], "error[TN024]"),
    ],
)
def test_wrong_usage(options: list[str], told: str, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", file, *options]) == 2
    assert told in capsys.readouterr().err
