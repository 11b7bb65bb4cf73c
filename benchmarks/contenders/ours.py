"""What tnc makes of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, cast

import torch

from benchmarks.contenders.base import AnyArray, Problem
from benchmarks.contenders.eager import EagerStep, adam, cotangent_of, inputs_of
from benchmarks.contenders.frameworks import compiled


class Generated(Protocol):
    """A generated ``nn.Module``, as far as it is used here."""

    def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The output."""
        ...

    def cores(self) -> dict[str, torch.Tensor]:
        """Every core as a view of its stack."""
        ...

    def load_cores(self, cores: Mapping[str, torch.Tensor]) -> None:
        """Set every core."""
        ...

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """The stacks."""
        ...


def module_of(problem: Problem) -> Generated:
    """The compiled network with the problem's cores."""
    make = cast("Callable[[], Generated]", problem.network.module("torch"))
    module = make()
    module.load_cores({name: torch.tensor(core) for name, core in problem.cores.items()})
    return module


def ours(problem: Problem) -> EagerStep:
    """The generated module in eager torch."""
    return _step(problem, module_of(problem), None)


def ours_compiled(problem: Problem) -> EagerStep:
    """The generated module under ``torch.compile``."""
    module = module_of(problem)
    return _step(problem, module, compiled(module))


def _step(problem: Problem, module: Generated, call: Callable[..., torch.Tensor] | None) -> EagerStep:
    parameters = dict(module.named_parameters())
    inputs = list(inputs_of(problem).values())
    places = _places(module)

    def split() -> dict[str, AnyArray]:
        gradients: dict[str, AnyArray] = {}
        for name, (key, position) in places.items():
            gradient = parameters[key].grad if key in parameters else None
            if gradient is not None:
                gradients[name] = (gradient if position is None else gradient[position]).numpy().copy()
        return gradients

    run = module if call is None else call
    optimizer = adam(list(parameters.values())) if problem.case.kind == "train" else None
    return EagerStep(lambda: run(*inputs), parameters, cotangent_of(problem), optimizer, split, (module,))


def _places(module: Generated) -> dict[str, tuple[str, int | None]]:
    """For every core its parameter and its position there, from the table that every generated module has."""
    from sys import modules

    table = cast(
        "Mapping[str, tuple[str, int | None, tuple[int, ...]]]", vars(modules[type(module).__module__])["CORES"]
    )
    return {name: (key, position) for name, (key, position, _) in table.items()}
