"""What no backend can express, found before anything is written, and what only the data can decide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tnc.codegen.axes import AxisLimit, too_many_axes
from tnc.codegen.reads import all_steps
from tnc.cost.dtypes import is_complex
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.number_kinds import NumberKind, arguments_of, real_only_uses, schedule_kinds
from tnc.ir.reads import reads
from tnc.ir.schedule import Loop, Plan, Pointwise, Schedule, Step


@dataclass(frozen=True, slots=True)
class RealOnly:
    """The functions of a Schedule that take real numbers only, by name in order, and where their arguments come from.

    ``sources`` are the stacks and inputs, by key and name, that are real in some dtypes only and reach an argument.
    """

    functions: tuple[str, ...]
    sources: frozenset[str]


def real_only(schedule: Schedule) -> RealOnly:
    """What must be real for the functions of a Schedule to have a meaning."""
    kinds = schedule_kinds(schedule)
    functions: set[str] = set()
    reached: set[str] = set()
    for step in list(all_steps(schedule.steps)):
        if isinstance(step.operation, Pointwise):
            operands = step.operation.operands
            uses = list(real_only_uses(step.operation.function, [kinds[read.source] for read in operands]))
            functions.update(name for name, _ in uses)
            reached.update(operands[index].source for _, argument in uses for index in arguments_of(argument))
    for step in reversed(schedule.steps):
        if step.name in reached and kinds[step.name] is not NumberKind.REAL:
            reached.update(_outside(step))
    given = {*(stack.key for stack in schedule.stacks), *(tensor.name for tensor in schedule.inputs)}
    sources = frozenset(name for name in reached & given if kinds[name] is NumberKind.MODULE)
    return RealOnly(tuple(sorted(functions)), sources)


def _outside(step: Step) -> set[str]:
    """Everything that a step reads; of a loop, what its body reads too."""
    found = {read.source for read in reads(step.operation)}
    if isinstance(step.operation, Loop):
        found.update(read.source for inner in all_steps(step.operation.body) for read in reads(inner.operation))
    return found


def refuse(plan: Plan, limit: AxisLimit | None = None) -> None:
    """Raise a CompileError with everything that cannot be expressed or run, if there is anything."""
    found = list(too_many_axes(plan.schedule, limit)) if limit else []
    if is_complex(plan.dtype):
        found += map(partial(_meaningless, plan), real_only(plan.schedule).functions)
    if found:
        raise CompileError(found)


def _meaningless(plan: Plan, function: str) -> Diagnostic:
    return Diagnostic(
        "TN501",
        f"`{function}` has no meaning for complex numbers, and `{plan.program_name}` is compiled for {plan.dtype}",
        help="choose a real dtype, or an activation such as `tanh`, `sin` or `silu`",
    )
