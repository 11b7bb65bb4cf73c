"""Layouts: the axes of a Program's tensor as groups of axes of memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

from tnc.diagnostics import InternalError
from tnc.ir.extent import extent
from tnc.ir.program import Dim
from tnc.ir.schedule import Index, Read

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Layout:
    """A tensor whose axes are groups of axes of memory, so that permuting, splitting and fusing them costs nothing.

    ``memory`` holds the sizes in the order of memory, finer than the source's own shape; axes of size 1 are left out.
    ``axes`` gives for every axis of the tensor the axes of memory that form it, row-major. Where ``strided``, no two
    axes of memory may be read as one. ``raw`` is the source's own shape if an entry may still be selected.
    """

    source: str
    memory: tuple[Dim, ...]
    axes: tuple[tuple[int, ...], ...]
    select: tuple[int, Index] | None = None
    strided: bool = False
    raw: tuple[Dim, ...] | None = None

    @property
    def flat(self) -> tuple[int, ...]:
        """The axes of memory in the order of the tensor's axes."""
        return tuple(part for axis in self.axes for part in axis)

    @property
    def in_order(self) -> bool:
        """Whether memory holds the tensor row-major."""
        return self.flat == tuple(range(len(self.memory)))

    def is_fusable(self, group: Sequence[int]) -> bool:
        """Whether these axes of memory can be read as one axis."""
        if len(group) <= 1:
            return True
        return not self.strided and all(after == before + 1 for before, after in pairwise(group))

    def view(self, groups: Sequence[Sequence[int]]) -> Read:
        """The tensor seen with one axis for each group of axes of memory.

        Raises:
            InternalError: if axes of a group cannot be read as one.
        """
        return self._found(self.try_view(groups), f"view with axes {[tuple(group) for group in groups]}")

    def try_view(self, groups: Sequence[Sequence[int]]) -> Read | None:
        """The tensor seen with one axis for each group of axes of memory; None if axes of a group are apart."""
        if not all(self.is_fusable(group) for group in groups):
            return None
        view = sorted((index for index, group in enumerate(groups) if group), key=lambda index: groups[index][0])
        for index, group in enumerate(groups):
            if not group:
                view.insert(0 if index == 0 else view.index(index - 1) + 1, index)
        shape = tuple(extent(self.memory[part] for part in groups[index]) for index in view)
        order = tuple(view.index(index) for index in range(len(groups)))
        return Read(self.source, shape, self.select, None if order == tuple(range(len(order))) else order)

    def reshaped(self, shape: Sequence[Dim]) -> Layout:
        """The tensor under another shape.

        Raises:
            InternalError: if that takes a copy.
        """
        return self._found(self.try_reshaped(shape), f"view of shape {tuple(shape)}")

    def try_reshaped(self, shape: Sequence[Dim]) -> Layout | None:
        """The tensor under another shape; None if that takes a copy."""
        parts = _cut([self.memory[part] for part in self.flat], [dim for dim in shape if dim != 1])
        if parts is None:
            return replace(self, memory=_big(shape), axes=_axes(shape), raw=None) if self._is_plain() else None
        pieces, new = parts
        # Number the pieces in the order of memory.
        owner = {part: pieces[position] for position, part in enumerate(self.flat)}
        memory: list[Dim] = []
        number: dict[tuple[int, int], int] = {}
        for part in range(len(self.memory)):
            for piece, dim in enumerate(owner[part]):
                number[part, piece] = len(memory)
                memory.append(dim)
        named = [number[part, piece] for part in self.flat for piece in range(len(owner[part]))]
        groups = iter(new)
        axes = tuple(() if dim == 1 else tuple(named[i] for i in next(groups)) for dim in shape)
        return replace(self, memory=tuple(memory), axes=axes, raw=None)

    def _found(self, found: Found | None, what: str) -> Found:
        if found is None:
            raise InternalError(f"`{self.source}` with axes {self.axes} of memory {self.memory} has no {what}")
        return found

    def _is_plain(self) -> bool:
        return self.in_order and (not self.strided or len(self.memory) <= 1)

    def permuted(self, order: Sequence[int]) -> Layout:
        """The tensor with its axes in another order."""
        return replace(self, axes=tuple(self.axes[axis] for axis in order))

    def selected(self, axis: int, index: int) -> Layout:
        """One entry of an axis.

        Raises:
            InternalError: if that axis is not one of the source's own.
        """
        return self._found(self.try_selected(axis, index), f"entry {index} along axis {axis}")

    def try_selected(self, axis: int, index: int) -> Layout | None:
        """One entry of an axis; None unless that axis is one of the source's own."""
        if self.raw is None or self.select is not None:
            return None
        own = [position for position, dim in enumerate(self.raw) if dim != 1]
        if len(own) != len(self.memory) or len(self.axes[axis]) != 1:
            return None
        part = self.axes[axis][0]
        memory = self.memory[:part] + self.memory[part + 1 :]
        axes = tuple(
            tuple(other - (other > part) for other in group)
            for position, group in enumerate(self.axes)
            if position != axis
        )
        return Layout(self.source, memory, axes, (own[part], Index(index)), self.strided or part != 0, None)


def whole(source: str, shape: Sequence[Dim], *, strided: bool = False) -> Layout:
    """A source as it is."""
    return Layout(source, _big(shape), _axes(shape), strided=strided, raw=tuple(shape))


def member(source: str, shape: Sequence[Dim], position: int) -> Layout:
    """One member of a stack."""
    return Layout(source, _big(shape), _axes(shape), select=(0, Index(position)))


def _big(shape: Sequence[Dim]) -> tuple[Dim, ...]:
    return tuple(dim for dim in shape if dim != 1)


def _axes(shape: Sequence[Dim]) -> tuple[tuple[int, ...], ...]:
    axes: list[tuple[int, ...]] = []
    number = 0
    for dim in shape:
        axes.append(() if dim == 1 else (number,))
        number += dim != 1
    return tuple(axes)


def _cut(old: Sequence[Dim], new: Sequence[Dim]) -> tuple[list[list[Dim]], list[list[int]]] | None:
    """Common refinement of two shapes of equally many entries: the pieces of each old axis, and of each new one.

    Old axes get sizes, new axes numbers of pieces (counted through). None if the boundaries do not nest.
    """
    pieces: list[list[Dim]] = [[] for _ in old]
    groups: list[list[int]] = [[] for _ in new]
    i = j = number = 0
    rest_old = old[0] if old else 1
    rest_new = new[0] if new else 1
    while i < len(old) and j < len(new):
        step = _common(rest_old, rest_new)
        if step is None:
            return None
        pieces[i].append(step)
        groups[j].append(number)
        number += 1
        rest_old, rest_new = _divide(rest_old, step), _divide(rest_new, step)
        if rest_old == 1:
            i += 1
            rest_old = old[i] if i < len(old) else 1
        if rest_new == 1:
            j += 1
            rest_new = new[j] if j < len(new) else 1
    return (pieces, groups) if i == len(old) and j == len(new) else None


def _common(a: Dim, b: Dim) -> Dim | None:
    if a == b:
        return a
    if isinstance(a, str) or isinstance(b, str):
        return None
    small, large = min(a, b), max(a, b)
    return small if large % small == 0 else None


def _divide(dim: Dim, by: Dim) -> Dim:
    return 1 if dim == by else int(dim) // int(by)
