"""What is said about wrong legs and dimensions."""

from __future__ import annotations

import pytest

from tests.sema.elaborated import diagnosed, elaborated, only
from tnc.limits import Limits

CORES = """
  input x(batch?, 6)
  input y(time?, 6)
  core A(3, 4)
  core B(4, 3)
  core S(3, 3)
  core a(3)
  core c(4)
  core long(12)
"""


def text(*lines: str) -> str:
    return "network n() {" + CORES + "\n  ".join(["", *lines]) + "\n}"


@pytest.mark.parametrize(
    ("line", "code", "span", "message"),
    [
        ("w(i) = a(i) * c(i)", "TN301", "i", "the leg `i` has two dimensions, 3 and 4"),
        (
            "w(i) = a(i) * delta(i, j) * c(j)",
            "TN301",
            "delta(i, j)",
            "`delta` ties `i` and `j`, whose dimensions are 3 and 4",
        ),
        ("w(i) = a(i) + c(i)", "TN301", "i", "the leg `i` has two dimensions, 3 and 4"),
        (
            "w(i) = x(i, p) * ones(p) * a(i)",
            "TN302",
            "i",
            "the leg `i` has the dynamic dimension `batch` and the fixed dimension 3",
        ),
        ("w(b) = x(b, p) * y(b, p)", "TN302", "b", "the leg `b` has two dynamic dimensions, `batch` and `time`"),
        (
            "w(i, j) = x(i, [0]) * y(j, [0]) * delta(i, j)",
            "TN302",
            "delta(i, j)",
            "`delta` ties `i` and `j`, whose dimensions are batch and time",
        ),
        (
            "w(i, j) = long((i, j)) * a(i) * a(j)",
            "TN303",
            "(i, j)",
            "the legs of the group do not make up its axis: 3 * 3 is 9, not 12",
        ),
        ("w(i) = a(i) * x([0], l) * ones(l)", "TN310", "[0]", "`[0]` cannot pick from the dynamic axis `batch`"),
        (
            "w(i, j) = x(b, (i, j)) * c(i) * ones(b)",
            "TN303",
            "(i, j)",
            "the known legs of the group do not divide its axis: 6 is not a multiple of 4",
        ),
        ("w() = a(())", "TN303", "()", "`()` is an axis of dimension 1, but this axis has dimension 3"),
        ("w(i, j) = long((i, j))", "TN304", "(i, j)", "the legs `i`, `j` of this group have no known dimension"),
        ("w(i) = long((i, i))", "TN304", "(i, i)", "the leg `i` of this group has no known dimension"),
        ("w(i, j) = a(i) * ones(j)", "TN305", "j", "the leg `j` has no dimension: no tensor uses it"),
        ("w() = delta(i, i)", "TN305", "i", "the leg `i` has no dimension: no tensor uses it"),
        ("w(i, k) = a(i)", "TN306", "k", "the leg `k` is on the left only"),
        ("w(i) = 0", "TN306", "i", "the leg `i` is on the left only"),
        ("w(i, k[0..5]) = a(i)", "TN306", "k[0..5]", "the legs `k[0..5]` are on the left only"),
        ("w(i) = A(i, j)", "TN307", "j", "the leg `j` is used once and not on the left"),
        ("w(i) = relu(A(i, j))", "TN307", "j", "the leg `j` is used once and not on the left"),
        ("w(i) = A(i, j) + B(j, i)", "TN307", "j", "the leg `j` is used once in this term and not on the left"),
        (
            "w(i) = a(i) * (A(i, j) + B(j, i))",
            "TN307",
            "j",
            "the leg `j` is used once in this term and not on the left",
        ),
        (
            "w(i) = relu(a(i) * ones(i)) * a(i) + A(i, j) * ones(j) - B(j, i)",
            "TN307",
            "j",
            "the leg `j` is used once in this term and not on the left",
        ),
        ("w(i, i) = a(i)", "TN308", "i", "the leg `i` is on the left twice"),
        ("w((i, i)) = a(i)", "TN308", "i", "the leg `i` is on the left twice"),
        ("w(b, c, i) = x((b, c), i)", "TN309", "(b, c)", "the dynamic axis `batch` cannot be split into `b` and `c`"),
        ("w(i) = x((), i)", "TN309", "()", "the dynamic axis `batch` cannot be split"),
        ("w((b, i)) = x(b, i)", "TN309", "b", "the dynamic leg `b` cannot be merged with others into one axis"),
        (
            "w(b, c) = long((b, c)) * x(b, i) * ones(i)",
            "TN309",
            "(b, c)",
            "the dynamic leg `b` cannot be part of a group",
        ),
        ("w(i) = A(i, [4])", "TN310", "[4]", "axis 2 of `A(3, 4)` has no entry 4"),
        ("w(m: 4 = i) = a(i)", "TN311", "i", "axis `m` is cropped to 4, but has 3 entries"),
        ("w(m: 13 = (i, j)) = A(i, j)", "TN311", "(i, j)", "axis `m` is cropped to 13, but has 12 entries"),
        ("w(m: 4 = b, i) = x(b, i)", "TN311", "b", "axis `m` is dynamic and cannot be cropped"),
        (
            "w(b, i) reshape(6) = x(b, i)",
            "TN312",
            "",
            "`reshape` must keep the dynamic axes as they are: the value has `batch`",
        ),
        (
            "w(b, i) reshape(batch, 2, 2) = x(b, i)",
            "TN312",
            "",
            "`reshape` moves entries across a dynamic axis, or drops some",
        ),
        (
            "w(b, i) reshape(2, batch, 3) = x(b, i)",
            "TN312",
            "",
            "`reshape` moves entries across a dynamic axis, or drops some",
        ),
        ("w(i, j) reshape(13) = A(i, j)", "TN313", "", "`reshape` asks for 13 entries, but there are 12"),
        (
            "w(i) = 1e200 * (1e200 * a(i))",
            "TN314",
            "1e200 * (1e200 * a(i))",
            "the numbers of a term multiply to more than a float holds",
        ),
    ],
)
def test_one_error(line: str, code: str, span: str, message: str) -> None:
    found = only(text(f"output {line}"))
    assert (found.code, found.message) == (code, message)
    assert found.span is not None
    if span:
        assert found.span.text == span


