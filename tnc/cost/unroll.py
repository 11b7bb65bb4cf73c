"""Loops and sweeps taken apart: the steps as they run, each under a name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tnc.ir.reads import map_reads
from tnc.ir.schedule import Index, Loop, Read, Step, Sweep
from tnc.ir.sweep import products


@dataclass(frozen=True, slots=True)
class Ran:
    """A step as it runs; ``outer`` is its place among the Schedule's steps, ``inner`` that in a loop's body, if any."""

    step: Step
    outer: int
    inner: int | None = None
    iteration: int = 0


def unrolled(steps: Iterable[Step]) -> Iterator[Ran]:
    """Every step that runs, in order. The last one of a loop or a sweep has its name."""
    for outer, step in enumerate(steps):
        match step.operation:
            case Loop() as repeat:
                yield from _iterations(step, repeat, outer)
            case Sweep() as sweep:
                yield from (Ran(product, outer) for product in products(step, sweep))
            case _:
                yield Ran(step, outer)


def _iterations(loop: Step, repeat: Loop, outer: int) -> Iterator[Ran]:
    own = {step.name for step in repeat.body}
    last = repeat.body[-1].name
    carried = repeat.initial
    for iteration in range(repeat.count):
        final = iteration == repeat.count - 1

        def name(inner: str, iteration: int = iteration, final: bool = final) -> str:
            return loop.name if final and inner == last else f"{loop.name}@{iteration}.{inner}"

        def change(read: Read, iteration: int = iteration, carried: Read = carried) -> Read:
            if read.source == repeat.carried:
                return replace(read, source=carried.source, select=read.select or carried.select)
            if read.source in own:
                return replace(read, source=name(read.source))
            if read.select is not None:
                axis, index = read.select
                return replace(read, select=(axis, Index(index.start + index.step * iteration)))
            return read

        for inner, step in enumerate(repeat.body):
            operation = map_reads(step.operation, change)
            yield Ran(replace(step, name=name(step.name), operation=operation), outer, inner, iteration)
        carried = Read(name(last), loop.shape)
