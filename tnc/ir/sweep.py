"""A sweep taken apart: the products of matrices that its windows are, where nothing fuses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tnc.diagnostics import InternalError
from tnc.ir.extent import count
from tnc.ir.schedule import Matmul, Read, Step, Sweep


def products(step: Step, sweep: Sweep) -> Iterator[Step]:
    """A product for every window, in order; the last one has the name of the sweep.

    A window over the first legs has the gate on the left, one over the last legs has it transposed on the right, and
    in between one gate serves a batch.
    """
    source, pick = sweep.operand.source, sweep.operand.select
    entries = count(sweep.operand.shape, {})
    last = len(sweep.windows) - 1
    for number, window in enumerate(sweep.windows):
        new, summed = (count((size,), {}) for size in window.gate.seen)
        front = window.front
        if front < 1 or entries % (front * summed):
            raise InternalError(f"step `{step.name}`: {entries} entries cannot be seen as ({front}, {summed}, …)")
        back = entries // (front * summed)
        if front == 1:
            operation = Matmul(window.gate, Read(source, (summed, back), pick))
        elif back == 1:
            operation = Matmul(Read(source, (front, summed), pick), _transposed(window.gate))
        else:
            operation = Matmul(_batched(window.gate), Read(source, (front, summed, back), pick))
        shape = _shape(front, new, back)
        if number == last:
            yield replace(step, operation=operation)
        else:
            name = f"{step.name}#window_{number + 1}"
            yield Step(name, shape, operation, region=step.region)
            source, pick = name, None
        entries = front * new * back


def shape_after(sweep: Sweep) -> tuple[int, ...]:
    """The shape that the last window leaves."""
    entries = count(sweep.operand.shape, {})
    shape: tuple[int, ...] = (entries,)
    for window in sweep.windows:
        new, summed = (count((size,), {}) for size in window.gate.seen)
        back = entries // (window.front * summed)
        shape = _shape(window.front, new, back)
        entries = window.front * new * back
    return shape


def _shape(front: int, new: int, back: int) -> tuple[int, ...]:
    """What a window leaves, without the axis of legs that are not there."""
    if front == 1:
        return new, back
    return (front, new) if back == 1 else (front, new, back)


def without_sweeps(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps with every sweep as its products."""
    for step in steps:
        if isinstance(step.operation, Sweep):
            yield from products(step, step.operation)
        else:
            yield step


def _transposed(gate: Read) -> Read:
    first, second = gate.perm or (0, 1)
    return replace(gate, perm=None if (second, first) == (0, 1) else (second, first))


def _batched(gate: Read) -> Read:
    """With an axis of size 1 in front."""
    order = None if gate.perm is None else (0, *(axis + 1 for axis in gate.perm))
    return replace(gate, shape=(1, *gate.shape), perm=order)
