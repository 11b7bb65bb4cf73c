"""A Schedule with what each of its parts costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from tnc.cost.dtypes import itemsize
from tnc.cost.predict import Timed
from tnc.cost.run import Moment, Run
from tnc.ir.cost import Cost, Spent
from tnc.ir.number_kinds import schedule_kinds
from tnc.ir.schedule import Loop, Schedule, Step

_Told: TypeAlias = tuple[Moment, Spent]


def annotate(schedule: Schedule, dtype: str, ran: Run, timed: Timed) -> Schedule:
    """The Schedule with ``cost`` filled in for inputs, steps and results, at its nominal sizes.

    A loop's cost is that of all its iterations; a step of its body has that of the second one, as the first may save
    what the others share. ``ran`` and ``timed`` are a run of this Schedule in this dtype, and its times on a device.
    """
    by_step: dict[tuple[int, int | None], list[_Told]] = {}
    for moment, (each, spent) in zip(ran.moments, timed.steps, strict=True):
        by_step.setdefault((each.outer, each.inner), []).append((moment, spent))
    kinds = schedule_kinds(schedule)
    steps: list[Step] = []
    for outer, step in enumerate(schedule.steps):
        if not isinstance(step.operation, Loop):
            steps.append(replace(step, cost=_cost(by_step[outer, None])))
            continue
        inner = [by_step[outer, place] for place in range(len(step.operation.body))]
        body = tuple(
            replace(each, cost=_cost(told[1:2] or told)) for each, told in zip(step.operation.body, inner, strict=True)
        )
        total = replace(
            _cost([each for told in inner for each in told]),
            live_before=inner[0][0][0].live_before,
            live_after=inner[-1][-1][0].live_after,
        )
        steps.append(replace(step, operation=replace(step.operation, body=body), cost=total))
    inputs = tuple(
        replace(given, cost=Cost(bytes_backward=entries * itemsize(dtype, kinds[given.name]), spent=spent))
        for given, (entries, spent) in zip(schedule.inputs, timed.inputs, strict=True)
    )
    results = tuple(
        replace(result, cost=Cost(bytes_backward=entries * itemsize(dtype, kinds[result.read.source]), spent=spent))
        for result, (entries, spent) in zip(schedule.results, timed.results, strict=True)
    )
    return replace(schedule, inputs=inputs, steps=tuple(steps), results=results)


def _cost(told: Sequence[_Told]) -> Cost:
    moments = [moment for moment, _ in told]
    return Cost(
        flops=sum(moment.work.flops for moment in moments),
        flops_backward=sum(moment.work.flops_backward for moment in moments),
        bytes=sum(moment.work.entries * moment.itemsize for moment in moments),
        bytes_backward=sum(moment.work.entries_backward * moment.itemsize for moment in moments),
        saved=sum(moment.saved for moment in moments),
        live_before=moments[0].live_before,
        live_after=moments[-1].live_after,
        spent=sum((spent for _, spent in told), Spent()),
    )
