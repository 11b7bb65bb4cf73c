"""Pages of ``docs/`` whose examples run; ``--update-golden`` writes what is printed.

Each section begins with no names defined, in a folder that has the files of the page's head and nothing else.

* A block after ``<!-- file: NAME -->`` is written to that file.
* A ``python`` block is executed. A ``text`` block after ``<!-- prints -->`` holds what the block before it printed.
* A ``console`` block holds commands, each after ``$``, and what each prints.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.markdown import ROOT
from tests.test_tutorial import BLOCK
from tnc.cli import main

PAGES = (
    "python.md",
    "cookbook.md",
    "models.md",
    "jax-models.md",
    "sharding.md",
    "fitting.md",
    "conversion.md",
    "deployment.md",
)
PEERS = ("deployment.md", "jax-models.md")
"""Pages that need other libraries and compilers."""


def sections(page: str) -> list[str]:
    """The parts of a page that begin with a heading of the second level, and first what comes before them."""
    return re.split(r"^(?=## )", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.MULTILINE)


def case(page: str, number: int) -> Any:
    marks = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")] if page in PEERS else []
    return pytest.param((page, number), marks=marks)


CASES = [case(page, number) for page in PAGES for number in range(len(sections(page)))]


def title(case: tuple[str, int]) -> str:
    page, number = case
    return f"{page}: {sections(page)[number].splitlines()[0].lstrip('# ')}"


def printed(command: str) -> str:
    """What a ``tnc`` command prints, on both streams."""
    words = shlex.split(command)
    assert words[0] == "tnc"
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        main(words[1:])
    return stream.getvalue()


def executed(program: str, names: dict[str, Any]) -> str:
    """What a Python program prints."""
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        exec(compile(program, "page", "exec"), names)
    return stream.getvalue()


def followed(text: str, folder: Path) -> str:
    """The section as it ought to be: its files written, its programs and commands run."""
    names: dict[str, Any] = {"__name__": "page"}
    output, renewed, end = "", "", 0
    for match in BLOCK.finditer(text):
        mark, kind, body = match["mark"] or "", match["kind"], match["body"]
        if mark.startswith("file: "):
            (folder / mark.removeprefix("file: ")).write_text(body, encoding="utf-8")
        elif mark == "prints":
            body = output
        elif kind == "console":
            commands = [line for line in body.splitlines() if line.startswith("$ ")]
            body = "".join(f"{command}\n{printed(command[2:])}" for command in commands)
        elif kind == "python":
            output = executed(body, names)
        else:
            assert kind in ("sh", "tn", "tn body"), f"unknown kind of block: {kind}"
        renewed += text[end : match.start("body")] + body
        end = match.end("body")
    return renewed + text[end:]


@pytest.mark.parametrize("case", CASES, ids=title)
def test_a_section(case: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool) -> None:
    page, number = case
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    written = sections(page)
    if number:
        followed(written[0], tmp_path)
    found = followed(written[number], tmp_path)
    if update_golden:
        written[number] = found
        (ROOT / "docs" / page).write_text("".join(written), encoding="utf-8")
        return
    assert written[number] == found, "review the difference, then run with --update-golden"


def test_a_difference_is_seen(tmp_path: Path) -> None:
    text = "## A\n\n```python\nprint(1 + 1)\n```\n\n<!-- prints -->\n```text\n3\n```\n"
    assert followed(text, tmp_path) == text.replace("3\n", "2\n")
    with pytest.raises(ZeroDivisionError):
        followed("```python\n1 / 0\n```\n", tmp_path)
