"""Finds steps that a loop writes more briefly, although shapes differ from block to block.

Consecutive blocks of steps make one :class:`Rolled` if their operations, permutations and reads agree once sizes that
differ are left open. The entries that they select and the value carried from block to block are all else that may
differ. The loop is one of the text only: the same operations run on the same values, so plans and costs do not change.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import count as numbers
from typing import TypeAlias

from tnc.ir.blocks import Blocks, Run
from tnc.ir.extent import Extent, evaluate
from tnc.ir.number_kinds import NumberKind
from tnc.ir.reads import all_reads, map_reads, reads
from tnc.ir.schedule import (
    Add,
    Conjugate,
    Contiguous,
    Index,
    Kron,
    Loop,
    Matmul,
    Multiply,
    NamedView,
    Pointwise,
    Read,
    Scale,
    Step,
    Sweep,
)
from tnc.ir.shared import is_light
from tnc.ir.sweep import products

_LONGEST = 16
"""Maximum number of steps in a block."""

_FEWEST = 3
"""Minimum number of blocks."""

_SIZES = 1
"""Maximum number of sizes that a loop walks along because no ``reshape`` can infer them."""

_OPEN = (Matmul, Multiply, Kron, Add, Scale, Contiguous, NamedView, Conjugate, Pointwise)
"""Operations whose text is the same for every size of an axis, if not for every number of axes."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Entries of a tensor along an axis, one for each iteration; steps in the loop read them as ``name``."""

    name: str
    source: str
    axis: int
    indices: tuple[int, ...]

    @property
    def index(self) -> Index | None:
        """The indices as one that advances evenly, if they do."""
        first, second, *rest = self.indices
        step = second - first
        even = all(here == first + (number + 2) * step for number, here in enumerate(rest))
        return Index(first, step) if even else None


@dataclass(frozen=True, slots=True)
class Rolled:
    """Blocks of steps as a loop. ``final`` is the last step of the last block, and names the result.

    The loop carries one value under the name ``carried``; ``start`` is what the first iteration reads in its place, as
    it is; ``carried_shape`` is that of the carried value as an iteration finds it. Shapes hold the names of ``sizes``
    that differ between iterations, each with its values. The steps of ``body`` stand for those called ``names`` in each
    block. ``flops`` are those of all iterations.
    """

    final: Step
    count: int
    start: Read
    carried: str
    body: tuple[Step, ...]
    walks: tuple[Walk, ...]
    sizes: tuple[tuple[str, tuple[Extent, ...]], ...]
    names: tuple[tuple[str, ...], ...]
    carried_shape: tuple[Extent, ...]
    flops: int

    @property
    def name(self) -> str:
        """The name of the result."""
        return self.final.name

    @property
    def region(self) -> str:
        """The program statement that the steps belong to."""
        return self.final.region


Item: TypeAlias = Step | Rolled


def sources(item: Item) -> Iterator[str]:
    """The names of all values that a step or a loop reads; of a loop also its own."""
    if isinstance(item, Step):
        yield from (read.source for read in all_reads(item.operation))
        return
    yield item.start.source
    yield from (walk.source for walk in item.walks)
    yield from (read.source for step in item.body for read in reads(step.operation))


def inferred(shape: Sequence[Extent], sizes: Mapping[str, tuple[Extent, ...]]) -> int | None:
    """The axis whose size ``reshape`` can infer, if one of ``sizes`` is among those of a shape.

    No size can be inferred beside one that may be 0, as dynamic sizes may be.
    """
    unknown = [axis for axis, size in enumerate(shape) if size in sizes]
    if not unknown:
        return None
    others = [size for axis, size in enumerate(shape) if axis != unknown[-1]]
    known = all(isinstance(value, int) for size in others for value in _values(size, sizes))
    return unknown[-1] if known else None


def _values(size: Extent, sizes: Mapping[str, tuple[Extent, ...]]) -> tuple[Extent, ...]:
    return sizes.get(size, (size,)) if isinstance(size, str) else (size,)


# -- sweeps ------------------------------------------------------------------------------------


def in_turn(steps: Iterable[Step], kept: AbstractSet[str], *, lowers_sweeps: bool = True) -> tuple[Step, ...]:
    """The steps with sweeps as products, each just after the steps that only its own gate needs.

    Without ``lowers_sweeps`` the backend writes sweeps itself, and the steps stay as they are.
    """
    taken = list(steps)
    if not lowers_sweeps:
        return tuple(taken)
    users: dict[str, set[str]] = {name: {""} for name in kept}
    for step in taken:
        for read in all_reads(step.operation):
            users.setdefault(read.source, set()).add(step.name)
    done: list[Step] = []
    for step in taken:
        if isinstance(step.operation, Sweep):
            done = [*_interleaved(done, step, step.operation, users)]
        else:
            done.append(step)
    return tuple(done)


