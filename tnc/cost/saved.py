"""What is kept for the backward pass, operation by operation, as storages: by eager torch, or by a compiled step.

The two differ in pointwise functions only. For torch, this is the table that emitted code must agree with; tests
compare it with ``saved_tensors_hooks``. Products keep an operand if the other one needs a gradient; sums, views and
copies keep nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import assert_never

from tnc.cost.dtypes import is_complex, itemsize
from tnc.cost.saved_fused import saved_when_fused
from tnc.cost.saved_pointwise import saved_by_function
from tnc.cost.strided import Storage, Strided, row_major
from tnc.ir.extent import evaluate
from tnc.ir.number_kinds import NumberKind, operation_kind
from tnc.ir.reads import reads
from tnc.ir.schedule import (
    Add,
    Broadcast,
    Conjugate,
    Contiguous,
    Diagonal,
    Embed,
    Eye,
    Gather,
    Kron,
    Loop,
    Matmul,
    Multiply,
    NamedView,
    Normalize,
    Pointwise,
    ReduceSum,
    ScalarConstant,
    Scale,
    Schedule,
    Slice,
    Step,
    Sweep,
)


class Memory:
    """Follows a run of the Schedule: which storage every value lies in, and what is saved on the way."""

    def __init__(self, schedule: Schedule, dtype: str, kinds: Mapping[str, NumberKind], fuses: bool = False) -> None:
        self.sizes: Mapping[str, int] = dict(schedule.sizes)
        self.values: dict[str, Strided] = {}
        self._dtype = dtype
        self._fuses = fuses
        self._kinds = dict(kinds)
        self._count = 0
        for given in schedule.inputs:
            self._give(given.name, tuple(evaluate(size, self.sizes) for size in given.shape), grad=given.grad)
        for stack in schedule.stacks:
            self._give(stack.key, stack.stored_shape, grad=not stack.frozen)

    def _give(self, name: str, shape: tuple[int, ...], *, grad: bool) -> None:
        self.values[name] = Strided(self.storage(0, free=True), shape, row_major(shape), grad)

    def itemsize(self, name: str) -> int:
        """Bytes of an entry of a tensor."""
        return itemsize(self._dtype, self._kinds[name])

    def storage(self, size: int, *, free: bool = False) -> Storage:
        """A new storage of ``size`` bytes."""
        self._count += 1
        return Storage(self._count, size, free)

    def run(self, step: Step) -> tuple[Storage, ...]:
        """Run a step: define its value, and return the storages that autograd saves because of it."""
        operation = step.operation
        operands = [self.values[read.source].seen(read, self.sizes) for read in reads(operation)]
        shape = tuple(evaluate(size, self.sizes) for size in step.shape)
        self._kinds[step.name] = operation_kind(operation, [self._kinds[read.source] for read in reads(operation)])
        result = self._result(step, operands, shape)
        self.values[step.name] = result
        if not result.grad:
            return ()
        kept = dict.fromkeys(self._kept(step, operands, result))
        return tuple(storage for storage in kept if not storage.free)

    def _result(self, step: Step, operands: Sequence[Strided], shape: tuple[int, ...]) -> Strided:
        grad = any(operand.grad for operand in operands)
        match step.operation:
            case NamedView():
                return operands[0]
            case Pointwise(in_place=True) if not self._fuses:
                return Strided(operands[0].storage, shape, operands[0].strides, grad)
            case Slice():
                return Strided(operands[0].storage, shape, operands[0].strides, grad)
            case Conjugate() if not is_complex(self._dtype, self._kinds[step.name]):
                return operands[0]
            case Contiguous() | Broadcast() | Diagonal() if _is_itself(step, operands[0], shape):
                return Strided(operands[0].storage, shape, row_major(shape), grad)
            case _:
                size = self.itemsize(step.name) * prod(shape)
                return Strided(self.storage(size), shape, row_major(shape), grad)

    def _kept(self, step: Step, operands: Sequence[Strided], result: Strided) -> Iterator[Storage]:
        match step.operation:
            case Matmul() | Multiply() | Kron():
                left, right = self._converted(step, operands)
                if right.grad:
                    yield left.storage
                if left.grad:
                    yield right.storage
            case Pointwise(function=function):
                sizes = [self.itemsize(read.source) for read in step.operation.operands]
                real = itemsize(self._dtype, NumberKind.REAL)
                if self._fuses:
                    yield from saved_when_fused(function, operands, result, max(sizes), self.storage)
                else:
                    yield from saved_by_function(function, operands, result, sizes, real, self.storage)
            case Normalize(axes=axes):
                yield operands[0].storage
                rest = itemsize(self._dtype, NumberKind.REAL)
                for axis, size in enumerate(result.shape):
                    rest *= 1 if axis in axes else size
                yield self.storage(rest)
            case Gather(divisor=divisor, leads=leads):
                if divisor > 1 or not leads:  # the digits, which are integers of 8 bytes
                    yield self.storage(8 * operands[1].entries)
            case (
                ScalarConstant()
                | Eye()
                | Add()
                | Scale()
                | ReduceSum()
                | Diagonal()
                | Embed()
                | Broadcast()
                | Contiguous()
                | NamedView()
                | Slice()
                | Conjugate()
                | Sweep()
                | Loop()
            ):
                return
            case _:
                assert_never(step.operation)

    def _converted(self, step: Step, operands: Sequence[Strided]) -> Sequence[Strided]:
        """The operands of a product as it takes them: a product of matrices wants one dtype, and gets a copy."""
        if not isinstance(step.operation, Matmul):
            return operands
        size = self.itemsize(step.name)
        return [
            operand
            if self.itemsize(read.source) == size
            else replace(operand, storage=self.storage(operand.entries * size))
            for read, operand in zip(reads(step.operation), operands, strict=True)
        ]


def _is_itself(step: Step, operand: Strided, shape: tuple[int, ...]) -> bool:
    """Whether ``.contiguous()`` copies nothing, because the axes that would be out of order have size 1."""
    if isinstance(step.operation, Contiguous):
        return operand.contiguous
    if isinstance(step.operation, Broadcast):
        return operand.shape == shape and operand.contiguous
    first, second, *rest = operand.strides
    diagonal = Strided(operand.storage, shape, (first + second, *rest), operand.grad)
    return diagonal.contiguous
