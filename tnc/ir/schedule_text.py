"""A Schedule as text: one line a step. ``tnc compile --emit schedule`` prints it.

``h[0: 4 + 2i](2, 8).(1, 0)`` reads ``h``: entry 4 + 2i of axis 0 in iteration i, viewed with shape (2, 8), then with
its axes in the order (1, 0).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import assert_never

from tnc.ir.cost import Cost
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
    Schedule,
    Slice,
    Stack,
    Step,
    Sweep,
)
from tnc.units import bytes_text, flops_text, seconds_text

_VERSION = "tnc schedule 2"


def schedule_text(schedule: Schedule, *, costs: bool = False) -> str:
    """Parameters, inputs, steps and results, one a line.

    With ``costs``, comments name the region that steps belong to, and what each step costs in a training step: FLOPs
    (a multiply-add is two), bytes read and written, bytes saved for backward, predicted seconds.
    """
    sizes = ", ".join(f"{name} = {size}" for name, size in schedule.sizes)
    lines = [f"schedule {schedule.name}({sizes})"]
    for stack in schedule.stacks:
        lines.extend(_stack(stack))
    lines.extend(f"input {given.name}{_shape(given.shape)}" for given in schedule.inputs)
    regions = {region.name: region.text for region in schedule.regions}
    before = ""
    for step in schedule.steps:
        if costs and step.region != before and step.region in regions:
            lines.extend(("", f"# {regions[step.region]}"))
        before = step.region
        lines.extend(_step(step, "", costs))
    for result in schedule.results:
        axes = ", ".join(axis or "_" for axis in result.axes)
        lines.append(f"result {result.name}({axes}) = {read_text(result.read)}")
    return "\n".join(lines) + "\n"


def schedule_digest(schedule: Schedule) -> str:
    """The sha256 of the text, in hexadecimal."""
    return hashlib.sha256(f"{_VERSION}\n{schedule_text(schedule)}".encode()).hexdigest()


def read_text(read: Read) -> str:
    """How a step reads a tensor."""
    select = ""
    if read.select is not None:
        axis, index = read.select
        select = f"[{axis}: {index.start}{f' + {index.step}i' if index.step else ''}]"
    perm = "" if read.perm is None else f".{_shape(read.perm)}"
    return f"{read.source}{select}{_shape(read.shape)}{perm}"


def _shape(shape: Sequence[Extent]) -> str:
    return f"({', '.join(map(str, shape))})"


def _stack(stack: Stack) -> Iterator[str]:
    frozen = "frozen " if stack.frozen else ""
    count = f" of {len(stack.members)}" if stack.stacked else ""
    is_complex = "complex " if stack.is_complex else ""
    yield f"{frozen}{is_complex}stack {stack.key}{_shape(stack.shape)}{count}"
    for core in stack.members:
        position = "" if core.position is None else f" at {core.position}"
        seed = "" if core.seed is None else f" seed {core.seed}"
        yield f"  {core.name}{position}, {core.inputs} in, {init_text(core.init)}{seed}"


def _step(step: Step, indent: str, costs: bool) -> Iterator[str]:
    strided = " strided" if step.strided else ""
    head = f"{indent}{step.name}{_shape(step.shape)}{strided} ="
    remark = _cost(step.cost) if costs else ""
    operation = step.operation
    if isinstance(operation, Loop):
        yield f"{head} loop {operation.count} times, {operation.carried} from {read_text(operation.initial)}{remark}"
        for inner in operation.body:
            yield from _step(inner, indent + "  ", costs)
        return
    yield f"{head} {_operation(operation)}{remark}"


def _cost(cost: Cost) -> str:
    flops, moved = cost.flops + cost.flops_backward, cost.bytes + cost.bytes_backward
    parts = (
        f"{flops_text(flops)}{'' if flops >= 1000 else ' '}FLOP" if flops else "",
        bytes_text(moved) if moved else "",
        f"saves {bytes_text(cost.saved)}" if cost.saved else "",
        seconds_text(cost.spent.both.total) if cost.spent.both.total else "",
    )
    text = ", ".join(filter(None, parts))
    return f"  # {text}" if text else ""


def _operation(operation: Operation) -> str:
    match operation:
        case ScalarConstant(value=value):
            return f"constant {number_text(value)}"
        case Eye(size=size):
            return f"eye {size}"
        case Matmul(left=left, right=right):
            return f"{read_text(left)} @ {read_text(right)}"
        case Multiply(left=left, right=right):
            return f"{read_text(left)} * {read_text(right)}"
        case Kron(left=left, right=right):
            return f"{read_text(left)} kron {read_text(right)}"
        case Gather(operand=operand, index=index, divisor=divisor, leads=leads):
            digit = f" // {divisor}" * (divisor > 1) + f" % {operand.seen[0]}" * (not leads)
            return f"{read_text(operand)} rows {read_text(index)}{digit}"
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
            return f"contiguous {read_text(operand)}"
        case NamedView(operand=operand):
            return f"view {read_text(operand)}"
        case Slice(operand=operand):
            return f"slice {read_text(operand)}"
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
