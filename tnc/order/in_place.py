"""Pointwise functions that overwrite what they are applied to."""

from __future__ import annotations

from dataclasses import replace

from tnc.ir.overwrite import overwritable, overwrites
from tnc.ir.schedule import Pointwise, Read, Schedule, Step


def overwrite(schedule: Schedule) -> Schedule:
    """The Schedule with every pointwise function in place that may be."""
    free = overwritable(schedule.steps, schedule.results)
    shapes = {step.name: step.shape for step in schedule.steps}

    def changed(step: Step) -> Step:
        match step.operation:
            case Pointwise(function=function, operands=(read,)) if read.source in free and overwrites(function):
                # The value itself, not another view of it: overwriting a view makes autograd copy.
                shape = shapes[read.source]
                own = replace(step.operation, operands=(Read(read.source, shape),), in_place=True)
                return replace(step, shape=shape, operation=own)
            case _:
                return step

    return replace(schedule, steps=tuple(map(changed, schedule.steps)))
