"""Arrays of more axes than a framework takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tnc.codegen.reads import all_steps
from tnc.diagnostics import Diagnostic
from tnc.ir.reads import reads
from tnc.ir.schedule import Add, Broadcast, Multiply, Normalize, ReduceSum, Schedule, Step
from tnc.source import Span


@dataclass(frozen=True, slots=True)
class AxisLimit:
    """The most axes of an array in a framework; ``sums_only`` if only sums along some of the axes have the limit."""

    framework: str
    most: int
    sums_only: bool = False


def too_many_axes(schedule: Schedule, limit: AxisLimit) -> Iterator[Diagnostic]:
    """The tensors of the network that no array can hold; else the first step whose arrays have too many axes."""
    over = [] if limit.sums_only else [tensor for tensor in _tensors(schedule) if tensor[1] > limit.most]
    for what, rank, span in over:
        message = f"{what} has {rank} axes, and {limit.framework} arrays have {limit.most} at most"
        advice = "put several legs into one axis, as in `y((a, b), c)`, or compile for another backend"
        yield Diagnostic("TN502", message, span, help=advice)
    if over:
        return
    for step in all_steps(schedule.steps):
        rank = max(len(step.shape), *(len(read.shape) for read in reads(step.operation)), 0)
        if rank > limit.most and (not limit.sums_only or _sums(step)):
            verb = "sums along axes of" if limit.sums_only else "needs"
            what = f"`{step.region}` {verb} an array of {rank} axes"
            message = f"{what}, and {limit.framework} takes {limit.most} at most"
            advice = "give the tensors fewer axes: put several legs into one; or compile for another backend"
            yield Diagnostic("TN502", message, _span(schedule, step.region), help=advice)
            return


def _tensors(schedule: Schedule) -> Iterator[tuple[str, int, Span | None]]:
    """Inputs, parameters and outputs, with their number of axes and their place in the source."""
    for given in schedule.inputs:
        yield f"input `{given.name.rstrip('#')}`", len(given.shape), given.span
    for stack in schedule.stacks:
        first = stack.members[0]
        what = f"the parameter of `{first.name}` and its family" if stack.stacked else f"core `{first.name}`"
        yield what, len(stack.shape) + stack.stacked, first.span
    for result in schedule.results:
        yield f"output `{result.name}`", max(len(result.read.shape), len(result.axes)), result.span


def _span(schedule: Schedule, region: str) -> Span | None:
    return next((each.span for each in schedule.regions if each.name == region), None)


def _sums(step: Step) -> bool:
    """Whether a step sums along some axes, forward or backward: what is broadcast has a sum as its gradient."""
    match step.operation:
        case ReduceSum() | Normalize() | Broadcast():
            return True
        case Multiply() | Add():
            return any(read.seen != step.shape for read in reads(step.operation))
        case _:
            return False
