"""Infinities, nan, zeros with signs and large numbers: one value on every backend and at compile time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tnc
from tests import backends
from tests.oracle.derivatives import Function, text
from tests.random_functions import scalar
from tnc.ir.activations import ACTIVATIONS, FUNCTIONS, OPERATORS
from tnc.ir.scalar import evaluate

POINTS = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 1e3, -1e3, 1e30, -1e30, math.inf, -math.inf, math.nan)
SCALARS = (0.0, 0.5, -1.0, 2.0, math.inf, math.nan)

_T: Function = "t"
_POSITIVE: Function = (">", "t", 0.0)


def _built_in(name: str, parameters: int) -> Function:
    operands: tuple[Function, ...] = ("t",) + (0.25,) * parameters
    return (name, *operands)


OF_ENTRY: tuple[Function, ...] = (
    *(_built_in(name, entry.operands - 1) for name, entry in ACTIVATIONS.items()),
    *((name, "t") for name, entry in {**FUNCTIONS, "neg": OPERATORS["neg"]}.items() if entry.operands == 1),
    ("min", "t", 0.25),
    ("max", "t", 0.25),
    ("sin", "t"),
    *(("^", "t", exponent) for exponent in (0.0, 1.0, 2.0, 3.0, -1.0, -2.0)),
    *(("^", base, "t") for base in (0.0, 1.0, 2.0)),
    ("/", 1.0, "t"),
    ("-", "t", "t"),
    ("*", "t", 0.0),
    *(("where", (comparison, "t", 1.0), 3.0, 4.0) for comparison in ("<", "<=", ">", ">=", "==", "!=")),
    ("where", ("==", "t", "t"), "t", 7.0),
    ("where", _POSITIVE, ("sqrt", "t"), ("log", ("neg", "t"))),
    ("min", ("max", "t", -1.0), 1.0),
    ("max", "t", ("neg", "t")),
)  # fmt: skip
OF_BOTH: tuple[Function, ...] = (
    *((name, "t", "w") for name in ("min", "max", "prelu", "elu", "snake", "+", "-", "*", "/")),
    ("where", (">", "t", "w"), ("/", "t", "w"), ("*", "t", "w")),
)


def network(functions: tuple[Function, ...]) -> tnc.Network:
    lines = [f"network n() {{\n  core a({len(POINTS)})\n  core w()"]
    for k, function in enumerate(functions):
        body = text(function).replace("where", "#").replace("w", "w()").replace("po()", "po").replace("#", "where")
        lines += [f"  fn f{k}(t) = {body}", f"  output y{k}(i) = f{k}(a(i))"]
    return tnc.loads("\n".join([*lines, "}"]))


@pytest.mark.parametrize(
    ("functions", "scalars"), [(OF_ENTRY, (1.0,)), (OF_BOTH, SCALARS)], ids=["of the entry", "of a scalar too"]
)
def test_values_are_those_of_ieee_arithmetic_everywhere(
    functions: tuple[Function, ...], scalars: tuple[float, ...]
) -> None:
    compiled = network(functions)
    for w in scalars:
        cores: dict[str, Any] = {"a": np.array(POINTS), "w": np.array(w)}
        if functions is OF_ENTRY:
            del cores["w"]
        with np.errstate(all="ignore"):
            found = {backend: backends.evaluate(compiled, backend, [], cores) for backend in backends.BACKENDS}
        for k, function in enumerate(functions):
            wanted = np.array([evaluate(scalar(function), (t, w)) for t in POINTS])
            for backend, values in found.items():
                np.testing.assert_allclose(
                    values[f"y{k}"], wanted, rtol=1e-12, err_msg=f"{text(function)}, {w} on {backend}"
                )
