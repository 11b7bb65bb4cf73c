"""Integers that select: their one-hot tensors, and the ways to contract a region without them.

To a Program an input of integers is a one-hot tensor, whose last axis is that of the values. Split into several axes,
they hold the digits of the values. No such tensor is computed where the contraction with it picks rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final, TypeAlias

from tnc.ir.extent import extent
from tnc.ir.program import Dim, Select, View
from tnc.ir.program import Reshape as ReshapeView
from tnc.ir.schedule import Eye, Gather, Read
from tnc.order.builder import Builder
from tnc.order.statements import view
from tnc.order.tensor_layout import Layout


@dataclass(frozen=True, slots=True)
class Selection:
    """The one-hot tensor of integers: the axes of ``data``, then one for each digit of its values."""

    data: Layout
    digits: tuple[int, ...]


def selection_view(statement: View, selection: Selection, builder: Builder) -> Selection | None:
    """A view of a one-hot tensor that is one again; None for any other view."""
    axes, kind = len(selection.data.axes), statement.kind
    if isinstance(kind, Select) and kind.axis < axes:
        return replace(selection, data=view(statement, {statement.argument: selection.data}, builder))
    digits = [dim for dim in statement.shape[axes:] if isinstance(dim, int)]
    splits = isinstance(kind, ReshapeView) and len(digits) == len(statement.shape) - axes
    if splits and prod(digits) == prod(selection.digits):
        return replace(selection, digits=tuple(digits))
    return None


def one_hot(selection: Selection, builder: Builder) -> Layout:
    """The one-hot tensor itself: rows of an identity."""
    count = prod(selection.digits)
    eye = builder.add(Eye(count), (count, count), [count] if count > 1 else [])
    rows = _picked(Read(eye.source, (count, count)), selection, 1, True, [count] if count > 1 else [], builder)
    parts = len(rows.memory) - (count > 1)
    whole = replace(rows, axes=(*selection.data.axes, tuple(range(parts, len(rows.memory)))))
    return _split_last(whole, selection.digits)


def _split_last(tensor: Layout, digits: Sequence[int]) -> Layout:
    """The last axis split into the digits."""
    kept = tuple(part for axis in tensor.axes[:-1] for part in axis)
    big = [digit for digit in digits if digit != 1]
    places = iter(range(len(kept), len(kept) + len(big)))
    axes = tuple((next(places),) if digit != 1 else () for digit in digits)
    memory = (*tensor.memory[: len(kept)], *big)
    return replace(tensor, memory=memory, axes=(*tensor.axes[:-1], *axes), raw=None)


def gathered(
    table: Layout, rows: Sequence[int], selection: Selection, first: int, count: int, builder: Builder
) -> Layout:
    """The entries that ``count`` digits from ``first`` on pick: the axes of the integers, then those left of the table.

    ``rows`` are the axes of the table's memory that the digits pick from, in the order of the digits.
    """
    rest = [part for part in range(len(table.memory)) if part not in rows]
    order = [*rows, *rest]
    read = table.try_view([list(rows), rest]) if not table.strided else None
    if read is None or read.perm is not None:
        copy = builder.permuted_copy(table, order)
        read = copy.view([range(len(rows)), range(len(rows), len(order))])
    divisor = prod(selection.digits[first + count :])
    leads = prod(selection.digits[:first]) == 1
    return _picked(read, selection, divisor, leads, [table.memory[part] for part in rest], builder)


def _picked(
    matrix: Read, selection: Selection, divisor: int, leads: bool, columns: Sequence[Dim], builder: Builder
) -> Layout:
    """The rows of a matrix; one axis of memory for each of the integers, and for each of the columns."""
    data = selection.data
    parts = list(range(len(data.memory)))
    index = data.try_view([parts])
    if index is None or index.perm is not None:
        data = builder.permuted_copy(data, parts)
        index = data.view([parts])
    memory = (*data.memory, *columns)
    return builder.add(Gather(matrix, index, divisor, leads), (index.seen[0], extent(columns)), memory)


# -- regions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Picker:
    """Integers as a factor of a region: ``legs`` of the axes of ``selection.data.memory``, and one for each digit.

    The leg of a digit of size 1 is None.
    """

    selection: Selection
    legs: tuple[int, ...]
    digits: tuple[int | None, ...]

    @property
    def values(self) -> frozenset[int]:
        """The legs of the digits."""
        return frozenset(leg for leg in self.digits if leg is not None)

    def run(self, legs: Sequence[int]) -> tuple[int, int] | None:
        """The first digit and the number of digits that an operand with these legs has; None if others lie between."""
        own = [number for number, leg in enumerate(self.digits) if leg is not None and leg in legs]
        between = self.digits[own[0] : own[-1] + 1]
        complete = all(leg is None or leg in legs for leg in between)
        return (own[0], own[-1] + 1 - own[0]) if complete else None


Tensor: TypeAlias = tuple[Layout, tuple[int, ...]]
"""A tensor and its legs, one for each axis of memory."""

Contracted: TypeAlias = Callable[[Sequence[Tensor], Sequence[int]], Tensor | None]
"""Contracts some tensors to one with these legs, in any order; None if that takes too large a tensor."""

Way: TypeAlias = Callable[[Sequence[Tensor], Picker, frozenset[int], Contracted, Builder], Sequence[Tensor] | None]
"""The tensors of a region after integers picked their rows; None if it is none.

