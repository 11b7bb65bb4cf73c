"""The time of a whole Schedule, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tnc.cost.kernels import shuffle
from tnc.cost.strided import gradient_is_copied
from tnc.cost.time import Clock, Seconds
from tnc.cost.unroll import Ran, unrolled
from tnc.ir.extent import evaluate
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
    return total + Seconds(backward=0.0 if clock.forward_only else _incoming(schedule, clock))


def _incoming(schedule: Schedule, clock: Clock) -> float:
    """What comes in against results is copied into the order that the last step made them in."""
    sizes = dict(schedule.sizes)
    made = {step.name: step.shape for step in schedule.steps}
    seconds = 0.0
    for result in schedule.results:
        read = result.read
        if read.source in made:
            source = [evaluate(size, sizes) for size in made[read.source]]
            if gradient_is_copied(read, source, sizes):
                seconds += clock.work(shuffle(read, sizes)) + clock.profile.call.backward
    return seconds
