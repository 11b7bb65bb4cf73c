"""One training step of a Schedule on paper: what is alive when, what is saved, where the peaks are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tnc.cost.saved import Memory
from tnc.cost.strided import Storage, Strided, gradient_is_copied
from tnc.cost.unroll import Ran, unrolled
from tnc.cost.work import Work, work
from tnc.ir.extent import count
from tnc.ir.number_kinds import NumberKind, source_kinds
from tnc.ir.reads import reads
from tnc.ir.schedule import Index, Matmul, Read, Schedule, Step


@dataclass(frozen=True, slots=True)
class Moment:
    """A step as it ran: its work, what autograd keeps because of it and no earlier one, and the bytes alive.

    ``itemsize`` is that of the step's result; the entries that the step moves are counted with it.
    """

    ran: Ran
    work: Work
    itemsize: int
    saved: int
    live_before: int
    live_after: int


@dataclass(frozen=True, slots=True)
class Run:
    """All moments of the forward pass and the totals in bytes; ``largest`` is the largest value made, in entries."""

    moments: tuple[Moment, ...]
    saved: int
    peak_forward: int
    peak_training: int
    largest: int


def run(schedule: Schedule, dtype: str, kinds: Mapping[str, NumberKind] | None = None, *, fuses: bool = False) -> Run:
    """Follow a Schedule at its nominal sizes; ``kinds`` of its stacks and inputs, if it is part of another one.

    With ``fuses`` a compiler computes cheap values again instead of saving them.
    """
    return _Runner(schedule, dtype, source_kinds(schedule) if kinds is None else kinds, fuses).run()


class _Runner:
    def __init__(self, schedule: Schedule, dtype: str, kinds: Mapping[str, NumberKind], fuses: bool) -> None:
        self._schedule = schedule
        self._memory = Memory(schedule, dtype, kinds, fuses)
        self._ran = tuple(unrolled(schedule.steps))
        self._trained = {stack.key: stack.stacked for stack in schedule.stacks if not stack.frozen}
        self._trained.update((given.name, True) for given in schedule.inputs if given.grad)

    def run(self) -> Run:
        """Forward, then backward."""
        last = self._last_uses()
        holders: Counter[Storage] = Counter()
        saved: dict[Storage, int] = {}
        kept_by: list[tuple[Storage, ...]] = []
        moments: list[Moment] = []
        live = peak_forward = peak_training = saved_bytes = largest = 0
        saved_only = 0  # bytes that only autograd holds
        for number, ran in enumerate(self._ran):
            before = live
            operands = [self._memory.values[read.source] for read in reads(ran.step.operation)]
            done = work(ran.step, [operand.grad for operand in operands], self._memory.sizes)
            keeps = self._memory.run(ran.step)
            kept_by.append(keeps)
            value = self._memory.values[ran.step.name]
            live += self._hold(holders, value)
            largest = max(largest, value.entries)
            fresh = [storage for storage in keeps if storage not in saved]
            saved.update((storage, number) for storage in fresh)
            saved_bytes += sum(storage.bytes for storage in fresh)
            saved_only += sum(storage.bytes for storage in fresh if not holders[storage])
            peak_forward = max(peak_forward, live)
            peak_training = max(peak_training, live + saved_only)
            for name in last[number]:
                gone = self._memory.values[name].storage
                freed = self._drop(holders, gone)
                live -= freed
                saved_only += freed if gone in saved else 0
            itemsize = self._memory.itemsize(ran.step.name)
            moments.append(Moment(ran, done, itemsize, sum(storage.bytes for storage in fresh), before, live))
        backward = self._backward(kept_by, holders)
        return Run(tuple(moments), saved_bytes, peak_forward, max(peak_training, backward), largest)

    def _hold(self, holders: Counter[Storage], value: Strided) -> int:
        holders[value.storage] += 1
        return value.storage.bytes if holders[value.storage] == 1 else 0

    def _drop(self, holders: Counter[Storage], storage: Storage) -> int:
        holders[storage] -= 1
        return storage.bytes if holders[storage] == 0 else 0

    def _last_uses(self) -> list[list[str]]:
        """For each step the values that nothing reads afterwards."""
        last: dict[str, int] = {}
        made: set[str] = set()
        for number, ran in enumerate(self._ran):
            made.add(ran.step.name)
            last[ran.step.name] = number
            for read in reads(ran.step.operation):
                last[read.source] = number
        for result in self._schedule.results:
            last.pop(result.read.source, None)
        dying: list[list[str]] = [[] for _ in self._ran]
        for name, number in last.items():
            if name in made:
                dying[number].append(name)
        return dying

    def _backward(self, kept_by: Sequence[tuple[Storage, ...]], holders: Counter[Storage]) -> int:
        """The peak of the backward pass: results, what is saved, gradients of values, of parameters and of inputs."""
        uses: Counter[Storage] = Counter(storage for kept in kept_by for storage in kept)
        held = {storage for storage, number in holders.items() if number > 0}
        alive = sum(storage.bytes for storage in held | set(uses))
        gradients: dict[str, int] = {}
        values = self._memory.values
        for result in self._schedule.results:
            value = values[result.read.source]
            if value.grad and not value.storage.free:
                gradients[result.read.source] = value.entries * self._memory.itemsize(result.read.source)
        alive += sum(gradients.values())
        cores = _CoreGradients(self._trained, self._first_uses())
        peak = alive + max((self._copied(result.read) for result in self._schedule.results), default=0)
        for number in range(len(self._ran) - 1, -1, -1):
            ran = self._ran[number]
            own = gradients.pop(ran.step.name, 0)
            if not values[ran.step.name].grad:
                continue
            for read in reads(ran.step.operation):
                operand = values[read.source]
                size = self._memory.itemsize(read.source)
                if read.source in self._trained:
                    alive += cores.made(read, count(read.shape, self._memory.sizes) * size)
                elif operand.grad and not operand.storage.free and read.source not in gradients:
                    gradients[read.source] = operand.entries * size
                    alive += gradients[read.source]
            peak = max(peak, alive + self._unsummed(ran.step))
            alive -= own
            for key, members in cores.stacked(number):
                whole = values[key].entries * self._memory.itemsize(key)
                peak = max(peak, alive + whole)
                alive += whole - members
            for storage in kept_by[number]:
                uses[storage] -= 1
                if uses[storage] == 0 and storage not in held:
                    alive -= storage.bytes
            if self._batched(ran.step):
                peak = max(peak, alive + max(map(self._copied, reads(ran.step.operation))))
        return peak

    def _first_uses(self) -> dict[str, int]:
        """The step that is the first to read a trained stack or input, and so the last to add to its gradient."""
        first: dict[str, int] = {}
        for number, ran in enumerate(self._ran):
            for read in reads(ran.step.operation):
                if read.source in self._trained:
                    first.setdefault(read.source, number)
        return first

    def _batched(self, step: Step) -> bool:
        """Whether a step is a product whose gradients come in the order in which its operands are seen."""
        return isinstance(step.operation, Matmul) and len(step.shape) > 2

    def _copied(self, read: Read) -> int:
        """Bytes of a gradient, where it is copied to get the shape of what was read, until the first one goes."""
        source = self._memory.values[read.source]
        copied = source.grad and not source.storage.free and gradient_is_copied(read, source.shape, self._memory.sizes)
        return count(read.shape, self._memory.sizes) * self._memory.itemsize(read.source) if copied else 0

    def _unsummed(self, step: Step) -> int:
        """Bytes of the gradient of a matrix that a whole batch shares, before it is summed over the batch."""
        if not isinstance(step.operation, Matmul):
            return 0
        batch = count(step.shape[:-2], self._memory.sizes)
        for read in reads(step.operation):
            if read.seen[:-2] == (1,) and batch != 1 and self._memory.values[read.source].grad:
                return batch * count(read.seen, self._memory.sizes) * self._memory.itemsize(step.name)
        return 0


class _CoreGradients:
    """Gradients of parameters and inputs come in one by one; those of members of a stack are stacked in the end."""

    def __init__(self, trained: Mapping[str, bool], first: Mapping[str, int]) -> None:
        self._ends: dict[int, list[str]] = {}
        for key, number in first.items():
            if trained[key]:
                self._ends.setdefault(number, []).append(key)
        self._made: dict[str, dict[tuple[int, Index] | None, int]] = {key: {} for key in trained}

    def made(self, read: Read, size: int) -> int:
        """The bytes that are new because what a read sees has a gradient now."""
        if read.select in self._made[read.source]:
            return 0
        self._made[read.source][read.select] = size
        return size

    def stacked(self, number: int) -> Iterator[tuple[str, int]]:
        """The stacks whose gradients are complete with a step, and the bytes that their members' gradients take."""
        for key in self._ends.get(number, ()):
            if None not in self._made[key]:
                yield key, sum(self._made[key].values())
