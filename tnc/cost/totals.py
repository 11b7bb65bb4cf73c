"""The totals of a Schedule."""

from __future__ import annotations

from math import prod

from tnc.cost.dtypes import itemsize
from tnc.cost.run import Run, run
from tnc.ir.cost import Totals
from tnc.ir.number_kinds import stack_kind
from tnc.ir.schedule import Schedule


def totals(schedule: Schedule, dtype: str, ran: Run | None = None) -> Totals:
    """The totals of a Schedule; ``ran`` is its run in this dtype, if that is there already."""
    ran = ran or run(schedule, dtype)
    forward = sum(moment.work.flops for moment in ran.moments)
    backward = sum(moment.work.flops_backward for moment in ran.moments)
    parameters = sum(
        prod(stack.shape) * len(stack.members) * itemsize(dtype, stack_kind(stack)) for stack in schedule.stacks
    )
    return Totals(
        flops_forward=forward,
        flops_training=forward + backward,
        bytes_parameters=parameters,
        bytes_saved=ran.saved,
        bytes_peak_forward=ran.peak_forward,
        bytes_peak_training=ran.peak_training,
        largest_intermediate=ran.largest,
    )
