from __future__ import annotations

from tnc.codegen.names import Names
from tnc.codegen.variables import Claim, Variables, short_names


def test_a_path_is_shown_where_two_instances_are_in_use_at_once() -> None:
    half, other, late = ("net", "half", "h"), ("net", "other", "h"), ("net", "late", "h")
    names = short_names([Claim(half, 0, 4), Claim(other, 3, 6), Claim(late, 7, 8)], ())
    assert names == {half: "half_h", other: "other_h", late: "h"}


def test_a_value_that_the_next_one_reads_last_gives_its_name_away() -> None:
    assert short_names([Claim(("a", "h"), 0, 2), Claim(("b", "h"), 2, 5)], ()) == {("a", "h"): "h", ("b", "h"): "h"}


def test_definitions_of_one_name_share_it() -> None:
    assert short_names([Claim(("a", "h"), 0, 2), Claim(("a", "h"), 1, 5)], ()) == {("a", "h"): "h"}


def test_the_outermost_keeps_a_disputed_name() -> None:
    outer, inner = ("w",), ("net", "tree", "w")
    assert short_names([Claim(outer, 0, 4), Claim(inner, 3, 6)], ()) == {outer: "w", inner: "tree_w"}


def test_inputs_keep_their_names() -> None:
    assert short_names([Claim(("part", "x"), 0, 1), Claim(("y",), 0, 1)], ["x", "y"]) == {
        ("part", "x"): "part_x",
        ("y",): "y",
    }


def test_a_variable_is_taken_again_when_nothing_reads_it_any_more() -> None:
    variables = Variables(Names({"torch"}))
    assert variables.take("first", "h") == "h"
    assert variables.take("second", "h", "part") == "part"
    assert variables.take("third", "h", "part") == "part_2"
    variables.release("first")
    assert variables.take("fourth", "h", "part") == "h"
    assert variables.take("fifth", "torch") == "torch_2"


def test_a_view_keeps_a_variable() -> None:
    variables = Variables(Names())
    variables.take("value", "h")
    variables.share("view", "h")
    variables.release("value")
    assert not variables.is_free("h")
    assert variables.take("other", "h") == "h_2"
    variables.release("view")
    assert variables.is_free("h")
