"""Random scalar functions with ``where`` and kinks, and their gradients on every backend beside the oracle's.

A function is evaluated exactly at its kinks, and at points where the branches that are not taken are not finite.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from random import Random
from typing import Any, TypeAlias

import numpy as np

import tnc
from tests import backends
from tests.oracle.derivatives import COMPARISONS, UNARY, Dual, Function, dual, text
from tnc.ir.program import Apply, Argument, Literal, Scalar
from tnc.ir.scalar import SYMBOLS

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

POINTS = (*(k / 2 for k in range(-6, 7)), -0.0, 40.0, -40.0, 1e4, -1e4)
SCALARS = (-1.0, 0.0, 0.5, 1.0, 2.0)
_NUMBERS = (0.0, 1.0, -1.0, 2.0, 0.5, -2.0, 3.0)
_SMOOTH = tuple(sorted(UNARY.keys() - {"abs", "relu", "neg"}))
_EXPONENTS = (0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 1.5, -0.5)


def random_function(random: Random, depth: int = 4) -> Function:
    """A function of t, and often of w."""
    if depth == 0:
        return random.choice(("t", "t", "t", "w"))
    inner = depth - 1
    match random.choice(("where", "where", "smooth", "kink", "infix", "infix", "power", "two", "leaf")):
        case "where":
            return ("where", _condition(random), _branch(random, inner), _branch(random, inner))
        case "smooth":
            return (random.choice(_SMOOTH), random_function(random, inner))
        case "kink":
            return (random.choice(("abs", "relu", "neg")), random_function(random, inner))
        case "infix":
            operands = [random_function(random, inner), _branch(random, inner)]
            random.shuffle(operands)
            return (random.choice("+-*//"), *operands)
        case "power":
            exponent = random.choice((*_EXPONENTS, "w", "t"))
            return ("^", random_function(random, inner), exponent)
        case "two":
            name = random.choice(("min", "max", "min", "max", "leaky_relu", "prelu", "elu", "snake"))
            second = random.choice((0.25, "w")) if name not in ("min", "max") else _branch(random, inner)
            return (name, random_function(random, inner), second)
        case _:
            return "t"


def _branch(random: Random, depth: int) -> Function:
    return random.choice(_NUMBERS) if random.random() < 0.2 else random_function(random, depth)


def _condition(random: Random) -> Function:
    """A comparison whose two sides every backend computes without rounding."""
    left: Function = random.choice(
        ("t", "t", "t", "w", ("abs", "t"), ("*", 2.0, "t"), ("-", "t", "w"), ("*", "t", "t"))
    )
    return (random.choice(tuple(COMPARISONS)), left, random.choice((*_NUMBERS, "w")))


_NAMES = {symbol: name for name, symbol in SYMBOLS.items() if name != "neg"}


def scalar(function: Function) -> Scalar:
    """The function as the compiler has it, of the arguments t and w."""
    match function:
        case "t":
            return Argument(0)
        case "w":
            return Argument(1)
        case float():
            return Literal(function)
        case (str() as name, *operands):
            further = (Literal(1.0),) if name == "sin" and len(operands) == 1 else ()
            return Apply(_NAMES.get(name, name), (*map(scalar, operands), *further))
        case _:
            raise AssertionError(function)


@dataclass(frozen=True)
class Case:
    """A function at points where the oracle has finite values and derivatives."""

    function: Function
    w: float
    points: tuple[float, ...]
    expected: tuple[Dual, ...]


def random_case(random: Random) -> Case:
    """A case with at least one point."""
    while True:
        function = random_function(random)
        w = random.choice(SCALARS)
        found = [(t, result) for t in POINTS if (result := dual(function, t, w)).finite and max(result.size) < 1e12]
        if found and not isinstance(function, str | float):
            # One shape for all cases: JAX compiles each primitive once.
            points, expected = zip(*(found[k % len(found)] for k in range(len(POINTS))), strict=True)
            return Case(function, w, points, expected)


def compiled(cases: list[Case]) -> tnc.Network:
    """A network with an output for each case; raises CompileError where a function has a part that is not a number."""
    lines = ["network functions() {"]
    for k, case in enumerate(cases):
        body = text(case.function).replace("w", "#").replace("#here", "where").replace("#", f"w{k}()")
        lines += [f"  core a{k}({len(case.points)})", f"  core w{k}()", f"  fn f{k}(t) = {body} + 0 * t + 0 * w{k}()"]
    lines += [f"  output y{k}(i) = f{k}(a{k}(i))" for k in range(len(cases))]
    return tnc.loads("\n".join([*lines, "}"]))


FUNCTIONS_OF_A_SEED = 8


def check_seed(seed: int) -> None:
    """Check the functions of a seed, all in one network."""
    random = Random(seed)
    check([random_case(random) for _ in range(FUNCTIONS_OF_A_SEED)])


def check(cases: list[Case]) -> None:
    """Values on three backends, and gradients on two."""
    network = compiled(cases)
    cores = {f"a{k}": np.array(case.points) for k, case in enumerate(cases)}
    cores |= {f"w{k}": np.array(case.w) for k, case in enumerate(cases)}
    with np.errstate(all="ignore"):
        numpy: Any = network.module("numpy")
        values = backends.several(numpy.apply(numpy.params_from_cores(cores)))
    for k, case in enumerate(cases):
        _compare_values(case, values[k], "numpy")
    for backend, run in (("torch", _torch), ("jax", _jax)):
        values, gradients = run(network, cores)
        for k, case in enumerate(cases):
            _compare_values(case, values[k], backend)
            _compare_gradients(case, gradients[f"a{k}"], gradients[f"w{k}"].item(), backend)


def _torch(network: tnc.Network, cores: dict[str, Array]) -> tuple[list[Array], dict[str, Array]]:
    torch: Any = import_module("torch")
    module: Any = network.module("torch")
    instance = module(dtype=torch.float64)
    instance.load_cores({name: torch.as_tensor(value) for name, value in cores.items()})
    results = instance()
    backends.total(results).backward()
    return [result.detach().numpy() for result in backends.several(results)], {
        name: getattr(instance, name).grad.numpy() for name in cores
    }


def _jax(network: tnc.Network, cores: dict[str, Array]) -> tuple[list[Array], dict[str, Array]]:
    jax: Any = import_module("jax")
    module: Any = network.module("jax")

    def total(parameters: Any) -> Any:
        results = module.apply(parameters)
        return backends.total(results), backends.several(results)

    with jax.enable_x64(True):
        gradients, results = jax.jit(jax.grad(total, has_aux=True))(module.params_from_cores(cores))
        return [np.asarray(result) for result in results], {name: np.asarray(gradients[name]) for name in cores}


def _compare_values(case: Case, values: Array, backend: str) -> None:
    for t, expected, value in zip(case.points, case.expected, values, strict=True):
        tolerance = 1e-9 * (abs(expected.value) + 1 + sum(expected.size))
        assert abs(value - expected.value) <= tolerance, (
            f"{backend}: {text(case.function)} at t = {t}, w = {case.w} is {value}, not {expected.value}"
        )


def _compare_gradients(case: Case, by_t: Array, by_w: float, backend: str) -> None:
    where = f"{backend}: the gradient of {text(case.function)}, w = {case.w}"
    for t, expected, value in zip(case.points, case.expected, by_t, strict=True):
        assert abs(value - expected.by[0]) <= 1e-8 * (1 + expected.size[0]), (
            f"{where}, by t at t = {t} is {value}, not {expected.by[0]}"
        )
    total = sum(expected.by[1] for expected in case.expected)
    size = sum(expected.size[1] for expected in case.expected)
    assert abs(by_w - total) <= 1e-8 * (1 + size), f"{where}, by w at {case.points} is {by_w}, not {total}"
