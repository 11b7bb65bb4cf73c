"""Pointwise functions that overwrite their operand: which values may be overwritten, and by which functions.

That saves a pass over new memory, which for a large tensor costs more than the function itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tnc.ir.activations import ENTRIES
from tnc.ir.entries import Primitive
from tnc.ir.program import Apply, Argument, Literal, Scalar
from tnc.ir.reads import all_reads
from tnc.ir.schedule import (
    Add,
    Kron,
    Matmul,
    Multiply,
    Pointwise,
    Read,
    ReduceSum,
    Result,
    Scale,
    Schedule,
    Step,
    Sweep,
)


def overwrite(schedule: Schedule) -> Schedule:
    """The Schedule with every pointwise function in place that may be."""
    free = overwritable(schedule.steps, schedule.results)
    shapes = {step.name: step.shape for step in schedule.steps}

    def changed(step: Step) -> Step:
        match step.operation:
            case Pointwise(function=function, operands=(read,)) if read.source in free and overwrites(function):
                # The value itself, not another view of it: overwriting a view makes autograd copy.
                shape = shapes[read.source]
                own = replace(step.operation, operands=(Read(read.source, shape),), in_place=True)
                return replace(step, shape=shape, operation=own)
            case _:
                return step

    return replace(schedule, steps=tuple(map(changed, schedule.steps)))


def overwrites(function: Scalar) -> bool:
    """Whether a function of one tensor has a derivative that follows from its result."""
    match function:
        case Apply(operator=name, operands=(Argument(index=0), *further)):
            entry = ENTRIES[name]
            numbers = [operand.value for operand in further if isinstance(operand, Literal)]
            return isinstance(entry, Primitive) and len(numbers) == len(further) and entry.in_place(*numbers)
        case _:
            return False


def overwritable(steps: Sequence[Step], results: Sequence[Result]) -> frozenset[str]:
    """Values in memory of their own that are read once, as a whole, and that their own derivative does not ask for.

    Products keep their operands for the backward pass, not what they make; sums keep nothing. What loops make inside
    is left out.
    """
    every = [read for step in steps for read in all_reads(step.operation)]
    uses: Counter[str] = Counter(read.source for read in every)
    uses.update(result.read.source for result in results)
    picked = {read.source for read in every if read.select is not None}
    return frozenset(
        step.name for step in steps if uses[step.name] == 1 and step.name not in picked and _is_fresh(step)
    )


def _is_fresh(step: Step) -> bool:
    match step.operation:
        case Matmul() | Sweep() | Multiply() | Kron() | Scale() | ReduceSum():
            return True
        case Add(terms=terms):
            return len(terms) > 1
        case _:
            return False
