"""Every step told what it costs."""

from __future__ import annotations

from dataclasses import replace

from tnc.cost.dtypes import itemsize
from tnc.cost.run import Moment, run
from tnc.ir.schedule import Cost, Repeat, Schedule, Step


def annotate(schedule: Schedule, dtype: str) -> Schedule:
    """The Schedule with ``Step.cost`` filled in at its nominal sizes.

    A loop's cost is that of all its iterations; a step of its body has that of the second one, as the first may save
    what the others share.
    """
    moments = run(schedule, dtype).moments
    by_step: dict[tuple[int, int | None], list[Moment]] = {}
    for moment in moments:
        by_step.setdefault((moment.ran.outer, moment.ran.inner), []).append(moment)
    size = itemsize(dtype)
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
            _cost([moment for ran in inner for moment in ran], size),
            live_before=inner[0][0].live_before,
            live_after=inner[-1][-1].live_after,
        )
        steps.append(replace(step, operation=replace(step.operation, body=body), cost=total))
    return replace(schedule, steps=tuple(steps))


def _cost(moments: list[Moment], size: int) -> Cost:
    return Cost(
        flops=sum(moment.work.flops for moment in moments),
        flops_backward=sum(moment.work.flops_backward for moment in moments),
        bytes=sum(moment.work.entries for moment in moments) * size,
        bytes_backward=sum(moment.work.entries_backward for moment in moments) * size,
        saved=sum(moment.saved for moment in moments),
        live_before=moments[0].live_before,
        live_after=moments[-1].live_after,
    )
