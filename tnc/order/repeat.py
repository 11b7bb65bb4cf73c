"""Rolls loops: a run of equal blocks of steps that carry one value from block to block becomes one :class:`Loop`.

Blocks are equal if their steps do the same to values of equal shapes; the indices at which they select entries of
values from outside must advance evenly. Linear in the number of steps.
"""

from __future__ import annotations

from dataclasses import replace

from tnc.ir.blocks import Blocks, Run, even
from tnc.ir.extent import Extent, extent
from tnc.ir.reads import map_reads, reads
from tnc.ir.schedule import Conjugate, Index, Loop, Operation, Read, Schedule, Step

_LONGEST = 16
"""Maximum number of steps in a block."""

_FEWEST = 4
"""Minimum number of iterations; shorter runs stay written out."""


def roll(schedule: Schedule) -> Schedule:
    """The Schedule with its loops rolled, each as early and with as short a block as possible, within one region."""
    return replace(schedule, steps=_Roller(schedule).rolled())


def _form(step: Step) -> tuple[Operation, tuple[Extent, ...], bool, str]:
    """A step without what it reads; the shapes and permutations under which it reads count."""
    operation = map_reads(step.operation, lambda read: replace(read, source="", select=None))
    return operation, step.shape, step.strided, step.region


class _Roller:
    def __init__(self, schedule: Schedule) -> None:
        self._steps = schedule.steps
        stacks = {stack.key for stack in schedule.stacks}
        # The conjugate of a whole stack is read like a stack: from everywhere, a member at a time.
        conjugates = {step.name for step in self._steps if _conjugates_one_of(stacks, step.operation)}
        kept = [result.read.source for result in schedule.results]
        self._blocks = Blocks(self._steps, kept, _form, conjugates)
        self._names = {*(step.name for step in self._steps), *stacks, *(tensor.name for tensor in schedule.inputs)}
        self._shapes: dict[str, tuple[Extent, ...]] = {given.name: given.shape for given in schedule.inputs}
        self._shapes.update((stack.key, stack.stored_shape) for stack in schedule.stacks)
        self._shapes.update((step.name, step.shape) for step in self._steps if not step.strided)

    def rolled(self) -> tuple[Step, ...]:
        """The steps, runs replaced by loops."""
        steps: list[Step] = []
        position = 0
        while position < len(self._steps):
            run = self._run(position)
            if run is None:
                steps.append(self._steps[position])
                position += 1
            else:
                steps.append(self._loop(run))
                position += run.length * run.count
        return tuple(steps)

    def _run(self, position: int) -> Run | None:
        """The run with the shortest block that makes a loop from a step on."""
        for length in range(1, _LONGEST + 1):
            run = self._blocks.run(position, length)
            if run is None or run.count < _FEWEST or not self._carries_one_shape(run):
                continue
            count = even(self._blocks.selected(run))
            if count >= _FEWEST:
                return replace(run, count=count)
        return None

    def _carries_one_shape(self, run: Run) -> bool:
        """Whether the value that a run starts from can be seen in the shape of the values that it carries."""
        last = self._steps[run.first + run.length - 1]
        shape = self._shapes.get(run.start.source)
        if last.strided or shape is None:
            return False
        if run.start.select is not None:
            axis, _ = run.start.select
            if any(size != 1 for size in shape[:axis]):
                return False
            shape = shape[:axis] + shape[axis + 1 :]
        return extent(shape) == extent(last.shape)

    def _loop(self, run: Run) -> Step:
        first, second = (self._steps[run.first + block * run.length :][: run.length] for block in range(2))
        final = self._steps[run.first + run.length * run.count - 1]
        carried = self._fresh(f"{run.start.source}#carried")
        looped = tuple(_body_step(*pair, first, carried) for pair in zip(first, second, strict=True))
        loop = Loop(run.count, Read(run.start.source, final.shape, run.start.select), carried, looped)
        return Step(final.name, final.shape, loop, False, final.region, final.legs)

    def _fresh(self, wish: str) -> str:
        name, number = wish, 1
        while name in self._names:
            number += 1
            name = f"{wish}_{number}"
        self._names.add(name)
        return name


def _body_step(step: Step, later: Step, block: tuple[Step, ...], carried: str) -> Step:
    """A step of the first block as a step of the loop's body, given the same step of the second block."""
    own = {inner.name for inner in block[:-1]}
    pairs = zip(reads(step.operation), reads(later.operation), strict=True)
    changed: list[Read] = []
    for before, after in pairs:
        if after.source == block[-1].name:
            changed.append(replace(before, source=carried, select=after.select))
        elif before.select is not None and after.select is not None and before.source not in own:
            (axis, index), (_, next_index) = before.select, after.select
            changed.append(replace(before, select=(axis, Index(index.start, next_index.start - index.start))))
        else:
            changed.append(before)
    return replace(step, operation=map_reads(step.operation, lambda _: changed.pop(0)))


def _conjugates_one_of(stacks: set[str], operation: Operation) -> bool:
    return isinstance(operation, Conjugate) and operation.operand.source in stacks
