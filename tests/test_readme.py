"""What the README shows is what the commands print; ``--update-golden`` writes it anew.

* A ``python`` block after ``<!-- runs -->`` is executed, and prints the ``text`` block after ``<!-- prints -->``.
* A ``console`` block that begins with ``$ tnc …`` holds that command and its output.
* A block after ``<!-- file: PATH -->`` holds that file.
* A block after ``<!-- output of: tnc … -->`` holds that output. ``| from: TEXT | to: TEXT`` before the end of the
  comment picks its lines from the first that begins with (white space and) the one text up to the next that begins
  with the other.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tnc.cli import main
from tnc.cli.main import SUBCOMMANDS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CONSOLE = re.compile(r"(?P<head>```console\n\$ tnc (?P<what>.*)\n)(?P<body>(?:(?!```).*\n)*)")
FILE = re.compile(r"(?P<head><!-- file: (?P<what>.*?) -->\n+```\w*\n)(?P<body>(?:(?!```).*\n)*)")
OUTPUT = re.compile(r"(?P<head><!-- output of: tnc (?P<what>.*?) -->\n+```\w*\n)(?P<body>(?:(?!```).*\n)*)")

RUNS = re.compile(
    r"<!-- runs -->\n```python\n(?P<program>.*?)```\n\n<!-- prints -->\n```text\n(?P<printed>.*?)```\n", re.DOTALL
)

Command = Callable[[str], str]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a ``tnc`` command in the repository; its standard output."""
    monkeypatch.chdir(ROOT)

    def run(arguments: str) -> str:
        assert main(shlex.split(arguments)) == 0
        return capsys.readouterr().out

    return run


def part(text: str, first: str, last: str) -> str:
    """The lines from the first that begins with ``first`` to the next that begins with ``last``, not indented."""
    lines = text.splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.lstrip().startswith(first))
    end = next(i for i in range(start, len(lines)) if lines[i].lstrip().startswith(last))
    return textwrap.dedent("".join(lines[start : end + 1]))


def output_of(command: Command, what: str) -> str:
    arguments, *options = re.split(r" \| (?=from:|to:)", what)
    printed = command(arguments)
    if not options:
        return printed
    first, last = (option.partition(": ")[2] for option in options)
    return part(printed, first, last)


def renewed(text: str, pattern: re.Pattern[str], content: Command) -> str:
    """The text with every block of one kind filled in."""
    assert pattern.search(text), "the README shows nothing of this kind"
    return pattern.sub(lambda match: match["head"] + content(match["what"]), text)


def test_blocks_are_what_the_commands_print(command: Command, update_golden: bool) -> None:
    text = README.read_text(encoding="utf-8")
    wanted = renewed(text, CONSOLE, command)
    wanted = renewed(wanted, FILE, lambda path: (ROOT / path).read_text(encoding="utf-8"))
    wanted = renewed(wanted, OUTPUT, lambda what: output_of(command, what))
    if update_golden:
        README.write_text(wanted, encoding="utf-8")
        return
    assert text == wanted, "review the difference, then run with --update-golden"


def test_layers_of_a_model_are_generated(capsys: pytest.CaptureFixture[str], update_golden: bool) -> None:
    text = README.read_text(encoding="utf-8")
    (shown,) = RUNS.finditer(text)
    names: dict[str, Any] = {}
    exec(shown["program"], names)
    printed = capsys.readouterr().out
    assert [type(layer).__name__ for layer in names["model"]].count("Conv2d") == 2
    if update_golden:
        README.write_text(text[: shown.start("printed")] + printed + text[shown.end("printed") :], encoding="utf-8")
        return
    assert shown["printed"] == printed, "review the difference, then run with --update-golden"


def test_python_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    (program,) = re.findall(r"```python\n(import tnc\n.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    assert capsys.readouterr().out.startswith("network conv512_attn1(chi = 4, act = relu)\n")
    assert tuple(names["layer"]().shape) == (512, 512, 3, 3)
    assert sum(core.numel() for core in names["layer"].parameters()) == names["net"].report().networks[0].parameters


def test_measured_figures_are_those_of_the_benchmarks() -> None:
    measured = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    rows = [line for line in measured.splitlines() if "at 2^22 and 2^24 against" in line]
    means = [re.search(r"geometric mean (\d\S*×)(?:, least.*?)?, (\d+) networks", row.split("|")[3]) for row in rows]
    wanted = {(mean[2], mean[1]) for mean in means if mean}
    shown = re.findall(r"\| +(\d+) \| (\d\S*×) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(shown) == 3
    assert set(shown) == wanted


def test_every_command_is_listed() -> None:
    table = re.findall(r"^\| `tnc (\w+) ", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert table == [command.__name__.rpartition(".")[2] for command in SUBCOMMANDS]


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text(encoding="utf-8"))
    assert len(targets) >= 3
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_parts() -> None:
    assert part("a\n  b 1\n    c\n  d 2\ne\n", "b", "d") == "b 1\n  c\nd 2\n"
    with pytest.raises(StopIteration):
        part("a\nb\n", "b", "a")
