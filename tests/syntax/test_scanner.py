"""From text to tokens: line ends, byte order marks, and long texts that cost no more than their length."""

from __future__ import annotations

import tracemalloc

import pytest

from tnc.limits import Limits
from tnc.source import Source
from tnc.syntax.scanner import scan

TEXT = "network a() {\n  core c(2)  # two\n\n  output y(i) = c(i)\n}\n"


def words(text: str) -> list[str]:
    found = scan(Source("a.tn", text), Limits())
    assert found.diagnostics == []
    assert found.fatal is None
    return [token.text for token in found.tokens]


@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["crlf", "cr"])
def test_any_line_end_will_do(end: str) -> None:
    text = TEXT.replace("\n", end)
    assert words(text) == words(TEXT)
    (comment,) = scan(Source("a.tn", text), Limits()).comments
    assert comment.text == "# two"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert words("\ufeff" + TEXT) == words(TEXT)


@pytest.mark.parametrize("inside", ["a", "\\n", 'a\\"'], ids=["letters", "escapes", "both"])
def test_a_long_string_costs_little_more_than_its_text(inside: str) -> None:
    text = f'let s = "{inside * 200_000}"\n'
    words("let s = 1")
    tracemalloc.start()
    try:
        words(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(text)
