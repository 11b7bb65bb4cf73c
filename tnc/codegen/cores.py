"""The table ``CORES`` of a generated module: one line for a core, or for a run of at least four of a family."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tnc.codegen.documents import Doc, Group, tuple_of
from tnc.codegen.writer import Writer
from tnc.ir.schedule import Stack

_FEWEST_PER_LINE = 4

TYPE = "dict[str, tuple[str, int | None, tuple[int, ...]]]"
"""The type of the table in generated modules."""


def write_cores(writer: Writer, stacks: Sequence[Stack]) -> None:
    """Write the table and what its entries are."""
    writer.line("# Each core by name: its parameter, its position there, its shape.")
    writer.line(cores_table(stacks))


def cores_table(stacks: Sequence[Stack]) -> Doc:
    """``CORES = {…}``, with families of four and more as comprehensions."""
    entries: list[Doc] = []
    for stack in stacks:
        runs = _runs(stack) if stack.stacked else []
        if runs and len(stack.members) >= _FEWEST_PER_LINE * len(runs):
            entries.extend(_comprehension(stack, run) for run in runs)
        else:
            entries.extend(_entry(stack, index) for index in range(len(stack.members)))
    return Group(f"CORES: {TYPE} = {{", tuple(entries), "}", display=True)


def member_names(stack: Stack, start: int, stop: int) -> Doc:
    """The names of some members as a list, which counts where the last subscript does."""
    part = replace(stack, members=stack.members[start:stop])
    runs = _runs(part) if stack.stacked else []
    if len(runs) == 1 and stop - start > 1:
        prefix, first, _, length = runs[0]
        span = f"range({length})" if first == 0 else f"range({first}, {first + length})"
        return Group("[", (f'f"{prefix}{{k}}]"', f"for k in {span}"), "]", joint=" ")
    return Group("[", tuple(f'"{member.name}"' for member in part.members), "]", display=True)


def _entry(stack: Stack, index: int) -> Doc:
    member = stack.members[index]
    items = (f'"{stack.key}"', str(member.position), _shape(stack))
    return Group(f'"{member.name}": (', items, ")", display=True)


def _shape(stack: Stack) -> Group:
    return tuple_of([str(dim) for dim in stack.shape])


# -- runs of members whose last subscript counts up ----------------------------------------------

_Run = tuple[str, int, int, int]  # text before the last subscript, that subscript, position, length


def _runs(stack: Stack) -> list[_Run]:
    runs: list[_Run] = []
    for member in stack.members:
        match = re.fullmatch(r"(.*\[(?:\d+, )*)(\d+)\]", member.name)
        if match is None or member.position is None:
            return []
        prefix, last = match[1], int(match[2])
        if runs and runs[-1][0] == prefix and runs[-1][1] + runs[-1][3] == last:
            runs[-1] = (*runs[-1][:3], runs[-1][3] + 1)
        else:
            runs.append((prefix, last, member.position, 1))
    return runs


def _comprehension(stack: Stack, run: _Run) -> Doc:
    prefix, first, position, length = run
    offset = position - first
    where = f"k {'+' if offset > 0 else '-'} {abs(offset)}" if offset else "k"
    span = f"range({length})" if first == 0 else f"range({first}, {first + length})"
    value = Group(f'f"{prefix}{{k}}]": (', (f'"{stack.key}"', where, _shape(stack)), ")", display=True)
    return Group("**{", (value, f"for k in {span}"), "}", joint=" ")
