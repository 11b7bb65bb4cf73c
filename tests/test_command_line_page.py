"""``docs/command-line.md`` has every command and every option that ``--help`` prints, and no others."""

from __future__ import annotations

import re

import pytest

from tests.markdown import ROOT
from tnc.cli import main
from tnc.cli.main import SUBCOMMANDS

COMMANDS = [command.__name__.rpartition(".")[2] for command in SUBCOMMANDS]
PAGE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def helped(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The options of a command, in its own words."""
    assert main([command, "--help"]) == 0
    shown = re.findall(r"^  (-\S.*?)(?:  .*)?$", capsys.readouterr().out, re.MULTILINE)
    return set(OPTION.findall(" ".join(shown))) - {"-h", "--help"}


def listed(text: str) -> set[str]:
    """The options that the items of a section begin with."""
    items = re.findall(r"^\* ((?:`[^`]+`(?:, )?)+)", text, re.MULTILINE)
    return {option for item in items for option in OPTION.findall(item)}


def shared(command: str) -> set[str]:
    """The options that the page says a command shares with others."""
    every, networks, planning = re.split(r"^Commands that", SECTIONS["Options of several commands"], flags=re.MULTILINE)
    found = listed(every)
    if command not in ("fmt", "merge", "calibrate", "help"):
        found |= listed(networks)
    if command in ("report", "explain", "compile", "bench"):
        found |= listed(planning)
    if command in ("report", "explain", "bench", "fit", "merge", "check"):
        found |= {"--format", "--json"}
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shared(command) | listed(SECTIONS[f"tnc {command}"]) == helped(command, capsys)


def test_commands() -> None:
    assert re.findall(r"^\| \[`tnc (\w+)`\]", PAGE, re.MULTILINE) == COMMANDS
    assert [title.removeprefix("tnc ") for title in SECTIONS if title.startswith("tnc ")] == COMMANDS
