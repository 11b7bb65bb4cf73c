"""The harness on small networks, with every contender that is installed: it must not rot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from benchmarks import bars
from benchmarks.cases import Case
from benchmarks.contenders import handwork, registry
from benchmarks.contenders.base import Problem
from benchmarks.contenders.eager import Contraction, Forward, forward_of
from benchmarks.contenders.registry import OURS
from benchmarks.floor import Rates
from benchmarks.measure import Protocol, measure
from benchmarks.recipe import Equation
from benchmarks.report import document
from benchmarks.results import CaseResult, Results, read, write

pytestmark = pytest.mark.peers

F = TypeVar("F")
RATES = Rates(bandwidth=1e10, gemm=1e11)
PROTOCOL = Protocol(seconds=0, rounds=(2, 2))
LIBRARIES = {"quimb": "quimb", "TensorKrowch": "tensorkrowch", "TensorLy": "tensorly", "tensorly-torch": "tltorch"}
GENERATED = [
    Case("small", f"{topology}.tn", f"{topology}_{order}", topology, order, 8, (("n", 8),), jax=topology == "tree")
    for topology, order in (("tree", "rows"), ("attn2", "interleaved"), ("mera", "rows"), ("brick", "interleaved"))
]
LINEAR = [
    Case("small", "linear.tn", "train", "train", "rows", 8, (("n", 8), ("chi", 3))),
    Case("small", "linear.tn", "ring", "ring", "rows", 8, (("n", 8), ("chi", 2))),
    Case("small", "linear.tn", "tucker", "tucker", "rows", 8, (("dims", [4, 4, 4]), ("rank", 2))),
    Case("small", "linear.tn", "polyadic", "polyadic", "rows", 8, (("dims", [4, 4, 4]), ("rank", 3))),
]
LAYER = Case(
    "small", "tt_linear.tn", "tt_linear", "tt-linear", "rows", 6, (("modes", [4, 4, 4]), ("rank", 2)), 3, "apply"
)  # fmt: skip
DENSE = Case("small", "fc2.tn", "fc2_attn1_rows", "attn1", "rows", 8, (("n", 8),), 5, "train")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few searches; one thread, because two that wait for each other are slow on a busy machine."""
    monkeypatch.setattr("benchmarks.contenders.libraries.REPEATS", 4)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def measured(case: Case) -> CaseResult:
    """The case, with the failures of libraries that are not installed taken out."""
    result = measure(case, RATES, PROTOCOL)
    absent = tuple(name for name, module in LIBRARIES.items() if find_spec(module) is None)
    kept = tuple(entry for entry in result.entries if not entry.contender.startswith(absent or ("\0",)))
    failed = {entry.contender: entry.reason for entry in kept if entry.status == "failed"}
    assert not failed
    return replace(result, entries=kept)


@pytest.mark.parametrize("case", GENERATED, ids=lambda case: f"{case.network}")
def test_every_contender_computes_a_generated_weight(case: Case) -> None:
    result = measured(case)
    names = {entry.contender for entry in result.entries if entry.status == "measured"}
    assert names >= {OURS, "tensordot per core", "gates in threes", "cotengra random-greedy", "opt_einsum"}
    assert (len(result.measured("jax", "ours-jax")) == 4) == case.jax
    for entry in result.measured("ours", "eager", "jax", "ours-jax"):
        assert entry.value_error is not None
        assert entry.gradient_error is not None
        assert entry.total is not None
        assert entry.total.count == 2
    assert result.prediction is not None
    assert result.floor_seconds > 0


@pytest.mark.parametrize("case", LINEAR, ids=lambda case: f"{case.network}")
def test_networks_of_other_libraries_are_computed_by_them(case: Case) -> None:
    names = {entry.contender for entry in measured(case).entries if entry.status == "measured"}
    if find_spec("tensorly") is not None:
        assert "TensorLy" in names
    if find_spec("tensorkrowch") is not None and case.topology != "polyadic":
        assert "TensorKrowch" in names


def test_a_layer_on_data() -> None:
    names = {entry.contender for entry in measured(LAYER).entries if entry.status == "measured"}
    assert "build, then multiply" in names
    if find_spec("tltorch") is not None:
        assert names >= {"tensorly-torch factorized", "tensorly-torch reconstructed"}


def test_a_layer_that_is_trained() -> None:
    result = measured(DENSE)
    assert result.entry("dense layer") is not None
    assert bars.dense_share(result) is not None


def test_compiled_contenders(monkeypatch: pytest.MonkeyPatch) -> None:
    """``torch.compile`` itself takes long; whether its results are used is another matter."""

    def unchanged(function: F) -> F:
        return function

    monkeypatch.setattr("benchmarks.contenders.frameworks.compiled", unchanged)
    monkeypatch.setattr("benchmarks.contenders.ours.compiled", unchanged)
    result = measured(replace(GENERATED[0], compiled=True, jax=False))
    assert len(result.measured("compiled")) == 2
    assert len(result.measured("ours-compiled")) == 1
    assert all(entry.ratio is not None for entry in result.measured("compiled", "ours-compiled"))


def test_a_contender_that_fails_is_listed_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> object:
        raise MemoryError("no room")

    monkeypatch.setattr("benchmarks.contenders.libraries.import_module", fail)
    result = measure(replace(GENERATED[0], jax=False), RATES, PROTOCOL)
    failed = {entry.contender: entry.reason for entry in result.entries if entry.status == "failed"}
    assert failed["quimb"] == "MemoryError: no room"
    assert "no room" in document(Results("quick", {}, 1e10, 1e11, (result,)), None)


def test_a_contender_that_is_wrong_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(equation: Equation) -> Contraction:
        right = handwork.rotating(equation)
        return lambda operands: right(operands) * 1.001

    def prepare(problem: Problem) -> Forward:
        return forward_of(problem.written, wrong)

    monkeypatch.setitem(registry.FORWARDS, "quimb", prepare)
    result = measure(replace(GENERATED[0], jax=False), RATES, PROTOCOL)
    (entry,) = [entry for entry in result.entries if entry.contender == "quimb"]
    assert entry.status == "failed"
    assert entry.reason.startswith("DisagreementError: relative error of the output")


def test_results_come_back_from_json_and_make_a_page(tmp_path: Path) -> None:
    result = measure(replace(GENERATED[0], jax=False), RATES, PROTOCOL)
    results = Results("quick", {"threads": "2"}, 1e10, 1e11, (result,))
    write(results, tmp_path / "results.json")
    back = read(tmp_path / "results.json")
    write(back, tmp_path / "again.json")
    assert (tmp_path / "results.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    page = document(back, back)
    assert "not measured" in page
    assert "| small |" in page
