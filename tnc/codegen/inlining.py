"""Which steps need no line of their own, since the one step that reads them can say what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tnc.codegen.reads import all_steps
from tnc.codegen.rolling import Item
from tnc.ir.reads import reads
from tnc.ir.schedule import Contiguous, NamedView, Normalize, Pointwise, Read, Result, Slice, Step


def counted(steps: Sequence[Step], results: Sequence[Result]) -> Counter[str]:
    """How often each value is read, bodies of loops and results included."""
    found = Counter(read.source for step in all_steps(steps) for read in reads(step.operation))
    found.update(result.read.source for result in results)
    return found


def views_read_once(
    items: Sequence[Item], results: Sequence[Result], count: Counter[str], *, copies_are_views: bool
) -> frozenset[str]:
    """Views that one step of the same function or one result reads; reads inside of loops are left out."""
    steps = [item for item in items if isinstance(item, Step)]
    kinds = (NamedView, Slice, Contiguous) if copies_are_views else (NamedView, Slice)
    views = {step.name for step in steps if isinstance(step.operation, kinds) and count[step.name] == 1}
    here = {read.source for step in steps for read in reads(step.operation)}
    here.update(result.read.source for result in results)
    return frozenset(views & here)


def is_applied_next(step: Step, after: Step, count: Counter[str]) -> bool:
    """Whether the next step is a function of the whole result, which nothing else reads."""
    if not isinstance(after.operation, Pointwise | Normalize) or count[step.name] != 1:
        return False
    return reads(after.operation)[0] == Read(step.name, step.shape)
