"""The calls that eager torch makes for a step, forward and backward, by what each has to work through.

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
    Crop,
    Diagonal,
    Embed,
    Look,
    Matmul,
    Move,
    Multiply,
    Normalize,
    Number,
    Operation,
    Pointwise,
    Read,
    Reduce,
    Repeat,
    Scale,
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
class Pass:
    """One walk over memory.

    So many ``entries`` are read and written, ``fresh`` of them in memory that the call asks for; so many times a
    function is evaluated that takes more than an instruction. Where ``together`` is not 0, only so many entries lie
    side by side in both the old and the new order; ``turns`` is then how often an index over one of the axes advances
    outside the two innermost loops.
    """

    entries: int
    fresh: int = 0
    functions: int = 0
    together: int = 0
    turns: int = 0


Kernel: TypeAlias = Gemm | Pass

_FEW = 8
"""Up to so many streams are read side by side without loss of what was fetched with each entry."""

_STREAMED = 6
"""Reading such streams is as fast as reading runs of so many entries."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """Everything that a step calls: forward, backward, and the views that it takes of its operands.

    ``views_backward`` are those whose gradient is asked for.
    """

    forward: tuple[Kernel, ...]
    backward: tuple[Kernel, ...]
    views: int
    views_backward: int


def kernels(step: Step, grads: Sequence[bool], sizes: Mapping[str, int], *, complex_valued: bool = False) -> Kernels:
    """The calls of one step; ``grads`` says of each operand whether it needs a gradient.

    A :class:`Repeat` has none of its own: its body is what works.
    """
    operation = step.operation
    if isinstance(operation, Sweep):
        return _sweep(step, operation, grads, sizes)
    operands = reads(operation)
    result = count(step.shape, sizes)
    seen = [count(read.seen, sizes) for read in operands]
    forward = tuple(_forward(operation, result, seen, sizes, complex_valued))
    backward = tuple(_backward(operation, result, seen, grads, sizes, complex_valued)) if any(grads) else ()
    views = [_views(read) + _own_views(operation) for read in operands]
    return Kernels(forward, backward, sum(views), sum(v for v, grad in zip(views, grads, strict=True) if grad))


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
            yield Pass((batch + 1) * rows * summed, rows * summed)
    if right:
        yield Gemm(batch, summed, rows, columns, forward.shared and shared_left)
        if forward.shared and not shared_left:
            yield Pass((batch + 1) * summed * columns, summed * columns)


def _keeps_order(read: Read) -> bool:
    """Whether only axes of size 1 change their place."""
    order = [axis for axis in read.order or () if read.shape[axis] != 1]
    return order == sorted(order)


def _views(read: Read) -> int:
    """Views that a read takes; whether it reshapes is not known here, but nearly all do."""
    return (read.pick is not None) + 1 + (read.order is not None)


def _own_views(operation: Operation) -> int:
    return 1 if isinstance(operation, Crop | Diagonal | Broadcast) else 0


def _forward(
    operation: Operation, result: int, seen: Sequence[int], sizes: Mapping[str, int], complex_valued: bool
) -> Iterator[Kernel]:
    match operation:
        case Look() | Crop() | Sweep() | Repeat():
            return
        case Number():
            yield Pass(1, 1)
        case Matmul():
            yield gemms(operation, sizes)
        case Pointwise(function=function):
            number, functions = passes(function, len(seen)), evaluations(function)
            for place in range(max(number, 1)):
                yield Pass(2 * result, result, functions * result if place == 0 else 0)
        case Normalize():
            yield Pass(2 * result, result)
            yield Pass(result)
            yield Pass(2 * result, result)
        case Add(terms=terms):
            scaled = [entries for entries, (factor, _) in zip(seen, terms, strict=True) if abs(factor) != 1.0]
            yield from (Pass(2 * entries, entries) for entries in scaled[:1])
            for entries in seen[1:]:
                yield Pass(2 * result + entries, result)
        case Conjugate():
            if complex_valued:
                yield Pass(2 * result, result)
        case Embed():
            yield Pass(result, result)
            yield Pass(2 * seen[0])
        case Move(operand=operand):
            yield shuffle(operand, sizes)
        case Multiply() | Scale() | Reduce() | Broadcast() | Diagonal():
            yield Pass(sum(seen) + result, result)
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
        case Look() | Number() | Sweep() | Repeat():
            return
        case Matmul(left=first):
            shared_left = count(first.seen[:-2], sizes) == 1
            yield from gradients(gemms(operation, sizes), grads[0], grads[1], shared_left)
            for read, grad in zip(reads(operation), grads, strict=True):
                # The gradient of a batch comes in the order in which it is seen, and is put back.
                if grad and len(read.seen) > 2 and read.order is not None and not _keeps_order(read):
                    yield shuffle(read, sizes)
        case Multiply():
            for own, other, grad in zip(seen, reversed(seen), grads, strict=True):
                if grad:
                    yield Pass(result + other + result, result)
                    if own < result:
                        yield Pass(result + own, own)
        case Pointwise(function=function):
            number, functions = passes(function, len(seen)), evaluations(function)
            for place in range(max(number, 1)):
                yield Pass(3 * result, result, functions * result if place == 0 else 0)
        case Normalize():
            for _ in range(5):
                yield Pass(3 * result, result)
        case Add(terms=terms):
            for own, grad, (factor, _) in zip(seen, grads, terms, strict=True):
                if grad and factor != 1.0:
                    yield Pass(2 * result, result)
                if grad and own < result:
                    yield Pass(result + own, own)
        case Crop():
            yield Pass(seen[0], seen[0])
            yield Pass(2 * result)
        case Conjugate():
            if complex_valued:
                yield Pass(2 * result, result)
        case Diagonal():
            yield Pass(seen[0], seen[0])
            yield Pass(2 * result)
        case Move(operand=operand):
            yield shuffle(operand, sizes)
        case Scale() | Reduce() | Broadcast() | Embed():
            yield Pass(seen[0] + result, seen[0])
        case _:
            assert_never(operation)


def shuffle(read: Read, sizes: Mapping[str, int]) -> Pass:
    """The pass that makes what a read sees contiguous."""
    return transposition([evaluate(size, sizes) for size in read.shape], read.order or ())


def transposition(shape: Sequence[int], axes: Sequence[int]) -> Pass:
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
        return Pass(2 * entries, entries)
    (before, long), (last, short) = blocks[-2:]
    if last == len(order) - 1:
        together = short
    else:
        together = min(long, _STREAMED) if before == len(order) - 1 and short <= _FEW else 1
    turns = entries // (long * short) * len(blocks) if len(blocks) > 2 else 0
    return Pass(2 * entries, entries, together=together, turns=turns)
