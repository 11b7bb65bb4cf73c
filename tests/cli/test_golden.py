from __future__ import annotations

import pytest

from tests.golden import FOLDER, cases, run_case


@pytest.mark.parametrize("name", cases())
def test_golden(
    name: str, update_golden: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    actual = run_case(name, monkeypatch, capsys)
    golden = FOLDER / name / "expected.golden"
    if update_golden:
        golden.write_text(actual, encoding="utf-8")
    assert golden.exists(), "no expected output yet: run with --update-golden and read what it writes"
    assert actual == golden.read_text(encoding="utf-8")


def test_there_are_cases() -> None:
    assert len(cases()) >= 20
