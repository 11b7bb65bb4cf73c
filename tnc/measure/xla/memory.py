"""The memory of a compiled step, as XLA gives it out on a processor: `memory_analysis()` before anything is compiled.

Kernels run breadth first. Each value lies in a buffer from the kernel that writes it to the last that reads it. Values
go first to the buffers of results, which have nothing to hold before the results are there; all others share a heap.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tnc.measure.xla.graph import Kernel, Kernels, Kind

_SMALL: Final = 64
"""What is smaller than this part of the largest value finds a place between others."""

_PLACED: Final = 2000
"""With more large values than these the heap is taken for no larger than it must be."""


@dataclass(frozen=True, slots=True)
class Buffers:
    """Bytes of the arguments, of the results, and of what is alive in between."""

    arguments: int
    results: int
    temporaries: int

    @property
    def total(self) -> int:
        """All that exists while the step runs."""
        return self.arguments + self.results + self.temporaries


@dataclass(frozen=True, slots=True)
class _Value:
    """Bytes that are alive from a time to a time: a kernel begins at an even one and ends at the odd one after it."""

    bytes: int
    start: int
    end: int


def assigned(kernels: Kernels) -> Buffers:
    """The buffers of a step."""
    order = _breadth_first(kernels.all, frozenset(_depth_first(kernels.all, kernels.first)))
    values = _values(kernels, order)
    places = {number: place for place, number in enumerate(_depth_first(kernels.all, kernels.results))}
    results: dict[int, list[_Value]] = {number: [] for number in kernels.results if number in values}
    rest: dict[int, _Value] = {}
    tried: list[int] = []
    # Large values first; the buffer of a result takes what is no larger than the result.
    for number in sorted(values, key=lambda number: (-values[number].bytes, number not in results, places[number])):
        if number in results:
            tried.append(number)
            _fits(results[number], values[number])
        elif not any(_fits(results[result], values[number]) for result in reversed(tried)):
            rest[number] = values[number]
    return Buffers(
        arguments=sum(kernel.bytes for kernel in kernels.all if kernel.kind is Kind.ARGUMENT),
        results=sum(values[number].bytes for number in results),
        temporaries=_heap(_merged(kernels.all, order, rest)),
    )


# -- order -------------------------------------------------------------------------------------


def _breadth_first(kernels: Sequence[Kernel], first: Container[int]) -> list[int]:
    """What is ready first runs first; of what is ready at once, what is among ``first``, and then what came first."""
    users: list[list[int]] = [[] for _ in kernels]
    missing = [len(kernel.operands) for kernel in kernels]
    for number, kernel in enumerate(kernels):
        for operand in kernel.operands:
            users[operand].append(number)
    for operand, those in enumerate(users):
        those.sort(key=lambda number: (number not in first, operand in kernels[number].late))
    order = [number for number, count in enumerate(missing) if count == 0]
    for number in order:  # grows
        for user in users[number]:
            missing[user] -= 1
            if missing[user] == 0:
                order.append(user)
    return order


def _depth_first(kernels: Sequence[Kernel], roots: Sequence[int]) -> Iterator[int]:
    """All that the roots need, operands before their users, first operands first."""
    seen: set[int] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        number, done = stack.pop()
        if done:
            yield number
        elif number not in seen:
            seen.add(number)
            stack.append((number, True))
            stack += [(operand, False) for operand in reversed(kernels[number].operands)]


# -- lives -------------------------------------------------------------------------------------


def _values(kernels: Kernels, order: Sequence[int]) -> dict[int, _Value]:
    """The values by the kernels that write them; one that is written over ends when the other begins."""
    held = [_held(kernels.all, number) for number in range(len(kernels.all))]
    position = {number: place for place, number in enumerate(order)}
    last: dict[int, int] = {}
    for place, number in enumerate(order):
        last.update((held[read], place) for read in (number, *kernels.all[number].operands))
    last.update((held[result], len(order)) for result in kernels.results)
    values = {
        number: _Value(kernel.bytes, 2 * position[number], 2 * last[number] + 1)
        for number, kernel in enumerate(kernels.all)
        if kernel.kind is not Kind.ARGUMENT and kernel.bytes
    }
    for number in order:
        start = 2 * position[number]
        for operand in kernels.all[number].overwrites:
            if operand in values and values[operand].end == start + 1:
                values[operand] = _Value(values[operand].bytes, values[operand].start, start - 1)
                break
    return values


def _held(kernels: Sequence[Kernel], number: int) -> int:
    """The kernel whose bytes a view sees."""
    while not kernels[number].bytes and kernels[number].operands:
        (number,) = kernels[number].operands
    return number


def _merged(kernels: Sequence[Kernel], order: Sequence[int], values: Mapping[int, _Value]) -> list[_Value]:
    """What is written over something else as one value with it."""
    found = dict(values)
    for number in order:
        for operand in kernels[number].overwrites:
            if number in found and operand in found and found[operand].end == found[number].start - 1:
                found[number] = _Value(found[number].bytes, found.pop(operand).start, found[number].end)
    return list(found.values())


# -- places ------------------------------------------------------------------------------------


def _fits(taken: list[_Value], value: _Value) -> bool:
    """Put a value between those that a buffer holds at other times, if there is room."""
    place = bisect_left(taken, value.start, key=lambda other: other.start)
    if place and taken[place - 1].end >= value.start:
        return False
    if place < len(taken) and taken[place].start <= value.end:
        return False
    taken.insert(place, value)
    return True


def _heap(values: Sequence[_Value]) -> int:
    """The smaller heap of two: with the largest values placed first, and with those that live longest."""
    largest = max((value.bytes for value in values), default=0)
    large = [value for value in values if value.bytes * _SMALL >= largest]
    if len(large) > _PLACED:
        return _alive(values)
    small = [value for value in values if value.bytes * _SMALL < largest]
    by_size = sorted(large, key=lambda value: (-value.bytes, value.start - value.end))
    by_life = sorted(large, key=lambda value: (value.start - value.end, -value.bytes))
    return min(_size(by_size), _size(by_life)) + _alive(small)


def _size(values: Sequence[_Value]) -> int:
    """The size of a heap where every value in turn gets the smallest hole that is there as long as it lives."""
    placed: list[tuple[int, _Value]] = []
    for value in values:
        beside = [(at, o.bytes) for at, o in placed if o.start <= value.end and value.start <= o.end]
        placed.append((_hole(sorted(beside), value.bytes), value))
    return max((at + value.bytes for at, value in placed), default=0)


def _hole(taken: Sequence[tuple[int, int]], size: int) -> int:
    """Where the smallest hole begins that is large enough, or what is taken ends."""
    end = 0
    holes: list[tuple[int, int]] = []
    for start, length in taken:
        if start - end >= size:
            holes.append((start - end, end))
        end = max(end, start + length)
    return min(holes)[1] if holes else end


def _alive(values: Sequence[_Value]) -> int:
    """The most bytes at one time."""
    changes = [(value.start, value.bytes) for value in values] + [(value.end + 1, -value.bytes) for value in values]
    most = alive = 0
    for _, change in sorted(changes):
        alive += change
        most = max(most, alive)
    return most
