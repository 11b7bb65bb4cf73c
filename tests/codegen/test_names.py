from __future__ import annotations

import pytest

from tnc.codegen.names import Names, class_name, field_names, identifier


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h", "h"),
        ("tree.h[2, 0]", "tree_h_2_0"),
        ("class", "class_"),
        ("match", "match_"),
        ("2x", "_2x"),
        ("", "value"),
        ("[]", "value"),
        ("ünïcode", "n_code"),
        ("a" * 50, "a" * 32),
        ("_private", "private"),
    ],
)
def test_identifier(text: str, expected: str) -> None:
    assert identifier(text) == expected
    assert identifier(text).isidentifier()


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("tt_linear", "TtLinear"),
        ("conv512", "Conv512"),
        ("conv4_1", "Conv41"),
        ("HTTPNet", "HTTPNet"),
        ("_", "Network"),
        ("none", "None_"),
        ("mapping", "Mapping_"),
        ("__a", "A"),
        ("_1", "Network1"),
    ],
)
def test_class_name(network: str, expected: str) -> None:
    assert class_name(network) == expected


def test_a_class_has_no_reserved_name() -> None:
    assert class_name("self", {"Self"}) == "Self_"


def test_names_are_given_once() -> None:
    names = Names({"taken", "torch"})
    assert [names.fresh(wish) for wish in ("h", "h", "h_2", "taken", "torch", "print", "class", "class")] == [
        "h",
        "h_2",
        "h_2_2",
        "taken_2",
        "torch_2",
        "print_2",
        "class_",
        "class_2",
    ]


def test_fields_hide_no_method_of_tuples() -> None:
    assert field_names(["count", "index", "x", "2", "class"]) == ["count_2", "index_2", "x", "x2", "class_"]
