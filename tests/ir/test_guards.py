from __future__ import annotations

import math
import struct
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.random_functions import POINTS, random_function, scalar
from tnc.ir.guards import guarded
from tnc.ir.program import Apply, Argument, Literal, Scalar
from tnc.ir.scalar import evaluate, scalar_text

_T, _W = Argument(0), Argument(1)


def lines(function: Scalar) -> list[str]:
    """The parts and the result as text, parts called a, b, c, ..."""
    straight = guarded(function, 2)
    names = ["t", "w", *"abcdefghij"]
    return [scalar_text(part, names) for part in (*straight.parts, straight.result)]


def where(condition: Scalar, yes: Scalar, no: Scalar) -> Scalar:
    return Apply("where", (condition, yes, no))


_POSITIVE = Apply("gt", (_T, Literal(0.0)))
_ROOT = Apply("sqrt", (_T,))


def test_the_argument_of_a_branch_that_is_not_taken_is_a_constant() -> None:
    assert lines(where(_POSITIVE, _ROOT, Literal(0.0))) == ["t > 0", "where(a, t, 1)", "where(a, sqrt(b), 0)"]
    assert lines(where(_POSITIVE, Literal(0.0), _ROOT)) == ["t > 0", "where(a, 1, t)", "where(a, 0, sqrt(b))"]


def test_the_constant_gives_finite_derivatives() -> None:
    assert lines(where(_POSITIVE, _T, Apply("log", (Apply("neg", (_T,)),))))[1] == "where(a, -1, t)"
    pole = Apply("div", (_T, Apply("sub", (_T, Literal(1.0)))))
    assert lines(where(_POSITIVE, pole, _T))[1] == "where(a, t, 0.5)"
    difference = Apply("log", (Apply("sub", (_T, _W)),))
    assert lines(where(_POSITIVE, difference, _T))[1:3] == ["where(a, t, 1)", "where(a, w, 0.5)"]


def test_where_no_constant_is_known_operands_are_replaced() -> None:
    far = Apply("sqrt", (Apply("sub", (_T, Literal(1e6))),))
    assert lines(where(_POSITIVE, far, _T)) == ["t > 0", "where(a, sqrt(where(a, t - 1000000, 1)), t)"]


@pytest.mark.parametrize(
    "function",
    [
        Apply("exp", (_T,)),
        where(_POSITIVE, _T, Apply("mul", (Literal(0.5), _T))),
        where(_POSITIVE, Literal(1.0), Apply("max", (_T, Apply("neg", (Apply("abs", (_W,)),))))),
        Apply("sqrt", (where(_POSITIVE, _T, Literal(1.0)),)),
    ],
)
def test_what_needs_no_guard_stays_as_written(function: Scalar) -> None:
    straight = guarded(function, 2)
    assert not straight.parts
    assert straight.result == function


def test_many_nested_branches_take_a_few_parts_each() -> None:
    function: Scalar = Literal(0.0)
    for k in range(60):
        function = where(Apply("gt", (_T, Literal(float(k)))), Apply("div", (_W, _T)), function)
    # a condition, t and w as this branch sees them, t and w as the next ones do
    assert len(guarded(function, 2).parts) <= 5 * 60


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.sampled_from([-1.0, 0.0, 0.5, 2.0]))
def test_values_are_equal_bit_for_bit(seed: int, w: float) -> None:
    function = scalar(random_function(Random(seed), 5))
    straight = guarded(function, 2)
    for t in (*POINTS, math.inf, -math.inf, math.nan, 5e-324):
        known = [t, w]
        for part in straight.parts:
            known.append(evaluate(part, known))
        assert bits(evaluate(straight.result, known)) == bits(evaluate(function, (t, w)))


def bits(value: float) -> bytes:
    return struct.pack("d", value) if not math.isnan(value) else b"nan"
