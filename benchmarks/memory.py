"""What the compiler says beforehand of bytes and seconds, and what eager torch saves and holds at its peak."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.contenders.base import Problem
from benchmarks.contenders.eager import cotangent_of, inputs_of
from benchmarks.contenders.frameworks import backward
from benchmarks.contenders.ours import Generated, module_of
from benchmarks.results import Prediction


def predict(problem: Problem) -> Prediction:
    """The report's figures and their measurements."""
    report: Any = problem.network.report().to_dict()
    (network,) = report["networks"]
    figures: dict[str, int] = network["bytes"]
    module = module_of(problem)
    return Prediction(
        saved=figures["saved"],
        saved_measured=saved_bytes(problem, module),
        peak=figures["peak_training"],
        peak_measured=peak_bytes(problem, module),
        seconds=predicted_seconds(problem),
    )


def predicted_seconds(problem: Problem) -> float:
    """Forward and backward by the time model, on the profile that ships for processors."""
    from tnc import driver
    from tnc.cost.device_file import default_profile
    from tnc.cost.predict import predicted
    from tnc.cost.time import Clock

    plan = driver.plan(problem.network.initialised, problem.network.options).plan
    return predicted(plan.schedule, Clock(default_profile(), plan.dtype)).total


def saved_bytes(problem: Problem, module: Generated) -> int:
    """The storages that autograd keeps for the backward pass, without parameters and inputs."""
    inputs = list(inputs_of(problem).values())
    given = {t.untyped_storage().data_ptr() for t in (*inputs, *(p for _, p in module.named_parameters()))}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in given:
            kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    def unpack(tensor: torch.Tensor) -> torch.Tensor:
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        result = module(*inputs)
    total = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    del result
    return total


def peak_bytes(problem: Problem, module: Generated) -> int:
    """The most bytes allocated at once in forward and backward, by the allocator's own events.

    The cotangent is allocated inside, as the gradient of a loss would be; parameters and inputs are there before.
    """
    inputs = list(inputs_of(problem).values())
    for _, parameter in module.named_parameters():
        parameter.grad = None
    cotangent = cotangent_of(problem)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        result = module(*inputs)
        gradient = cotangent.clone()
        backward(result, gradient)
        del result, gradient
    return _peak(profile)


def _peak(profile: Any) -> int:
    """The highest running sum of allocations and deallocations."""
    pending: list[Any] = list(profile.profiler.kineto_results.experimental_event_tree())
    changes: list[tuple[int, int]] = []
    while pending:
        event = pending.pop()
        pending += event.children
        if str(event.tag).endswith("Allocation"):
            changes.append((event.start_time_ns, event.extra_fields.alloc_size))
    live = peak = 0
    for _, change in sorted(changes, key=lambda item: item[0]):
        live += change
        peak = max(peak, live)
    return peak