Arguments are the tensors, the integers, the legs that the result and other integers have, and how to contract tensors.
"""


def picks_rows(operands: Sequence[Sequence[int]], picker: Picker, others: frozenset[int]) -> bool:
    """Whether integers pick rows of a region's tensors, given their legs.

    Every digit must be the axis of one tensor, which has no axis of the integers; ``others`` are the legs that the
    result and other integers have.
    """
    legs = picker.legs
    distinct = len({*legs, *picker.values}) == len(legs) + sum(leg is not None for leg in picker.digits)
    if not distinct or not picker.values or picker.values & others:
        return False
    holders = [held for held in operands if picker.values & {*held}]
    held = [leg for holder in holders for leg in holder if leg in picker.values]
    fits = len(held) == len(picker.values) and all(picker.run(holder) is not None for holder in holders)
    return fits and all({*legs}.isdisjoint(holder) for holder in holders)


def whole_tensor(picker: Picker, builder: Builder) -> Tensor:
    """The one-hot tensor as a factor of a region."""
    tensor = one_hot(picker.selection, builder)
    legs = (*picker.legs, *(leg for leg in picker.digits if leg is not None))
    return replace(tensor, axes=tuple((part,) for part in range(len(legs)))), legs


def by_rows(
    tensors: Sequence[Tensor], picker: Picker, outside: frozenset[int], contracted: Contracted, builder: Builder
) -> Sequence[Tensor] | None:
    """Pick from every tensor by itself: rows of a generated table are computed without the table."""
    return [_rows(tensor, picker, builder) if picker.values & {*tensor[1]} else tensor for tensor in tensors]


def by_table(
    tensors: Sequence[Tensor], picker: Picker, outside: frozenset[int], contracted: Contracted, builder: Builder
) -> Sequence[Tensor] | None:
    """Contract everything that does not depend on the integers' axes, then pick from the result."""
    inside = _connected([legs for _, legs in tensors], picker)
    if len(inside) < 2:
        return None
    rest = [tensor for number, tensor in enumerate(tensors) if number not in inside]
    needed = outside.union(picker.values, *(legs for _, legs in rest))
    table = [tensors[number] for number in sorted(inside)]
    legs = dict.fromkeys(leg for _, legs in table for leg in legs if leg in needed)
    ordered = [*(leg for leg in picker.digits if leg in legs), *(leg for leg in legs if leg not in picker.values)]
    made = contracted(table, ordered)
    return None if made is None else [_rows(made, picker, builder), *rest]


WAYS: Final[tuple[tuple[str, Way], ...]] = (("rows", by_rows), ("table", by_table))


def _rows(tensor: Tensor, picker: Picker, builder: Builder) -> Tensor:
    layout, legs = tensor
    run = picker.run(legs)
    assert run is not None
    first, count = run
    picked = [leg for leg in picker.digits[first : first + count] if leg is not None]
    rows = gathered(layout, [legs.index(leg) for leg in picked], picker.selection, first, count, builder)
    return rows, (*picker.legs, *(leg for leg in legs if leg not in picked))


def _connected(operands: Sequence[Sequence[int]], picker: Picker) -> set[int]:
    """The operands that are connected with the digits, by way of operands without the integers' axes."""
    free = [number for number, legs in enumerate(operands) if {*picker.legs}.isdisjoint(legs)]
    inside: set[int] = set()
    reached = set(picker.values)
    grows = True
    while grows:
        new = [number for number in free if number not in inside and reached & {*operands[number]}]
        inside.update(new)
        reached.update(leg for number in new for leg in operands[number])
        grows = bool(new)
    return inside
