"""The committed page is what the committed results say."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.__main__ import main

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
TIME_MODEL = PAGE.with_name("time-model.md")


def test_the_page_is_written_from_the_results(tmp_path: Path) -> None:
    assert main(["report", "-o", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_bytes() == PAGE.read_bytes()


def test_without_a_note_nothing_is_said_of_how_it_was_measured(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    texts: list[str] = []
    for _ in range(2):
        assert main(["report", "--note", str(note), "-o", str(tmp_path / "page.md")]) == 0
        texts.append((tmp_path / "page.md").read_text(encoding="utf-8"))
        note.write_text("On two cores.\n", encoding="utf-8")
    assert "What is measured here" not in texts[0]
    assert "**What is measured here, and what is not.** On two cores.\n\n## The machine\n" in texts[1]


def test_the_time_model_tells_the_errors_that_were_measured() -> None:
    table = TIME_MODEL.read_text(encoding="utf-8").partition("| predicted and measured |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| \w.* \| (.*) \| (.*) \|$", table, re.MULTILINE)
    assert len(rows) == 4
    page = PAGE.read_text(encoding="utf-8")
    assert [row for row in rows if f"| {row[0]} | {row[1]} |" not in page] == []