def _interleaved(before: list[Step], step: Step, sweep: Sweep, users: Mapping[str, set[str]]) -> Iterator[Step]:
    """The steps before a sweep and its products, gates in turn."""
    window: dict[str, int | None] = {sweep.operand.source: None}
    for number, each in enumerate(sweep.windows):
        source = each.gate.source
        window[source] = number if source not in window else None
    owner: dict[str, int] = {}
    for earlier in reversed(before):
        if earlier.region != step.region:
            break
        owners = {window.get(earlier.name) if user == step.name else owner.get(user) for user in users[earlier.name]}
        (only,) = owners if len(owners) == 1 else (None,)
        if only is not None:
            owner[earlier.name] = only
    yield from (earlier for earlier in before if earlier.name not in owner)
    for number, product in enumerate(products(step, sweep)):
        yield from (earlier for earlier in before if owner.get(earlier.name) == number)
        yield product


# -- blocks ------------------------------------------------------------------------------------


def roll_text(
    steps: Sequence[Step],
    shapes: Mapping[str, tuple[Extent, ...]],
    kept: AbstractSet[str],
    kinds: Mapping[str, NumberKind],
    nominal: Mapping[str, int],
) -> tuple[Item, ...]:
    """The steps, blocks that a loop writes more briefly replaced by it.

    ``shapes`` are those of the inputs and stacks, ``kept`` the values that are read after all steps; ``nominal`` sizes
    decide which of two forms a product is written in.
    """
    return _Roller(steps, shapes, kept, kinds, nominal).rolled()


class _Roller:
    def __init__(
        self,
        steps: Sequence[Step],
        shapes: Mapping[str, tuple[Extent, ...]],
        kept: AbstractSet[str],
        kinds: Mapping[str, NumberKind],
        nominal: Mapping[str, int],
    ) -> None:
        self._steps = steps
        self._shapes = {**shapes, **{step.name: step.shape for step in steps}}
        self._given = frozenset(shapes)
        self._kinds = kinds
        self._nominal = nominal
        self._blocks = Blocks(steps, kept, self._form)
        self._number = numbers(1)

    def rolled(self) -> tuple[Item, ...]:
        items: list[Item] = []
        position = 0
        while position < len(self._steps):
            loop = self._best(position)
            if loop is None:
                items.append(self._steps[position])
                position += 1
            else:
                items.append(loop)
                position += loop.count * len(loop.body)
        return tuple(items)

    def _best(self, position: int) -> Rolled | None:
        """The loop from a step on that saves most lines, of those that save any; the shortest block if equal."""
        best: tuple[int, Run] | None = None
        for length in range(1, _LONGEST + 1):
            run = self._blocks.run(position, length)
            if run is None or run.count < _FEWEST:
                continue
            opening = 1 if run.start.select is None and run.start.source not in self._given else 2
            saved = (run.count - 1) * length - opening
            if saved > (best[0] if best else 0):
                best = saved, run
        if best is None:
            return None
        loop = self._loop(best[1])
        return loop if len(walked_sizes(loop)) <= _SIZES else None

    def _form(self, step: Step) -> Hashable:
        """What steps at the same place of two blocks have in common: no sizes where the text leaves them out."""
        operation = step.operation
        kinds = tuple(self._kinds[read.source] for read in reads(operation))
        if isinstance(operation, Loop):
            return step.name
        if not isinstance(operation, _OPEN):
            bare = map_reads(operation, lambda read: replace(read, source="", select=None))
            return bare, step.shape, step.region, kinds
        bare = map_reads(operation, lambda read: Read("", (0,) * len(read.shape), None, read.perm))
        shared: Hashable = None
        if isinstance(operation, Matmul):
            left, right = operation.left.seen[:-2], operation.right.seen[:-2]
            shared = left == right, left == (1,), left != right and is_light(operation, self._nominal)
        return bare, len(step.shape), step.strided, step.region, kinds, shared

    def _loop(self, run: Run) -> Rolled:
        """The loop of a run. Its body has the names of the second block."""
        blocks = [
            self._steps[run.first + block * run.length : run.first + (block + 1) * run.length]
            for block in range(run.count)
        ]
        return _Loop(blocks, run.start, self._shapes, next(self._number)).rolled()


