"""Characters that act on a terminal or hide text: refused in strings, escaped in all that is printed or generated."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import pytest

import tnc
from tests.backends import BACKENDS
from tnc import driver
from tnc.characters import UNSAFE, escaped, printable
from tnc.cli.main import main
from tnc.source import Source

UNSAFE_CHARACTERS = "\0\x07\x1b\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\udc80\ud800"

TEXT = """
network n(s: str = "plain") {{
  core a(2)
  assert 2 > 1, "{}"
  output y(i) = a(i)
}}
"""


def codes(text: str) -> list[str]:
    return [each.code for each in driver.check(Source("a.tn", text), driver.Options()).diagnostics]


@pytest.mark.parametrize("character", [*UNSAFE_CHARACTERS, "\t"], ids=lambda character: f"U+{ord(character):04X}")
def test_strings_refuse_it(character: str) -> None:
    in_text = ["TN150" if "\ud800" <= character <= "\udfff" else "TN102"]  # a lone surrogate is not UTF-8 either
    assert codes(TEXT.format(f"a{character}b")) == in_text
    with pytest.raises(tnc.CompileError) as caught:
        tnc.loads(TEXT.format("fine"), s=Source("--set s", f'"{character}"'))
    assert [each.code for each in caught.value.diagnostics] == in_text
    if character != "\t":
        with pytest.raises(tnc.CompileError) as caught:
            tnc.loads(TEXT.format("fine"), s=f"a{character}b")
        assert [each.code for each in caught.value.diagnostics] == ["TN013"]
        assert f"U+{ord(character):04X}" in str(caught.value)


@pytest.mark.parametrize("fine", ["é漢字", "👩\u200d🔬", "10\u00a0%", "a\\nb\\tc", '\\"\\"\\"', "\\\\", "C:\\\\x"])
def test_other_strings_reach_a_docstring_whole(fine: str) -> None:
    text = TEXT.replace("plain", fine).format("fine")
    network = tnc.loads(text)
    for backend in BACKENDS:
        source = network.source(backend)
        documented = ast.get_docstring(ast.parse(source)) or ""
        assert f'"{fine}"' in documented
        network.module(backend)


def test_comments_reach_nothing() -> None:
    text = "".join(f"# a{character}b\n" for character in UNSAFE_CHARACTERS if character < "\ud800")
    text += f"network n() {{ # {UNSAFE_CHARACTERS[:15]}\n  core a(2)\n  output y(i) = a(i) # \0\n}}\n"
    assert codes(text) == []
    network = tnc.loads(text)
    for backend in BACKENDS:
        assert not UNSAFE.search(network.source(backend).replace("\n", ""))
        network.module(backend)
    assert not UNSAFE.search(network.expand().replace("\n", ""))


@pytest.mark.parametrize("format", ["text", "json", "sarif"])
@pytest.mark.parametrize("name", ["a\x1b[31m.tn", "a\u202e.tn", "a\nerror[TN901]: b.tn", "a\udc80.tn", "\x9b\u2028.tn"])
def test_names_of_files_are_escaped(
    name: str, format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes("# \u202e\nnetwork n() { core \u202ea(2) output y(i) = b(i) }\n".encode())
    assert main(["check", name, "--format", format]) == 1
    printed = "".join(capsys.readouterr())
    assert not UNSAFE.search(printed.replace("\n", ""))
    assert "\nerror[TN901]" not in printed
    if format == "json":
        assert json.loads(printed)["diagnostics"][0]["file"] == name


@pytest.mark.parametrize(
    "command",
    [
        ["check", "none\x1b\u202e.tn"],
        ["ch\x1beck", "x"],
        ["check", "--opt\x1bion", "x"],
        ["check", "a.tn", "--set", "s=\x1b"],
        ["check", "a.tn", "--set", "\u202e=1"],
        ["report", "a.tn", "--network", "\x1b\u202e"],
        ["report", "a.tn", "--dtype", "\x1b"],
        ["report", "a.tn", "--device", "\x1b\u2028"],
        ["compile", "a.tn", "-b", "\x1b"],
        ["compile", "a.tn", "-o", "none\x1b/\u202e.py"],
        ["help", "\x1b\u202e"],
        ["fmt", "--diff", "b.tn"],
    ],
    ids=" ".join,
)
def test_arguments_are_escaped(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.tn").write_text(TEXT.format("fine"), encoding="utf-8")
    text = "network  n() { # a\x1b[31m\u202e\u2028b\n core a(2) output y(i) = a(i) }\n"
    Path("b.tn").write_text(text, encoding="utf-8")
    main([argument.replace("none", os.curdir + "/none") for argument in command])
    printed = "".join(capsys.readouterr())
    assert printed
    assert not UNSAFE.search(printed.replace("\n", ""))


def test_an_escape_is_readable() -> None:
    assert escaped("a\x1b\u202e\n") == "a<U+001B><U+202E><U+000A>"
    assert printable("a\x1b\u202e\t\n\u00a0\u200b") == "a<U+001B><U+202E>\t\n <U+200B>"
