"""Loops: a run of equal blocks of steps that hand one tensor on becomes one :class:`Loop`.

Blocks are equal if their steps do the same to operands at the same distance, members of stacks and entries of inputs
apart; these must advance evenly. Found in time linear in the number of steps.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from tnc.ir.extent import extent
from tnc.ir.reads import map_reads, reads
from tnc.ir.schedule import Conjugate, Index, Loop, Operation, Read, Schedule, Step

_LONGEST = 16
"""The longest block looked for."""

_FEWEST = 4
"""Fewer blocks than this stay written out."""


def roll(schedule: Schedule) -> Schedule:
    """The Schedule with its loops found. Loops stay within one region."""
    return replace(schedule, steps=_Roller(schedule).rolled())


def _conjugates_stack(step: Step, stacks: AbstractSet[str]) -> bool:
    return isinstance(step.operation, Conjugate) and step.operation.operand.source in stacks


class _Roller:
    def __init__(self, schedule: Schedule) -> None:
        self._steps = schedule.steps
        stacks = {stack.key for stack in schedule.stacks}
        # The conjugate of a whole stack is read as stacks are: from everywhere, a member at a time.
        self._place = {
            step.name: number for number, step in enumerate(schedule.steps) if not _conjugates_stack(step, stacks)
        }
        self._last_user = self._users(schedule)
        self._tokens = self._abstracted()
        self._names = {*(s.name for s in self._steps), *stacks, *(tensor.name for tensor in schedule.inputs)}

    def rolled(self) -> tuple[Step, ...]:
        """The steps, runs replaced by loops, each as early and with as short a block as possible."""
        runs = [self._runs(length) for length in range(1, _LONGEST + 1)]
        steps: list[Step] = []
        position = 0
        while position < len(self._steps):
            for length in range(1, _LONGEST + 1):
                count = runs[length - 1][position] // length + 1
                count = self._valid(position, length, count) if count >= _FEWEST else 0
                if count >= _FEWEST:
                    steps.append(self._loop(position, length, count))
                    position += length * count
                    break
            else:
                steps.append(self._steps[position])
                position += 1
        return tuple(steps)

    def _users(self, schedule: Schedule) -> list[int]:
        """For each step the last one that reads it; results count as coming after all."""
        last = list(range(len(self._steps)))
        for number, step in enumerate(self._steps):
            for read in reads(step.operation):
                if read.source in self._place:
                    last[self._place[read.source]] = number
        for result in schedule.results:
            if result.read.source in self._place:
                last[self._place[result.read.source]] = len(self._steps)
        return last

    def _abstracted(self) -> list[int]:
        """A number for each step, equal for steps that may stand at the same place of a block."""
        known: dict[tuple[Operation, object, bool, str], int] = {}
        tokens: list[int] = []
        for number, step in enumerate(self._steps):

            def abstract(read: Read, number: int = number) -> Read:
                place = self._place.get(read.source)
                if place is not None and number - place <= 2 * _LONGEST:
                    return replace(read, source=f"\0{number - place}")
                return read if read.select is None else replace(read, select=(read.select[0], Index(0)))

            token = map_reads(step.operation, abstract), step.shape, step.strided, step.region
            tokens.append(known.setdefault(token, len(known)))
        return tokens

    def _runs(self, length: int) -> list[int]:
        """For each step, how many steps from there on equal those ``length`` later."""
        tokens = self._tokens
        runs = [0] * (len(tokens) + 1)
        for number in range(len(tokens) - length - 1, -1, -1):
            runs[number] = runs[number + 1] + 1 if tokens[number] == tokens[number + length] else 0
        return runs

    def _valid(self, start: int, length: int, count: int) -> int:
        """How many of the blocks make a loop: one tensor handed on, nothing else used outside, indices advancing."""
        last = self._steps[start + length - 1]
        if start == 0 or last.strided or not self._hands_on(start, length):
            return 0
        before = self._steps[start - 1]
        if before.strided or extent(before.shape) != extent(last.shape):
            return 0
        for block in range(count):
            first = start + block * length
            inner = self._last_user[first : first + length - 1]
            if any(user >= first + length for user in inner):
                count = block
                break
            if self._last_user[first + length - 1] >= first + 2 * length:
                count = block + 1
                break
        return self._even(start, length, count)

    def _hands_on(self, start: int, length: int) -> bool:
        """Whether the first block reads the step before it and otherwise only itself and what lies far back."""
        handed = False
        for number in range(start, start + length):
            for read in reads(self._steps[number].operation):
                place = self._place.get(read.source)
                if place is None or number - place > 2 * _LONGEST:
                    continue
                if place < start - 1:
                    return False
                handed = handed or place == start - 1
        return handed

    def _even(self, start: int, length: int, count: int) -> int:
        """How many of the blocks pick at evenly advancing positions."""
        if count < 2:
            return count
        picks = [self._picks(start + block * length, length) for block in range(count)]
        strides = [after - before for before, after in zip(picks[0], picks[1], strict=True)]
        for block in range(1, count):
            expected = [first + block * stride for first, stride in zip(picks[0], strides, strict=True)]
            if picks[block] != expected:
                return block
        return count

    def _picks(self, start: int, length: int) -> list[int]:
        return [
            read.select[1].start
            for step in self._steps[start : start + length]
            for read in reads(step.operation)
            if read.select is not None
        ]

    def _loop(self, start: int, length: int, count: int) -> Step:
        body = self._steps[start : start + length]
        final = self._steps[start + length * count - 1]
        before = self._steps[start - 1]
        carried = self._fresh(f"{before.name}#carried")
        strides = iter(
            after - first
            for first, after in zip(self._picks(start, length), self._picks(start + length, length), strict=True)
        )

        def change(read: Read) -> Read:
            if read.select is not None:
                axis, index = read.select
                read = replace(read, select=(axis, Index(index.start, next(strides))))
            return replace(read, source=carried) if read.source == before.name else read

        looped = tuple(replace(step, operation=map_reads(step.operation, change)) for step in body)
        repeat = Loop(count, Read(before.name, final.shape), carried, looped)
        return Step(final.name, final.shape, repeat, False, final.region, final.legs)

    def _fresh(self, wish: str) -> str:
        name, number = wish, 1
        while name in self._names:
            number += 1
            name = f"{wish}_{number}"
        self._names.add(name)
        return name
