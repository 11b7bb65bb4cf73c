"""Schedules made by hand that sweep gates over a state."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from tests.emitters.schedules import lone
from tnc.ir.program import Normal
from tnc.ir.schedule import InputTensor, Read, Result, Schedule, Step, Sweep, Window
from tnc.ir.sweep import shape_after

Gate = tuple[int, int, int]
"""New and summed entries of a gate, and the entries in front of them."""


def swept(entries: int, *gates: Gate, frozen: Sequence[int] = (), core: bool = False) -> Schedule:
    """Gates ``g0``, ``g1``, … over a flat state ``a``: an input, or a ``core``; cores with a number may be frozen."""
    cores = tuple(
        lone(f"g{number}", (new, summed), Normal(1.0), frozen=number in frozen)
        for number, (new, summed, _) in enumerate(gates)
    )
    windows = tuple(Window(Read(f"g{n}", (new, summed)), front) for n, (new, summed, front) in enumerate(gates))
    sweep = Sweep(Read("a", (entries,)), windows)
    shape = shape_after(sweep)
    given = () if core else (InputTensor("a", (entries,)),)
    stacks = (*cores, lone("a", (entries,), Normal(1.0))) if core else cores
    step = Step("h", shape, sweep, region="h", legs=("q",))
    return Schedule("sweep", stacks, given, (step,), (Result("y", Read("h", (prod(shape),)), (None,)),))


SWEEPS = {
    "front and back": swept(4 * 3 * 5, (2, 3, 4)),
    "first leg": swept(3 * 8, (3, 3, 1)),
    "last leg": swept(8 * 3, (4, 3, 8)),
    "one entry": swept(1, (1, 1, 1)),
    "from and to one entry": swept(1, (4, 1, 1), (1, 4, 1)),
    "grows": swept(8, (6, 2, 1), (6, 2, 6), (6, 2, 36)),
    "shrinks": swept(64, (1, 4, 16), (2, 4, 1), (2, 2, 2)),
    "a long chain": swept(64, (4, 4, 1), (4, 4, 4), (2, 2, 8), (2, 2, 4), (4, 4, 16)),
    "back and forth": swept(64, (2, 4, 1), (2, 4, 2), (8, 4, 4), (3, 8, 4), (2, 3, 4)),
}
