"""What the operations of a Schedule read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

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
    Sweep,
    Window,
)


def reads(operation: Operation) -> tuple[Read, ...]:
    """The operands of an operation in order; of a :class:`Repeat`, what it starts from."""
    match operation:
        case Number():
            return ()
        case Matmul(left, right) | Multiply(left, right):
            return (left, right)
        case Add(terms):
            return tuple(read for _, read in terms)
        case Pointwise(operands=operands):
            return operands
        case Sweep(operand=operand, windows=windows):
            return (operand, *(window.gate for window in windows))
        case Repeat(initial=initial):
            return (initial,)
        case (
            Scale(operand=operand)
            | Reduce(operand=operand)
            | Diagonal(operand=operand)
            | Embed(operand=operand)
            | Broadcast(operand=operand)
            | Move(operand=operand)
            | Look(operand=operand)
            | Crop(operand=operand)
            | Conjugate(operand=operand)
            | Normalize(operand=operand)
        ):
            return (operand,)
        case _:
            assert_never(operation)


def map_reads(operation: Operation, change: Callable[[Read], Read]) -> Operation:
    """The operation on other operands."""
    match operation:
        case Number():
            return operation
        case Matmul(left, right):
            return Matmul(change(left), change(right))
        case Multiply(left, right):
            return Multiply(change(left), change(right))
        case Add(terms):
            return Add(tuple((coefficient, change(read)) for coefficient, read in terms))
        case Pointwise(operands=operands):
            return replace(operation, operands=tuple(map(change, operands)))
        case Sweep(operand=operand, windows=windows):
            return Sweep(change(operand), tuple(Window(change(w.gate), w.front) for w in windows))
        case Repeat(initial=initial):
            return replace(operation, initial=change(initial))
        case (
            Scale(operand=operand)
            | Reduce(operand=operand)
            | Diagonal(operand=operand)
            | Embed(operand=operand)
            | Broadcast(operand=operand)
            | Move(operand=operand)
            | Look(operand=operand)
            | Crop(operand=operand)
            | Conjugate(operand=operand)
            | Normalize(operand=operand)
        ):
            return replace(operation, operand=change(operand))
        case _:
            assert_never(operation)
