"""The table of what autograd keeps against what torch says it keeps."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from tests.order.networks import chain, column, core, einsum, network
from tests.program_strategies import programs
from tnc.codegen import emitter
from tnc.cost import totals
from tnc.ir import stacks
from tnc.ir.activations import ACTIVATIONS, ENTRIES
from tnc.ir.activations import FUNCTIONS as SCALAR_FUNCTIONS
from tnc.ir.program import (
    Apply,
    Argument,
    Input,
    Literal,
    Normal,
    Normalize,
    Pointwise,
    Program,
    Scalar,
    Statement,
    Sum,
    Term,
    Use,
)
from tnc.ir.schedule import Schedule
from tnc.order import PlanOptions, plan

DTYPES = {"float32": torch.float32, "complex64": torch.complex64}


def predicted_and_measured(
    program: Program, sizes: Mapping[str, int], dtype: str = "float32", *, input_grads: bool = False
) -> tuple[int, int]:
    """Bytes that the cost model says are saved, and bytes in storages that torch saves."""
    inits = {str(parameter.name): Normal(1.0) for parameter in program.parameters}
    options = PlanOptions(tuple(sizes.items()), dtype, input_grads=input_grads)
    made = plan(program, stacks(program, inits), "0" * 64, options)
    module = types.ModuleType("generated")
    exec(compile(emitter("torch").emit(made), "generated", "exec"), module.__dict__)
    name = next(name for name in module.__all__ if not name.isupper())
    return totals(made.schedule, dtype).bytes_saved, _measured(getattr(module, name), made.schedule, sizes, dtype)


def _measured(module: Any, schedule: Schedule, sizes: Mapping[str, int], dtype: str) -> int:
    instance = module(dtype=DTYPES[dtype])
    shapes = [[sizes[dim] if isinstance(dim, str) else dim for dim in given.shape] for given in schedule.inputs]
    data = [torch.rand(shape, dtype=DTYPES[dtype]) + 0.5 for shape in shapes]
    inputs = [x.requires_grad_(given.grad) for x, given in zip(data, schedule.inputs, strict=True)]
    given = {t.untyped_storage().data_ptr() for t in (*instance.parameters(), *instance.buffers(), *inputs)}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in given:
            kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        results = instance(*inputs)
    # The results keep their storages alive, so that no address is given out twice.
    del results
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(programs())
def test_random_programs(program: Program) -> None:
    names = {dim for tensor in program.inputs for dim in tensor.shape if isinstance(dim, str)}
    for size in (1, 3):
        for input_grads in (False, True):
            predicted, measured = predicted_and_measured(program, dict.fromkeys(names, size), input_grads=input_grads)
            assert predicted == measured


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(programs(complex_valued=True))
def test_random_complex_programs(program: Program) -> None:
    names = {dim for tensor in program.inputs for dim in tensor.shape if isinstance(dim, str)}
    for input_grads in (False, True):
        sizes = dict.fromkeys(names, 3)
        predicted, measured = predicted_and_measured(program, sizes, "complex64", input_grads=input_grads)
        assert predicted == measured


def t(name: str, *further: Scalar) -> Scalar:
    return Apply(name, (Argument(0), *further))


A, HALF, TWO = Argument(1), Literal(0.5), Literal(2.0)
FURTHER = [
    (name, entry)
    for name, entry in {**ACTIVATIONS, **SCALAR_FUNCTIONS}.items()
    if entry.operands > 1 and name != "where"
]
FUNCTIONS: dict[str, Scalar] = {
    **{name: t(name) for name, entry in ENTRIES.items() if entry.operands == 1},
    **{f"{name} number": t(name, *[HALF] * (entry.operands - 1)) for name, entry in FURTHER},
    **{f"{name} tensor": t(name, *[A] * (entry.operands - 1)) for name, entry in FURTHER},
    **{f"{name} number": t(name, TWO) for name in ("add", "sub", "mul", "div", "pow")},
    **{f"{name} tensor": t(name, A) for name in ("add", "sub", "mul", "div", "pow")},
    **{f"number {name}": Apply(name, (TWO, Argument(0))) for name in ("add", "sub", "mul", "div", "pow", "max")},
    **{f"tensor {name}": Apply(name, (A, Argument(0))) for name in ("add", "sub", "mul", "div", "pow", "max")},
    "sin 1": t("sin", Literal(1.0)),
    "square": t("mul", Argument(0)),
    "rational": t("rational", *(Literal(float(n)) for n in range(1, 7))),
    "rational tensor": t("rational", A, HALF, A, HALF, A, TWO),
    "where": Apply("where", (t("gt", HALF), t("tanh"), t("mul", A))),
    "where numbers": Apply("where", (t("gt", HALF), Literal(1.0), Literal(0.0))),
    "where guarded": Apply("where", (t("gt", HALF), t("sqrt"), t("log"))),
    "where guarded scalar": Apply("where", (t("gt", A), t("pow", A), Apply("div", (A, Argument(0))))),
    "where far": Apply("where", (t("gt", HALF), Apply("sqrt", (t("sub", Literal(1e6)),)), t("tanh"))),
    "where nested": Apply(
        "where", (t("gt", HALF), Apply("where", (t("lt", A), t("sqrt"), t("mul", A))), Apply("exp", (A,)))
    ),
    "where twice": Apply(
        "add", (Apply("where", (t("gt", HALF), t("sqrt"), A)), Apply("where", (t("gt", HALF), t("sqrt"), HALF)))
    ),
    "max of a sum": Apply("max", (t("add", A), HALF)),
    "nested": t("mul", Apply("sigmoid", (t("mul", A),))),
    "twice": Apply("add", (t("tanh"), t("exp"))),
    "same again": Apply("relu", (t("relu"),)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("trained", ["both", "tensor", "scalar"])
def test_functions(name: str, trained: str) -> None:
    function = FUNCTIONS[name]
    product = einsum("h", "ac", ("u", "ab"), ("v", "bc"), a=3, b=4, c=5)
    further = ("a",) if _uses(function, 1) else ()
    parameters = [
        core("u", (3, 4), frozen=trained == "scalar"),
        core("v", (4, 5), frozen=trained == "scalar"),
        *([core("a", (), frozen=trained == "tensor")] if further else []),
    ]
    program = network([product, Pointwise("y", function, ("h", *further))], parameters)
    predicted, measured = predicted_and_measured(program, {})
    assert predicted == measured


def _uses(function: Scalar, index: int) -> bool:
    match function:
        case Argument(index=own):
            return own == index
        case Apply(operands=operands):
            return any(_uses(operand, index) for operand in operands)
        case _:
            return False


def test_a_result_that_is_kept_twice_counts_once() -> None:
    hidden = einsum("h", "ac", ("u", "ab"), ("v", "bc"))
    statements: list[Statement] = [
        hidden,
        Pointwise("r", t("relu"), ("h",)),
        einsum("y", "ad", ("r", "ac"), ("w", "cd")),
        einsum("z", "da", ("r", "ac"), ("w", "cd")),
    ]
    program = network([*statements], [core("u", (2, 2)), core("v", (2, 2)), core("w", (2, 2))], outputs=("y", "z"))
    assert predicted_and_measured(program, {}) == (16, 16)


def test_normalize_keeps_its_argument_and_a_number_for_each_row() -> None:
    program = network(
        [einsum("h", "za", ("x", "zb"), ("u", "ba"), z="batch", a=3, b=4), Normalize("y", "h")],
        [core("u", (4, 3))],
        (Input("x", ("batch", 4)),),
    )
    assert predicted_and_measured(program, {"batch": 5}) == (5 * 3 * 4 + 5 * 4, 5 * 3 * 4 + 5 * 4)


def test_frozen_cores_and_inputs_need_nothing() -> None:
    program = network(
        [einsum("h", "za", ("x", "zb"), ("u", "ba"), z="batch", b=4), Pointwise("y", t("relu"), ("h",))],
        [core("u", (4, 2), frozen=True)],
        (Input("x", ("batch", 4)),),
    )
    assert predicted_and_measured(program, {"batch": 5}) == (0, 0)
    # With a gradient of x, relu keeps its result.
    assert predicted_and_measured(program, {"batch": 5}, input_grads=True) == (4 * 5 * 2, 4 * 5 * 2)


def test_sums_keep_nothing() -> None:
    terms = (Term(2.0, Use("u", (0, 1))), Term(-1.0, Use("v", (1, 0))), Term(1.0, Use("w", (1,))))
    program = network([Sum("y", terms, (0, 1), (2, 2))], [core("u", (2, 2)), core("v", (2, 2)), core("w", (2,))])
    assert predicted_and_measured(program, {}) == (0, 0)


@pytest.mark.parametrize("program", [chain(40, 3), column(10), column(10, 1)])
def test_larger_networks(program: Program) -> None:
    sizes = {"batch": 4} if program.inputs else {}
    predicted, measured = predicted_and_measured(program, sizes)
    assert predicted == measured
    assert predicted > 0
