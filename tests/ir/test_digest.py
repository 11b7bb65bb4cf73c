"""Digests: the same for equal Programs in any process, different for different ones."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tnc.ir import digest
from tnc.ir.program import (
    Apply,
    Argument,
    Contract,
    CoreName,
    Literal,
    Normal,
    Output,
    Parameter,
    Pointwise,
    Program,
    Use,
)

PROGRAM = Program(
    "net",
    (Parameter(CoreName("", "a", None), (2, 3), 1, Normal(1.0), False),),
    (),
    (
        Contract("h", (Use("a", (0, 1)),), (1, 0), (2, 3), leg_names=("row", "col")),
        Pointwise("g", Apply("mul", (Literal(2.0), Argument(0))), ("h",), "twice"),
    ),
    (Output("y", "g", (None, None), None),),
)


def test_names_of_legs_and_functions_do_not_matter() -> None:
    contract, pointwise = PROGRAM.statements
    assert isinstance(contract, Contract)
    assert isinstance(pointwise, Pointwise)
    renamed = (replace(contract, leg_names=("i", "j")), replace(pointwise, function_name="double"))
    other = replace(PROGRAM, statements=renamed, arguments=(("chi", "2"),))
    assert other == PROGRAM
    assert digest(other) == digest(PROGRAM)


@pytest.mark.parametrize(
    "other",
    [
        replace(PROGRAM, name="other"),
        replace(PROGRAM, parameters=(replace(PROGRAM.parameters[0], frozen=True),)),
        replace(PROGRAM, parameters=(replace(PROGRAM.parameters[0], inputs=2),)),
        replace(PROGRAM, parameters=(replace(PROGRAM.parameters[0], init=Normal(2.0)),)),
        replace(PROGRAM, outputs=(replace(PROGRAM.outputs[0], std=1.0),)),
        replace(PROGRAM, outputs=(replace(PROGRAM.outputs[0], axes=("out", None)),)),
    ],
)
def test_what_is_compared_matters(other: Program) -> None:
    assert digest(other) != digest(PROGRAM)


def test_the_hash_seed_does_not_matter() -> None:
    code = "from tests.ir.test_digest import PROGRAM; from tnc.ir import digest; print(digest(PROGRAM))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "2")
    }
    assert found == {digest(PROGRAM)}
