"""Every step told what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from tnc.cost.dtypes import itemsize
from tnc.cost.predict import timed_steps
from tnc.cost.run import Moment, run
from tnc.cost.time import Clock, Seconds
from tnc.ir.schedule import Cost, Repeat, Schedule, Step

_Told: TypeAlias = tuple[Moment, Seconds]


def annotate(schedule: Schedule, clock: Clock) -> Schedule:
    """The Schedule with ``Step.cost`` filled in at its nominal sizes.

    A loop's cost is that of all its iterations; a step of its body has that of the second one, as the first may save
    what the others share. The clock says in which dtype, and on which device, seconds are told.
    """
    moments = run(schedule, clock.dtype).moments
    by_step: dict[tuple[int, int | None], list[_Told]] = {}
    for moment, timed in zip(moments, timed_steps(schedule, clock), strict=True):
        by_step.setdefault((moment.ran.outer, moment.ran.inner), []).append((moment, timed.seconds))
    size = itemsize(clock.dtype)
    steps: list[Step] = []
    for outer, step in enumerate(schedule.steps):
        if not isinstance(step.operation, Repeat):
            steps.append(replace(step, cost=_cost(by_step[outer, None], size)))
            continue
        inner = [by_step[outer, place] for place in range(len(step.operation.body))]
        body = tuple(
            replace(each, cost=_cost(ran[1:2] or ran, size))
            for each, ran in zip(step.operation.body, inner, strict=True)
        )
        total = replace(
            _cost([told for ran in inner for told in ran], size),
            live_before=inner[0][0][0].live_before,
            live_after=inner[-1][-1][0].live_after,
        )
        steps.append(replace(step, operation=replace(step.operation, body=body), cost=total))
    return replace(schedule, steps=tuple(steps))


def _cost(told: list[_Told], size: int) -> Cost:
    moments = [moment for moment, _ in told]
    return Cost(
        flops=sum(moment.work.flops for moment in moments),
        flops_backward=sum(moment.work.flops_backward for moment in moments),
        bytes=sum(moment.work.entries for moment in moments) * size,
        bytes_backward=sum(moment.work.entries_backward for moment in moments) * size,
        saved=sum(moment.saved for moment in moments),
        live_before=moments[0].live_before,
        live_after=moments[-1].live_after,
        seconds=sum(seconds.forward for _, seconds in told),
        seconds_backward=sum(seconds.backward for _, seconds in told),
    )
