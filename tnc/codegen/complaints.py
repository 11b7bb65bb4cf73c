"""What no backend can express, found before anything is written."""

from __future__ import annotations

from tnc.codegen.reads import all_steps
from tnc.codegen.scalars import REAL_ONLY, operators
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.schedule import Plan, Pointwise, Schedule


def real_only(schedule: Schedule) -> list[str]:
    """The functions used in a Schedule that have no meaning for complex numbers."""
    used: set[str] = set()
    for step in all_steps(schedule.steps):
        if isinstance(step.operation, Pointwise):
            used |= operators(step.operation.function)
    return sorted(used & REAL_ONLY)


def refuse(plan: Plan) -> None:
    """Raise a CompileError with everything that cannot be expressed, if there is anything."""
    if not plan.dtype.startswith("complex"):
        return
    found = tuple(
        Diagnostic(
            "TN501",
            f"`{name}` has no meaning for complex numbers, and `{plan.program_name}` is compiled for {plan.dtype}",
            help="choose a real dtype, or an activation such as `tanh`, `sin` or `silu`",
        )
        for name in real_only(plan.schedule)
    )
    if found:
        raise CompileError(found)
