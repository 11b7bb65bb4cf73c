"""The totals of a Schedule."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from tnc.cost.dtypes import itemsize
from tnc.cost.run import run
from tnc.ir.number_kinds import stack_kind
from tnc.ir.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Totals:
    """FLOPs and bytes of a whole Schedule at its nominal sizes; the largest intermediate in entries.

    Training is forward and backward, without the optimizer. Peaks count values, what is saved and gradients (those of
    the parameters and of inputs with ``grad`` too), not parameters and inputs.
    ``bytes_parameters`` counts trainable and frozen cores.
    """

    flops_forward: int
    flops_training: int
    bytes_parameters: int
    bytes_saved: int
    bytes_peak_forward: int
    bytes_peak_training: int
    largest_intermediate: int


def totals(schedule: Schedule, dtype: str) -> Totals:
    """Follow the Schedule once and add up."""
    ran = run(schedule, dtype)
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
