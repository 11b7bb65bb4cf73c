"""The page of the study of fits is what its results say; a case is measured once."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies import fitting
from studies.fitting import RESULTS, SIZES, TARGETS, TOPOLOGIES, measure, read, run, write
from studies.fitting_page import page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_was_measured() -> None:
    results = read(RESULTS)
    assert (DOCS / "fitting-study.md").read_text(encoding="utf-8") == page(results)
    assert len(results) == len(TARGETS) * len(TOPOLOGIES) * len(SIZES)


def test_cases_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "STEPS", 10)
    monkeypatch.setattr(fitting, "RESTARTS", 1)
    write(tmp_path / "found.json", [case for case in read(RESULTS) if case != read(RESULTS)[3]])
    results = run(tmp_path / "found.json")
    assert results[-1] == measure("random", "attn1", 2)
    assert read(tmp_path / "found.json") == results
