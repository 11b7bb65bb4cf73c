"""Every rule of the Program, broken once."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.program_strategies import programs
from tnc.diagnostics import InternalError
from tnc.ir import verify_program
from tnc.ir.program import (
    Apply,
    Argument,
    Auto,
    Contract,
    CoreName,
    Crop,
    Delta,
    Entries,
    FlatCrop,
    Input,
    Literal,
    Normalize,
    Ones,
    Output,
    Parameter,
    Pointwise,
    Program,
    Reshape,
    Select,
    Statement,
    Sum,
    Term,
    Use,
    View,
)

GOOD = Program(
    "net",
    (Parameter(CoreName("t[0]", "a", (1,)), (2, 3), 1, Auto(), False),),
    (Input("x", ("batch", 3)), Input("s", ())),
    (),
    (),
)
A = "t[0].a[1]"


def with_statement(statement: Statement) -> Program:
    return replace(GOOD, statements=(statement,))


@given(program=programs())
@settings(max_examples=200, deadline=None)
def test_valid_programs_pass(program: Program) -> None:
    verify_program(program)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (Contract("h", (Use("nothing", ()),), (), ()), "uses `nothing`, which is not defined before"),
        (Contract("h", (Use("h", ()),), (), ()), "uses `h`, which is not defined before"),
        (Contract("x", (), (), ()), "defined twice"),
        (Contract("h#1", (), (), ()), "not a canonical name"),
        (Contract("h", (Use(A, (1, 0)),), (), (3, 2)), "leg 1 is not numbered by first appearance"),
        (Contract("h", (Use(A, (0, 1)),), (1, 0), (2, 2)), "uses `t[0].a[1]` of shape (2, 3) as (2, 2)"),
        (Contract("h", (Use(A, (0,)),), (0,), (2,)), "uses `t[0].a[1]` of shape (2, 3) as (2,)"),
        (Contract("h", (Use("x", (0, 1)),), (0, 1), (4, 3)), "uses `x` of shape ('batch', 3) as (4, 3)"),
        (Contract("h", (Use(A, (0, 1)),), (1, 1), (2, 3)), "the result holds a leg twice"),
        (Contract("h", (Use(A, (0, 1)),), (2,), (2, 3, 4)), "a leg of the result is on no factor"),
        (Contract("h", (Use(A, (0, 1)),), (0,), (2, 3, 4)), "3 dimensions for 2 legs"),
        (Contract("h", (Delta(()),), (), ()), "delta without legs"),
        (Contract("h", (Ones(()),), (), ()), "ones without legs"),
        (Contract("h", (Use(A, (0, 1)), Delta((0, 1))), (), (2, 3)), "delta over legs of different dimensions"),
        (Contract("h", (), (), (), math.inf), "the number inf is not finite"),
        (Contract("h", (Ones((0,)),), (0,), (0,)), "dimension 0 is not positive"),
        (Sum("h", (Term(1.0, Use("x", (0, 1))),), (0,), ("batch", 3)), "the legs of the terms are not the legs"),
        (Sum("h", (Term(math.nan, Use("s", ())),), (), ()), "the number nan is not finite"),
        (Sum("h", (Term(1.0, Use("x", (0, 0))),), (0,), (3,)), "the term `x` holds a leg twice"),
        (Pointwise("h", Argument(0), ()), "a pointwise function of nothing"),
        (Pointwise("h", Argument(1), ("x",)), "there is no argument 1"),
        (Pointwise("h", Argument(0), ("x", A)), "the argument `t[0].a[1]` is not a scalar"),
        (Pointwise("h", Apply("swish", (Argument(0),)), ("x",)), "unknown function `swish`"),
        (Pointwise("h", Apply("elu", (Argument(0),)), ("x",)), "`elu` of 1 operands"),
        (Pointwise("h", Literal(math.inf), ("x",)), "the number inf is not finite"),
        (Normalize("h", "y"), "uses `y`, which is not defined before"),
        (View("h", A, Reshape(), (5,)), "reshape of (2, 3) to (5,)"),
        (View("h", "x", Reshape(), (3, "batch")), "reshape of ('batch', 3) to (3, 'batch')"),
        (View("h", A, Crop(), (3, 3)), "crop of 2 to 3"),
        (View("h", A, Crop(), (2,)), "crop of (2, 3) to (2,)"),
        (View("h", "x", Crop(), (3, 3)), "crop of batch to 3"),
        (View("h", A, FlatCrop(), (7,)), "the first 7 of 6 entries"),
        (View("h", "x", FlatCrop(), (2,)), "crop of a flattened dynamic axis"),
        (View("h", A, Select(2, 0), (2, 3)), "there is no axis 2"),
        (View("h", A, Select(1, 3), (2,)), "entry 3 of an axis of 3"),
        (View("h", "x", Select(0, 0), (3,)), "entry 0 of an axis of batch"),
        (View("h", A, Select(1, 0), (3,)), "selection from (2, 3) gives (3,)"),
    ],
)
def test_a_bad_statement_is_named(statement: Statement, message: str) -> None:
    with pytest.raises(InternalError, match=re.escape(message)) as caught:
        verify_program(with_statement(statement))
    assert str(caught.value).startswith(f"`{statement.name}`")


def test_parameters() -> None:
    (good,) = GOOD.parameters
    for bad, message in [
        (replace(good, inputs=3), "3 of 2 axes before the arrow"),
        (replace(good, init=Entries((1.0,))), "1 entries for 6 elements"),
        (replace(good, init=Entries((math.inf,) * 6)), "not finite"),
        (replace(good, shape=(2, -3)), "dimension -3 is not positive"),
    ]:
        with pytest.raises(InternalError, match=re.escape(message)):
            verify_program(replace(GOOD, parameters=(bad,)))
    with pytest.raises(InternalError, match="defined twice"):
        verify_program(replace(GOOD, parameters=(good, good)))


def test_outputs() -> None:
    good = Output("y", "x", (None, "in"), 1.0)
    verify_program(replace(GOOD, outputs=(good,)))
    for bad, message in [
        (replace(good, axes=()), "0 axis names for 2 axes"),
        (replace(good, std=0.0), "deviation 0.0 is not positive"),
        (replace(good, std=math.nan), "deviation nan is not positive"),
        (replace(good, tensor="z"), "uses `z`"),
    ]:
        with pytest.raises(InternalError, match=re.escape(message)):
            verify_program(replace(GOOD, outputs=(bad,)))
    with pytest.raises(InternalError, match="defined twice"):
        verify_program(replace(GOOD, outputs=(good, good)))
