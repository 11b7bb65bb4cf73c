from __future__ import annotations

import pytest

from tests.order.networks import core, einsum, network, operations, schedule_of
from tnc.ir.activations import ENTRIES
from tnc.ir.entries import Primitive
from tnc.ir.program import Apply, Argument, Input, Literal, Pointwise, Program, Scalar, Statement
from tnc.ir.schedule import Pointwise as Applied
from tnc.ir.schedule import Schedule


def activated(function: Scalar, *further: Statement, outputs: tuple[str, ...] = ("y",)) -> Program:
    product = einsum("h", "ac", ("u", "ab"), ("v", "bc"))
    statements: list[Statement] = [product, Pointwise("y", function, ("h",)), *further]
    return network(statements, [core("u", (2, 2)), core("v", (2, 2))], outputs=outputs)


def in_place(schedule: Schedule) -> list[bool]:
    return [each.operation.in_place for each in operations(schedule, Applied) if isinstance(each.operation, Applied)]


def of(name: str, *further: float) -> Scalar:
    return Apply(name, (Argument(0), *map(Literal, further)))


IN_PLACE = [
    of(name, *[0.1] * (entry.operands - 1))
    for name, entry in ENTRIES.items()
    if isinstance(entry, Primitive) and entry.in_place(*[0.1] * (entry.operands - 1))
]


@pytest.mark.parametrize("function", IN_PLACE)
def test_functions_whose_derivative_follows_from_the_result(function: Scalar) -> None:
    assert in_place(schedule_of(activated(function))) == [True]


@pytest.mark.parametrize("function", [of("gelu"), of("silu"), of("sin", 1.0), of("leaky_relu", -0.1), of("mul", 2.0)])
def test_other_functions(function: Scalar) -> None:
    assert in_place(schedule_of(activated(function))) == [False]


def test_values_that_something_else_reads_stay() -> None:
    program = activated(of("relu"), einsum("z", "ab", ("y", "ab"), ("h", "ab")), outputs=("z",))
    assert in_place(schedule_of(program)) == [False]
    assert in_place(schedule_of(activated(of("relu"), outputs=("y", "h")))) == [False]


def test_cores_and_inputs_stay() -> None:
    program = network([Pointwise("y", of("relu"), ("u",))], [core("u", (2, 2))])
    assert in_place(schedule_of(program)) == [False]
    program = network([Pointwise("y", of("relu"), ("x",))], [], (Input("x", (2,)),))
    assert in_place(schedule_of(program)) == [False]


def test_what_a_function_made_stays() -> None:
    program = activated(of("relu"), Pointwise("z", of("tanh"), ("y",)), outputs=("z",))
    assert in_place(schedule_of(program)) == [True, False]
