"""What eager torch keeps for the backward pass, operation by operation, as storages.

This is the table that emitted code must agree with; tests compare it with ``saved_tensors_hooks``. Inputs do not need
gradients. Products keep an operand if the other one needs a gradient; sums, views and copies keep nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from tnc.cost.saved_pointwise import saved_by_function
from tnc.cost.strided import Storage, Strided, row_major
from tnc.ir.extent import evaluate
from tnc.ir.reads import reads
from tnc.ir.schedule import (
    Add,
    Broadcast,
    Conjugate,
    Crop,
    Diagonal,
    Embed,
    Look,
    Matmul,
    Move,
    Multiply,
    Normalize,
    Number,
    Pointwise,
    Reduce,
    Repeat,
    Scale,
    Schedule,
    Step,
    Sweep,
)


class Memory:
    """Follows a run of the Schedule: which storage every value lies in, and what is saved on the way."""

    def __init__(self, schedule: Schedule, itemsize: int, complex_valued: bool) -> None:
        self.sizes: Mapping[str, int] = dict(schedule.sizes)
        self.values: dict[str, Strided] = {}
        self._itemsize = itemsize
        self._complex = complex_valued
        self._count = 0
        for given in schedule.inputs:
            self._give(given.name, tuple(evaluate(size, self.sizes) for size in given.shape), grad=False)
        for stack in schedule.stacks:
            self._give(stack.key, stack.stored_shape, grad=not stack.frozen)

    def _give(self, name: str, shape: tuple[int, ...], *, grad: bool) -> None:
        self.values[name] = Strided(self.storage(0, free=True), shape, row_major(shape), grad)

    def storage(self, size: int, *, free: bool = False) -> Storage:
        """A new storage of so many bytes."""
        self._count += 1
        return Storage(self._count, size, free)

    def run(self, step: Step) -> tuple[Storage, ...]:
        """Run a step: define its value, and return the storages that autograd saves because of it."""
        operation = step.operation
        operands = [self.values[read.source].seen(read, self.sizes) for read in reads(operation)]
        shape = tuple(evaluate(size, self.sizes) for size in step.shape)
        result = self._result(step, operands, shape)
        self.values[step.name] = result
        if not result.grad:
            return ()
        kept = dict.fromkeys(self._kept(step, operands, result))
        return tuple(storage for storage in kept if not storage.free)

    def _result(self, step: Step, operands: Sequence[Strided], shape: tuple[int, ...]) -> Strided:
        grad = any(operand.grad for operand in operands)
        match step.operation:
            case Look():
                return operands[0]
            case Pointwise(in_place=True):
                return Strided(operands[0].storage, shape, operands[0].strides, grad)
            case Crop():
                return Strided(operands[0].storage, shape, operands[0].strides, grad)
            case Conjugate() if not self._complex:
                return operands[0]
            case Move() | Broadcast() | Diagonal() if _is_itself(step, operands[0], shape):
                return Strided(operands[0].storage, shape, row_major(shape), grad)
            case _:
                size = self._itemsize
                for entries in shape:
                    size *= entries
                return Strided(self.storage(size), shape, row_major(shape), grad)

    def _kept(self, step: Step, operands: Sequence[Strided], result: Strided) -> Iterator[Storage]:
        match step.operation:
            case Matmul() | Multiply():
                left, right = operands
                if right.grad:
                    yield left.storage
                if left.grad:
                    yield right.storage
            case Pointwise(function=function):
                yield from saved_by_function(function, operands, result, self._itemsize, self.storage)
            case Normalize(axes=axes):
                yield operands[0].storage
                rest = self._itemsize // (2 if self._complex else 1)
                for axis, size in enumerate(result.shape):
                    rest *= 1 if axis in axes else size
                yield self.storage(rest)
            case (
                Number()
                | Add()
                | Scale()
                | Reduce()
                | Diagonal()
                | Embed()
                | Broadcast()
                | Move()
                | Look()
                | Crop()
                | Conjugate()
                | Sweep()
                | Repeat()
            ):
                return
            case _:
                assert_never(step.operation)


def _is_itself(step: Step, operand: Strided, shape: tuple[int, ...]) -> bool:
    """Whether ``.contiguous()`` copies nothing, because the axes that would be out of order have size 1."""
    if isinstance(step.operation, Move):
        return operand.contiguous
    if isinstance(step.operation, Broadcast):
        return operand.shape == shape and operand.contiguous
    first, second, *rest = operand.strides
    diagonal = Strided(operand.storage, shape, (first + second, *rest), operand.grad)
    return diagonal.contiguous
