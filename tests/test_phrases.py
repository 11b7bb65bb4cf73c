"""The list of phrases finds what it is meant to find, and the folders that are clean stay clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.phrases import ROOT, everywhere, findings, main, phrase, phrases

MODULE, PAGE = ROOT / "tnc" / "order" / "x.py", ROOT / "docs" / "x.md"

SAMPLES = [
    "after so many steps",
    "how it came about",
    "as little as can be had",
    "whoever calls this",
    "all but for the last",
    "where memory is dear",
    "handed on to the backend",
    "what was tried for a region",
    "the user is told that it failed",
    'f"`{name}` is no dtype"',
]
FINE = [
    "there is no file `x`",
    "if there is no such device",
    "lines are no longer than this",
    "the result is no larger than the operand",
    "all but the last",
    "pass it on",
    "times by hand on a small profile",
    "the command tells them apart",
]


def found(path: Path, text: str) -> list[tuple[int, str]]:
    return [(finding.line, finding.text) for finding in findings(path, text, phrases())]


def test_clean_folders_stay_clean() -> None:
    assert [str(finding) for finding in everywhere()] == []


@pytest.mark.parametrize("text", SAMPLES)
def test_a_phrase_is_found(text: str) -> None:
    assert len(found(MODULE, f"# {text}\n")) == 1


def test_every_entry_has_a_sample() -> None:
    matched = [next(entry for entry in phrases() if entry.pattern.search(text)) for text in SAMPLES]
    assert sorted(matched, key=phrases().index) == list(phrases())


@pytest.mark.parametrize("text", FINE)
def test_plain_english_is_fine(text: str) -> None:
    assert found(MODULE, f"# {text}\n") == []


def test_a_phrase_is_found_over_lines() -> None:
    assert found(MODULE, "x = 1\n# after so\n# many steps\n") == [(2, "so many")]
    assert found(MODULE, 'x = (\n    f"`{name}` is "\n    "no dtype"\n)\n') == [(2, "is no dtype")]
    assert found(PAGE, "* after so\n  many steps\n") == [(1, "so many")]
    assert found(PAGE, "after so\n\nmany steps\n") == []


def test_quotations_are_free() -> None:
    assert found(PAGE, "“so many”, `so many` and\n> so many\n") == []
    assert found(PAGE, "`x` is no dtype\n") == [(1, "is no dtype")]
    assert found(MODULE, '"so many"\n') == [(1, "so many")]


def test_a_finding_says_what_to_write() -> None:
    (finding,) = findings(MODULE, "one\nfoo\n", [phrase(r"\bfoo\b => bar")])
    assert str(finding) == "tnc/order/x.py:2: `foo`; write: bar"
    assert finding.folder() == "tnc/order"
    with pytest.raises(AssertionError, match="no wording"):
        phrase("foo")


def test_the_command_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count"]) == 0
    assert capsys.readouterr().out.endswith("in all\n")
