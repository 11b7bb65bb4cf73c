"""Tensors that play the same part in a Program: what defines them is alike, and so is all that reads them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from tnc.ir.legs import rename_tensors, used_tensors
from tnc.ir.program import Program, Statement


def colours(program: Program) -> dict[str, int]:
    """A number for every tensor, equal for tensors that play the same part.

    One walk to the outputs compares all that a tensor is made of, one walk back compares all that is made of it. (As in
    any refinement of colours, tensors that differ only in how their surroundings are tied together may agree.)
    """
    numbers: dict[object, int] = {}

    def number(key: object) -> int:
        return numbers.setdefault(key, len(numbers))

    made: dict[str, int] = {
        str(core.name): number(("core", core.shape, core.frozen, core.is_complex)) for core in program.parameters
    }
    made.update((given.name, number(("input", given.shape, given.index_values))) for given in program.inputs)
    for statement in program.statements:
        used = used_tensors(statement)
        made[statement.name] = number((_form(statement), tuple(made[tensor] for tensor in used)))
    readers: defaultdict[str, list[tuple[int, ...]]] = defaultdict(list)
    for output in program.outputs:
        readers[output.tensor].append((-1,))
    found: dict[str, int] = {}
    for statement in reversed(program.statements):
        found[statement.name] = number((made[statement.name], tuple(sorted(readers[statement.name]))))
        for place, tensor in enumerate(used_tensors(statement)):
            readers[tensor].append((found[statement.name], place))
    return found


def _form(statement: Statement) -> Statement:
    """The statement without names; tensors are numbered by first appearance."""
    first = {tensor: str(place) for place, tensor in enumerate(dict.fromkeys(used_tensors(statement)))}
    return replace(rename_tensors(statement, first), name="")