class _Loop:
    """Builds a :class:`Rolled` of blocks that are known to agree."""

    def __init__(
        self,
        blocks: Sequence[Sequence[Step]],
        start: Read,
        shapes: Mapping[str, tuple[Extent, ...]],
        number: int,
    ) -> None:
        self._blocks = blocks
        self._start = start
        self._shapes = shapes
        self._number = number
        self._own = {step.name for step in blocks[1]}
        self._carried = f"{start.source}#carried_{number}"
        self._walks: dict[tuple[str, int, tuple[int, ...]], Walk] = {}
        self._sizes: dict[tuple[Extent, ...], str] = {}

    def rolled(self) -> Rolled:
        carried = self._carried_shape()
        body = tuple(self._step([block[offset] for block in self._blocks]) for offset in range(len(self._blocks[0])))
        return Rolled(
            self._blocks[-1][-1],
            len(self._blocks),
            self._start,
            self._carried,
            body,
            tuple(self._walks.values()),
            tuple((name, values) for values, name in self._sizes.items()),
            tuple(tuple(block[offset].name for block in self._blocks) for offset in range(len(body))),
            carried,
            sum(step.cost.flops for block in self._blocks for step in block),
        )

    def _step(self, steps: Sequence[Step]) -> Step:
        """The steps at one place of all blocks as one."""
        changed = [self._read(same) for same in zip(*(reads(step.operation) for step in steps), strict=True)]
        second = steps[1]
        operation = map_reads(second.operation, lambda _: changed.pop(0))
        agree = all(step.legs == second.legs and step.cost == second.cost for step in steps)
        shape = self._shape([step.shape for step in steps])
        rolled = replace(second, shape=shape, operation=operation)
        return rolled if agree else replace(rolled, legs=(), cost=type(second.cost)())

    def _read(self, same: Sequence[Read]) -> Read:
        """The reads at one place of all blocks as one."""
        second = same[1]
        shape = self._shape([read.shape for read in same])
        if second.source in self._own:
            return replace(second, shape=shape)
        if second.source == self._blocks[0][-1].name:
            return replace(second, source=self._carried, shape=shape)
        if second.select is None or len({read.select for read in same}) == 1:
            return replace(second, shape=shape)
        axis = second.select[0]
        indices = tuple(read.select[1].start for read in same if read.select is not None)
        name = f"{second.source}#walk_{self._number}_{len(self._walks) + 1}"
        walk = self._walks.setdefault((second.source, axis, indices), Walk(name, second.source, axis, indices))
        return Read(walk.name, shape, None, second.perm)

    def _shape(self, shapes: Sequence[tuple[Extent, ...]]) -> tuple[Extent, ...]:
        """The shapes of the same thing in all blocks as one, with a name for every size that differs."""
        return tuple(self._size(tuple(same)) for same in zip(*shapes, strict=True))

    def _size(self, values: tuple[Extent, ...]) -> Extent:
        if len(set(values)) == 1:
            return values[0]
        return self._sizes.setdefault(values, f"#size_{self._number}_{len(self._sizes) + 1}")

    def _carried_shape(self) -> tuple[Extent, ...]:
        """The shape of the carried value at the beginning of each iteration; that of nothing if ranks differ."""
        start = self._shapes[self._start.source]
        if self._start.select is not None:
            axis, _ = self._start.select
            start = start[:axis] + start[axis + 1 :]
        shapes = [start, *(block[-1].shape for block in self._blocks[:-1])]
        return self._shape(shapes) if len(set(map(len, shapes))) == 1 else ("#none",)


def walked_sizes(loop: Rolled) -> tuple[str, ...]:
    """The sizes that a loop has to walk along, because a step writes them where no ``reshape`` infers them."""
    sizes = dict(loop.sizes)
    shapes = {loop.carried: loop.carried_shape, **{step.name: step.shape for step in loop.body}}
    walked: dict[Extent, None] = {}
    for step in loop.body:
        for read in reads(step.operation):
            if shapes.get(read.source) != read.shape:
                axis = inferred(read.shape, sizes)
                walked.update((size, None) for number, size in enumerate(read.shape) if number != axis)
        if isinstance(step.operation, Matmul) and step.operation.left.seen[:-2] != step.operation.right.seen[:-2]:
            # One matrix serves a batch, and some frameworks want it repeated.
            shared = next(read for read in reads(step.operation) if read.seen[:-2] == (1,))
            walked.update((size, None) for size in (*step.shape[:-2], *shared.seen[1:]))
    return tuple(size for size in walked if isinstance(size, str) and size in sizes)


def first_sizes(loop: Rolled, nominal: Mapping[str, int]) -> dict[str, int]:
    """The sizes of the first iteration at nominal dynamic sizes."""
    return {name: evaluate(values[0], nominal) for name, values in loop.sizes}
