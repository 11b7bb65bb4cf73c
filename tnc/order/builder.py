"""Collects the steps of a Schedule."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace

from tnc.ir.extent import Extent
from tnc.ir.number_kinds import NumberKind, operation_kind
from tnc.ir.program import Dim
from tnc.ir.reads import reads
from tnc.ir.schedule import Conjugate, Contiguous, NamedView, Operation, Read, Step
from tnc.order.tensor_layout import Layout


class Builder:
    """Appends steps; where their results lie is told by the :class:`Layout` that each method returns.

    ``trained`` says of every source whether it needs a gradient, ``kinds`` whether it is real or complex, ``shapes``
    what its shape is.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        trained: Mapping[str, bool],
        kinds: Mapping[str, NumberKind],
        shapes: Mapping[str, Sequence[Extent]],
        fresh: Callable[[str], str],
    ) -> None:
        self.steps: list[Step] = []
        self.shapes: MutableMapping[str, Sequence[Extent]] = dict(shapes)
        self.trained: MutableMapping[str, bool] = dict(trained)
        self.kinds: MutableMapping[str, NumberKind] = dict(kinds)
        self._conjugates: MutableMapping[str, str] = {}
        self._views: dict[Layout, Layout] = {}
        self.sizes = sizes
        self.region = ""
        self._name = ""
        self._fresh = fresh
        self._count = 0

    def scratch(self) -> Builder:
        """A builder to try steps in."""
        trial = Builder(self.sizes, {}, {}, {}, str)
        trial.shapes = ChainMap({}, self.shapes)
        trial.trained = ChainMap({}, self.trained)
        trial.kinds = ChainMap({}, self.kinds)
        trial._conjugates = ChainMap({}, self._conjugates)
        trial.region, trial._name, trial._count = self.region, self._name, self._count
        return trial

    def enter(self, name: str, region: str) -> None:
        """Name steps from here on after a tensor; they belong to this statement, or to none if it is empty."""
        self._name = name
        self.region = region
        self._count = 0

    def add(
        self,
        operation: Operation,
        shape: Sequence[Extent],
        memory: Sequence[Dim],
        *,
        strided: bool = False,
        legs: Sequence[str] = (),
    ) -> Layout:
        """A step, and its result with one axis for each given axis of memory (none of size 1)."""
        self._count += 1
        name = self._fresh(f"{self._name}#{self._count}")
        self.trained[name] = any(self.trained[read.source] for read in reads(operation))
        self.kinds[name] = operation_kind(operation, [self.kinds[read.source] for read in reads(operation)])
        self.shapes[name] = tuple(shape)
        self.steps.append(Step(name, tuple(shape), operation, strided, self.region, tuple(legs)))
        axes = tuple((axis,) for axis in range(len(memory)))
        return Layout(name, tuple(memory), axes, strided=strided)

    def finish(self, start: int, name: str) -> str:
        """Call the last step ``name``, if one was added since ``start``; return the name it had.

        A view keeps its own name, because later statements may read it too.
        """
        if len(self.steps) == start or isinstance(self.steps[-1].operation, NamedView):
            return ""
        last = self.steps[-1]
        for source, conjugate in self._conjugates.items():
            if conjugate == last.name:
                self._conjugates[source] = name
        self.steps[-1] = Step(name, last.shape, last.operation, last.strided, last.region, last.legs)
        self.trained[name] = self.trained.pop(last.name)
        self.kinds[name] = self.kinds.pop(last.name)
        self.shapes[name] = self.shapes.pop(last.name)
        return last.name

    def conjugated(self, tensor: Layout) -> Layout:
        """The complex conjugate of a tensor, in its layout.

        A member of a stack becomes the same member of the conjugate of the whole stack, which is computed once.
        """
        if self.kinds[tensor.source] is NumberKind.REAL:
            return tensor
        if tensor.select is not None and tensor.select[0] == 0:
            return replace(tensor, source=self._conjugate_stack(tensor.source))
        parts = range(len(tensor.memory))
        read = tensor.try_view([parts] if parts else []) or tensor.view([(part,) for part in parts])
        conjugate = self.add(Conjugate(read), read.seen, tensor.memory)
        return replace(conjugate, axes=tensor.axes)

    def _conjugate_stack(self, source: str) -> str:
        if source not in self._conjugates:
            shape = tuple(self.shapes[source])
            self._conjugates[source] = self.add(Conjugate(Read(source, shape)), shape, ()).source
        return self._conjugates[source]

    def permuted_copy(self, tensor: Layout, order: Sequence[int], legs: Sequence[str] = ()) -> Layout:
        """A contiguous copy with the axes of memory in this order; its ``axes`` are one for each."""
        runs = _runs(order, tensor)
        read = tensor.view(runs)
        return self.add(Contiguous(read), read.seen, [tensor.memory[part] for part in order], legs=legs)

    def row_major(self, tensor: Layout) -> Layout:
        """The tensor row-major and contiguous, moved if it is not."""
        if tensor.in_order and not tensor.strided:
            return tensor
        copy = self.permuted_copy(tensor, tensor.flat)
        return Layout(copy.source, copy.memory, _numbered(tensor.axes))

    def as_view(self, tensor: Layout) -> Layout:
        """The tensor as a value of its own, of which entries along an axis of memory can be selected.

        There is one such value for each layout of a tensor.
        """
        if tensor not in self._views:
            read = tensor.view([(part,) for part in range(len(tensor.memory))])
            view = self.add(NamedView(read), read.shape, tensor.memory, strided=tensor.strided)
            self._views[tensor] = Layout(view.source, tensor.memory, tensor.axes, None, tensor.strided, tensor.memory)
        return self._views[tensor]


def _numbered(axes: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    numbers = iter(range(sum(map(len, axes))))
    return tuple(tuple(next(numbers) for _ in axis) for axis in axes)


def _runs(order: Sequence[int], tensor: Layout) -> list[list[int]]:
    """Neighbours that can be read as one axis, put together."""
    runs: list[list[int]] = []
    for part in order:
        if runs and tensor.is_fusable([*runs[-1], part]):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs
