"""Unknown names, and lists of names."""

from __future__ import annotations

import pytest

from tnc.diagnostics import Diagnostic
from tnc.diagnostics.suggest import listed, unknown


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "`a`"),
        (["a", "b"], "`a` and `b`"),
        (["a", "b", "c"], "`a`, `b` and `c`"),
        (["a", "b", "c", "d"], "`a`, `b` and 2 more"),
    ],
)
def test_names_are_listed_as_a_sentence_lists_them(names: list[str], text: str) -> None:
    assert listed(names, 3) == text


@pytest.mark.parametrize(
    ("name", "known", "help_text"),
    [
        ("flaot32", ("float32", "float64"), "did you mean `float32`?"),
        ("int", ("float32", "float64"), "the dtypes are `float32` and `float64`"),
        ("int", ("float32",), "the only dtype is `float32`"),
        ("int", (), None),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(
    name: str, known: tuple[str, ...], help_text: str | None
) -> None:
    assert unknown("TN012", "dtype", name, known) == Diagnostic("TN012", f"unknown dtype `{name}`", help=help_text)
