"""Patterns of layer names: what they select, and what is wrong with them."""

from __future__ import annotations

import pytest

from tnc.diagnostics import CompileError
from tnc.layers import select

NAMES = ("features.0", "features.3", "features.10", "classifier.0", "encoder.layers.0.fc1", "encoder.layers.1.fc1")
OTHERS = {"features.1": "is a `BatchNorm2d`, which has no weight to generate", "features": "is a `Sequential`"}


def errors(*patterns: str) -> list[tuple[str, str, str | None]]:
    with pytest.raises(CompileError) as caught:
        select(patterns, NAMES, OTHERS)
    return [(each.code, each.message, each.help) for each in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("features.0", ["features.0"]),
        ("features.*", ["features.0", "features.3", "features.10"]),
        ("features.?", ["features.0", "features.3"]),
        ("*.fc1", ["encoder.layers.0.fc1", "encoder.layers.1.fc1"]),
        ("encoder*", ["encoder.layers.0.fc1", "encoder.layers.1.fc1"]),
        ("*.[02].fc1", ["encoder.layers.0.fc1"]),
        (r"re:.*\.\d\d", ["features.10"]),
        ("re:features", None),
        ("Features.*", None),
    ],
)
def test_a_pattern(pattern: str, found: list[str] | None) -> None:
    if found is None:
        assert [code for code, _, _ in errors(pattern)] == ["TN045"]
    else:
        assert list(select([pattern], NAMES, OTHERS)) == found


def test_the_result_is_in_the_order_of_the_names() -> None:
    assert select(["classifier.0", "features.?"], NAMES) == {
        "features.0": "features.?",
        "features.3": "features.?",
        "classifier.0": "classifier.0",
    }


def test_a_name_may_look_like_a_pattern() -> None:
    assert select(["a[0]"], ["a[0]", "a0"]) == {"a[0]": "a[0]"}


@pytest.mark.parametrize(
    ("pattern", "code", "message", "advice"),
    [
        ("feature.0", "TN045", "pattern `feature.0` selects no layer", "did you mean `features.0`?"),
        ("fc1", "TN045", "pattern `fc1` selects no layer", "did you mean `*.fc1`?"),
        ("classifier", "TN045", "pattern `classifier` selects no layer", "did you mean `classifier.*`?"),
        ("features", "TN047", "`features` is a `Sequential`", None),
        ("features.1", "TN047", "`features.1` is a `BatchNorm2d`, which has no weight to generate", None),
        ("*s.1", "TN045", "pattern `*s.1` selects no layer that can be generated, only `features.1`", None),
        ("re:(", "TN045", "malformed pattern `re:(`: missing ), unterminated subpattern at position 3", None),
        ("zzz", "TN045", "pattern `zzz` selects no layer", None),
    ],
)
def test_a_pattern_without_a_layer(pattern: str, code: str, message: str, advice: str | None) -> None:
    ((found_code, found, help_text),) = errors(pattern)
    assert (found_code, found) == (code, message)
    assert help_text
    assert advice in (None, help_text)


def test_all_errors_at_once() -> None:
    found = errors("features.*", "features.0", "nothing", "features.1")
    assert [code for code, _, _ in found] == ["TN045", "TN047", "TN046"]
    assert found[2][1] == "layer `features.0` is selected by 2 patterns: `features.*` and `features.0`"


def test_a_model_without_layers() -> None:
    with pytest.raises(CompileError, match="the model has no layer that can be generated"):
        select(["*"], [])
