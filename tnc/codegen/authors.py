"""What the author wrote: short names for values and cores, and the definition that a comment quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from math import inf

from tnc.codegen.reads import all_steps
from tnc.codegen.rolling import Item
from tnc.codegen.variables import Claim, short_names
from tnc.ir.program import Origin
from tnc.ir.reads import reads
from tnc.ir.schedule import Schedule, Stack, Step
from tnc.source import Span

_LINE = 78  # characters of a comment that surely fits
_PART = "part"
"""The name of an intermediate result whose definition's own name is in use."""


class Authors:
    """Knows the author's definition of every step. ``fixed`` are names of inputs and sizes."""

    def __init__(self, schedule: Schedule, fixed: Iterable[str]) -> None:
        self._origins = dict(schedule.origins)
        self._texts = {region.name: region.text for region in schedule.regions if region.planner}
        self._computed = frozenset(region.name for region in schedule.regions)
        self._quoted: set[Span] = set()
        self._announced: Origin | str | None = None
        families = [_family(stack) for stack in schedule.stacks]
        self._crowded = frozenset(family for family in families if families.count(family) > 1)
        claims = (*(Claim(self._stack_parts(stack), -inf, inf) for stack in schedule.stacks), *self._claims(schedule))
        self._short = short_names(claims, fixed)

    def wishes(self, step: Item) -> tuple[str, ...]:
        """What the variable of a step should be called, best first."""
        origin = self._origin(step)
        if origin is None:
            return (step.name,)
        name = self._short[_parts(origin)]
        own = re.fullmatch(rf"(?:.*\.)?{re.escape(origin.name)}(?:_\d+)?", step.name)
        return (name,) if own and step.name == step.region else (name, _PART)

    def is_computed(self, step: Step) -> bool:
        """Whether a step belongs to a definition that computes something, rather than to a view or a copy."""
        return step.region in self._computed

    def stack_name(self, stack: Stack) -> str:
        """What the tensor of a stack, and a member of it, should be called."""
        return self._short[self._stack_parts(stack)]

    def title(self, step: Item) -> str:
        """The place of the definition that a step begins, and its text if it is new; empty if that was said last."""
        if not step.region:
            return ""
        origin = self._origin(step)
        found = step.region if origin is None else origin
        if found == self._announced:
            return ""
        self._announced = found
        if origin is not None:
            is_known = origin.span in self._quoted
            self._quoted.add(origin.span)
            return origin.place if is_known else quotation(origin)
        text = self._texts.get(step.region, step.region)
        return "" if text == step.name else text

    def are_one(self, step: Step, other: Step) -> bool:
        """Whether two steps belong to one definition."""
        origin = self._origin(step)
        return step.region == other.region if origin is None else origin == self._origin(other)

    def _origin(self, step: Item) -> Origin | None:
        if step.region:
            return self._origins.get(step.region)
        return self._origins.get(step.name) or self._origins.get(re.sub(r"_\d+$", "", step.name))

    def _claims(self, schedule: Schedule) -> Iterator[Claim]:
        """From its first step to its last use, each definition needs its name."""
        last: dict[str, float] = {}
        for position, step in enumerate(schedule.steps):
            for inner in all_steps((step,)):
                last.update((read.source, position) for read in reads(inner.operation))
        last.update((result.read.source, inf) for result in schedule.results)
        for position, step in enumerate(schedule.steps):
            origin = self._origin(step)
            if origin is not None:
                yield Claim(_parts(origin), position, last.get(step.name, position))

    def _stack_parts(self, stack: Stack) -> tuple[str, ...]:
        path, _, _ = stack.members[0].name.partition("[")[0].rpartition(".")
        family = _family(stack)
        shape = f"{family[1]}_{'x'.join(map(str, stack.shape))}" if family in self._crowded else family[1]
        return (*filter(None, path.split(".")), shape)


def _family(stack: Stack) -> tuple[str, str]:
    """The instance path and the family of a stack."""
    name = re.sub(r"\[[^\]]*\]$", "", stack.members[0].name)
    path, _, family = name.rpartition(".")
    return path, family


def quotation(origin: Origin) -> str:
    """The place and the text of a definition: in one line if it fits, else the author's lines below the place."""
    whole = f"{origin.place}: {' '.join(origin.span.text.split())}"
    if len(whole) <= _LINE:
        return whole
    first, *others = origin.span.text.split("\n")
    return "\n".join([f"{origin.place}:", f"  {first.strip()}", *(f"    {line.strip()}" for line in others)])


def _parts(origin: Origin) -> tuple[str, ...]:
    return (*filter(None, origin.path.split(".")), origin.name)
