"""The time of a whole Schedule, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tnc.cost.kernels import MemoryPass, shuffle
from tnc.cost.strided import gradient_is_copied
from tnc.cost.time import Clock, Seconds
from tnc.cost.unroll import Ran, unrolled
from tnc.ir.cost import Spent, Terms
from tnc.ir.extent import count, evaluate
from tnc.ir.reads import reads
from tnc.ir.schedule import InputTensor, Schedule


@dataclass(frozen=True, slots=True)
class Timed:
    """Every step that runs with its time, and for inputs and results what copies of their gradients take.

    That is the entries that are read and written, and the time; both are 0 where nothing is copied.
    """

    inputs: tuple[tuple[int, Spent], ...]
    steps: tuple[tuple[Ran, Spent], ...]
    results: tuple[tuple[int, Spent], ...]

    @property
    def seconds(self) -> Seconds:
        """The time of one training step, without the optimizer."""
        spent = self._spent
        return Seconds(spent.forward.total, spent.backward.total)

    @property
    def terms(self) -> Terms:
        """The same time by what it is spent on."""
        return self._spent.both

    @property
    def _spent(self) -> Spent:
        return sum((each for _, each in (*self.inputs, *self.steps, *self.results)), Spent())


def timed(schedule: Schedule, clock: Clock) -> Timed:
    """Every part of a training step with its time, at the nominal sizes."""
    sizes = dict(schedule.sizes)
    trained = {given.name: given.grad for given in schedule.inputs}
    trained.update((stack.key, not stack.frozen) for stack in schedule.stacks)
    steps: list[tuple[Ran, Spent]] = []
    for ran in unrolled(schedule.steps):
        grads = [trained[read.source] for read in reads(ran.step.operation)]
        trained[ran.step.name] = any(grads)
        steps.append((ran, clock.spent(ran.step, grads, sizes)))
    picked = {read.source for ran, _ in steps for read in reads(ran.step.operation) if read.select is not None}
    inputs = tuple(_outgoing(given, given.name in picked, clock, sizes) for given in schedule.inputs)
    return Timed(inputs, tuple(steps), tuple(_incoming(schedule, clock, trained)))


def predicted(schedule: Schedule, clock: Clock) -> Seconds:
    """The time of one training step, without the optimizer; backward is 0 if the clock looks at forward only."""
    return timed(schedule, clock).seconds


def _outgoing(given: InputTensor, picked: bool, clock: Clock, sizes: Mapping[str, int]) -> tuple[int, Spent]:
    """The copy that puts the gradient of an input together, where steps pick entries of it."""
    if not (given.grad and picked):
        return 0, Spent()
    entries = count(given.shape, sizes)
    return 2 * entries, clock.incoming(MemoryPass(2 * entries, entries))


def _incoming(schedule: Schedule, clock: Clock, trained: Mapping[str, bool]) -> Iterator[tuple[int, Spent]]:
    """For each result the copy of its gradient into the order in which the last step made the value."""
    sizes = dict(schedule.sizes)
    made = {step.name: step.shape for step in schedule.steps}
    for result in schedule.results:
        read = result.read
        shape = [evaluate(size, sizes) for size in made.get(read.source, ())]
        if read.source in made and trained[read.source] and gradient_is_copied(read, shape, sizes):
            copy = shuffle(read, sizes)
            yield copy.entries, clock.incoming(copy)
        else:
            yield 0, Spent()
