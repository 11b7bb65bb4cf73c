"""A backend of another package, found by its entry point alone. CuPy needs a GPU: NumPy, whose API it has, takes its
place."""

from __future__ import annotations

import json
import math
import re
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tnc
from tests.random_programs import random_program
from tnc.cli import main
from tnc.codegen.dialect import Dialect
from tnc.codegen.functional import Words
from tnc.ir.program import Input
from tnc.ir.traits import Traits

PACKAGE = Path(__file__).parent / "my_backend"


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The package installed (metadata made from its pyproject.toml), and NumPy in the place of CuPy."""
    project: dict[str, Any] = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / "tnc_cupy-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    text = "\n".join(f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in points.items()) for group, points in groups)
    (info / "entry_points.txt").write_text(text + "\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(PACKAGE), *sys.path])
    fake = ModuleType("cupy")
    fake.__dict__.update({name: getattr(np, name) for name in dir(np) if not name.startswith("__")})
    fake.__spec__ = SimpleNamespace(name="cupy")  # type: ignore[assignment]
    stream = SimpleNamespace(synchronize=lambda: None)
    fake.__dict__.update(cuda=SimpleNamespace(get_current_stream=lambda: stream), __version__="0 (NumPy)")
    scipy = ModuleType("cupyx.scipy")
    special = SimpleNamespace(erf=erf)
    scipy.__dict__.update(special=special)
    for name, module in {"cupy": fake, "cupyx": ModuleType("cupyx"), "cupyx.scipy": scipy}.items():
        monkeypatch.setitem(sys.modules, name, module)


def erf(t: Any) -> Any:
    """The error function, which NumPy lacks and ``cupyx.scipy.special`` has."""
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(t), dtype=t.dtype)


def values(network: tnc.Network, backend: str, inputs: list[Any], cores: dict[str, Any]) -> list[Any]:
    module: Any = network.module(backend)
    results = module.apply(module.params_from_cores(cores), *inputs)
    return list(results) if hasattr(results, "_fields") else [results]


def data(given: Input, random: np.random.Generator) -> Any:
    """Normal data for an input; for one of integers, any of its values. Dynamic dimensions are 3."""
    shape = [3 if isinstance(dim, str) else dim for dim in given.data_shape]
    if given.index_values is None:
        return random.standard_normal(shape)
    return random.integers(given.index_values, size=shape)


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("seed", [seed for seed in range(30) if not random_program(seed).complex])
def test_values_are_those_of_numpy(seed: int) -> None:
    program = random_program(seed)
    dynamic = "batch?" in program.text
    network = tnc.loads(program.text, "main", sizes={"batch": 3} if dynamic else {})
    random = np.random.default_rng(seed)
    inputs = [data(given, random) for given in network.program.inputs]
    cores = {str(core.name): random.standard_normal(core.shape) for core in network.parameters}
    for here, there in zip(
        values(network, "cupy", inputs, cores), values(network, "numpy", inputs, cores), strict=True
    ):
        np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("cupy")
def test_every_initialisation_and_the_same_keys() -> None:
    text = """network all() {
      core a(2, 3) init normal(0.5)
      core b(3, 2) init uniform(-1, 1)
      core c(2, 2) init orthogonal
      core d(2, 2) init identity(0.1)
      core e(2, 2) init 1
      core f(2) init [1, 2]
      output y(i, n) = a(i, j) * b(j, k) * c(k, l) * d(l, m) * e(m, n) * f(n)
    }"""
    network = tnc.loads(text)
    modules: list[Any] = [network.module(backend) for backend in ("cupy", "numpy")]
    found, expected = (module.init(0) for module in modules)
    assert {key: core.shape for key, core in found.items()} == {key: core.shape for key, core in expected.items()}
    assert modules[0].CORES == modules[1].CORES
    np.testing.assert_allclose(found["c"] @ found["c"].T, np.eye(2) * (found["c"][0] @ found["c"][0]), atol=1e-12)
    assert np.isfinite(modules[0].apply(found)).all()


@pytest.mark.usefixtures("cupy")
def test_the_commands_know_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "net.tn"
    file.write_text(
        "network net() {\n  core cp(2, 2)\n  input x(batch?, 2)\n  output y(b, i) = tanh(x(b, j) * cp(j, i))\n}\n"
    )
    assert main(["compile", str(file), "-b", "cupy", "-o", str(tmp_path / "net_cupy.py")]) == 0
    text = (tmp_path / "net_cupy.py").read_text(encoding="utf-8")
    assert "import cupy as cp\n" in text
    assert "tnc" not in {line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith("import ")}
    assert main(["bench", str(file), "-b", "cupy", "--seconds", "0.1", "--json"]) == 0
    bench = json.loads(capsys.readouterr().out)
    assert bench["framework"].startswith("cupy")
    assert bench["networks"][0]["forward"]["measured"] > 0
    assert main(["compile", str(file), "-b", "cupi"]) == 2
    assert "did you mean `cupy`?" in capsys.readouterr().err


def test_the_page_explains_every_member() -> None:
    """docs/backends.md has a row for each member of the dialect and each field of the words."""
    page = (Path(__file__).parents[1] / "docs" / "backends.md").read_text(encoding="utf-8")
    rows = {name for row in re.findall(r"^\| (`.*?) \|", page, re.M) for name in re.findall(r"`(\w+)`", row)}
    members = {name for name in vars(Dialect) if not name.startswith("_")}
    declared = {field.name for each in (Words, Traits) for field in fields(each)}
    assert rows - {"Words", "Dialect"} == members | declared
