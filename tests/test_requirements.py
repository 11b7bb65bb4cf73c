"""A missing requirement fails a test in CI and skips it elsewhere; every test is in one tier of the Makefile."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import pytest

from tests import requirements

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("need", [requirements.package, requirements.program])
def test_what_is_missing_is_skipped_with_its_reason(need: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(need)
    monkeypatch.delenv(requirements.CI, raising=False)
    with pytest.raises(pytest.skip.Exception, match="`no_such_thing` is not installed"):
        need("no_such_thing")


@pytest.mark.parametrize("need", [requirements.package, requirements.program])
def test_what_is_missing_is_an_error_in_ci(need: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(need)
    monkeypatch.setenv(requirements.CI, "1")
    with pytest.raises(requirements.MissingRequirementError, match="`no_such_thing` is not installed"):
        need("no_such_thing")


def test_what_is_installed_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(requirements.CI, "1")
    assert requirements.package("math") is math
    assert Path(requirements.program(sys.executable)).samefile(sys.executable)
    assert requirements.package("importlib.metadata").__name__ == "importlib.metadata"


def test_no_test_skips_by_itself() -> None:
    """`pytest.skip` and its relatives are silent in CI."""
    silent = re.compile(r"importorskip|mark\.skip|pytest\.skip\(")
    kept = {Path(requirements.__file__), Path(__file__)}
    files = set((ROOT / "tests").rglob("*.py")) - kept
    assert len(files) > 100
    assert [str(path) for path in sorted(files) if silent.search(path.read_text(encoding="utf-8"))] == []


def test_the_tiers_of_the_makefile_are_a_partition() -> None:
    """Whatever markers a test has, one target of the Makefile runs it."""
    selections = re.findall(r'PYTEST\) -m "([^"]+)"', (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert len(selections) == 3
    for peers in (False, True):
        for slow in (False, True):
            chosen = [eval(selection, {"peers": peers, "slow": slow}) for selection in selections]
            assert sum(chosen) == 1, (peers, slow)
