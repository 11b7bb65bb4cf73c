"""The pages of the studies are what their results say, and the harnesses work, on a small scale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studies import pages
from studies.cases import ACTIVATIONS, BONDS, Case, all_cases
from studies.initialisation import FEWEST, measure
from studies.results import (
    INITIALISATION,
    TRAINING,
    read_starts,
    read_training,
    write_starts,
    write_training,
)
from studies.training import KINDS, Protocol, Training, images, steps
from studies.training import measure as train

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_on_initialisation_is_what_was_measured() -> None:
    results = read_starts(INITIALISATION)
    assert (DOCS / "initialisation.md").read_text(encoding="utf-8") == pages.initialisation(results)
    assert [result.case for result in results] == all_cases()
    assert all(result.auto.seeds >= FEWEST for result in results)


def test_every_topology_starts_as_declared() -> None:
    missed = {result.case: pages.shortfalls(result) for result in read_starts(INITIALISATION)}
    assert {case: found for case, found in missed.items() if found} == {}


def test_the_page_on_training_is_what_was_measured() -> None:
    results = read_training(TRAINING)
    assert (DOCS / "training.md").read_text(encoding="utf-8") == pages.training(results)
    assert tuple(result.kind for result in results.kinds) == KINDS
    assert all(result.compression >= 100 for result in results.kinds if result.kind != "dense")
    assert np.mean(results.mps) >= 0.93


def test_what_is_not_kept_is_told() -> None:
    result = read_starts(INITIALISATION)[0]
    bad = replace(result.auto, root=1.2, error=0.02, within=0.8, gradients={"a": 1.0, "b": 200.0})
    assert len(pages.shortfalls(replace(result, auto=bad))) == 4
    assert "Not kept: ttn, bond 2, identity: deviation 1.200" in pages.initialisation([replace(result, auto=bad)])


def test_cases_are_all_there() -> None:
    cases = all_cases()
    assert len(set(cases)) == 16 * len(BONDS) * len(ACTIVATIONS)


@pytest.mark.parametrize("case", [Case("brickwall, fixed", 4, "relu"), Case("tucker", 2, "tanh")])
def test_a_start_is_measured(case: Case, tmp_path: Path) -> None:
    result = measure(case, fewest=30, most=40)
    assert result.auto.root == pytest.approx(1, abs=0.2)
    assert 30 <= result.auto.seeds <= 40
    assert result.normal.within < 1 or case.topology != "tucker"
    assert set(result.auto.gradients) == set(result.normal.gradients)
    write_starts(tmp_path / "starts.json", [result])
    (again,) = read_starts(tmp_path / "starts.json")
    assert again.case == case
    assert again.auto.root == pytest.approx(result.auto.root, rel=1e-4)


@pytest.mark.parametrize("kind", ["dense", "mera", "frozen"])
def test_a_kind_is_trained(kind: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(500) % 10
    prototypes = random.normal(size=(10, 256))
    data = images((prototypes[labels] + 0.5 * random.normal(size=(500, 256))).astype("float32"), labels)
    protocol = Protocol(seeds=2, epochs=4, trial_epochs=1, timed_steps=3, rates=(0.003, 0.01))
    ticks: list[int] = []
    result = train(kind, data, protocol, lambda: ticks.append(1))
    assert len(KINDS) * len(ticks) == steps(data, protocol)
    assert [len(curve) for curve in result.curves] == [4, 4]
    assert min(curve[-1] for curve in result.curves) > 0.5
    assert result.step_ms[0] > 0
    training = Training(400, 100, 4, (result,), (0.5, 0.6))
    write_training(tmp_path / "training.json", training)
    assert read_training(tmp_path / "training.json").kinds[0].kind == kind
