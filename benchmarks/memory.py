"""What the compiler says beforehand of bytes and seconds, and what eager torch saves and holds at its peak."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders.base import Problem
from benchmarks.contenders.eager import cotangent_of, inputs_of
from benchmarks.contenders.ours import Generated, module_of
from benchmarks.results import Prediction
from tnc import driver
from tnc.cost import Target
from tnc.cost.device import Profile
from tnc.cost.device_file import default_profile
from tnc.cost.predict import predicted
from tnc.cost.time import Clock
from tnc.ir.schedule import Plan
from tnc.measure import memory
from tnc.measure.xla.step import jit_memory


def predict(problem: Problem, calibrated: Profile | None) -> Prediction:
    """The report's figures and their measurements; ``calibrated`` is a profile of the machine that measures."""
    report: Any = problem.network.report().to_dict()
    (network,) = report["networks"]
    figures: dict[str, int] = network["bytes"]
    module = module_of(problem)
    plan = driver.plan(problem.network.initialised, problem.network.options).plan
    return Prediction(
        saved=figures["saved"],
        saved_measured=saved_bytes(problem, module),
        peak=figures["peak_training"],
        peak_measured=peak_bytes(problem, module),
        seconds=_seconds(plan, default_profile()),
        calibrated=None if calibrated is None else _seconds(plan, calibrated),
        peak_jax_predicted=jit_memory(plan.schedule, plan.dtype).total,
    )


def _seconds(plan: Plan, profile: Profile) -> float:
    """Forward and backward of the plan that was measured, by the time model on a profile."""
    return predicted(plan.schedule, Clock(Target(device=profile), plan.dtype)).total


def saved_bytes(problem: Problem, module: Generated) -> int:
    """The storages that autograd keeps for the backward pass, without cores, frozen ones included, and inputs."""
    inputs = list(inputs_of(problem).values())
    return memory.saved_bytes(lambda: (module(*inputs),), (*inputs, *module.cores().values()))


def peak_bytes(problem: Problem, module: Generated) -> int:
    """The most bytes allocated at once in forward and backward."""
    inputs = list(inputs_of(problem).values())
    for _, parameter in module.named_parameters():
        parameter.grad = None
    return memory.peak_bytes(lambda: (module(*inputs),), (cotangent_of(problem),))
