"""Numbers for a case, and whether a contender computes the same as the reference."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import torch

from benchmarks.cases import Case
from benchmarks.contenders import frameworks, handwork
from benchmarks.contenders.base import Array, Outcome, Problem
from benchmarks.contenders.eager import forward_of, step_of
from benchmarks.contenders.ours import Generated
from benchmarks.recipe import elements, merged, recipe_of

VALUE_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 1e-2
"""Relative errors in the Euclidean norm, of the output and of each core's gradient, that pass as equal in float32."""

_DOUBLE_UP_TO = 2**22
"""Largest output whose reference is computed in float64; beyond it is float32, to save memory."""


class DisagreementError(Exception):
    """A contender computes something else."""


def make_problem(case: Case, seed: int = 0) -> Problem:
    """The cores as the compiled module draws them, normal data, and a normal cotangent."""
    network = case.load()
    written = recipe_of(network.program, case.sizes)
    frameworks.seed(seed)
    module = cast("type[object]", network.module("torch"))
    drawn = cast(Generated, module()).cores()
    cores: dict[str, Array] = {
        str(core.name): drawn[str(core.name)].detach().numpy().copy() for core in network.parameters
    }
    numbers = np.random.default_rng(seed)

    def normal(shape: tuple[int, ...]) -> Array:
        return numbers.standard_normal(shape, dtype=np.float32)

    inputs = {name: normal(shape) for name, shape in written.inputs.items()}
    return Problem(
        case=case,
        network=network,
        written=written,
        regions=merged(written),
        cores=cores,
        inputs=inputs,
        cotangent=normal(written.shapes[written.result]),
    )


def reference(problem: Problem) -> Outcome:
    """What is right: ``tensordot`` core by core."""
    largest = max(elements(shape) for shape in problem.written.shapes.values())
    dtype = torch.float64 if largest <= _DOUBLE_UP_TO else torch.float32
    plain = replace(problem, case=replace(problem.case, kind="apply"))
    return step_of(plain, forward_of(problem.written, handwork.in_place), dtype).outcome()


def compare(outcome: Outcome, right: Outcome) -> tuple[float, float]:
    """The relative errors of the output and of the worst gradient.

    Raises:
        DisagreementError: if one of them is beyond the tolerance, or a gradient is missing.
    """
    value = _error(outcome.value, right.value)
    missing = set(right.gradients) - set(outcome.gradients)
    if missing:
        raise DisagreementError(f"no gradient for {len(missing)} cores")
    gradient = max((_error(outcome.gradients[name], right.gradients[name]) for name in right.gradients), default=0.0)
    if not (value <= VALUE_TOLERANCE and gradient <= GRADIENT_TOLERANCE):
        raise DisagreementError(f"relative error of the output {value:.1e}, of a gradient {gradient:.1e}")
    return value, gradient


def _error(found: np.typing.NDArray[np.floating], right: np.typing.NDArray[np.floating]) -> float:
    if found.shape != right.shape:
        raise DisagreementError(f"shape {found.shape} instead of {right.shape}")
    return float(np.linalg.norm((found - right).ravel()) / max(float(np.linalg.norm(right.ravel())), 1e-30))