def test_both_places_of_a_conflict_are_shown_with_shapes() -> None:
    found = only(text("output w(i) = A(i, j) * a(j)"))
    assert found.label == "here axis 1 of `a(3)` is 3"
    (first,) = found.labels
    assert (first.span.text, first.message) == ("j", "here axis 2 of `A(3, 4)` is 4")


def test_all_errors_of_a_statement_are_reported() -> None:
    assert sorted(diagnosed(text("output w(i, m, i) = A(i, j) * B(k, i) * c(i) + a([7])"))) == [
        ("TN301", "i"),
        ("TN306", "m"),
        ("TN307", "j"),
        ("TN307", "k"),
        ("TN308", "i"),
        ("TN310", "[7]"),
    ]


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("w(row) = A(rov, j) * c(j)", "row"),
        ("w(i') = A(i'', j) * c(j)", "i'"),
        ("w(I) = A(i, j) * c(j)", "I"),
        ("w(i) = A(i, inner) * c(iner)", "iner"),
        ("w(i, j) = A(i, k)", "j"),
        ("w(k) = a(i)", "k"),
    ],
)
def test_a_misspelt_leg_is_one_error_that_names_the_other(line: str, other: str) -> None:
    found = only(text(f"output {line}"))
    assert found.code == "TN307"
    assert found.help is not None
    assert found.help == f"did you mean the leg `{other}`?"
    assert [label.span.text for label in found.labels] == [other]


def test_the_way_to_sum_on_purpose_is_shown_and_works() -> None:
    found = only(text("output w(i) = A(i, j)"))
    assert found.help == "put it on the left, or write `* ones(j)` to sum over it on purpose"
    assert "TN307" not in [code for code, _ in diagnosed(text("output w(i) = A(i, j) * ones(j)"))]


def test_a_wrong_spread_is_one_error() -> None:
    source = """network n() {
      core g[k in 0..5](2)
      output w() = prod(k in 0..5) g[k](x[k])
      output v(x[0..6]) = prod(k in 0..5) g[k](x[k])
    }"""
    assert diagnosed(source) == [("TN307", "x[k]"), ("TN306", "x[0..6]")]


def test_limits() -> None:
    def codes(line: str, limits: Limits) -> list[str]:
        return [diagnostic.code for diagnostic in elaborated(text(line), limits=limits)[1] if diagnostic.code < "TN8"]

    assert codes("output w() = relu(A(i, j) * a(k)) * ones(i, j, k)", Limits(axes=2)) == ["TN316"]
    assert codes("output w() = A(i, j) * a(k) * ones(i, j, k)", Limits(axes=2)) == []
    assert codes("output w() = relu(A(i, j) * a(k)) * ones(i, j, k)", Limits(elements=35)) == ["TN317"]
    assert codes("output w() = (A(i, j) + a(k)) * ones(i, j, k)", Limits(elements=35)) == ["TN317"]
    assert codes("output w() = A(i, j) * a(k) * ones(i, j, k)", Limits(elements=35)) == []


def test_numbers_that_python_refuses_to_print() -> None:
    source = """network n() {
      core a(1000)
      core big[k in 0..700](1000)
      output w() = a((i[0..3000])) * prod(k in 0..700) big[k](i[k])
    }"""
    _, found = elaborated(source)
    assert {diagnostic.code for diagnostic in found} == {"TN303", "TN307"}
