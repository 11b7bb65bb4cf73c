"""Every example of the documentation compiles, or fails as it says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.test_pages import PAGES
from tnc import driver
from tnc.diagnostics import Severity
from tnc.source import Source

DOCS = Path(__file__).parents[1] / "docs"
FENCE = re.compile(r"^```(tn[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: ``tn`` a file, ``tn body`` the inside of a network, ``tn error CODE``, ``tn warning CODE``."""

    place: str
    kind: str
    text: str


def blocks() -> list[Block]:
    found: list[Block] = []
    for path in sorted(path for path in DOCS.rglob("*.md") if path.parent.name != "errors" and path.name not in PAGES):
        text = path.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(f"{path.relative_to(DOCS)}:{line}", match[1], match[2]))
    return found


def diagnose(text: str, place: str) -> list[tuple[Severity, str, str]]:
    checked = driver.check(Source(place, text), driver.Options())
    return [(d.severity, d.code, d.message) for d in checked.diagnostics]


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.place)
def test_example(block: Block) -> None:
    words = block.kind.split()
    text = f"network example() {{\n{block.text}}}\n" if "body" in words else block.text
    diagnostics = diagnose(text, block.place)
    expected = [word for word in words if word.startswith("TN")]
    if "error" in words:
        assert [code for severity, code, _ in diagnostics if severity is Severity.ERROR] == expected
    else:
        assert [code for _, code, _ in diagnostics] == expected, diagnostics


def test_there_are_examples() -> None:
    assert len([block for block in blocks() if block.place.startswith("language.md")]) >= 20
