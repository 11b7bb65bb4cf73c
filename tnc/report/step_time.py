"""``require step_time("h100", batch = 128)``: the network planned for that device and those sizes, and timed there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tnc.diagnostics import CompileError
from tnc.ir.metrics import STEP_TIME
from tnc.ir.program import Program, Requirement
from tnc.ir.schedule import Plan
from tnc.order import PlanOptions


@dataclass(frozen=True, slots=True)
class Unpredicted:
    """Why there is no prediction for a budget, and a way out."""

    reason: str
    help: str | None


def step_times(
    program: Program, plan: Callable[[PlanOptions], Plan], options: PlanOptions
) -> dict[Requirement, float | Unpredicted]:
    """For every budget on the time of a step the seconds that are predicted, in the dtype that is asked for.

    Sizes that a budget does not name are those of the options.
    """
    return {
        requirement: _step_time(requirement, program, plan, options)
        for requirement in program.requirements
        if requirement.metric == STEP_TIME
    }


def _step_time(
    requirement: Requirement, program: Program, plan: Callable[[PlanOptions], Plan], options: PlanOptions
) -> float | Unpredicted:
    dynamic = dict.fromkeys(dim for tensor in program.inputs for dim in tensor.shape if isinstance(dim, str))
    for name, _ in requirement.sizes:
        if name not in dynamic:
            there = (
                f"it has {', '.join(f'`{dim}`' for dim in dynamic)}" if dynamic else "it has none: leave the size out"
            )
            return Unpredicted(f"network `{program.name}` has no dynamic dimension `{name}`", there)
    try:
        target = options.target.on(requirement.device)
        sizes = {**dict(options.sizes), **dict(requirement.sizes)}
        made = plan(replace(options, target=target, sizes=tuple(sizes.items()), objective="time", forward_only=False))
    except CompileError as error:
        problem = error.diagnostics[0]
        return Unpredicted(problem.message, problem.help)
    return made.predicted.training
