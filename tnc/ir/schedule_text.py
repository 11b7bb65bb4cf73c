"""A Schedule as text: one line a step, good enough to be read in a test's expectation.

``h[0: 4 + 2i](2, 8).(1, 0)`` reads ``h``: entry 4 + 2i of axis 0 in iteration i, seen with shape (2, 8), then with its
axes in the order (1, 0).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import assert_never

from tnc.ir.extent import Extent
from tnc.ir.program_text import init_text
from tnc.ir.scalar import number_text, scalar_text
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

_VERSION = "tnc schedule 1"


def schedule_text(schedule: Schedule) -> str:
    """Parameters, inputs, steps and results, one a line; costs, regions and names of legs are left out."""
    sizes = ", ".join(f"{name} = {size}" for name, size in schedule.sizes)
    lines = [f"schedule {schedule.name}({sizes})"]
    for stack in schedule.stacks:
        lines.extend(_stack(stack))
    lines.extend(f"input {given.name}{_shape(given.shape)}" for given in schedule.inputs)
    for step in schedule.steps:
        lines.extend(_step(step, ""))
    for result in schedule.results:
        axes = ", ".join(axis or "_" for axis in result.axes)
        lines.append(f"result {result.name}({axes}) = {read_text(result.read)}")
    return "\n".join(lines) + "\n"


def schedule_digest(schedule: Schedule) -> str:
    """The sha256 of the text, in hexadecimal."""
    return hashlib.sha256(f"{_VERSION}\n{schedule_text(schedule)}".encode()).hexdigest()


def read_text(read: Read) -> str:
    """How a step reads a tensor."""
    pick = ""
    if read.select is not None:
        axis, index = read.select
        pick = f"[{axis}: {index.start}{f' + {index.step}i' if index.step else ''}]"
    order = "" if read.perm is None else f".{_shape(read.perm)}"
    return f"{read.source}{pick}{_shape(read.shape)}{order}"


def _shape(shape: Sequence[Extent]) -> str:
    return f"({', '.join(map(str, shape))})"


def _stack(stack: Stack) -> Iterator[str]:
    frozen = "frozen " if stack.frozen else ""
    count = f" of {len(stack.members)}" if stack.stacked else ""
    is_complex = "complex " if stack.is_complex else ""
    yield f"{frozen}{is_complex}stack {stack.key}{_shape(stack.shape)}{count}"
    for core in stack.members:
        position = "" if core.position is None else f" at {core.position}"
        yield f"  {core.name}{position}, {core.inputs} in, {init_text(core.init)}"


def _step(step: Step, indent: str) -> Iterator[str]:
    strided = " strided" if step.strided else ""
    head = f"{indent}{step.name}{_shape(step.shape)}{strided} ="
    operation = step.operation
    if isinstance(operation, Loop):
        yield f"{head} repeat {operation.count} times, {operation.carried} from {read_text(operation.initial)}"
        for inner in operation.body:
            yield from _step(inner, indent + "  ")
        return
    yield f"{head} {_operation(operation)}"


def _operation(operation: Operation) -> str:
    match operation:
        case ScalarConstant(value=value):
            return f"number {number_text(value)}"
        case Matmul(left=left, right=right):
            return f"{read_text(left)} @ {read_text(right)}"
        case Multiply(left=left, right=right):
            return f"{read_text(left)} * {read_text(right)}"
        case Add(terms=terms):
            return " + ".join(_term(factor, read) for factor, read in terms)
        case Scale(operand=operand, factor=factor):
            return f"{number_text(factor)} * {read_text(operand)}"
        case ReduceSum(operand=operand, axes=axes):
            return f"sum {read_text(operand)} over {_shape(axes)}"
        case Diagonal(operand=operand):
            return f"diagonal {read_text(operand)}"
        case Embed(operand=operand):
            return f"embed {read_text(operand)}"
        case Broadcast(operand=operand):
            return f"broadcast {read_text(operand)}"
        case Contiguous(operand=operand):
            return f"move {read_text(operand)}"
        case NamedView(operand=operand):
            return f"look {read_text(operand)}"
        case Slice(operand=operand):
            return f"crop {read_text(operand)}"
        case Conjugate(operand=operand):
            return f"conj {read_text(operand)}"
        case Pointwise(function=function, operands=operands, in_place=in_place):
            names = [read_text(read) for read in operands]
            return f"pointwise {scalar_text(function, names)}{' in place' if in_place else ''}"
        case Normalize(operand=operand, axes=axes, epsilon=epsilon):
            return f"normalize {read_text(operand)} along {_shape(axes)}, {number_text(epsilon)}"
        case Sweep(operand=operand, windows=windows):
            gates = ", ".join(f"{read_text(window.gate)} after {window.front}" for window in windows)
            return f"sweep {read_text(operand)} by {gates}"
        case Loop():
            raise AssertionError
        case _:
            assert_never(operation)


def _term(factor: float, read: Read) -> str:
    return read_text(read) if factor == 1.0 else f"{number_text(factor)} * {read_text(read)}"
