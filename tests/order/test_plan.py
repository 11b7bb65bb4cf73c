from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.evaluate_program import evaluate_program, random_tensors
from tests.evaluate_schedule import evaluate_schedule
from tests.order.networks import chain, column, core, decisions_of, einsum, network, operations, schedule_of
from tests.pace import timed
from tests.program_strategies import programs
from tnc.diagnostics import CompileError
from tnc.ir import schedule_digest
from tnc.ir.program import (
    Apply,
    Argument,
    Contract,
    Crop,
    Delta,
    FlatCrop,
    Input,
    Normalize,
    Ones,
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
from tnc.ir.schedule import Contiguous, Loop, Matmul, Multiply, Scale, Step

# Of the processor, since others may be at work on the same machine; where nobody is, one thread's clock says the same.
SECONDS = 30

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def entries(step: Step) -> int:
    """The entries of a step of static shape."""
    return int(np.prod([int(str(size)) for size in step.shape]))


def agree(program: Program, sizes: dict[str, int] | None = None, *, complex_valued: bool = False) -> None:
    """The Schedule's outputs equal the Program's, whatever sizes the plan was made for."""
    tensors = random_tensors(program, 0, sizes)
    if complex_valued:
        imaginary = random_tensors(program, 1, sizes)
        tensors = {name: value + 1j * imaginary[name] for name, value in tensors.items()}
    dtype = "complex128" if complex_valued else "float64"
    with np.errstate(all="ignore"):
        expected = evaluate_program(program, tensors, sizes)
        for nominal in ({}, sizes or {}):
            got = evaluate_schedule(schedule_of(program, nominal, dtype), tensors, sizes)
            assert got.keys() == expected.keys()
            for name, value in expected.items():
                largest = np.abs(value[np.isfinite(value)]).max(initial=1e-300)
                assert got[name].shape == value.shape
                assert np.allclose(got[name], value, rtol=1e-9, atol=1e-12 * largest, equal_nan=True), name


@SETTINGS
@given(programs())
def test_values_of_random_programs(program: Program) -> None:
    agree(program, {"batch": 3})


@SETTINGS
@given(programs(complex_valued=True))
def test_values_of_random_complex_programs(program: Program) -> None:
    agree(program, {"batch": 3}, complex_valued=True)


@pytest.mark.parametrize(
    ("result", "legs"),
    [
        ("", ("", "")),
        ("ab", ("a", "b")),
        ("ba", ("ab",)),
        ("a", ("aa",)),
        ("", ("aaa",)),
        ("ab", ("aab", "b")),
        ("c", ("abc", "ab", "a")),
        ("ab", ("ab", "ab")),
        ("bac", ("ab", "bc", "abc")),
        ("abcd", ("ar", "br", "cr", "dr")),
        ("zb", ("zab", "zac", "zcb")),
        ("dcba", ("ab", "bcd", "")),
        ("", ("ab", "bc", "ca")),
        ("aebf", ("abcd", "cdef")),
        ("acbd", ("ab", "cd")),
        ("bz", ("azb", "az")),
    ],
)
def test_values_of_equations(result: str, legs: tuple[str, ...]) -> None:
    dims = dict(zip("abcdefrz", (2, 3, 4, 5, 3, 2, 4, 3), strict=True))
    parameters = [core("t", tuple(dims[leg] for leg in each), number) for number, each in enumerate(legs)]
    factors = [(f"t[{number}]", each) for number, each in enumerate(legs)]
    agree(network([einsum("y", result, *factors, **dims)], parameters))


def test_copies_ones_and_numbers() -> None:
    statements: list[Statement] = [
        Contract("identity", (Delta((0, 1)),), (0, 1), (3, 3)),
        Contract("count", (Ones((0,)), Delta((1, 2))), (), ("batch", 3, 3), scale=0.5),
        Contract("spread", (Use("t", (0,)), Ones((1,)), Ones((2,))), (1, 0, 2), (3, "batch", 2)),
        Contract("diagonal", (Use("t", (0,)), Delta((0, 1, 2))), (2, 1, 0), (3, 3, 3)),
        Contract("number", (), (), (), scale=-2.0),
        Contract("lonely", (Use("x", (0, 1)), Ones((0,))), (1,), ("batch", 3)),
    ]
    names = tuple(statement.name for statement in statements)
    agree(network(statements, [core("t", (3,))], (Input("x", ("batch", 3)),), names), {"batch": 4})


def test_views_of_permuted_tensors() -> None:
    statements: list[Statement] = [
        einsum("m", "acb", ("t", "ab"), ("u", "bc"), a=4, b=6, c=5),
        View("split", "m", Reshape(), (2, 2, 5, 2, 3)),
        View("uneven", "m", Reshape(), (5, 4, 6)),
        View("crop", "m", Crop(), (3, 5, 4)),
        View("cropped_flat", "crop", Reshape(), (60,)),
        View("flat", "m", FlatCrop(), (7, 11)),
        View("row", "m", Select(1, 3), (4, 6)),
        View("entry", "row", Select(0, 2), (6,)),
        View("split_row", "split", Select(1, 1), (2, 5, 2, 3)),
        View("one", "m", Crop(), (1, 5, 1)),
        Pointwise("active", Apply("tanh", (Argument(0),)), ("crop",)),
        Normalize("even", "row"),
        Sum(
            "sum",
            (Term(2.0, Use("row", (0, 1))), Term(-1.0, Use("t", (0, 1))), Term(1.0, Use("entry", (1,)))),
            (1, 0),
            (4, 6),
        ),
    ]
    # Every one is an output, and all of them come out of one memory layout.
    names = tuple(statement.name for statement in statements)
    agree(network(statements, [core("t", (4, 6)), core("u", (6, 5))], (), names))


def test_a_column_of_gates_moves_nothing() -> None:
    schedule = schedule_of(column(14))
    assert not operations(schedule, Contiguous)
    agree(column(8))


def test_a_staggered_column_moves_nothing_large() -> None:
    schedule = schedule_of(column(18, 1))
    assert not [step for step in operations(schedule, Contiguous) if entries(step) > 2**12]
    agree(column(8, 1))
    agree(column(9, 1))


def test_a_batch_of_matrices_is_one_product() -> None:
    program = network([einsum("y", "zac", ("t", "zab"), ("u", "zbc"))], [core("t", (2,) * 3), core("u", (2,) * 3)])
    (step,) = schedule_of(program).steps
    assert isinstance(step.operation, Matmul)
    assert len(step.shape) == 3


def test_a_scalar_multiplies_the_smallest_operand() -> None:
    program = network(
        [einsum("y", "ac", ("gain", ""), ("t", "ab"), ("u", "bc"), a=64, b=64)],
        [core("gain", ()), core("t", (64, 64)), core("u", (64, 2))],
    )
    (step,) = operations(schedule_of(program), Multiply)
    assert step.shape == (128,)
    agree(program)


def test_a_number_multiplies_the_smallest_operand() -> None:
    scaled = replace(einsum("y", "ac", ("t", "ab"), ("u", "bc"), a=64, b=64), scale=3.0)
    program = network([scaled], [core("t", (64, 64)), core("u", (64, 2))])
    (step,) = operations(schedule_of(program), Scale)
    assert step.shape == (128,)
    agree(program)


# -- size --------------------------------------------------------------------------------------


def test_two_thousand_sites_are_planned_in_seconds_and_become_a_loop() -> None:
    schedule, seconds = timed(lambda: schedule_of(chain(2000, 8), {"batch": 64}))
    assert seconds < SECONDS
    assert len(schedule.steps) < 12
    assert max(step.operation.count for step in operations(schedule, Loop) if isinstance(step.operation, Loop)) > 1900


@pytest.mark.parametrize("sites", [2, 3, 5, 9])
def test_values_of_chains(sites: int) -> None:
    agree(chain(sites, 3), {"batch": 5})


def test_loops_give_the_same_values() -> None:
    program = chain(200, 3)
    assert operations(schedule_of(program, {"batch": 5}), Loop)
    tensors = {name: value / 2 for name, value in random_tensors(program, 0, {"batch": 5}).items()}
    x = tensors["x"]
    state = x[:, 0] @ tensors["a[0]"]
    for site in range(1, 199):
        state = np.einsum("br,bp,rps->bs", state, x[:, site], tensors[f"a[{site}]"])
    expected = np.einsum("br,bp,rp->b", state, x[:, 199], tensors["a[199]"])
    got = evaluate_schedule(schedule_of(program, {"batch": 5}), tensors, {"batch": 5})["out_y"]
    assert np.allclose(got, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_a_leg_on_everything_is_no_trouble() -> None:
    count = 300
    parameters = [core("t", (2, 3), number) for number in range(count)]
    factors = [(f"t[{number}]", (0, number + 1)) for number in range(count)]
    statement = Contract("y", tuple(Use(*factor) for factor in factors), (), (2, *(3,) * count))
    ones = tuple(Ones((leg,)) for leg in range(1, count + 1))
    program = network([replace(statement, factors=statement.factors + ones)], parameters)
    _, seconds = timed(lambda: schedule_of(program))
    assert seconds < SECONDS


def test_what_cannot_be_contracted_is_an_error_of_the_file() -> None:
    # Twenty cores, every two of them joined by a bond of 64.
    count = 20
    legs = {pair: number for number, pair in enumerate((a, b) for a in range(count) for b in range(a + 1, count))}
    uses = tuple(
        Use(f"t[{number}]", tuple(leg for pair, leg in legs.items() if number in pair)) for number in range(count)
    )
    statement = Contract("y", uses, (), (64,) * len(legs))
    program = network([statement], [core("t", (64,) * (count - 1), number) for number in range(count)])
    with pytest.raises(CompileError) as caught:
        schedule_of(program)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["TN404"]


# -- determinism -------------------------------------------------------------------------------

_SCRIPT = """
from tests.order.networks import chain, column, decisions_of, schedule_of
from tnc.ir import schedule_digest
print(schedule_digest(schedule_of(column(12, 1))), schedule_digest(schedule_of(chain(60, 4), {"batch": 8})))
print(decisions_of(column(12, 1)))
"""


def test_plans_are_the_same_in_every_process() -> None:
    here = f"{schedule_digest(schedule_of(column(12, 1)))} {schedule_digest(schedule_of(chain(60, 4), {'batch': 8}))}"
    here += f"\n{decisions_of(column(12, 1))}"
    for seed in ("0", "7"):
        ran = subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.strip() == here


def test_sizes_of_other_networks_are_ignored() -> None:
    program = chain(3, 2)
    assert schedule_of(program, {"batch": 4, "other": 9}).sizes == (("batch", 4),)
    assert schedule_of(program).sizes == (("batch", 1),)


def test_data_are_not_transposed_where_that_takes_no_longer() -> None:
    for batch in (1, 64):
        outer = network(
            [einsum("h", "bkp", ("value", "p"), ("image", "bk"), b="batch", k=8)],
            [core("value", (2,))],
            (Input("image", ("batch", 8)),),
        )
        (step,) = schedule_of(outer, {"batch": batch}).steps
        assert isinstance(step.operation, Multiply)
        assert step.operation.left.source == "image"
        layers = network(
            [einsum("h", "bo", ("x", "bi"), ("v", "or"), ("u", "ri"), b="batch", i=512, r=2, o=512)],
            [core("u", (2, 512)), core("v", (512, 2))],
            (Input("x", ("batch", 512)),),
        )
        for step in schedule_of(layers, {"batch": batch}).steps:
            assert isinstance(step.operation, Matmul)
            assert step.operation.left.source in ("x", "h#1")
            assert step.operation.left.perm is None
