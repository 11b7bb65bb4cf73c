"""How the axes of a tensor should lie in memory for what comes after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import prod
from typing import TypeAlias

from tnc.ir.program import Contract, Crop, Dim, FlatCrop, Normalize, Pointwise, Program, Reshape, Use, View

Groups: TypeAlias = tuple[tuple[int, ...], ...]
"""The axes of a tensor, in order, in groups each of which must be one run of memory."""


LARGE = 2**14
"""Minimum number of entries of a state that gates sweep over; below, calls take longer than passes over memory."""


def demands(program: Program) -> dict[str, Groups]:
    """How the axes of tensors must group for an output, or for a region whose state they are.

    Both may be reached through views and pointwise functions. Statements are walked backwards. Where several uses ask
    differently, the last one's wish stands.
    """
    shapes = program.shapes()
    wanted: dict[str, Groups] = {}
    for output in program.outputs:
        wanted.setdefault(output.tensor, tuple((axis,) for axis in range(len(shapes[output.tensor]))))
    for statement in reversed(program.statements):
        if isinstance(statement, Contract):
            for state in _states(statement, shapes):
                wanted.setdefault(state, (tuple(range(len(shapes[state]))),))
        if statement.name not in wanted:
            continue
        groups = wanted[statement.name]
        match statement:
            case Pointwise(arguments=(argument, *_)) | Normalize(argument=argument):
                wanted.setdefault(argument, groups)
            case View(argument=argument, kind=Crop()):
                wanted.setdefault(argument, groups)
            case View(argument=argument, kind=FlatCrop()):
                wanted.setdefault(argument, (tuple(range(len(shapes[argument]))),))
            case View(argument=argument, kind=Reshape()):
                wanted.setdefault(argument, _before(shapes[argument], shapes[statement.name], groups))
            case _:
                pass
    return wanted


def _states(statement: Contract, shapes: Mapping[str, tuple[Dim, ...]]) -> Iterator[str]:
    """Large tensors of many axes among the factors of a region that has other factors, too."""
    for factor in statement.factors:
        if not isinstance(factor, Use) or len(statement.factors) < 3:
            continue
        shape = shapes[factor.tensor]
        if len(shape) > 3 and prod(dim for dim in shape if isinstance(dim, int)) >= LARGE:
            yield factor.tensor


def _before(old: tuple[Dim, ...], new: tuple[Dim, ...], groups: Groups) -> Groups:
    """The groups of a tensor whose reshaped form wants ``groups``: runs of axes with equal products."""
    result: list[tuple[int, ...]] = []
    axis = 0
    held = wanted = _Size()
    run: list[int] = []
    for group in groups:
        for position in group:
            wanted = wanted.times(new[position])
        while axis < len(old) and held != wanted:
            held = held.times(old[axis])
            run.append(axis)
            axis += 1
            if held.count > wanted.count and len(held.names) >= len(wanted.names):
                break
        if held == wanted:
            result.append(tuple(run))
            run, held, wanted = [], _Size(), _Size()
    run += range(axis, len(old))
    if run:
        result.append(tuple(run))
    return tuple(result)


class _Size:
    """A product of sizes that compares as such."""

    def __init__(self, count: int = 1, names: tuple[str, ...] = ()) -> None:
        self.count = count
        self.names = names

    def times(self, dim: Dim) -> _Size:
        """The product with one more size."""
        if isinstance(dim, int):
            return _Size(self.count * dim, self.names)
        return _Size(self.count, tuple(sorted((*self.names, dim))))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Size) and (self.count, self.names) == (other.count, other.names)

    def __hash__(self) -> int:
        return hash((self.count, self.names))


def satisfied(groups: Groups, places: Mapping[int, int | None]) -> bool:
    """Whether every group is one run of memory, given each axis's place there (None: it has size 1)."""
    for group in groups:
        held = [place for axis in group if (place := places[axis]) is not None]
        if any(after != before + 1 for before, after in pairwise(held)):
            return False
    return True
