"""The time of a whole Schedule, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tnc.cost.time import Clock, Seconds
from tnc.cost.unroll import Ran, unrolled
from tnc.ir.reads import reads
from tnc.ir.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Timed:
    """A step as it ran, and how long it takes."""

    ran: Ran
    seconds: Seconds


def timed_steps(schedule: Schedule, clock: Clock) -> Iterator[Timed]:
    """Every step that runs, at the nominal sizes, with its time."""
    sizes = dict(schedule.sizes)
    trained = {given.name: False for given in schedule.inputs}
    trained.update((stack.key, not stack.frozen) for stack in schedule.stacks)
    for ran in unrolled(schedule.steps):
        grads = [trained[read.source] for read in reads(ran.step.operation)]
        trained[ran.step.name] = any(grads)
        yield Timed(ran, clock.seconds(ran.step, grads, sizes))


def predicted(schedule: Schedule, clock: Clock) -> Seconds:
    """The time of one training step, without the optimizer; or of one forward pass, if the clock looks at no other."""
    total = Seconds()
    for timed in timed_steps(schedule, clock):
        total += timed.seconds
    return total
