"""The tables of the page on deployment are what was measured, and the harness works."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies import pages
from studies.deployment import FORMS, LINES, Kept, kept
from studies.results import DEPLOYMENT, read_deployment, write_deployment

PAGE = Path(__file__).parents[2] / "docs" / "deployment.md"
RESULTS = read_deployment(DEPLOYMENT)
LOSSY = ("merged, bfloat16", "merged, int8 by torchao")


def keeps(found: Kept) -> bool:
    """Whether logits and keys are those that were saved; differences are relative to logits above 1."""
    most = 1e-5 * max(found.scale, 1.0)
    return found.keys and max(found.loaded, found.merged, found.merged_file) <= most and found.lines <= 5


def test_the_page_is_what_was_measured() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert pages.deployment(RESULTS, text) == text
    assert RESULTS.forms[0].name in text
    assert RESULTS.kept[0].name in text


def test_every_form_was_measured_and_computes_the_same() -> None:
    assert [form.name for form in RESULTS.forms] == list(FORMS)
    for form in RESULTS.forms:
        assert form.error <= (0.05 if form.name in LOSSY else 1e-5), form.name
    cores, merged = RESULTS.forms[0].size, RESULTS.forms[2].size
    assert cores < merged / 20


def test_every_model_keeps_what_was_saved() -> None:
    assert [each.name for each in RESULTS.kept] == list(LINES)
    assert [each.name for each in RESULTS.kept if not keeps(each)] == []


def test_results_go_there_and_back(tmp_path: Path) -> None:
    write_deployment(tmp_path / "a.json", RESULTS)
    assert read_deployment(tmp_path / "a.json") == RESULTS


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_harness() -> None:
    assert keeps(kept("tiny ViT, every linear layer of its blocks"))
