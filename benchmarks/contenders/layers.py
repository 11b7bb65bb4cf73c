"""Whole layers of other makers: torch's dense one, and tensorly-torch's TT-matrix."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

import torch

from benchmarks.contenders.base import AnyArray, Outcome, Problem, Seconds
from benchmarks.contenders.eager import EagerStep, adam, cotangent_of, inputs_of
from benchmarks.recipe import UnsupportedError


class DenseStep:
    """``nn.Linear`` of the same size on the same data, with Adam: another function, so only the time compares."""

    def __init__(self, problem: Problem, fused: bool) -> None:
        (data,) = inputs_of(problem).values()
        cotangent = cotangent_of(problem)
        layer = torch.nn.Linear(data.shape[-1], cotangent.shape[-1], bias=False)
        optimizer = adam(list(layer.parameters()), fused)
        self._step = EagerStep(lambda: layer(data), dict(layer.named_parameters()), cotangent, optimizer)

    def run(self) -> Seconds:
        """Forward, backward, Adam."""
        return self._step.run()

    def outcome(self) -> Outcome | None:
        """Nothing to compare: the weight is not generated."""
        return None


def dense(problem: Problem) -> DenseStep:
    """The dense layer, trained by ``torch.optim.Adam`` as it comes."""
    return DenseStep(problem, fused=False)


def dense_fused(problem: Problem) -> DenseStep:
    """The dense layer with torch's fused Adam."""
    return DenseStep(problem, fused=True)


def tensorly_torch(implementation: str) -> _TensorlyTorch:
    """tensorly-torch's ``FactorizedLinear`` over a TT-matrix (``blocktt``), ``factorized`` or ``reconstructed``."""
    return _TensorlyTorch(implementation)


class _TensorlyTorch:
    def __init__(self, implementation: str) -> None:
        self._implementation = implementation

    def __call__(self, problem: Problem) -> EagerStep:
        """The layer with the problem's cores."""
        if problem.case.topology != "tt-linear":
            raise UnsupportedError("tensorly-torch has no such layer")
        library: Any = import_module("tltorch")
        import_module("tensorly").set_backend("pytorch")
        arguments = dict(problem.case.arguments)
        modes = tuple(cast("list[int]", arguments["modes"]))
        ranks = [1, *(core.shape[-1] for core in list(problem.cores.values())[:-1]), 1]
        layer: Any = library.FactorizedLinear(
            modes, modes, bias=False, factorization="blocktt", implementation=self._implementation, rank=ranks
        )
        factors: list[torch.nn.Parameter] = list(layer.weight.factors)
        with torch.no_grad():
            for factor, core in zip(factors, problem.cores.values(), strict=True):
                factor.copy_(torch.tensor(core).reshape(factor.shape))
        (data,) = inputs_of(problem).values()
        leaves = dict(zip(problem.cores, factors, strict=True))

        def split() -> Mapping[str, AnyArray]:
            return {
                name: leaf.grad.numpy().reshape(problem.cores[name].shape).copy()
                for name, leaf in leaves.items()
                if leaf.grad is not None
            }

        return EagerStep(lambda: layer(data), leaves, cotangent_of(problem), split=split, keep_alive=(layer,))
