"""The kernels that eager PyTorch launches for a step, forward and backward, with their sizes.

This is finer than :mod:`tnc.cost.work`, which counts what a step is worth: a function of three primitives is three
passes here, a gradient of something broadcast is a pass and a sum, and products keep their shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias, assert_never

from tnc.cost.primitives import evaluations, passes
from tnc.ir.extent import count, evaluate
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
    Operation,
    Pointwise,
    Read,
    ReduceSum,
    ScalarConstant,
    Scale,
    Slice,
    Step,
    Sweep,
)
from tnc.ir.sweep import products


@dataclass(frozen=True, slots=True)
class Gemm:
    """``batch`` products of matrices (rows, summed) and (summed, columns).

    ``shared`` says that one of the two matrices is the same for the whole batch: its gradient is a batch of gradients,
    then summed.
    """

    batch: int
    rows: int
    summed: int
    columns: int
    shared: bool = False

    @property
    def flops(self) -> int:
        """A multiply-add is two."""
        return 2 * self.batch * self.rows * self.summed * self.columns

    @property
    def fresh(self) -> int:
        """Entries of the result."""
        return self.batch * self.rows * self.columns

    @property
    def entries(self) -> int:
        """Entries read and written, as if nothing were shared."""
        return self.batch * (self.rows * self.summed + self.summed * self.columns + self.rows * self.columns)


@dataclass(frozen=True, slots=True)
class MemoryPass:
    """One walk over memory.

    ``entries`` are read and written, ``fresh`` of them in new memory. ``functions`` counts evaluations that take more
    than an instruction. If ``together`` is not 0, runs of that many entries are contiguous in both the old and the new
    order; ``turns`` then counts how often an index over one of the axes advances outside the two innermost loops.
    """

    entries: int
    fresh: int = 0
    functions: int = 0
    together: int = 0
    turns: int = 0


Kernel: TypeAlias = Gemm | MemoryPass

_FEW = 8
"""Strided streams that fit in cache together."""

_STREAMED = 6
"""Reading up to ``_FEW`` streams is as fast as reading contiguous runs of this many entries."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """The kernels of a step, forward and backward, and the number of views of its operands.

    ``views_backward`` are those whose gradient is asked for.
    """

    forward: tuple[Kernel, ...]
    backward: tuple[Kernel, ...]
    views: int
    views_backward: int


def kernels(
    step: Step,
    grads: Sequence[bool],
    sizes: Mapping[str, int],
    *,
    complex_valued: bool = False,
    fuses: bool = False,
) -> Kernels:
    """The calls of one step; ``grads`` says of each operand whether it needs a gradient.

    A :class:`Loop` has none of its own: its body is what works. With ``fuses`` a compiler makes one kernel of all that
    is computed entry by entry.
    """
    operation = step.operation
    if isinstance(operation, Sweep):
        return _sweep(step, operation, grads, sizes)
    operands = reads(operation)
    result = count(step.shape, sizes)
    seen = [count(read.seen, sizes) for read in operands]
    forward = tuple(_forward(operation, result, seen, sizes, complex_valued))
    backward = tuple(_backward(operation, result, seen, grads, sizes, complex_valued)) if any(grads) else ()
    if fuses and isinstance(operation, Pointwise | Multiply | Kron):
        forward, backward = _fused(forward, result, seen), _fused_gradients(backward, result, seen, grads)
    views = [_views(read) + _own_views(operation) for read in operands]
    return Kernels(forward, backward, sum(views), sum(v for v, grad in zip(views, grads, strict=True) if grad))


def _fused(passes: Sequence[Kernel], result: int, seen: Sequence[int]) -> tuple[Kernel, ...]:
    """The passes of an entrywise operation as one, which reads the operands and writes the result."""
    return (MemoryPass(sum(seen) + result, result, _functions(passes)),)


def _fused_gradients(
    passes: Sequence[Kernel], result: int, seen: Sequence[int], grads: Sequence[bool]
) -> tuple[Kernel, ...]:
    """A pass for each gradient, which reads the operands and the result's gradient, and sums where it has to."""
    functions = _functions(passes)
    return tuple(
        MemoryPass(result + sum(seen) + own, own, functions) for own, grad in zip(seen, grads, strict=True) if grad
    )


def _functions(passes: Sequence[Kernel]) -> int:
    return sum(each.functions for each in passes if isinstance(each, MemoryPass))


def _sweep(step: Step, sweep: Sweep, grads: Sequence[bool], sizes: Mapping[str, int]) -> Kernels:
    """The calls of its products, of which each but the first reads what the one before it made."""
    total = Kernels((), (), 0, 0)
    state, gates = grads[0], grads[1:]
    for window, gate, product in zip(sweep.windows, gates, products(step, sweep), strict=True):
        first = window.front == 1 or len(product.shape) == 3
        done = kernels(product, (gate, state) if first else (state, gate), sizes)
        total = Kernels(
            total.forward + done.forward,
            total.backward + done.backward,
            total.views + done.views,
            total.views_backward + done.views_backward,
        )
        state = state or gate
    return total


def gemms(operation: Matmul, sizes: Mapping[str, int]) -> Gemm:
    """The product of a step, forward."""
    left, right = operation.left.seen, operation.right.seen
    batches = count(left[:-2], sizes), count(right[:-2], sizes)
    rows, summed, columns = (evaluate(size, sizes) for size in (left[-2], left[-1], right[-1]))
    return Gemm(max(batches), rows, summed, columns, shared=batches[0] != batches[1])


def gradients(forward: Gemm, left: bool, right: bool, shared_left: bool = False) -> Iterator[Kernel]:
    """The calls that make the gradients of the left and the right matrix, as far as they are asked for."""
    batch, rows, summed, columns = forward.batch, forward.rows, forward.summed, forward.columns
    if left:
        yield Gemm(batch, rows, columns, summed, forward.shared and not shared_left)
        if forward.shared and shared_left:
            yield MemoryPass((batch + 1) * rows * summed, rows * summed)
    if right:
        yield Gemm(batch, summed, rows, columns, forward.shared and shared_left)
        if forward.shared and not shared_left:
            yield MemoryPass((batch + 1) * summed * columns, summed * columns)


def _keeps_order(read: Read) -> bool:
    """Whether only axes of size 1 change their place."""
    order = [axis for axis in read.perm or () if read.shape[axis] != 1]
    return order == sorted(order)


def _views(read: Read) -> int:
    """The number of views of a read; a reshape is assumed, as nearly all reads have one."""
    return (read.select is not None) + 1 + (read.perm is not None)


def _own_views(operation: Operation) -> int:
    return 1 if isinstance(operation, Slice | Diagonal | Broadcast) else 0


def _forward(
    operation: Operation, result: int, seen: Sequence[int], sizes: Mapping[str, int], complex_valued: bool
) -> Iterator[Kernel]:
    match operation:
        case NamedView() | Slice() | Sweep() | Loop():
            return
        case ScalarConstant():
            yield MemoryPass(1, 1)
        case Eye():
            yield MemoryPass(result, result)
        case Matmul():
            yield gemms(operation, sizes)
        case Pointwise(function=function):
            number, functions = passes(function, len(seen)), evaluations(function)
            for place in range(max(number, 1)):
                yield MemoryPass(2 * result, result, functions * result if place == 0 else 0)
        case Normalize():
            yield MemoryPass(2 * result, result)
            yield MemoryPass(result)
            yield MemoryPass(2 * result, result)
        case Add(terms=terms):
            scaled = [entries for entries, (factor, _) in zip(seen, terms, strict=True) if abs(factor) != 1.0]
            yield from (MemoryPass(2 * entries, entries) for entries in scaled[:1])
            for entries in seen[1:]:
                yield MemoryPass(2 * result + entries, result)
        case Gather(divisor=divisor, leads=leads):
            for _ in range((divisor > 1) + (not leads)):
                yield MemoryPass(4 * seen[1], 2 * seen[1])
            yield MemoryPass(2 * result + 2 * seen[1], result)
        case Conjugate():
            if complex_valued:
                yield MemoryPass(2 * result, result)
        case Embed():
            yield MemoryPass(result, result)
            yield MemoryPass(2 * seen[0])
        case Contiguous(operand=operand):
            yield shuffle(operand, sizes)
        case Multiply() | Kron() | Scale() | ReduceSum() | Broadcast() | Diagonal():
            yield MemoryPass(sum(seen) + result, result)
        case _:
            assert_never(operation)


def _backward(
    operation: Operation,
    result: int,
    seen: Sequence[int],
    grads: Sequence[bool],
    sizes: Mapping[str, int],
    complex_valued: bool,
) -> Iterator[Kernel]:
    match operation:
        case NamedView() | ScalarConstant() | Eye() | Sweep() | Loop():
            return
        case Matmul(left=first):
            shared_left = count(first.seen[:-2], sizes) == 1
            yield from gradients(gemms(operation, sizes), grads[0], grads[1], shared_left)
            for read, grad in zip(reads(operation), grads, strict=True):
                # The gradient of a batch comes in the order in which it is seen, and is put back.
                if grad and len(read.seen) > 2 and read.perm is not None and not _keeps_order(read):
                    yield shuffle(read, sizes)
        case Multiply() | Kron():
            for own, other, grad in zip(seen, reversed(seen), grads, strict=True):
                if grad:
                    yield MemoryPass(result + other + result, result)
                    if own < result:
                        yield MemoryPass(result + own, own)
        case Pointwise(function=function):
            number, functions = passes(function, len(seen)), evaluations(function)
            for place in range(max(number, 1)):
                yield MemoryPass(3 * result, result, functions * result if place == 0 else 0)
        case Normalize():
            for _ in range(5):
                yield MemoryPass(3 * result, result)
        case Add(terms=terms):
            for own, grad, (factor, _) in zip(seen, grads, terms, strict=True):
                if grad and factor != 1.0:
                    yield MemoryPass(2 * result, result)
                if grad and own < result:
                    yield MemoryPass(result + own, own)
        case Gather():
            yield MemoryPass(seen[0], seen[0])
            yield MemoryPass(3 * result + 2 * seen[1])
        case Slice():
            yield MemoryPass(seen[0], seen[0])
            yield MemoryPass(2 * result)
        case Conjugate():
            if complex_valued:
                yield MemoryPass(2 * result, result)
        case Diagonal():
            yield MemoryPass(seen[0], seen[0])
            yield MemoryPass(2 * result)
        case Contiguous(operand=operand):
            yield shuffle(operand, sizes)
        case Scale() | ReduceSum() | Broadcast() | Embed():
            yield MemoryPass(seen[0] + result, seen[0])
        case _:
            assert_never(operation)


def shuffle(read: Read, sizes: Mapping[str, int]) -> MemoryPass:
    """The pass that makes what a read sees contiguous."""
    return transposition([evaluate(size, sizes) for size in read.shape], read.perm or ())


def transposition(shape: Sequence[int], axes: Sequence[int]) -> MemoryPass:
    """The pass that puts the axes of a contiguous tensor in another order.

    Axes that are neighbours before and after count as one. The two last ones are the inner loops; where the last one
    is short and the one before it is contiguous in the old order, a few streams are read side by side.
    """
    order = [axis for axis in axes if shape[axis] != 1]
    place = {axis: number for number, axis in enumerate(sorted(order))}
    blocks: list[tuple[int, int]] = []  # the last axis of each run of neighbours, and the entries along the run
    for axis in order:
        if blocks and place[axis] == blocks[-1][0] + 1:
            blocks[-1] = place[axis], blocks[-1][1] * shape[axis]
        else:
            blocks.append((place[axis], shape[axis]))
    entries = prod(shape)
    if len(blocks) < 2:
        return MemoryPass(2 * entries, entries)
    (before, long), (last, short) = blocks[-2:]
    if last == len(order) - 1:
        together = short
    else:
        together = min(long, _STREAMED) if before == len(order) - 1 and short <= _FEW else 1
    turns = entries // (long * short) * len(blocks) if len(blocks) > 2 else 0
    return MemoryPass(2 * entries, entries, together=together, turns=turns)
