"""Schedules made by hand, and generated modules run on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from tests.backends import BACKENDS as BACKENDS
from tests.backends import Array as Array
from tests.backends import Runner, load
from tnc.codegen import emitter
from tnc.cost import totals
from tnc.ir.extent import Extent, Product
from tnc.ir.program import (
    Apply,
    Argument,
    Constant,
    Dim,
    Entries,
    Identity,
    Init,
    Literal,
    Normal,
    Orthogonal,
    Scalar,
    Uniform,
)
from tnc.ir.schedule import (
    Add,
    Contiguous,
    Index,
    InputTensor,
    Loop,
    Matmul,
    Member,
    Multiply,
    Normalize,
    Operation,
    Plan,
    Pointwise,
    Prediction,
    Read,
    ReduceSum,
    Region,
    Result,
    Schedule,
    Stack,
    Step,
)
from tnc.modules import module_of_source, torch_class


def stack(key: str, shape: tuple[int, ...], inits: Sequence[Init], *, frozen: bool = False, inputs: int = 1) -> Stack:
    """A family of cores with subscripts 0, 1, …"""
    name = key.replace("__", ".")
    members = tuple(Member(f"{name}[{i}]", i, inputs, init) for i, init in enumerate(inits))
    return Stack(key, shape, frozen, True, members)


def lone(key: str, shape: tuple[int, ...], init: Init, *, frozen: bool = False, inputs: int = 1) -> Stack:
    """A core without subscripts."""
    return Stack(key, shape, frozen, False, (Member(key.replace("__", "."), None, inputs, init),))


def plan_of(schedule: Schedule, dtype: str = "float64") -> Plan:
    arguments = (("chi", "3"), ("act", "relu"))
    prediction = Prediction("torch", "paper", "0" * 64, "torch", 0.0, 0.0)
    return Plan(schedule.name, "0" * 64, arguments, dtype, schedule, totals(schedule, dtype), prediction)


def one_step(operation: Operation, shape: tuple[Extent, ...], *inputs: tuple[Dim, ...]) -> Schedule:
    """A network that does one thing to inputs ``a``, ``b``, …"""
    given = tuple(InputTensor(name, axes) for name, axes in zip("abcdefg", inputs, strict=False))
    result = Result("y", Read("h", shape), (None,) * len(shape))
    return Schedule("single", (), given, (Step("h", shape, operation, region="h"),), (result,))


def pointwise(function: Scalar, further: int = 0) -> Schedule:
    """``function`` of an input ``a``, with scalar inputs ``b``, ``c``, … as its further arguments."""
    operands = (Read("a", ("n",)), *(Read(name, ()) for name in "bcdefg"[:further]))
    return one_step(Pointwise(function, operands, "custom"), ("n",), ("n",), *[()] * further)


def tensor_train() -> Schedule:
    """Data through a matrix product state with a loop, activations and several outputs: a bit of everything."""
    stacks = (
        lone("first", (2, 3), Orthogonal(1.0)),
        stack("g", (3, 2, 3), [Normal(0.5)] * 6),
        stack("tree__out", (3, 5), [Identity(0.1)] * 2),
        stack("fixed", (5,), [Entries((1.0, 0.0, 0.0, 0.0, 0.0))] * 2, frozen=True),
        lone("gain", (), Constant(1.5)),
    )
    body = (
        Step("t", ("batch", 6), Matmul(Read("c", ("batch", 3)), Read("g", (3, 6), (0, Index(0, 1))))),
        Step("u", ("batch", 2, 3), Multiply(Read("t", ("batch", 2, 3)), Read("x", ("batch", 2, 1), (1, Index(1, 1))))),
        Step("v", ("batch", 3), ReduceSum(Read("u", ("batch", 2, 3)), (1,))),
    )
    steps = (
        Step(
            "h",
            ("batch", 3),
            Matmul(Read("x", ("batch", 2), (1, Index(0))), Read("first", (2, 3))),
            region="h",
            legs=("b", "r[0]"),
        ),
        Step("h_2", ("batch", 3), Loop(6, Read("h", ("batch", 3)), "c", body), region="h_2"),
        Step(
            "y",
            ("batch", 5),
            Matmul(Read("h_2", ("batch", 3)), Read("tree__out", (3, 5), (0, Index(1)))),
            region="y",
            legs=("b", "o"),
        ),
        Step(
            "z",
            ("batch", 5),
            Add(
                (
                    (1.0, Read("y", ("batch", 5))),
                    (-2.0, Read("fixed", (1, 5), (0, Index(1)))),
                    (1.0, Read("gain", (1, 1))),
                )
            ),
            region="y",
        ),
        Step("act", ("batch", 5), Pointwise(apply("leaky_relu", 0.1), (Read("z", ("batch", 5)),)), region="act"),
        Step(
            "act_2",
            ("batch", 5),
            Pointwise(Apply("snake", (Argument(0), Argument(1))), (Read("act", ("batch", 5)), Read("gain", ()))),
            region="act",
        ),
        Step("n", ("batch", 5), Normalize(Read("act_2", ("batch", 5)), (1,), 1e-12), region="n"),
        Step("w", (5, "batch"), Contiguous(Read("n", ("batch", 5), perm=(1, 0))), region="n"),
    )
    results = (Result("y", Read("n", ("batch", 5)), ("b", "o")), Result("w", Read("w", (5, "batch")), (None, None)))
    regions = (Region("h", "h(b, r[0]) = x(b, [0], p) * first(p, r[0])", 2, "optimal"),)
    inputs = (InputTensor("x", ("batch", 8, 2)),)
    return Schedule("tt_net", stacks, inputs, steps, results, (("batch", 4),), regions)


def apply(name: str, *numbers: float) -> Apply:
    """A function of the tensor with further numbers."""
    return Apply(name, (Argument(0), *(Literal(number) for number in numbers)))


def initialised() -> Schedule:
    """Every kind of initialisation."""
    stacks = (
        stack("normal", (4, 3), [Normal(0.5)] * 3 + [Normal(2.0)] * 2),
        stack("uniform", (5,), [Uniform(-1.0, 2.0)] * 4),
        stack("isometry", (2, 3, 4), [Orthogonal(1.5)] * 3, inputs=1),
        stack("square", (3, 3), [Orthogonal(1.0)] * 2),
        lone("tall", (4, 3), Orthogonal(1.0)),
        stack("near_identity", (2, 2, 4), [Identity(0.0)] * 2 + [Identity(0.25)], inputs=2),
        lone("constant", (2, 2), Constant(-1.0)),
        stack("entries", (2, 3), [Entries(tuple(float(i) for i in range(6)))] * 2, frozen=True),
        lone("many", (6, 40), Entries(tuple(i / 7 for i in range(240)))),
        lone("long", (40,), Entries(tuple(i / 7 for i in range(40)))),
    )
    results = tuple(Result(s.key, Read(s.key, s.stored_shape), (None,) * len(s.stored_shape)) for s in stacks)
    return Schedule("start", stacks, (), (), results)


def seeded() -> Schedule:
    """Every kind of initialisation that can be drawn from a seed, in families and alone."""
    plain = (
        stack("normal", (4, 3), [Normal(0.5)] * 3 + [Normal(2.0)], frozen=True),
        stack("some__instance__uniform", (5,), [Uniform(-1.0, 2.0)] * 9, frozen=True),
        stack("near_identity", (2, 2, 4), [Identity(0.25)] * 2, frozen=True, inputs=2),
        lone("a_rather_long_name", (3,), Normal(1 / 3), frozen=True),
    )
    stacks = tuple(
        replace(each, members=tuple(replace(m, seed=2**64 - 1 - k // 2) for k, m in enumerate(each.members)))
        for each in plain
    )
    stacks = (*stacks, lone("trained", (2,), Normal(1.0)))
    results = tuple(Result(s.key, Read(s.key, s.stored_shape), (None,) * len(s.stored_shape)) for s in stacks)
    return Schedule("seeds", stacks, (), (), results)


# -- running -----------------------------------------------------------------------------------


def module(schedule: Schedule, backend: str, dtype: str = "float64") -> ModuleType:
    return module_of_source(schedule.name, backend, emitter(backend).emit(plan_of(schedule, dtype)))


def torch_module(schedule: Schedule, dtype: str = "float64") -> Any:
    """An instance of the generated class."""
    torch: Any = import_module("torch")
    return torch_class(module(schedule, "torch", dtype))(dtype=getattr(torch, dtype))


def runner(schedule: Schedule, backend: str, dtype: str = "float64") -> Runner:
    """The generated module, to be started, run and differentiated."""
    return load(schedule.name, backend, emitter(backend).emit(plan_of(schedule, dtype)))


def run(schedule: Schedule, backend: str, *inputs: Array, cores: dict[str, Array] | None = None) -> tuple[Array, ...]:
    """The outputs on float64 or complex128 data."""
    return tuple(runner(schedule, backend).outputs(inputs, cores))


def random_cores(schedule: Schedule, seed: int = 0) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {member.name: random.normal(size=s.shape) for s in schedule.stacks for member in s.members}


PRODUCT = Product(2, ("batch",))
