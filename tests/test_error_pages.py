"""Every code has a page, whose wrong program gives just this code and whose right program gives nothing."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from tnc.cli import main
from tnc.diagnostics import CATALOGUE, CompileError

PAGES = Path(__file__).parents[1] / "docs" / "errors"
FENCE = re.compile(r"^```(?P<words>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^(?:error|warning)\[(TN\d{3})\]", re.MULTILINE)

WITHOUT_EXAMPLES = {
    "TN021": "wants a device profile",
    "TN022": "wants a device profile",
    "TN023": "wants a device profile",
    "TN024": "wants a device",
    "TN025": "wants minutes of measuring",
    "TN030": "wants a machine without memory",
    "TN123": "comes with a hundred other errors",
    "TN901": "nobody knows how to make the compiler fail",
}


@dataclass(frozen=True)
class Example:
    """Files to lay out, and what to run on them: lines for ``tnc``, or a Python program."""

    files: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    script: str | None


def example(section: str) -> Example:
    files: list[tuple[str, str]] = []
    commands: list[str] = []
    script: str | None = None
    for fence in FENCE.finditer(section):
        language, _, name = fence["words"].partition(" ")
        match language:
            case "tn":
                files.append((name or "net.tn", fence["text"]))
            case "console":
                commands += [line.removeprefix("$ tnc ") for line in fence["text"].splitlines()]
            case "py":
                script = fence["text"]
            case _:
                raise AssertionError(f"no idea what to do with {language}")
    return Example(tuple(files), tuple(commands) if commands or script else ("check net.tn",), script)


def sections(code: str) -> dict[str, str]:
    """The sections of a page by their headings."""
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def codes_of(ran: Example, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    for name, text in ran.files:
        (folder / name).write_text(text, encoding="utf-8")
    if ran.script is not None:
        try:
            exec(compile(ran.script, "page", "exec"), {})
        except CompileError as error:
            return [diagnostic.code for diagnostic in error.diagnostics]
        return []
    exits = [main(shlex.split(command)) for command in ran.commands]
    told = capsys.readouterr().err
    found = CODE.findall(told)
    assert [code for code in exits if code] == [] or found
    # Only the author of an assertion knows what to do about it.
    assert told.count("= help: ") == len([code for code in found if code != "TN260"]), told
    return found


def test_there_is_a_page_for_every_code() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README") == sorted(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_page(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert text.splitlines()[0] == f"# {code}: {CATALOGUE[code]}"
    assert len(text.splitlines()) <= 80
    monkeypatch.chdir(tmp_path)
    if code in WITHOUT_EXAMPLES:
        assert sections(code) == {}
        return
    assert list(sections(code)) == ["Wrong", "Right"]
    wrong, right = (example(section) for section in sections(code).values())
    assert set(codes_of(wrong, tmp_path, capsys)) == {code}
    assert codes_of(right, tmp_path, capsys) == []


def test_programs_are_formatted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for code in CATALOGUE:
        for name, text in example(sections(code).get("Right", "")).files:
            (tmp_path / f"{code}-{name}").write_text(text, encoding="utf-8")
    assert main(["fmt", "--check", *(str(path) for path in sorted(tmp_path.iterdir()))]) == 0, capsys.readouterr()


def test_help_prints_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "TN201"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"TN201: {CATALOGUE['TN201']}\n\n")
    assert "```" not in out
    assert "#" not in out
    assert "\n    network example() {\n      core a(2)\n" in out
    for same in ("tn201", "201"):
        assert main(["help", same]) == 0
        assert capsys.readouterr().out == out


def test_help_prints_several_pages_and_names_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "TN270", "TN901"]) == 0
    out = capsys.readouterr().out
    assert "\n    # layers.tn\n    network wide() {\n" in out
    assert "\n    $ tnc check net.tn\n" in out
    assert "TN901: the compiler failed\n" in out


def test_help_lists_all_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    out = capsys.readouterr().out
    assert [line for code, title in CATALOGUE.items() if (line := f"  {code}  {title}") not in out.splitlines()] == []


def test_help_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "check"]) == 0
    assert capsys.readouterr().out.startswith("usage: tnc check")


@pytest.mark.parametrize(
    ("topic", "hint"),
    [
        ("TN20l", "did you mean `TN"),
        ("TN999", "did you mean `TN"),
        ("cheek", "did you mean `check`?"),
        ("%%", "`tnc help` lists all codes"),
    ],
)
def test_an_unknown_topic(topic: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "TN201", topic]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error[TN016]: unknown code `{topic}`\n")
    assert hint in err
