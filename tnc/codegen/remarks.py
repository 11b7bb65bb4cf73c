"""What stands behind a line: the legs of a small tensor, the FLOPs of a large step, the memory that a `del` frees."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tnc.codegen.reads import all_steps
from tnc.ir.schedule import Step
from tnc.units import flops_text

_MOST_LEGS = 4
_LEAST_FLOPS = 1_000_000
_LEAST_SHARE = 0.1


class Remarks:
    """Comments for the steps of one Schedule."""

    def __init__(self, steps: Sequence[Step]) -> None:
        total = sum(step.cost.flops for step in all_steps(steps))
        self._least = max(_LEAST_FLOPS, _LEAST_SHARE * total)

    def flops(self, count: int) -> str:
        """FLOPs, if they are a tenth of all or more."""
        return f"{flops_text(count)}FLOP" if count >= self._least else ""

    def text(self, step: Step) -> str:
        """Legs of a definition's result, if they are few once folded, and FLOPs, if they are a tenth of all or more."""
        legs = folded(step.legs) if step.name == step.region else []
        shown = (", ".join(legs) if len(legs) <= _MOST_LEGS else "", self.flops(step.cost.flops))
        return "; ".join(filter(None, shown))


def folded(legs: Sequence[str]) -> list[str]:
    """Legs with runs as ranges: ``x[0], x[1], x[2]`` is ``x[0..3]``."""
    runs: list[tuple[str, int, int]] = []
    for leg in legs:
        match = re.fullmatch(r"(.*)\[(\d+)\]", leg)
        name, number = (leg, -1) if match is None else (match[1], int(match[2]))
        if runs and number >= 0 and runs[-1][0] == name and runs[-1][2] == number:
            runs[-1] = (name, runs[-1][1], number + 1)
        else:
            runs.append((name, number, number + 1))
    texts: list[str] = []
    for name, start, stop in runs:
        if start < 0:
            texts.append(name)
        elif stop - start < 3:
            texts.extend(f"{name}[{number}]" for number in range(start, stop))
        else:
            texts.append(f"{name}[{start}..{stop}]")
    return texts
