"""The law of every pass, on random Programs: verified, same value, same parameters, idempotent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.evaluate_program import evaluate_program, random_tensors
from tests.program_strategies import programs
from tnc.ir import verify_program
from tnc.ir.program import Program
from tnc.passes import STANDARD, Pass, run_passes

SIZES = {"batch": 3}


def assert_same_value(before: Program, after: Program) -> None:
    tensors = random_tensors(before, sizes=SIZES)
    with np.errstate(all="ignore"):
        expected = evaluate_program(before, tensors, SIZES)
        found = evaluate_program(after, tensors, SIZES)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-9 * (1 + np.abs(value).max(initial=0)))


@pytest.mark.parametrize("each", STANDARD, ids=lambda each: each.name)
@given(program=programs())
@settings(max_examples=150, deadline=None)
def test_a_pass_keeps_the_value(each: Pass, program: Program) -> None:
    after = each.run(program)
    verify_program(after)
    assert after.parameters == program.parameters
    assert after.inputs == program.inputs
    assert each.run(after) == after
    assert_same_value(program, after)


@given(program=programs())
@settings(max_examples=300, deadline=None)
def test_the_pipeline_keeps_the_value(program: Program) -> None:
    after = run_passes(program)
    assert_same_value(program, after)
    assert run_passes(after) == after
    names = {statement.name for statement in program.statements}
    assert names.issuperset(statement.name for statement in after.statements)


@given(program=programs(complex_valued=True))
@settings(max_examples=150, deadline=None)
def test_conjugates_survive(program: Program) -> None:
    tensors = {name: value * (1 + 0.5j) for name, value in random_tensors(program, sizes=SIZES).items()}
    expected = evaluate_program(program, tensors, SIZES)
    found = evaluate_program(run_passes(program), tensors, SIZES)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-9 * (1 + np.abs(value).max(initial=0)))
