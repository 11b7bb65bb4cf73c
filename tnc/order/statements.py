"""Lowers statements other than contractions to steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from tnc.ir import schedule as ir
from tnc.ir.extent import count, extent
from tnc.ir.program import Crop, Dim, FlatCrop, Normalize, Pointwise, Reshape, Select, Sum, View
from tnc.order.builder import Builder
from tnc.order.tensor_layout import Layout

_EPSILON = 1e-12


def pointwise(statement: Pointwise, located: Mapping[str, Layout], builder: Builder) -> Layout:
    """A pointwise function: entry by entry in the order of memory, so that nothing moves."""
    tensor = located[statement.arguments[0]]
    further = tuple(_scalar(located[name]) for name in statement.arguments[1:])
    read = _as_it_lies(tensor)
    operation = ir.Pointwise(statement.function, (read, *further), statement.function_name)
    result = builder.add(operation, read.seen, tensor.memory)
    return replace(result, axes=tensor.axes)


def normalize(statement: Normalize, located: Mapping[str, Layout], builder: Builder) -> Layout:
    """Over the root mean square along all axes of memory that are not dynamic."""
    tensor = located[statement.argument]
    runs = _static_runs(tensor)
    read = tensor.view(runs)
    axes = tuple(number for number, run in enumerate(runs) if isinstance(tensor.memory[run[0]], int))
    result = builder.add(ir.Normalize(read, axes, _EPSILON), read.seen, tensor.memory)
    return replace(result, axes=tensor.axes)


def add(statement: Sum, located: Mapping[str, Layout], builder: Builder) -> Layout:
    """A sum of terms in the memory order of the largest; the others are read in that order."""
    dims = statement.dims
    big = [leg for leg in statement.legs if dims[leg] != 1]
    terms: list[tuple[float, Layout]] = []
    for term in statement.terms:
        tensor = located[term.use.tensor]
        if term.use.conjugate:
            tensor = builder.conjugated(tensor)
        if not all(tensor.is_fusable(axis) for axis in tensor.axes):
            tensor = builder.row_major(tensor)
        axis = dict(zip(term.use.legs, tensor.axes, strict=True))
        # One axis for each leg of the result; those that the term lacks are empty.
        terms.append((term.coefficient, replace(tensor, axes=tuple(axis.get(leg, ()) for leg in big))))
    terms = _fullest_first(terms, [dims[leg] for leg in big], builder)
    # Legs in the order in which the first term, which has them all, lies in memory.
    order = sorted(range(len(big)), key=lambda position: terms[0][1].axes[position] or (position,))
    placed = [(coefficient, tensor.permuted(order)) for coefficient, tensor in terms]
    runs = _common_runs([tensor for _, tensor in placed])
    reads: list[tuple[float, ir.Read]] = []
    for coefficient, tensor in placed:
        seen = tensor.view([[part for position in run for part in tensor.axes[position]] for run in runs])
        reads.append((coefficient, seen))
    memory = [dims[big[position]] for position in order]
    result = builder.add(ir.Add(tuple(reads)), [extent(memory[position] for position in run) for run in runs], memory)
    places = {big[position]: number for number, position in enumerate(order)}
    return replace(result, axes=tuple((places[leg],) if dims[leg] != 1 else () for leg in statement.legs))


def _fullest_first(terms: list[tuple[float, Layout]], dims: list[Dim], builder: Builder) -> list[tuple[float, Layout]]:
    """A term with all legs to the front. If none has, all are made row-major, since frameworks then agree on layout."""
    full = [index for index, (_, tensor) in enumerate(terms) if all(tensor.axes)]
    if not full:
        return [(coefficient, builder.row_major(tensor)) for coefficient, tensor in terms]
    first = next((index for index in full if not terms[index][1].strided), full[0])
    coefficient, tensor = terms[first]
    if tensor.strided and not tensor.in_order:
        tensor = builder.row_major(tensor)
    return [(coefficient, tensor), *terms[:first], *terms[first + 1 :]]


def _common_runs(tensors: list[Layout]) -> list[list[int]]:
    """Neighbouring axes that every tensor either lacks or reads as one."""
    runs: list[list[int]] = []
    for axis in range(len(tensors[0].axes)):
        if runs and all(_continues(tensor, runs[-1], axis) for tensor in tensors):
            runs[-1].append(axis)
        else:
            runs.append([axis])
    return runs


def _continues(tensor: Layout, run: list[int], axis: int) -> bool:
    if bool(tensor.axes[run[0]]) != bool(tensor.axes[axis]):
        return False
    return tensor.is_fusable([part for other in (*run, axis) for part in tensor.axes[other]])


def view(statement: View, located: Mapping[str, Layout], builder: Builder) -> Layout:
    """A view of a tensor, moved first only where it is none."""
    tensor = located[statement.argument]
    match statement.kind:
        case Reshape():
            reshaped = tensor.try_reshaped(statement.shape)
            return builder.row_major(tensor).reshaped(statement.shape) if reshaped is None else reshaped
        case Select(axis=axis, index=index):
            return _select(tensor, axis, index, builder)
        case Crop():
            return _crop(tensor, statement.shape, builder)
        case FlatCrop():
            return _flat_crop(builder.row_major(tensor), statement.shape, builder)
        case _:
            assert_never(statement.kind)


def _select(tensor: Layout, axis: int, index: int, builder: Builder) -> Layout:
    if not tensor.axes[axis]:
        return replace(tensor, axes=tensor.axes[:axis] + tensor.axes[axis + 1 :])
    selected = tensor.try_selected(axis, index)
    if selected is None and len(tensor.axes[axis]) == 1:
        selected = builder.as_view(tensor).try_selected(axis, index)
    if selected is not None:
        return selected
    if not tensor.is_fusable(tensor.axes[axis]):
        tensor = builder.row_major(tensor)
    return builder.as_view(_axis_by_axis(tensor)).selected(axis, index)


def _axis_by_axis(tensor: Layout) -> Layout:
    """The same tensor with each axis one axis of memory; every axis must be one run."""
    order = sorted((axis for axis in range(len(tensor.axes)) if tensor.axes[axis]), key=lambda a: tensor.axes[a])
    memory: list[Dim] = []
    for axis in order:
        size = extent(tensor.memory[part] for part in tensor.axes[axis])
        assert isinstance(size, int | str)
        memory.append(size)
    place = {axis: number for number, axis in enumerate(order)}
    axes = tuple((place[axis],) if axis in place else () for axis in range(len(tensor.axes)))
    return replace(tensor, memory=tuple(memory), axes=axes, raw=None)


def _crop(tensor: Layout, shape: tuple[Dim, ...], builder: Builder) -> Layout:
    if not all(tensor.is_fusable(axis) for axis in tensor.axes):
        tensor = builder.row_major(tensor)
    tensor = _axis_by_axis(tensor)
    read = tensor.view([(part,) for part in range(len(tensor.memory))])
    cropped = list(tensor.memory)
    for axis, dim in zip(tensor.axes, shape, strict=True):
        if axis:
            cropped[axis[0]] = dim
    if tuple(cropped) == tensor.memory:
        return tensor
    strided = tensor.strided or tuple(cropped[1:]) != tensor.memory[1:]
    return _without_ones(builder.add(ir.Slice(read), cropped, cropped, strided=strided), tensor.axes)


def _without_ones(tensor: Layout, axes: tuple[tuple[int, ...], ...]) -> Layout:
    """A crop to size 1 leaves an axis that memory does not count."""
    big = [part for part, dim in enumerate(tensor.memory) if dim != 1]
    place = {part: number for number, part in enumerate(big)}
    memory = tuple(tensor.memory[part] for part in big)
    return replace(tensor, memory=memory, axes=tuple(tuple(place[p] for p in axis if p in place) for axis in axes))


def _flat_crop(tensor: Layout, shape: tuple[Dim, ...], builder: Builder) -> Layout:
    entries = count(shape, {})
    if entries == count(tensor.memory, {}):
        return tensor.reshaped(shape)
    read = tensor.view([range(len(tensor.memory))])
    return builder.add(ir.Slice(read), (entries,), (entries,)).reshaped(shape)


def _scalar(tensor: Layout) -> ir.Read:
    return tensor.view([])


def _as_it_lies(tensor: Layout) -> ir.Read:
    """The whole in the order of memory, as one axis where that is possible."""
    parts = range(len(tensor.memory))
    return tensor.try_view([parts] if parts else []) or tensor.view([(part,) for part in parts])


def _static_runs(tensor: Layout) -> list[list[int]]:
    runs: list[list[int]] = []
    for part, dim in enumerate(tensor.memory):
        fits = runs and isinstance(dim, int) and isinstance(tensor.memory[runs[-1][0]], int)
        if fits and tensor.is_fusable([*runs[-1], part]):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs
