"""What the README shows is what the commands print.

A ``console`` block holds commands (``$ tnc …``) and their output; a line ``…`` stands for any lines. A block after a
comment ``<!-- output of: tnc … -->`` or ``<!-- file: … -->`` holds a part of that command's output, or that file.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tnc.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"^\$ (tnc .*)\n((?:(?!\$ ).*\n)*)", "".join(CONSOLE), re.MULTILINE)
OUTPUTS = re.findall(r"<!-- output of: (tnc .*?) -->\n+```\w*\n(.*?)```", README, re.DOTALL)
FILES = re.findall(r"<!-- file: (.*?) -->\n+```\w*\n(.*?)```", README, re.DOTALL)


def printed(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(command)[1:]) == 0
    return capsys.readouterr().out


def shows(excerpt: str, text: str) -> bool:
    parts = [re.escape(part) for part in re.split(r"^ *…\n", excerpt, flags=re.MULTILINE)]
    return re.search(r"(?:.*\n)*?".join(parts), text) is not None


@pytest.mark.parametrize(("command", "expected"), [*COMMANDS, *OUTPUTS])
def test_output(
    command: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shows(expected.strip("\n") + "\n", printed(command, monkeypatch, capsys))


@pytest.mark.parametrize(("file", "expected"), FILES)
def test_file(file: str, expected: str) -> None:
    assert (ROOT / file).read_text(encoding="utf-8") == expected


def test_there_is_something_to_compare() -> None:
    assert len(COMMANDS) >= 2
    assert len(OUTPUTS) >= 1
    assert len(FILES) >= 1


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_comparison_can_fail() -> None:
    assert shows("a\n…\nd\n", "a\nb\nc\nd\n")
    assert not shows("a\n…\ne\n", "a\nb\nc\nd\n")
    assert not shows("a\nc\n", "a\nb\nc\nd\n")
