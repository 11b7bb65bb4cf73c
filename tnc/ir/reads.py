"""What the operations of a Schedule read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import assert_never

from tnc.ir.schedule import (
    Add,
    Eye,
    Gather,
    Kron,
    Loop,
    Matmul,
    Multiply,
    Operation,
    Pointwise,
    Read,
    ScalarConstant,
    Sweep,
    Unary,
    Window,
)


def reads(operation: Operation) -> tuple[Read, ...]:
    """The operands of an operation in order; of a :class:`Loop`, what it starts from."""
    if isinstance(operation, Unary):
        return (operation.operand,)
    match operation:
        case ScalarConstant() | Eye():
            return ()
        case Matmul(left, right) | Multiply(left, right) | Kron(left, right):
            return (left, right)
        case Add(terms):
            return tuple(read for _, read in terms)
        case Pointwise(operands=operands):
            return operands
        case Gather(operand=operand, index=index):
            return (operand, index)
        case Sweep(operand=operand, windows=windows):
            return (operand, *(window.gate for window in windows))
        case Loop(initial=initial):
            return (initial,)
        case _:
            assert_never(operation)


def all_reads(operation: Operation) -> Iterator[Read]:
    """The operands of an operation and, of a :class:`Loop`, those of its body."""
    yield from reads(operation)
    if isinstance(operation, Loop):
        for step in operation.body:
            yield from all_reads(step.operation)


def map_reads(operation: Operation, change: Callable[[Read], Read]) -> Operation:
    """The operation on other operands."""
    if isinstance(operation, Unary):
        return replace(operation, operand=change(operation.operand))
    match operation:
        case ScalarConstant() | Eye():
            return operation
        case Matmul(left, right):
            return Matmul(change(left), change(right))
        case Multiply(left, right):
            return Multiply(change(left), change(right))
        case Kron(left, right):
            return Kron(change(left), change(right))
        case Add(terms):
            return Add(tuple((coefficient, change(read)) for coefficient, read in terms))
        case Pointwise(operands=operands):
            return replace(operation, operands=tuple(map(change, operands)))
        case Gather(operand=operand, index=index):
            return replace(operation, operand=change(operand), index=change(index))
        case Sweep(operand=operand, windows=windows):
            return Sweep(change(operand), tuple(Window(change(w.gate), w.front) for w in windows))
        case Loop(initial=initial):
            return replace(operation, initial=change(initial))
        case _:
            assert_never(operation)
