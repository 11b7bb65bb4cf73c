"""The tutorial, followed to the letter in an empty folder; ``--update-golden`` writes anew what the commands print.

* A block after ``<!-- file: NAME -->`` is written to that file, ``<!-- more of: NAME -->`` is added to it.
* A ``console`` block holds commands, each after ``$``, and what each prints. Accuracies may differ by a little, all
  else may not.
* A block after ``<!-- output of: tnc … | from: TEXT | to: TEXT -->`` holds those lines of that output.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_readme import part
from tnc.cli import main

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?:<!-- (?P<mark>.*?) -->\n+)?```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
FRACTION = re.compile(r"\d\.\d+")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints, on both streams."""
    words = shlex.split(command)
    if words[0] == "tnc":
        main(words[1:])
        return "".join(capsys.readouterr())
    assert words[0] == "python"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *words[1:]], check=True, text=True, stdout=subprocess.PIPE, env=environment
    ).stdout


def followed(kind: str, mark: str, body: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Do what a block says; what ought to stand in it."""
    what, _, rest = mark.partition(": ")
    if what in ("file", "more of"):
        with (folder / rest).open("w" if what == "file" else "a", encoding="utf-8") as file:
            file.write(body)
        return body
    if what == "output of":
        command, _, lines = rest.partition(" | from: ")
        first, _, last = lines.partition(" | to: ")
        return part(run(command, capsys), first, last)
    assert kind == "console", f"nobody says what to do with\n{body}"
    commands = [line for line in body.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{run(command[2:], capsys)}" for command in commands)


def agree(written: str, found: str) -> bool:
    """Equal, except for accuracies."""
    if "$ python" not in written:
        return written == found
    pairs = zip(FRACTION.findall(written), FRACTION.findall(found), strict=False)
    close = all(abs(float(one) - float(other)) <= 0.03 for one, other in pairs)
    return close and FRACTION.sub("_", written) == FRACTION.sub("_", found)


def test_every_block(folder: Path, capsys: pytest.CaptureFixture[str], update_golden: bool) -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    matches = list(BLOCK.finditer(text))
    assert {match["kind"].split()[0] for match in matches} == {"tn", "console", "python"}
    renewed, end = "", 0
    for match in matches:
        body = match["body"]
        found = followed(match["kind"], match["mark"] or "", body, folder, capsys)
        assert update_golden or agree(body, found), f"{body}\n--- but now ---\n{found}"
        renewed += text[end : match.start("body")] + found
        end = match.end("body")
    if update_golden:
        TUTORIAL.write_text(renewed + text[end:], encoding="utf-8")


def test_what_may_differ() -> None:
    assert agree("$ python a.py\nit is 0.95\n", "$ python a.py\nit is 0.97\n")
    assert not agree("$ python a.py\nit is 0.95\n", "$ python a.py\nit is 0.91\n")
    assert not agree("$ python a.py\nit is 0.95\n", "$ python a.py\nit was 0.95\n")
    assert not agree("$ tnc report a.tn\n0.95\n", "$ tnc report a.tn\n0.96\n")
