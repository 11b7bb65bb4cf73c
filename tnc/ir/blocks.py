"""Finds runs of equal blocks of steps, each of which reads one value of the block before it.

Two blocks are equal if their steps have the same form and read the same values: values of their own at the same
distance, the value carried from the block before, and values from outside under the same name. Selected entries of
values from outside may differ. The first block may start from any value. Linear in the number of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tnc.diagnostics import InternalError
from tnc.ir.reads import all_reads, reads
from tnc.ir.schedule import Read, Step


@dataclass(frozen=True, slots=True)
class Run:
    """``count`` blocks of ``length`` steps from ``first`` on; the first block starts from ``start``.

    ``start.shape`` is the shape under which the first block reads it.
    """

    first: int
    length: int
    count: int
    start: Read


class Blocks:
    """The runs among some steps.

    ``kept`` are values that are read after all steps; ``outside`` values that count as coming from outside wherever
    they are computed. ``form`` gives equal results for steps that may have the same place in a block, reads aside.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        kept: Iterable[str],
        form: Callable[[Step], Hashable],
        outside: AbstractSet[str] = frozenset(),
    ) -> None:
        self._reads = [reads(step.operation) for step in steps]
        self._place = {step.name: number for number, step in enumerate(steps) if step.name not in outside}
        self._last_user = self._users(steps, kept)
        known: dict[Hashable, int] = {}
        self._forms = [known.setdefault(form(step), len(known)) for step in steps]
        self._equal: dict[int, list[int]] = {}

    def run(self, first: int, length: int) -> Run | None:
        """The longest run of blocks of this length from a step on; None if there are fewer than two."""
        second = first + length
        if second + length > len(self._forms):
            return None
        start = self._start(first, length)
        if start is None:
            return None
        if length not in self._equal:
            self._equal[length] = self._equal_steps(length)
        count = self._closed(first, length, 2 + self._equal[length][second] // length)
        return Run(first, length, count, start) if count > 1 else None

    def selected(self, run: Run) -> list[list[int]]:
        """For every block the indices at which its steps select entries of values from outside, in order."""
        second = run.first + run.length
        places = [
            (offset, number)
            for offset in range(run.length)
            for number, read in enumerate(self._reads[second + offset])
            if read.select is not None and self._place.get(read.source, -1) < run.first
        ]
        starts = range(run.first, run.first + run.count * run.length, run.length)
        return [[_index(self._reads[start + offset][number]) for offset, number in places] for start in starts]

    def _users(self, steps: Sequence[Step], kept: Iterable[str]) -> list[int]:
        """For each step the last one that reads it; ``kept`` values are read after all steps."""
        last = list(range(len(steps)))
        for number, step in enumerate(steps):
            for read in all_reads(step.operation):
                if read.source in self._place:
                    last[self._place[read.source]] = number
        for name in kept:
            if name in self._place:
                last[self._place[name]] = len(steps)
        return last

    def _equal_steps(self, length: int) -> list[int]:
        """For each step, how many steps from there on equal those ``length`` later."""
        known: dict[Hashable, int] = {}
        tokens = [known.setdefault(self._token(number, length), len(known)) for number in range(len(self._forms))]
        equal = [0] * (len(tokens) + 1)
        for number in range(len(tokens) - length - 1, -1, -1):
            equal[number] = equal[number + 1] + 1 if tokens[number] == tokens[number + length] else 0
        return equal

    def _token(self, number: int, length: int) -> Hashable:
        """Equal for steps that may have the same place in blocks of this length, the first block aside."""
        parts: list[Hashable] = [self._forms[number]]
        for read in self._reads[number]:
            distance = number - self._place.get(read.source, -1 - length)
            if distance <= length:
                parts.append((distance, read.select))
            else:
                parts.append((read.source, read.select and read.select[0]))
        return tuple(parts)

    def _start(self, first: int, length: int) -> Read | None:
        """What the first block reads where the second one reads the last value of the first; None if they differ."""
        start: Read | None = None
        second = first + length
        for offset in range(length):
            if self._forms[first + offset] != self._forms[second + offset]:
                return None
            for before, after in zip(self._reads[first + offset], self._reads[second + offset], strict=True):
                place = self._place.get(after.source, -1)
                if place >= second:  # the block's own
                    if before.select != after.select or self._place.get(before.source) != place - length:
                        return None
                elif place == second - 1:
                    found = _carried(before, after)
                    if found is None or self._place.get(before.source, -1) >= first:
                        return None
                    if start is not None and (start.source, start.select) != (found.source, found.select):
                        return None
                    start = start or found
                elif place >= first or before.source != after.source or _axis(before) != _axis(after):
                    return None
        return start

    def _closed(self, first: int, length: int, count: int) -> int:
        """The number of blocks whose values nothing reads but themselves and, the last value, the next block."""
        for block in range(count):
            begin = first + block * length
            end = begin + length
            if any(user >= end for user in self._last_user[begin : end - 1]):
                return block
            if self._last_user[end - 1] >= end + length:
                return block + 1
        return count


def _carried(before: Read, after: Read) -> Read | None:
    """The read of the value to start from, given how the first block reads it and how the second one reads its own."""
    if after.select is None:
        return Read(before.source, before.shape, before.select)
    return Read(before.source, before.shape) if before.select == after.select else None


def _index(read: Read) -> int:
    if read.select is None:
        raise InternalError(f"`{read.source}` is read as a whole in one block, and not in another")
    return read.select[1].start


def _axis(read: Read) -> int | None:
    return None if read.select is None else read.select[0]


def even(positions: Sequence[Sequence[int]]) -> int:
    """The number of leading blocks whose indices advance evenly; ``positions`` has the indices of every block."""
    for block in range(2, len(positions)):
        for first, second, here in zip(positions[0], positions[1], positions[block], strict=True):
            if here != first + block * (second - first):
                return block
    return len(positions)
