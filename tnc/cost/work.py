"""FLOPs and entries read and written by one step, forward and backward, at nominal sizes.

A multiply-add is two FLOPs; a product that sums nothing is one FLOP an entry, and so is each primitive of a pointwise
function. Views cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from tnc.cost.kernels import gemms
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
    Slice,
    Step,
    Sweep,
)


@dataclass(frozen=True, slots=True)
class Work:
    """FLOPs and entries read and written, forward and backward."""

    flops: int = 0
    entries: int = 0
    flops_backward: int = 0
    entries_backward: int = 0


def work(step: Step, grads: Sequence[bool], sizes: Mapping[str, int]) -> Work:
    """The work of one step; ``grads`` says of each operand, in the order of ``reads``, whether it needs a gradient.

    Loops and sweeps have none of their own: see :mod:`tnc.cost.unroll` for the steps inside.
    """
    operation = step.operation
    result = count(step.shape, sizes)
    seen = [count(read.seen, sizes) for read in reads(operation)]
    needed = sum(grads)
    match operation:
        case NamedView() | Slice() | Sweep() | Loop():
            return Work()
        case ScalarConstant():
            return Work(entries=1)
        case Eye():
            return Work(entries=result)
        case Matmul():
            return _matmul(operation, seen, result, grads, sizes)
        case Multiply() | Kron():
            # The gradient of an operand that is broadcast is a sum as well.
            backward = sum(
                result * (2 if entries < result else 1) for entries, grad in zip(seen, grads, strict=True) if grad
            )
            entries = sum(seen) + result
            return Work(result, entries, backward, entries * needed)
        case Pointwise(function=function):
            number = primitives(function)
            return Work(number * result, sum(seen) + result, *_mirrored(2 * number, result, seen, needed))
        case Normalize():
            return Work(3 * result, 2 * result, *_mirrored(6, result, seen, needed))
        case Gather():
            # An integer takes the bytes of two entries. The gradient is zeros, to which rows are added.
            return Work(0, 2 * result + 2 * seen[1], *((result, seen[0] + 3 * result) if needed else (0, 0)))
        case Add(terms=terms):
            flops = result * (len(terms) - 1) + sum(
                entries for entries, (factor, _) in zip(seen, terms, strict=True) if abs(factor) != 1.0
            )
            back = sum(result + entries for entries, grad in zip(seen, grads, strict=True) if grad)
            return Work(flops, sum(seen) + result, flops if needed else 0, back)
        case Scale():
            return Work(result, 2 * result, *((result, 2 * result) if needed else (0, 0)))
        case ReduceSum():
            return Work(seen[0], seen[0] + result, *((0, seen[0] + result) if needed else (0, 0)))
        case Broadcast():
            return Work(0, seen[0] + result, *((result, seen[0] + result) if needed else (0, 0)))
        case Diagonal() | Embed() | Contiguous() | Conjugate():
            return Work(0, seen[0] + result, *((0, seen[0] + result) if needed else (0, 0)))
        case _:
            assert_never(operation)


def _matmul(
    operation: Matmul, seen: Sequence[int], result: int, grads: Sequence[bool], sizes: Mapping[str, int]
) -> Work:
    """A product of matrices: the gradient of either one is a product of the same size."""
    gemm = gemms(operation, sizes)
    entries = sum(seen) + result
    backward = entries * sum(grads)
    left, right = operation.left.seen[:-2], operation.right.seen[:-2]
    for own, (shape, other), grad in zip(seen, ((left, right), (right, left)), grads, strict=True):
        if grad and shape == (1,) and other != (1,):
            # A matrix shared by the batch: a gradient for each member first, then their sum.
            backward += 2 * gemm.batch * own
    return Work(gemm.flops, entries, gemm.flops * sum(grads), backward)


def _mirrored(flops: int, result: int, seen: Sequence[int], needed: int) -> tuple[int, int]:
    return (flops * result, 2 * result + sum(seen)) if needed else (0, 0)
