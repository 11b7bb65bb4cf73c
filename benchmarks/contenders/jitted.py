"""Steps under ``jax.jit``: value and gradients of one compiled function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from types import ModuleType
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contenders.base import Outcome, Problem, Seconds
from benchmarks.contenders.libraries import cotengra_expression, einsum_text
from benchmarks.recipe import Activation, Equation, Operand, Recipe, Reshaped, UnsupportedError
from tnc.measure.jax_runner import xla_bytes

_jax: Any = jax
_jnp: Any = jnp

Contraction: TypeAlias = Callable[[Sequence[jax.Array]], jax.Array]
Tensors: TypeAlias = dict[str, jax.Array]
Function: TypeAlias = Callable[[Tensors, Sequence[jax.Array]], jax.Array]
"""A network as a function of its parameters and its data."""

_ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {
    "relu": lambda t: jnp.maximum(t, 0),
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "gelu": lambda t: jax.nn.gelu(t, approximate=False),
    "silu": jax.nn.silu,
}


class JaxStep:
    """Forward and backward in one compiled call."""

    def __init__(self, problem: Problem, function: Function, parameters: Tensors) -> None:
        if problem.case.kind == "train":
            raise UnsupportedError("the optimizer step is measured in torch only")
        data = [_jnp.asarray(array) for array in problem.inputs.values()]
        cotangent = _jnp.asarray(problem.cotangent)

        def both(parameters: Tensors, data: Sequence[jax.Array], cotangent: jax.Array) -> Any:
            def on_data(trained: Tensors) -> jax.Array:
                return function(trained, data)

            value, pull = _jax.vjp(on_data, parameters)
            return value, pull(cotangent)[0]

        self.compiled: Any = _jax.jit(both).lower(parameters, data, cotangent).compile()
        self._arguments = (parameters, data, cotangent)
        self._split: Callable[[Tensors], Tensors] = lambda gradients: gradients

    def splitting(self, split: Callable[[Tensors], Tensors]) -> JaxStep:
        """With gradients that are taken apart before they are compared."""
        self._split = split
        return self

    def run(self) -> Seconds:
        """One call, waited for."""
        start = perf_counter()
        _jax.block_until_ready(self._call())
        return Seconds(perf_counter() - start)

    def peak_bytes(self) -> int:
        """All that XLA has in memory during the call: arguments, temporaries and results."""
        return xla_bytes(self.compiled.memory_analysis())

    def outcome(self) -> Outcome:
        """Value and gradients."""
        value, gradients = self._call()
        return Outcome(np.asarray(value), {name: np.asarray(g) for name, g in self._split(gradients).items()})

    def _call(self) -> tuple[jax.Array, Tensors]:
        return cast("tuple[jax.Array, Tensors]", self.compiled(*self._arguments))


def ours(problem: Problem) -> JaxStep:
    """The generated JAX module."""
    module: Any = cast("ModuleType", problem.network.module("jax"))
    parameters: Tensors = module.params_from_cores({name: _jnp.asarray(array) for name, array in problem.cores.items()})

    def function(parameters: Tensors, data: Sequence[jax.Array]) -> jax.Array:
        result: jax.Array = module.apply(parameters, *data)
        return result

    def split(gradients: Tensors) -> Tensors:
        cores: Tensors = module.cores(gradients)
        return cores

    return JaxStep(problem, function, parameters).splitting(split)


def einsum(problem: Problem) -> JaxStep:
    """``jnp.einsum(…, optimize="auto")`` for every region; ``auto`` is opt_einsum's default search."""

    def engine(equation: Equation) -> Contraction:
        text = einsum_text(equation)
        return lambda operands: _jnp.einsum(text, *operands, optimize="auto")

    return _regions(problem, engine)


def cotengra(problem: Problem) -> JaxStep:
    """Cotengra's best reproducible tree for every region."""

    def engine(equation: Equation) -> Contraction:
        expression = cotengra_expression(equation, "random-greedy")
        return lambda operands: expression(*operands)

    return _regions(problem, engine)


def tensordot(problem: Problem) -> JaxStep:
    """One ``jnp.tensordot`` for each core, as written, new legs where the old ones stood."""
    return _with_engine(problem, problem.written, _stepwise)


def _regions(problem: Problem, engine: Callable[[Equation], Contraction]) -> JaxStep:
    return _with_engine(problem, problem.regions, engine)


def _with_engine(problem: Problem, recipe: Recipe, engine: Callable[[Equation], Contraction]) -> JaxStep:
    names = list(problem.inputs)
    forward = _forward_of(recipe, engine)
    cores = {name: _jnp.asarray(array) for name, array in problem.cores.items()}
    return JaxStep(problem, lambda c, data: forward({**c, **dict(zip(names, data, strict=True))}), cores)


def _stepwise(equation: Equation) -> Contraction:
    """The operands one after another; legs that nothing later needs are summed at once."""
    texts: list[str] = []
    state = equation.operands[0].legs
    for index, operand in enumerate(equation.operands[1:], start=2):
        later = {leg for other in equation.operands[index:] for leg in other.legs} | set(equation.legs)
        legs: list[int] = []
        for leg in state:
            if leg in later:
                legs.append(leg)
            elif leg in operand.legs:
                legs += [new for new in operand.legs if new in later and new not in state and new not in legs]
        legs += [leg for leg in operand.legs if leg in later and leg not in legs]
        texts.append(einsum_text(_two(equation, state, operand.legs, tuple(legs))))
        state = tuple(legs)
    order = tuple(state.index(leg) for leg in equation.legs)

    def contract(operands: Sequence[jax.Array]) -> jax.Array:
        result = operands[0]
        for text, operand in zip(texts, operands[1:], strict=True):
            result = _jnp.einsum(text, result, operand)
        return result.transpose(order)

    return contract


def _two(equation: Equation, left: tuple[int, ...], right: tuple[int, ...], legs: tuple[int, ...]) -> Equation:
    return Equation(equation.name, (Operand("left", left), Operand("right", right)), legs, equation.dims, 1.0)


def _forward_of(recipe: Recipe, engine: Callable[[Equation], Contraction]) -> Callable[[Tensors], jax.Array]:
    contractions = {stage.name: engine(stage) for stage in recipe.stages if isinstance(stage, Equation)}

    def forward(tensors: Tensors) -> jax.Array:
        known = dict(tensors)
        for stage in recipe.stages:
            match stage:
                case Equation(name=name, operands=operands, scale=scale):
                    known[name] = contractions[name]([known[operand.tensor] for operand in operands]) * scale
                case Activation(name=name, argument=argument, function=function):
                    known[name] = _ACTIVATIONS[function](known[argument])
                case Reshaped(name=name, argument=argument, shape=shape):
                    known[name] = known[argument].reshape(shape)
        return known[recipe.result]

    return forward
