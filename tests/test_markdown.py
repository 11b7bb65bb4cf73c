"""The project's Markdown is wrapped, and wrapping changes nothing but line ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.markdown import ROOT, WIDTH, long_lines, pages, prose, wrapped

LONG = "word " * 30


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_fit(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert long_lines(text) == [], "run `python -m tests.markdown --fix`"
    assert wrapped(text) == text


def test_paragraphs_and_items_are_wrapped() -> None:
    text = f"{LONG.strip()}\n\n* {LONG.strip()}\n  1. {LONG}\n     {LONG}\n"
    assert long_lines(text) == [1, 3, 4, 5]
    result = wrapped(text)
    assert long_lines(result) == []
    assert result.split() == text.split()
    assert result.splitlines()[4].startswith("  word")
    assert result.splitlines()[6].startswith("     word")


@pytest.mark.parametrize(
    "text",
    [
        f"| {LONG} |\n",
        f"# {LONG}\n",
        f"<!-- {LONG} -->\n",
        f"```text\n{LONG}\n\n{LONG}\n```\n",
        f"Code:\n\n    {LONG}\n\n    {LONG}\n",
        f"* an item\n\n  ```text\n  {LONG}\n  ```\n",
    ],
)
def test_what_is_not_wrapped(text: str) -> None:
    assert wrapped(text) == text
    assert long_lines(text) == []


def test_a_line_does_not_begin_with_a_marker() -> None:
    text = f"{'x' * (WIDTH - 2)} * y {'z' * 10} {'x' * (WIDTH - 12)} 1. y and `{'a b ' * 20}`\n"
    lines = wrapped(text).splitlines()
    assert [line for line in lines if line.startswith(("*", "1."))] == []
    assert [line.count("`") % 2 for line in lines] == [0] * len(lines)


def test_prose_has_the_lines_outside_code() -> None:
    assert prose("a\n\n```text\nb\n```\n* c\n    d\n| e |\n") == [
        (1, "a"),
        (2, ""),
        (6, "* c"),
        (7, "    d"),
        (8, "| e |"),
    ]
