"""Budgets: what an author requires of the finished plan, held against the report."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final

from tnc.diagnostics import Diagnostic
from tnc.ir.metrics import METRICS, STEP_TIME
from tnc.ir.program import Program, Requirement
from tnc.report.model import NetworkReport
from tnc.report.step_time import Unpredicted
from tnc.units import bytes_text, grouped, seconds_text

RELATIONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def broken_budgets(
    program: Program, report: NetworkReport, step_times: Mapping[Requirement, float | Unpredicted]
) -> tuple[Diagnostic, ...]:
    """An error for every ``require`` of a network that its plan does not meet, or that has no value for it."""
    found = (_broken(requirement, program, report, step_times) for requirement in program.requirements)
    return tuple(diagnostic for diagnostic in found if diagnostic is not None)


def _broken(
    requirement: Requirement,
    program: Program,
    report: NetworkReport,
    step_times: Mapping[Requirement, float | Unpredicted],
) -> Diagnostic | None:
    value = step_times[requirement] if requirement.metric == STEP_TIME else METRICS[requirement.metric](report)
    if isinstance(value, Unpredicted):
        message = f"`{requirement.metric}` cannot be predicted: {value.reason}"
        return Diagnostic("TN402", message, requirement.span, help=value.help)
    if value is None:
        message = f"network `{program.name}` has no compression: it takes inputs or has no parameters"
        return Diagnostic("TN402", message, requirement.span, help="remove the budget")
    if RELATIONS[requirement.relation](value, requirement.bound):
        return None
    written = f"{_called(requirement)} {requirement.relation} {_shown(requirement.metric, requirement.bound)}"
    message = requirement.message or f"network `{program.name}` breaks its budget `{written}`"
    actual = _shown(requirement.metric, value)
    help_text = f"`{_called(requirement)}` of the plan is {actual}, required is `{written}`"
    return Diagnostic("TN401", message, requirement.span, label=f"it is {actual}", help=help_text)


def _called(requirement: Requirement) -> str:
    """The metric as the author wrote it."""
    if requirement.metric != STEP_TIME:
        return requirement.metric
    sizes = "".join(f", {name} = {size}" for name, size in requirement.sizes)
    return f'step_time("{requirement.device}"{sizes})'


def _shown(metric: str, value: float) -> str:
    if metric == STEP_TIME:
        return seconds_text(value)
    if metric.endswith("_bytes") and value == int(value):
        return bytes_text(int(value))
    return grouped(int(value)) if value == int(value) else f"{value:.4g}"
