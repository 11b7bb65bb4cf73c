"""Blocks of an axis seen through a reshape: which axes before it they cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from tnc.ir.program import Dim

Cut: TypeAlias = tuple[int, int, int]
"""An axis, the number of its blocks, and the entries of a block."""


def axes_cut(
    after: tuple[Dim, ...], before: tuple[Dim, ...], cuts: Mapping[int, tuple[int, int]]
) -> dict[int, tuple[Cut, ...]]:
    """For axes of ``after`` (axis: count and size of its blocks), the axes of ``before`` that the blocks cut.

    The number of a block, written with the counts of the cuts as digits, first cut first, gives the block of each.
    An axis whose blocks do not align with the axes before is left out, and so is one within a group of axes that the
    reshape mixes, unless it is the first there and the only one that is cut.
    """
    found: dict[int, tuple[Cut, ...]] = {}
    for new, old in _groups(after, before):
        wide = [axis for axis in new if after[axis] != 1]
        asked = [axis for axis in new if axis in cuts]
        if len(asked) != 1 or asked != wide[:1]:
            continue
        count, size = cuts[asked[0]]
        aligned = _digits(count, [(axis, before[axis]) for axis in old])
        if count * size == after[asked[0]] and aligned is not None:
            found[asked[0]] = aligned
    return found


def _groups(after: tuple[Dim, ...], before: tuple[Dim, ...]) -> list[tuple[list[int], list[int]]]:
    """The axes of both shapes in the smallest groups of equal size, from the left; a dynamic axis is one of its own."""
    groups: list[tuple[list[int], list[int]]] = []
    new, old = 0, 0
    while new < len(after) or old < len(before):
        taken: tuple[list[int], list[int]] = ([], [])
        sizes = [1, 1]
        while True:
            side = 0 if old >= len(before) or (new < len(after) and sizes[0] <= sizes[1]) else 1
            dim = after[new] if side == 0 else before[old]
            if isinstance(dim, str):
                # Both shapes have the same dynamic axes in the same order, with as much between them.
                taken = (_until_dynamic(after, new, taken[0]), _until_dynamic(before, old, taken[1]))
                new, old = taken[0][-1] + 1, taken[1][-1] + 1
                break
            taken[side].append(new if side == 0 else old)
            sizes[side] *= dim
            new, old = (new + 1, old) if side == 0 else (new, old + 1)
            if sizes[0] == sizes[1] and taken[0] and taken[1]:
                break
            if new >= len(after) and old >= len(before):
                break
        groups.append(taken)
    return groups


def _until_dynamic(shape: tuple[Dim, ...], start: int, taken: list[int]) -> list[int]:
    axis = start
    while not isinstance(shape[axis], str):
        axis += 1
    return [*taken, *range(start, axis + 1)]


def _digits(count: int, axes: list[tuple[int, Dim]]) -> tuple[Cut, ...] | None:
    """Cuts of the first axes that number ``count`` blocks together; None if no cuts do."""
    cuts: list[Cut] = []
    for axis, dim in axes:
        if count == 1:
            break
        if dim == 1:
            continue
        if isinstance(dim, str):
            return None
        if count % dim == 0:
            cuts.append((axis, dim, 1))
            count //= dim
        elif dim % count == 0:
            cuts.append((axis, count, dim // count))
            count = 1
        else:
            return None
    return tuple(cuts) if count == 1 else None
