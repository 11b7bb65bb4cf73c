"""Steps in eager torch: a forward function over leaf tensors, autograd for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeAlias

import torch

from benchmarks.contenders.base import AnyArray, Outcome, Problem, Seconds
from benchmarks.contenders.frameworks import backward
from benchmarks.recipe import Activation, Equation, Recipe, Reshaped, UnsupportedError

Contraction: TypeAlias = Callable[[Sequence[torch.Tensor]], torch.Tensor]
"""The contraction of an equation's operands, in their order; the result's axes are the equation's legs."""

Engine: TypeAlias = Callable[[Equation], Contraction]
"""How a library or a person contracts an equation: plans once, is called in every step."""

Forward: TypeAlias = Callable[[Mapping[str, torch.Tensor]], torch.Tensor]
"""A network as a function of its cores and inputs by name."""

_ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
}


@dataclass(slots=True)
class EagerStep:
    """``forward`` on ``leaves``; ``split`` takes the gradients apart where leaves are not cores."""

    forward: Callable[[], torch.Tensor]
    leaves: Mapping[str, torch.Tensor]
    cotangent: torch.Tensor
    optimizer: torch.optim.Optimizer | None = None
    split: Callable[[], Mapping[str, AnyArray]] | None = None
    keep_alive: tuple[object, ...] = field(default=())

    def run(self) -> Seconds:
        """One step; the gradients of the last one are dropped first, as ``zero_grad`` does."""
        for leaf in self.leaves.values():
            leaf.grad = None
        start = perf_counter()
        result = self.forward()
        middle = perf_counter()
        backward(result, self.cotangent)
        done = perf_counter()
        if self.optimizer is None:
            return Seconds(done - start, middle - start, done - middle)
        self.optimizer.step()
        return Seconds(perf_counter() - start, middle - start, done - middle)

    def outcome(self) -> Outcome:
        """Value and gradients."""
        for leaf in self.leaves.values():
            leaf.grad = None
        result = self.forward()
        backward(result, self.cotangent)
        value = result.detach().numpy().copy()
        gradients = self.split() if self.split is not None else gradients_of(self.leaves)
        for leaf in self.leaves.values():
            leaf.grad = None
        return Outcome(value, gradients)


def gradients_of(leaves: Mapping[str, torch.Tensor]) -> dict[str, AnyArray]:
    """The gradients as arrays."""
    return {name: leaf.grad.numpy().copy() for name, leaf in leaves.items() if leaf.grad is not None}


def leaves_of(problem: Problem, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """The cores as tensors that want a gradient."""
    return {
        str(core.name): torch.tensor(problem.cores[str(core.name)], dtype=dtype).requires_grad_(not core.frozen)
        for core in problem.network.parameters
    }


def inputs_of(problem: Problem, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """The data as tensors."""
    return {name: torch.tensor(array, dtype=dtype) for name, array in problem.inputs.items()}


def cotangent_of(problem: Problem, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The cotangent as a tensor."""
    return torch.tensor(problem.cotangent, dtype=dtype)


def forward_of(recipe: Recipe, engine: Engine) -> Forward:
    """The network with every equation contracted by an engine."""
    contractions = {stage.name: engine(stage) for stage in recipe.stages if isinstance(stage, Equation)}
    for stage in recipe.stages:
        if isinstance(stage, Activation) and stage.function not in _ACTIVATIONS:
            raise UnsupportedError(f"the activation {stage.function}")

    def forward(tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        known = dict(tensors)
        for stage in recipe.stages:
            match stage:
                case Equation(name=name, operands=operands, scale=scale):
                    result = contractions[name]([known[operand.tensor] for operand in operands])
                    known[name] = result if scale == 1 else result * scale
                case Activation(name=name, argument=argument, function=function):
                    known[name] = _ACTIVATIONS[function](known[argument])
                case Reshaped(name=name, argument=argument, shape=shape):
                    known[name] = known[argument].reshape(shape)
        return known[recipe.result]

    return forward


def step_of(problem: Problem, forward: Forward, dtype: torch.dtype = torch.float32) -> EagerStep:
    """A step that trains the cores, each a leaf of its own."""
    leaves = leaves_of(problem, dtype)
    tensors = {**leaves, **inputs_of(problem, dtype)}
    trained = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    optimizer = adam(list(trained.values())) if problem.case.kind == "train" else None
    return EagerStep(lambda: forward(tensors), trained, cotangent_of(problem, dtype), optimizer)


def adam(parameters: list[torch.Tensor], fused: bool = False) -> torch.optim.Optimizer:
    """Adam with torch's defaults, and a rate so small that values stay what they were."""
    return torch.optim.Adam(parameters, lr=1e-6, fused=fused or None)
