"""The slips of ``tests/cli/golden/README.md``: each is a golden case, and the page shows its program and its answer."""

from __future__ import annotations

import re

import pytest

from tests.golden import FOLDER, cases, run_case

PAGE = FOLDER / "README.md"
MARK = re.compile(r"^<!-- (slip_\w+) -->\n", re.MULTILINE)
SLIPS = [name for name in cases() if name.startswith("slip_")]


def shown(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The program of a case and what is said about it, as the page has them."""
    program = (FOLDER / name / "input.tn").read_text(encoding="utf-8")
    command = (FOLDER / name / "command").read_text(encoding="utf-8").strip()
    answer = run_case(name, monkeypatch, capsys).partition("--- stderr\n")[2].strip()
    call = "" if command == "check input.tn" else f"$ tnc {command}\n"
    answer = answer or "(nothing)"
    return f"\n```\n{program}```\n\n```text\n{call}{answer}\n```\n"


def test_the_page(update_golden: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, *parts = MARK.split(text)
    pages: list[str] = [head]
    for name, rest in zip(parts[::2], parts[1::2], strict=True):
        judgement = rest[rest.rindex("```\n") + 4 :] if "```\n" in rest else rest
        pages.append(f"<!-- {name} -->\n{shown(name, monkeypatch, capsys)}{judgement}")
    if update_golden:
        PAGE.write_text("".join(pages), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == "".join(pages)


def test_every_slip_is_on_the_page() -> None:
    marks = MARK.findall(PAGE.read_text(encoding="utf-8"))
    assert sorted(marks) == SLIPS
    assert len(marks) >= 20


def test_every_slip_but_one_is_told_with_a_help() -> None:
    """``for i in range(4)`` is fine; all others say what to do."""
    answers = {name: (FOLDER / name / "expected.golden").read_text(encoding="utf-8") for name in SLIPS}
    without = [name for name, answer in answers.items() if "= help: " not in answer]
    assert without == ["slip_range_call"]
    assert [name for name, answer in answers.items() if answer.startswith("exit 0")] == ["slip_range_call"]
