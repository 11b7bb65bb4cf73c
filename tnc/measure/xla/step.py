"""A Schedule's training step as XLA gets it from the generated JAX module: first all values, then the gradients.

What JAX writes for an operation and its gradients, and what XLA makes of that before it fuses, is told here; see
docs/time-model.md for the rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from tnc.cost.dtypes import is_complex, itemsize
from tnc.cost.strided import Strided
from tnc.cost.unroll import unrolled
from tnc.ir.extent import Extent, evaluate
from tnc.ir.kron import as_multiply
from tnc.ir.number_kinds import NumberKind, source_kinds
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
    Read,
    ReduceSum,
    ScalarConstant,
    Scale,
    Schedule,
    Slice,
    Stack,
    Step,
    Sweep,
)
from tnc.ir.shared import is_light
from tnc.measure.xla.graph import Graph, Shape, fused, ordered, transposed
from tnc.measure.xla.memory import Buffers, assigned
from tnc.measure.xla.pointwise import Tape, evaluated


def jit_memory(schedule: Schedule, dtype: str) -> Buffers:
    """What a step of training takes under ``jax.jit`` on a processor: forward and backward, without the optimizer.

    Where nothing is trained it is the forward pass alone.
    """
    return assigned(fused(*_Tracer(schedule, dtype).traced()))


class _Tracer:
    def __init__(self, schedule: Schedule, dtype: str) -> None:
        self._schedule = schedule
        # One dtype for the whole graph: real parts beside complex cores are counted as complex.
        kind = max(source_kinds(schedule).values(), default=NumberKind.MODULE)
        self._complex = is_complex(dtype, kind)
        self._graph = Graph(itemsize(dtype, kind))
        self._sizes: Mapping[str, int] = dict(schedule.sizes)
        self._stacks: Mapping[str, Stack] = {stack.key: stack for stack in schedule.stacks}
        self._values: dict[str, Strided] = {}
        self._entries: dict[tuple[str, int, int], Strided] = {}
        self._gradients: dict[tuple[str, int | None], list[Strided]] = {}
        self._tapes: dict[str, Tape] = {}

    def traced(self) -> tuple[Graph, list[Strided], list[Strided]]:
        """The graph, what of it the step returns, and what XLA visits first."""
        for key, stack in sorted(self._stacks.items()):
            self._values[key] = replace(self._graph.argument(stack.stored_shape), grad=not stack.frozen)
        for given in self._schedule.inputs:
            self._values[given.name] = replace(self._graph.argument(self._shape(given.shape)), grad=given.grad)
        steps = [_without_kron(ran.step) for ran in unrolled(self._schedule.steps)]
        for step in steps:
            self._values[step.name] = self._value(step)
        found: list[Strided] = []
        for result in self._schedule.results:
            value = self._seen(result.read)
            self._hand_back(result.read, self._graph.argument(value.shape))
            found.append(self._given_out(value, found))
        first = self._gradients_of(steps)
        for _, stack in sorted(self._stacks.items()):
            if not stack.frozen:
                found.append(self._given_out(self._of_stack(stack), found))
        for given in self._schedule.inputs:
            if given.grad:
                terms = self._gradients.get((given.name, None), ())
                gradient = self._sum(terms) if terms else self._graph.loop(self._shape(given.shape), ())
                found.append(self._given_out(gradient, found))
        return self._graph, found, first

    def _gradients_of(self, steps: Sequence[Step]) -> list[Strided]:
        """Go back through all steps; the gradients with which loops begin."""
        # A loop counts its iterations, and nobody reads how far it came: from such a dead end XLA begins its tour.
        loops = {step.name for step in self._schedule.steps if isinstance(step.operation, Loop)}
        first: list[Strided] = []
        for step in reversed(steps):
            gradients = self._gradients.pop((step.name, None), None)
            if gradients:
                gradient = self._sum(gradients)
                first += [gradient] if step.name in loops else []
                self._backward(step, gradient)
        return first

    def _given_out(self, array: Strided, others: Sequence[Strided]) -> Strided:
        """A result has a buffer of its own."""
        packed = self._graph.packed(array)
        taken = packed.storage.free or packed.storage in [other.storage for other in others]
        return self._graph.loop(packed.shape, (packed,)) if taken else packed

    # -- reading -------------------------------------------------------------------------------

    def _shape(self, shape: Sequence[Extent]) -> Shape:
        return tuple(evaluate(size, self._sizes) for size in shape)

    def _seen(self, read: Read) -> Strided:
        source = self._picked(read)
        seen = self._graph.reshape(source, self._shape(read.shape))
        if read.perm is not None:
            seen = ordered(seen, read.perm)
        return replace(seen, grad=source.grad)

    def _picked(self, read: Read) -> Strided:
        source = self._values[read.source]
        if read.select is None:
            return source
        axis, index = read.select
        shape = (*source.shape[:axis], *source.shape[axis + 1 :])
        if source.shape[axis] == 1:
            return replace(self._graph.reshape(source, shape), grad=source.grad)
        key = read.source, axis, index.start
        if key not in self._entries:
            self._entries[key] = replace(self._graph.loop(shape, (source,)), grad=source.grad)
        return self._entries[key]

    def _member(self, read: Read) -> int | None:
        """Which member of a stack is read, if it is one."""
        stack = self._stacks.get(read.source)
        chosen = stack is not None and stack.stacked and read.select is not None and read.select[0] == 0
        return read.select[1].start if chosen and read.select else None

    def _hand_back(self, read: Read, gradient: Strided) -> None:
        """A gradient of what was seen becomes one of what it was seen of."""
        source = self._picked(read)
        if not source.grad:
            return
        if read.perm is not None:
            gradient = ordered(gradient, sorted(range(len(read.perm)), key=read.perm.__getitem__))
        gradient = self._graph.reshape(gradient, source.shape)
        member = self._member(read)
        if read.select is not None and member is None:
            gradient = self._graph.loop(self._values[read.source].shape, (gradient,))
        self._gradients.setdefault((read.source, member), []).append(gradient)

    def _sum(self, gradients: Sequence[Strided]) -> Strided:
        return gradients[0] if len(gradients) == 1 else self._graph.loop(gradients[0].shape, gradients)

    def _of_stack(self, stack: Stack) -> Strided:
        """The gradient of a parameter: those of its members put together."""
        whole = self._values[stack.key].shape
        parts = [self._gradients.get((stack.key, number)) for number in range(len(stack.members))]
        terms = list(self._gradients.get((stack.key, None), ()))
        members = [self._sum(part) for part in parts if part]
        if members and len(stack.members) == 1:
            terms += [self._graph.reshape(member, whole) for member in members]
        elif members:
            terms.append(self._graph.solid(whole, members))
        return self._sum(terms) if terms else self._graph.loop(whole, ())

    # -- forward -------------------------------------------------------------------------------

    def _value(self, step: Step) -> Strided:
        operation = step.operation
        operands = [self._seen(read) for read in reads(operation)]
        made = self._made(step, operands, self._shape(step.shape))
        return replace(made, grad=any(operand.grad for operand in operands))

    def _made(self, step: Step, operands: Sequence[Strided], shape: Shape) -> Strided:
        graph = self._graph
        match step.operation:
            case Matmul():
                return graph.reshape(self._product(step.operation, *operands), shape)
            case NamedView() | Contiguous():
                return operands[0]
            case Conjugate() if not self._complex:
                return operands[0]
            case Slice() | Broadcast() if operands[0].shape == shape:
                return operands[0]
            case ReduceSum(axes=()):
                return operands[0]
            case ReduceSum():
                return graph.reduce(shape, operands)
            case Embed() | Gather():
                return graph.solid(shape, operands)
            case Pointwise(function=function):
                value, self._tapes[step.name] = evaluated(graph, function, operands)
                return value
            case Normalize(axes=axes):
                mean = graph.reduce(_without(shape, axes), operands)
                return graph.loop(shape, (*operands, mean))
            case (
                ScalarConstant()
                | Eye()
                | Multiply()
                | Add()
                | Scale()
                | Diagonal()
                | Broadcast()
                | Slice()
                | Conjugate()
            ):
                return graph.loop(shape, operands)
            case Sweep() | Loop() | Kron():
                raise AssertionError("loops, sweeps and Kronecker products are taken apart")
            case _:
                assert_never(step.operation)

    def _product(self, operation: Matmul, left: Strided, right: Strided) -> Strided:
        graph = self._graph
        batch, other = left.shape[:-2], right.shape[:-2]
        rows, summed, columns = left.shape[-2], left.shape[-1], right.shape[-1]
        if batch == other:
            return graph.dot((*batch, rows, columns), left, right, forward=True)
        if other == (1,):
            flat = graph.reshape(left, (batch[0] * rows, summed))
            return graph.dot((batch[0] * rows, columns), flat, _first(right), forward=True)
        if is_light(operation, self._sizes):
            return graph.dot((*other, rows, columns), self._repeated(left, other[0]), right, forward=True)
        flat = graph.reshape(ordered(right, (1, 0, 2)), (summed, other[0] * columns))
        made = graph.dot((rows, other[0] * columns), _first(left), flat, forward=True)
        return ordered(graph.reshape(made, (rows, other[0], columns)), (1, 0, 2))

    def _repeated(self, matrix: Strided, batch: int) -> Strided:
        return self._graph.loop((batch, *matrix.shape[1:]), (matrix,))

    # -- backward ------------------------------------------------------------------------------

    def _backward(self, step: Step, gradient: Strided) -> None:
        """Gradients of what a step read."""
        graph, operation = self._graph, step.operation
        seen = reads(operation)
        operands = [self._seen(read) for read in seen]
        match operation:
            case Matmul():
                self._product_backward(operation, gradient, *operands)
            case Multiply():
                for number, read in enumerate(seen):
                    self._broadcast_back(read, operands[number], (gradient, operands[1 - number]))
            case Add(terms=terms):
                for (factor, read), operand in zip(terms, operands, strict=True):
                    if factor == 1 and operand.shape == gradient.shape:
                        self._hand_back(read, gradient)
                    else:
                        self._broadcast_back(read, operand, (gradient,))
            case NamedView() | Contiguous():
                self._hand_back(seen[0], gradient)
            case Conjugate() if not self._complex:
                self._hand_back(seen[0], gradient)
            case Slice() | Broadcast() if operands[0].shape == gradient.shape:
                self._hand_back(seen[0], gradient)
            case Broadcast():
                self._hand_back(seen[0], graph.reduce(operands[0].shape, (gradient,)))
            case Diagonal():
                self._hand_back(seen[0], graph.solid(operands[0].shape, (gradient,)))
            case Gather():
                self._hand_back(seen[0], graph.solid(operands[0].shape, (gradient, operands[1])))
            case ReduceSum(axes=()):
                self._hand_back(seen[0], gradient)
            case Scale() | ReduceSum() | Embed() | Slice() | Conjugate():
                self._hand_back(seen[0], graph.loop(operands[0].shape, (gradient,)))
            case Pointwise():
                for read, found in zip(seen, self._tapes[step.name].back(graph, gradient), strict=True):
                    if found is not None:
                        self._hand_back(read, found)
            case Normalize(axes=axes):
                (operand,) = operands
                sums = _without(operand.shape, axes)
                mean = graph.reduce(sums, (operand,))
                along = graph.reduce(sums, (gradient, operand))
                self._hand_back(seen[0], graph.loop(operand.shape, (gradient, operand, mean, along)))
            case ScalarConstant() | Eye():
                pass
            case Sweep() | Loop() | Kron():
                raise AssertionError("loops, sweeps and Kronecker products are taken apart")
            case _:
                assert_never(operation)

    def _broadcast_back(self, read: Read, operand: Strided, factors: Sequence[Strided]) -> None:
        if operand.grad:
            self._hand_back(read, self._graph.gradient(operand, factors))

    def _product_backward(self, operation: Matmul, gradient: Strided, left: Strided, right: Strided) -> None:
        graph = self._graph
        batch, other = left.shape[:-2], right.shape[:-2]
        rows, summed, columns = left.shape[-2], left.shape[-1], right.shape[-1]
        if batch == other:
            gradient = graph.reshape(gradient, (*batch, rows, columns))
            if left.grad:
                self._hand_back(operation.left, self._dot_like(left, gradient, transposed(right)))
            if right.grad:
                self._hand_back(operation.right, self._dot_like(right, transposed(left), gradient))
            return
        if other == (1,):
            self._right_shared(operation, gradient, left, right)
            return
        count = other[0]
        gradient = graph.reshape(gradient, (count, rows, columns))
        if is_light(operation, self._sizes):
            if right.grad:
                found = self._dot_like(right, transposed(self._repeated(left, count)), gradient)
                self._hand_back(operation.right, found)
            if left.grad:
                every = graph.dot((count, rows, summed), gradient, transposed(right))
                self._hand_back(operation.left, graph.reduce((1, rows, summed), (every,)))
            return
        by_rows = ordered(gradient, (1, 0, 2))
        by_columns = ordered(gradient, (0, 2, 1))
        if left.grad:
            first = graph.packed(graph.reshape(by_rows, (rows, count * columns)))
            second = graph.packed(graph.reshape(ordered(right, (0, 2, 1)), (count * columns, summed)))
            found = self._dot_like(_first(left), first, second)
            self._hand_back(operation.left, graph.reshape(found, left.shape))
        if right.grad:
            flat = graph.packed(graph.reshape(by_columns, (count * columns, rows)))
            found = graph.dot((count * columns, summed), flat, _first(left))
            found = ordered(graph.reshape(found, (count, columns, summed)), (0, 2, 1))
            self._hand_back(operation.right, found)

    def _right_shared(self, operation: Matmul, gradient: Strided, left: Strided, right: Strided) -> None:
        graph = self._graph
        (count,), rows, summed, columns = left.shape[:-2], left.shape[-2], left.shape[-1], right.shape[-1]
        gradient = graph.reshape(gradient, (count * rows, columns))
        if left.grad:
            found = graph.dot((count * rows, summed), gradient, transposed(_first(right)))
            self._hand_back(operation.left, graph.reshape(found, left.shape))
        if right.grad:
            flat = graph.reshape(left, (count * rows, summed))
            cotangent = graph.reshape(gradient, (count, rows, columns))
            turned = graph.packed(graph.reshape(ordered(cotangent, (2, 0, 1)), (columns, count * rows)))
            found = self._dot_like(_first(right), transposed(flat), transposed(turned))
            self._hand_back(operation.right, graph.reshape(found, right.shape))

    def _dot_like(self, operand: Strided, left: Strided, right: Strided) -> Strided:
        """A product that lies in memory as the operand does whose gradient it is."""
        shape = operand.shape
        if operand.contiguous or not transposed(operand).contiguous:
            return self._graph.dot(shape, left, right)
        turned = (*shape[:-2], shape[-1], shape[-2])
        return transposed(self._graph.dot(turned, transposed(right), transposed(left)))


def _without_kron(step: Step) -> Step:
    """A Kronecker product as XLA sees it: a broadcast product."""
    if not isinstance(step.operation, Kron):
        return step
    product = as_multiply(step.operation)
    shape = tuple(b if a == 1 else a for a, b in zip(product.left.seen, product.right.seen, strict=True))
    return replace(step, operation=product, shape=shape)


def _first(array: Strided) -> Strided:
    """The one matrix of a batch."""
    return Strided(array.storage, array.shape[1:], array.strides[1:], array.grad)


def _without(shape: Shape, axes: Sequence[int]) -> Shape:
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)
