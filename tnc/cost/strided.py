"""Tensors as torch has them, at nominal sizes: a storage, a shape, strides. Nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tnc.ir.extent import evaluate
from tnc.ir.schedule import Read


@dataclass(frozen=True, slots=True)
class Storage:
    """A piece of memory; ``free`` ones belong to parameters, buffers and inputs, which nobody counts."""

    number: int
    bytes: int
    free: bool = False


@dataclass(frozen=True, slots=True)
class Strided:
    """A tensor: its storage, shape and strides, and whether it needs a gradient."""

    storage: Storage
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    grad: bool

    @property
    def entries(self) -> int:
        """The number of entries."""
        number = 1
        for size in self.shape:
            number *= size
        return number

    @property
    def contiguous(self) -> bool:
        """Whether ``.contiguous()`` returns the tensor itself."""
        return all(
            size == 1 or stride == expected
            for size, stride, expected in zip(self.shape, self.strides, row_major(self.shape), strict=True)
        )

    def seen(self, read: Read, sizes: Mapping[str, int]) -> Strided:
        """The view that a read takes."""
        shape, strides = self.shape, self.strides
        if read.select is not None:
            axis = read.select[0]
            shape, strides = shape[:axis] + shape[axis + 1 :], strides[:axis] + strides[axis + 1 :]
        new = tuple(evaluate(size, sizes) for size in read.shape)
        whole = Strided(self.storage, shape, strides, self.grad)
        strides = row_major(new) if whole.contiguous else _split(shape, strides, new)
        if read.perm is not None:
            new, strides = tuple(new[a] for a in read.perm), tuple(strides[a] for a in read.perm)
        return Strided(self.storage, new, strides, self.grad)


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a contiguous tensor."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def gradient_is_copied(read: Read, source: Sequence[int], sizes: Mapping[str, int]) -> bool:
    """Whether a gradient that comes in contiguous, as a read sees its source, is copied to get the source's shape.

    That is so where axes were put in another order that the source has as one.
    """
    if read.perm is None:
        return False
    shape = tuple(evaluate(size, sizes) for size in read.shape)
    inner = row_major(tuple(shape[axis] for axis in read.perm))
    strides = [1] * len(shape)
    for place, axis in enumerate(read.perm):
        strides[axis] = inner[place]
    if read.select is not None:
        source = (*source[: read.select[0]], *source[read.select[0] + 1 :])
    return reshaped(shape, strides, source) is None


def reshaped(shape: Sequence[int], strides: Sequence[int], new: Sequence[int]) -> tuple[int, ...] | None:
    """The strides after axes were merged where they lie as one, and split; None if that took a copy."""
    runs: list[tuple[int, int]] = []  # entries of axes that lie as one, and the stride of the last of them
    for size, stride in zip(shape, strides, strict=True):
        if size == 1:
            continue
        if runs and runs[-1][1] == size * stride:
            runs[-1] = runs[-1][0] * size, stride
        else:
            runs.append((size, stride))
    found: list[int] = []
    rest = inner = 1
    for size in new:
        if size != 1 and rest == 1:
            rest, inner = runs.pop(0) if runs else (1, 1)
        if rest % size:
            return None
        rest //= size
        found.append(rest * inner)
    return tuple(found)


def _split(shape: Sequence[int], strides: Sequence[int], new: Sequence[int]) -> tuple[int, ...]:
    """The strides after axes were split, and axes of size 1 came or went."""
    pending = [(size, stride) for size, stride in zip(shape, strides, strict=True) if size != 1]
    result: list[int] = [1] * len(new)
    have, stride = 1, 1
    for axis in range(len(new) - 1, -1, -1):
        if new[axis] == 1:
            continue
        if have == 1:
            have, stride = pending.pop()
        result[axis] = stride
        have, stride = have // new[axis], stride * new[axis]
    return tuple(result)
