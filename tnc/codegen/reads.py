"""What the steps of a Schedule read, and how often: this is what decides between one `unbind` and plain indexing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tnc.codegen.rolling import Item, sources
from tnc.ir.reads import reads
from tnc.ir.schedule import Loop, Read, Schedule, Step


def all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps and, after each :class:`Loop`, those of its body."""
    pending = list(steps)[::-1]
    while pending:
        step = pending.pop()
        yield step
        if isinstance(step.operation, Loop):
            pending.extend(reversed(step.operation.body))


def advancing(body: Iterable[Step]) -> tuple[Read, ...]:
    """The reads in a loop's body that advance with it, one for each place that they walk along."""
    found: dict[tuple[str, object], Read] = {}
    for step in body:
        for read in reads(step.operation):
            if read.select is not None and read.select[1].step:
                found.setdefault((read.source, read.select), read)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Usage:
    """How each tensor is read: as a whole, by how many fixed picks along an axis, by loops along an axis."""

    whole: frozenset[str]
    picked: Counter[tuple[str, int]] = field(hash=False)
    walked: frozenset[tuple[str, int]]

    def axes(self, source: str) -> list[int]:
        """The axes along which members of a tensor are taken."""
        return sorted({axis for name, axis in (*self.picked, *self.walked) if name == source})


def usage(schedule: Schedule) -> Usage:
    """Count all reads of a Schedule, its results included."""
    whole: set[str] = set()
    walked: set[tuple[str, int]] = set()
    picked: Counter[tuple[str, int]] = Counter()
    every = [read for step in all_steps(schedule.steps) for read in reads(step.operation)]
    for read in (*every, *(result.read for result in schedule.results)):
        if read.select is None:
            whole.add(read.source)
        elif read.select[1].step:
            walked.add((read.source, read.select[0]))
        else:
            picked[read.source, read.select[0]] += 1
    return Usage(frozenset(whole), picked, frozenset(walked))


def last_uses(steps: Sequence[Item]) -> dict[str, int]:
    """For each tensor that the steps read: the position of the last step that does."""
    return {source: position for position, step in enumerate(steps) for source in sources(step)}
