"""How the cores are seen in a module: where each stack has a local variable, and in which shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tnc.codegen.reads import all_steps
from tnc.ir.extent import Extent
from tnc.ir.reads import reads
from tnc.ir.schedule import Read, Schedule, Stack


@dataclass(frozen=True, slots=True)
class StackUse:
    """How steps and results read a stack: ``uses`` counts them, ``shape`` is the shape to see the tensor in."""

    uses: int
    shape: tuple[Extent, ...]


def stack_uses(schedule: Schedule) -> Mapping[str, StackUse]:
    """The use of every stack by its key."""
    found: dict[str, list[Read]] = {stack.key: [] for stack in schedule.stacks}
    for read in _all_reads(schedule):
        if read.source in found:
            found[read.source].append(read)
    return {stack.key: StackUse(len(found[stack.key]), _shape(stack, found[stack.key])) for stack in schedule.stacks}


def _all_reads(schedule: Schedule) -> Iterable[Read]:
    for step in all_steps(schedule.steps):
        yield from reads(step.operation)
    for result in schedule.results:
        yield result.read


def _shape(stack: Stack, uses: list[Read]) -> tuple[Extent, ...]:
    """The stored shape, or the one that most reads want: members as matrices, as a rule."""
    stored: tuple[Extent, ...] = stack.stored_shape if stack.stacked or stack.shape else ()
    if not uses:
        return stored
    if stack.stacked:
        if any(read.select is None or read.select[0] != 0 for read in uses):
            return stored
        length: tuple[Extent, ...] = (len(stack.members),)
    else:
        if any(read.select is not None for read in uses):
            return stored
        length = ()
    (shape, count), *_ = Counter(map(_wanted, uses)).most_common(1)
    return (*length, *shape) if count > 1 else stored


def _wanted(read: Read) -> tuple[Extent, ...]:
    """The shape of a read; of a matrix that serves a whole batch, without the batch axis."""
    return (
        read.shape[1:] if len(read.shape) == 3 and read.shape[0] == 1 and read.perm in (None, (0, 2, 1)) else read.shape
    )
