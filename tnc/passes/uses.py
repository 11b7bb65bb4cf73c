"""Who uses what: the bookkeeping that passes share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from tnc.ir.legs import used_tensors
from tnc.ir.program import Output, Program, Statement


def use_counts(program: Program) -> Counter[str]:
    """How often each tensor is used, by statements and by outputs."""
    counts = Counter(output.tensor for output in program.outputs)
    for statement in program.statements:
        counts.update(used_tensors(statement))
    return counts


def rebuilt(program: Program, statements: Iterable[Statement], aliases: Mapping[str, str]) -> Program:
    """The Program with other statements, its outputs reading ``aliases[t]`` for ``t``; itself where nothing changed."""
    outputs = tuple(_aliased(output, aliases) for output in program.outputs)
    changed = replace(program, statements=tuple(statements), outputs=outputs)
    return program if changed == program else changed


def _aliased(output: Output, aliases: Mapping[str, str]) -> Output:
    return replace(output, tensor=aliases[output.tensor]) if output.tensor in aliases else output


def is_tame(scale: float) -> bool:
    """Whether a number that a pass multiplied together stays far from where float32 overflows or vanishes."""
    return scale == 0 or 1e-18 <= abs(scale) <= 1e18
