"""What a generated module says of itself before its first line of code."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from math import prod

from tnc.characters import escaped
from tnc.codegen.documents import WIDTH
from tnc.ir.cost import Totals
from tnc.ir.schedule import Plan, Result, Schedule, Stack
from tnc.units import bytes_text, flops_text, grouped, plural, seconds_text

_LABEL = 12


def docstring(plan: Plan, framework: str, usage: Sequence[str]) -> str:
    """The docstring of the module: the network, what it costs and for which sizes, how to use it."""
    schedule = plan.schedule
    totals = plan.totals
    gradients = [f"gradients of inputs {'' if any(g.grad for g in schedule.inputs) else 'not '}counted"]
    sizes = [f"{name} = {size}" for name, size in schedule.sizes]
    conditions = ", ".join([plan.dtype, *sizes, *(gradients if schedule.inputs and plan.traits.saves else ())])
    rows = [
        ("program", plan.program_digest),
        ("arguments", ", ".join(f"{name} = {value}" for name, value in plan.arguments)),
        ("parameters", _parameters(schedule)),
        *(("output", _output(result)) for result in schedule.results),
        ("forward", f"{_flop(totals.flops_forward)}, peak {bytes_text(totals.bytes_peak_forward)}"),
        *(_training(totals) if plan.traits.saves else ()),
        ("", f"{grouped(totals.largest_intermediate)} entries in the largest intermediate tensor"),
        _predicted(plan),
        ("costs for", conditions),
    ]
    lines = [f"The tensor network `{plan.program_name}` for {framework}, compiled by tnc.", ""]
    for label, text in rows:
        lines.extend(_row(label, text))
    lines += ["", *(f"    {line}" for line in usage)]
    return '"""' + "\n".join(line.rstrip() for line in lines) + '\n"""'


def _training(totals: Totals) -> list[tuple[str, str]]:
    return [
        ("training", f"{_flop(totals.flops_training)}, peak {bytes_text(totals.bytes_peak_training)}"),
        ("", f"{bytes_text(totals.bytes_saved)} saved for the backward pass"),
    ]


def _predicted(plan: Plan) -> tuple[str, str]:
    time = plan.predicted
    training = f", {seconds_text(time.training)} training" if plan.traits.saves else ""
    text = f"{seconds_text(time.forward)} forward{training}, predicted for {time.label}"
    return "time", text


def _flop(count: int) -> str:
    text = flops_text(count)
    return f"{text}FLOP" if " " in text else f"{text} FLOP"


def _row(label: str, text: str) -> list[str]:
    if not text:
        return []
    indent = " " * _LABEL
    return textwrap.wrap(
        _escaped(text),
        WIDTH,
        initial_indent=label.ljust(_LABEL),
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _escaped(line: str) -> str:
    return escaped(line).replace("\\", "\\\\").replace('"""', r"\"\"\"")


def _parameters(schedule: Schedule) -> str:
    trainable = [stack for stack in schedule.stacks if not stack.frozen]
    text = f"{grouped(sum(map(_entries, trainable)))} in {plural(len(trainable), 'tensor')}"
    frozen = sum(_entries(stack) for stack in schedule.stacks if stack.frozen)
    return f"{text}, and {grouped(frozen)} frozen" if frozen else text


def _entries(stack: Stack) -> int:
    return len(stack.members) * prod(stack.shape)


def _output(result: Result) -> str:
    axes = (f"{name} = {dim}" if name else str(dim) for name, dim in zip(result.axes, result.read.seen, strict=True))
    return f"{result.name}({', '.join(axes)})"
