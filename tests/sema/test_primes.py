"""The rule of primes: what is left untouched under which name."""

from __future__ import annotations

import pytest

from tests.sema.elaborated import diagnosed, only, program_of

CORES = """
  core h(2, 2, 2)
  core v(2)
  core c(3)
  core m(2, 2)
  core g(2, 2)
  core G(2, 2, 2, 2)
"""


def text(left: str, value: str) -> str:
    return f"network n() {{ {CORES}\n output w({left}) = {value} }}"


@pytest.mark.parametrize(
    ("left", "primed", "plain"),
    [
        # nothing is touched: another name
        ("x'", "v(x)", "v(x')"),
        ("x''", "v(x)", "v(x'')"),
        ("x'[0..3]", "h(x[0..3])", "h(x'[0..3])"),
        # a column of gates
        ("x'[0..3]", "h(x[0..3]) * g(x[1], x'[1])", "h(x'[0], y, x'[2]) * g(y, x'[1])"),
        ("x'[0..3]", "h(x[0..3]) * G(x[0], x[1], x'[0], x'[1])", "h(y, z, x'[2]) * G(y, z, x'[0], x'[1])"),
        # several columns, from the primes of the one before
        ("x''[0..3]", "h(x'[0..3]) * g(x'[0], x''[0])", "h(y, x''[1], x''[2]) * g(y, x''[0])"),
        ("x''", "m(x, x')", None),
        ("x''", "m(x, x') * v(x)", "m(y, x'') * v(y)"),
        # every use of the untouched leg is renamed
        ("x'", "v(x) * v(x)", "v(x') * v(x')"),
        ("x'", "m(x, x)", "m(x', x')"),
        ("x', i", "m(x, i) * v(i)", "m(x', i) * v(i)"),
        # a leg that is on the left itself stays
        ("x, x'", "v(x) * v(x')", "v(x) * v(x')"),
        ("x, x'", "m(x, x') + v(x)", "m(x, x') + v(x)"),
        # term by term
        ("x'", "v(x) * g(x, x') + v(x)", "v(y) * g(y, x') + v(x')"),
        (
            "x'[0..2]",
            "m(x[0..2]) * g(x[0], x'[0]) - m(x[0..2]) * g(x[1], x'[1])",
            "m(y, x'[1]) * g(y, x'[0]) - m(x'[0], y) * g(y, x'[1])",
        ),
        ("x'", "v(x) + relu(v(x)) + conj(v(x))", "v(x') + relu(v(x')) + conj(v(x'))"),
        ("x''", "v(x) + v(x')", "v(x'') + v(x'')"),
        # activations are looked through
        ("x'", "relu(v(x) * g(x, x') + v(x))", "relu(v(y) * g(y, x') + v(x'))"),
        ("x'", "2 * relu(v(x) * g(x, x') + relu(v(x)))", "2 * relu(v(y) * g(y, x') + relu(v(x')))"),
        ("x'", "relu(v(x)) * g(x, x')", "relu(v(y)) * g(y, x')"),
        ("x', i", "rms(v(x) * g(x, x') + v(x)) * c(i)", "rms(v(y) * g(y, x') + v(x')) * c(i)"),
        # sums in parentheses too, where only they use the leg
        ("x', i", "c(i) * (v(x) * g(x, x') + v(x))", "c(i) * (v(y) * g(y, x') + v(x'))"),
        ("x'", "(v(x) + m(x, x)) * g(x, x')", "(v(y) + m(y, y)) * g(y, x')"),
        ("x', i", "(v(x) + m(x, x)) * c(i)", "(v(x') + m(x', x')) * c(i)"),
        ("x'", "(v(x) * g(x, x') + v(x)) * v(x)", "(v(y) * g(y, x') + v(y)) * v(y)"),
        # subscripts make different legs
        ("x'[0]", "v(x[0]) * v(x[1]) * v(x[1])", "v(x'[0]) * v(x[1]) * v(x[1])"),
    ],
)
def test_untouched_legs(left: str, primed: str, plain: str | None) -> None:
    if plain is None:  # the nearest leg takes the name, the other is left over
        assert diagnosed(text(left, primed)) == [("TN307", "x")]
        return
    assert program_of(text(left, primed)) == program_of(text(left, plain))


def test_only_the_primes_of_the_left_count() -> None:
    assert diagnosed(text("x", "v(x')")) == [("TN307", "x'")]
    assert only(text("x", "v(x')")).help == "did you mean the leg `x`?"


def test_a_leg_that_another_factor_contracts_is_not_untouched() -> None:
    assert diagnosed(text("x'", "v(x) * v(x')")) == [("TN307", "x")]
    assert diagnosed(text("x'", "(v(x) + m(x, x)) * v(x')")) == [("TN307", "x")]


def test_a_leg_on_the_left_does_not_become_another() -> None:
    found = only(text("x, x'", "v(x)"))
    assert (found.code, found.help) == (
        "TN306",
        "`x` is on the left itself, so it is not `x'`; write `x'` on a tensor on the right",
    )
