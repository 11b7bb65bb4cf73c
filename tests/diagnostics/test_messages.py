"""Rules that every message obeys, read from all stored outputs; and codes that are all registered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.golden import expected_outputs
from tnc.diagnostics import CATALOGUE

ROOT = Path(__file__).parents[2]
HEADLINE = re.compile(r"^(?:error|warning)(?:\[(TN\d{3})\])?: (.*)$", re.MULTILINE)
HELP = re.compile(r"^ *= help: (.*)$", re.MULTILINE)
CODE = re.compile(r"\"(TN\d{3})\"")


def faults(message: str) -> list[str]:
    found: list[str] = []
    if re.match(r"[A-Z](?![A-Z])", message):
        found.append("starts with a capital letter")
    if message.endswith((".", "!")) and not message.endswith(".."):
        found.append("ends with a full stop")
    if re.search(r"\billegal\b|\binvalid syntax\b|\bplease\b", message, re.IGNORECASE):
        found.append("uses a word that helps nobody")
    if message.count("`") % 2:
        found.append("has an odd number of backticks")
    return found


def messages() -> list[tuple[str, str]]:
    texts = [(path.parent.name, path.read_text(encoding="utf-8")) for path in expected_outputs()]
    return [(name, m[2]) for name, text in texts for m in HEADLINE.finditer(text)] + [
        (name, m[1]) for name, text in texts for m in HELP.finditer(text)
    ]


def test_all_stored_messages_obey_the_rules() -> None:
    stored = messages()
    assert len(stored) >= 20
    assert [(name, message, faults(message)) for name, message in stored if faults(message)] == []


@pytest.mark.parametrize("bad", ["Name is unknown", "the name is unknown.", "an illegal name", "`a is unknown"])
def test_the_rules_can_be_broken(bad: str) -> None:
    assert len(faults(bad)) == 1


def test_titles_obey_the_rules() -> None:
    assert {code: faults(title) for code, title in CATALOGUE.items() if faults(title)} == {}


def codes_in_sources() -> set[str]:
    files = [path for folder in ("tnc", "backends") for path in (ROOT / folder).rglob("*.py")]
    return {
        code for path in files if path.name != "catalogue.py" for code in CODE.findall(path.read_text(encoding="utf-8"))
    }


def test_every_code_is_registered_and_used() -> None:
    assert codes_in_sources() == set(CATALOGUE)


def test_codes_ascend() -> None:
    assert list(CATALOGUE) == sorted(CATALOGUE)
