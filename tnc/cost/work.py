"""FLOPs and bytes of one step, forward and backward, at nominal sizes.

A multiply-add is two FLOPs; a product that sums nothing is one an entry, and so is each primitive of a pointwise
function. What is only seen otherwise costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from tnc.cost.primitives import primitives
from tnc.ir.extent import count
from tnc.ir.reads import reads
from tnc.ir.schedule import (
    Add,
    Broadcast,
    Conjugate,
    Contiguous,
    Diagonal,
    Embed,
    Loop,
    Matmul,
    Multiply,
    NamedView,
    Normalize,
    Operation,
    Pointwise,
    ReduceSum,
    ScalarConstant,
    Scale,
    Slice,
    Step,
    Sweep,
)


@dataclass(frozen=True, slots=True)
class Work:
    """FLOPs, entries moved, calls into the framework, and entries of new memory, forward and backward."""

    flops: int = 0
    entries: int = 0
    calls: int = 0
    flops_backward: int = 0
    entries_backward: int = 0
    calls_backward: int = 0
    fresh: int = 0
    fresh_backward: int = 0

    def __add__(self, other: Work) -> Work:
        """Both one after the other."""
        return Work(
            self.flops + other.flops,
            self.entries + other.entries,
            self.calls + other.calls,
            self.flops_backward + other.flops_backward,
            self.entries_backward + other.entries_backward,
            self.calls_backward + other.calls_backward,
            self.fresh + other.fresh,
            self.fresh_backward + other.fresh_backward,
        )


@dataclass(frozen=True, slots=True)
class Matrices:
    """``batch`` products of matrices (rows, summed) and (summed, columns).

    Where ``shared``, the second matrix is one for the whole batch; its gradient is a batch first, then summed.
    ``grads`` says which of the two needs a gradient.
    """

    batch: int
    rows: int
    summed: int
    columns: int
    shared: bool = False
    grads: tuple[bool, bool] = (True, True)

    def work(self) -> Work:
        """What it takes."""
        first = self.batch * self.rows * self.summed
        second = self.batch * self.summed * self.columns
        result = self.batch * self.rows * self.columns
        flops = 2 * first * self.columns
        number = second // self.batch if self.shared else second
        whole = first + number + result
        back = fresh = calls = 0
        if self.grads[0]:
            back, fresh, calls = back + whole, fresh + first, calls + 1
        if self.grads[1]:
            back, fresh, calls = back + whole, fresh + number, calls + 1
            if self.shared:
                back, fresh, calls = back + 2 * second, fresh + second, calls + 1
        return Work(flops, whole, 1, flops * sum(self.grads), back, calls, result, fresh)


def work(step: Step, grads: Sequence[bool], sizes: Mapping[str, int]) -> Work:
    """The work of one step; ``grads`` says of each operand, in the order of ``reads``, whether it needs a gradient.

    A :class:`Loop` has none of its own: its body is what works, and of a :class:`Sweep` its products.
    """
    operation = step.operation
    result = count(step.shape, sizes)
    seen = [count(read.seen, sizes) for read in reads(operation)]
    done = _work(operation, result, seen, grads, sizes)
    if isinstance(operation, NamedView | Slice | Sweep | Loop | Matmul):
        return done
    overwrites = isinstance(operation, Pointwise) and operation.in_place
    gradients = sum(entries for entries, grad in zip(seen, grads, strict=True) if grad)
    return replace(done, fresh=0 if overwrites else result, fresh_backward=gradients)


def _work(
    operation: Operation, result: int, seen: Sequence[int], grads: Sequence[bool], sizes: Mapping[str, int]
) -> Work:
    """Without the memory that is new."""
    needed = sum(grads)
    match operation:
        case NamedView() | Slice() | Sweep() | Loop():
            return Work()
        case ScalarConstant():
            return Work(entries=1, calls=1)
        case Matmul():
            return _matrices(operation, grads, sizes).work()
        case Multiply():
            # A broadcast operand's gradient is a sum as well.
            backward = sum(
                result * (2 if entries < result else 1) for entries, grad in zip(seen, grads, strict=True) if grad
            )
            forward = _product(result, result, seen, grads)
            return replace(forward, flops_backward=backward)
        case Pointwise(function=function):
            number = primitives(function)
            return Work(number * result, sum(seen) + result, 1, *_mirrored(2 * number, result, seen, needed))
        case Normalize():
            return Work(3 * result, 2 * result, 1, *_mirrored(6, result, seen, needed))
        case Add(terms=terms):
            flops = result * (len(terms) - 1) + sum(
                entries for entries, (factor, _) in zip(seen, terms, strict=True) if abs(factor) != 1.0
            )
            back = sum(result + entries for entries, grad in zip(seen, grads, strict=True) if grad)
            return Work(flops, sum(seen) + result, 1, flops if needed else 0, back, needed)
        case Scale():
            return Work(result, 2 * result, 1, *((result, 2 * result, 1) if needed else (0, 0, 0)))
        case ReduceSum():
            return Work(seen[0], seen[0] + result, 1, *((0, seen[0] + result, 1) if needed else (0, 0, 0)))
        case Broadcast():
            return Work(0, seen[0] + result, 1, *((result, seen[0] + result, 1) if needed else (0, 0, 0)))
        case Diagonal() | Embed() | Contiguous() | Conjugate():
            return Work(0, seen[0] + result, 1, *((0, seen[0] + result, 1) if needed else (0, 0, 0)))
        case _:
            assert_never(operation)


def _matrices(operation: Matmul, grads: Sequence[bool], sizes: Mapping[str, int]) -> Matrices:
    left, right = operation.left.seen, operation.right.seen
    rows, summed, columns = (count((size,), sizes) for size in (left[-2], left[-1], right[-1]))
    first, second = count(left[:-2], sizes), count(right[:-2], sizes)
    left_grad, right_grad = grads
    if left[:-2] == (1,) and right[:-2] != (1,):
        return Matrices(second, columns, summed, rows, True, (right_grad, left_grad))
    return Matrices(first, rows, summed, columns, left[:-2] != right[:-2], (left_grad, right_grad))


def _product(flops: int, result: int, seen: Sequence[int], grads: Sequence[bool]) -> Work:
    """A bilinear operation: the gradient of either operand is the same product again, with the other one."""
    needed = sum(grads)
    whole = sum(seen) + result
    return Work(flops, whole, 1, flops * needed, whole * needed, needed)


def _mirrored(flops: int, result: int, seen: Sequence[int], needed: int) -> tuple[int, int, int]:
    return (flops * result, 2 * result + sum(seen), 1) if needed else (0, 0, 0)
