from __future__ import annotations

from textwrap import dedent

import pytest

from tnc.diagnostics import Diagnostic, Label, render_diagnostics, summary
from tnc.source import Source, Span


def span(source: Source, text: str, occurrence: int = 0) -> Span:
    start = -1
    for _ in range(occurrence + 1):
        start = source.text.index(text, start + 1)
    return Span(source, start, start + len(text))


def shown(diagnostic: Diagnostic) -> str:
    return "\n" + render_diagnostics([diagnostic])


def expected(text: str) -> str:
    """The text of a case: dedented, and a bar at the end of a line stands for the blank before it."""
    return "\n" + dedent(text).removeprefix("\n").rstrip(" ")


def test_both_ends_of_a_conflict_and_a_second_file() -> None:
    here = Source("a.tn", "network n() {\n  h(i, k) = A(i, j) * B(j, k)\n}\n")
    there = Source("lib/b.tn", "core B(3, 4)\n")
    diagnostic = Diagnostic(
        "TN301",
        "leg `j` has two dimensions",
        span(here, "j", 1),
        "3 here",
        (Label(span(here, "j"), "2 here"), Label(span(there, "3"), "declared here")),
        "make them agree\nor rename one",
    )
    assert shown(diagnostic) == expected(
        """
        error[TN301]: leg `j` has two dimensions
         --> a.tn:2:25
          |
        2 |   h(i, k) = A(i, j) * B(j, k)
          |                  -      ^ 3 here
          |                  |
          |                  2 here
         ::: lib/b.tn:1:8
          |
        1 | core B(3, 4)
          |        - declared here
          |
          = help: make them agree
                  or rename one

        """
    )


def test_overlapping_marks_and_marks_at_one_place() -> None:
    source = Source("a.tn", "abcdef\n")
    diagnostic = Diagnostic(
        "TN801",
        "m",
        Span(source, 2, 4),
        "inner",
        (Label(Span(source, 0, 6), "outer"), Label(Span(source, 0, 1), "first")),
    )
    assert shown(diagnostic) == expected(
        """
        warning[TN801]: m
         --> a.tn:1:3
          |
        1 | abcdef
          | --^^--
          | | |
          | | inner
          | first
          | outer

        """
    )


def test_tabs_stay_and_line_up_and_wide_characters_count_double() -> None:
    source = Source("a.tn", "\tx\ty = 漢字(é́)\n")
    diagnostic = Diagnostic("TN101", "m", span(source, "(", 0), "paren", (Label(span(source, "y"), "y"),))
    lines = shown(diagnostic).splitlines()
    assert lines[4] == "1 | \tx\ty = 漢字(é́)"
    assert lines[5] == "  | \t \t-       ^ paren"
    assert lines[6] == "  | \t \t|"


def test_a_mark_over_a_tab_is_as_wide_as_the_tab() -> None:
    source = Source("a.tn", "ab\tc\n")
    assert shown(Diagnostic("TN101", "m", Span(source, 0, 4), "all")).splitlines()[5] == "  | ^^^^^ all"


def test_several_lines() -> None:
    source = Source("a.tn", "x = f(\n  a,\n  b\n)\n")
    assert shown(Diagnostic("TN101", "m", Span(source, 4, len(source.text) - 1), "this")) == expected(
        """
        error[TN101]: m
         --> a.tn:1:5
          |
        1 |   x = f(
          |  _____^
        2 | |   a,
        3 | |   b
        4 | | )
          | |_^ this

        """
    )


def test_many_lines_are_cut_and_a_mark_that_opens_its_line_needs_no_elbow() -> None:
    source = Source("a.tn", "".join(f"line {n}\n" for n in range(1, 13)))
    diagnostic = Diagnostic("TN101", "m", Span(source, 0, len(source.text)), "all", (Label(span(source, "6"), "six"),))
    assert shown(diagnostic) == expected(
        """
        error[TN101]: m
          --> a.tn:1:1
           |
         1 | / line 1
         2 | | line 2
        ...  |
         6 | | line 6
           | |      - six
        ...  |
        11 | | line 11
        12 | | line 12
           | |_______^ all

        """
    )


@pytest.mark.parametrize("text", ["", "\n", "abc", "abc\n", "abc\r\n", "a\n\n\n"])
def test_the_end_of_a_file_can_be_marked(text: str) -> None:
    source = Source("a.tn", text)
    rendered = shown(Diagnostic("TN101", "m", Span(source, len(text), len(text)), "here"))
    assert rendered.count("^ here") == 1


def test_a_line_break_can_be_marked() -> None:
    source = Source("a.tn", "ab\ncd")
    assert "  |   ^ break" in shown(Diagnostic("TN101", "m", Span(source, 2, 3), "break"))


def test_offsets_beyond_the_text_do_no_harm() -> None:
    source = Source("a.tn", "ab")
    assert "^ here" in shown(Diagnostic("TN101", "m", Span(source, 5, 9), "here"))


def test_a_long_line_is_cut_around_its_mark() -> None:
    source = Source("a.tn", "x" * 100_000 + "Q" + "y" * 100_000)
    lines = shown(Diagnostic("TN101", "m", span(source, "Q"), "here")).splitlines()
    assert max(map(len, lines)) < 200
    assert lines[2] == " --> a.tn:1:100001"
    assert lines[4][lines[5].index("^")] == "Q"


def test_nothing_reaches_the_terminal_that_it_would_act_on() -> None:
    source = Source("a\x1b.tn", "a\x1b[31m\u202eb\x7f\x9b\n")
    rendered = shown(Diagnostic("TN101", "m\x1b]0;", Span(source, 0, 1), "x\x07", help="\x1bh"))
    assert not set(rendered) & set("\x1b\u202e\x7f\x9b\x07")
    assert "a<U+001B>[31m<U+202E>b<U+007F><U+009B>" in rendered


def test_without_a_place() -> None:
    assert shown(Diagnostic("TN001", "m", help="h")) == "\nerror[TN001]: m\n  = help: h\n\n"


def test_colour_changes_nothing_but_colour() -> None:
    import re

    source = Source("a.tn", "abc\n")
    diagnostic = Diagnostic("TN101", "m", Span(source, 0, 1), "here", (Label(Span(source, 1, 2), "there"),), "h")
    coloured = render_diagnostics([diagnostic], colour=True)
    assert "\x1b[1;31merror[TN101]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_diagnostics([diagnostic])


def test_summary() -> None:
    error, warning = Diagnostic("TN101", "m"), Diagnostic("TN801", "m")
    assert summary([error, warning, error]) == "2 errors, 1 warning"
    assert summary([warning, warning]) == "2 warnings"
    assert summary([]) == ""


def test_carets_are_under_what_follows_an_escape() -> None:
    source = Source("a.tn", "a\u202ebc\n")
    lines = shown(Diagnostic("TN101", "m", span(source, "b"), "here")).splitlines()
    assert lines[4][lines[5].index("^")] == "b"


def test_a_message_of_several_lines_passes_for_no_other_message() -> None:
    lines = shown(Diagnostic("TN260", "one\nerror[TN901]: two")).splitlines()
    assert lines == ["", "error[TN260]: one", "  error[TN901]: two", ""]
