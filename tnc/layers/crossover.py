"""How many rows of data a weight is applied to faster through its cores than by building it first, as predicted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from tnc import driver
from tnc.api import Network
from tnc.cost import Target
from tnc.cost.predict import predicted
from tnc.cost.time import Clock, Seconds
from tnc.einsum import einsum_program
from tnc.ir.schedule import has_complex_cores
from tnc.layers.applied import ROWS

MOST: Final = 2**20
"""Beyond this number of rows the answer is taken to stay the same."""


@dataclass(frozen=True, slots=True)
class Crossover:
    """The largest numbers of rows, powers of two, without and with a backward pass; 0 if building is always faster."""

    forward: int
    training: int


def crossover(weight: Network, applied: Network) -> Crossover:
    """Up to how many rows ``applied`` is predicted to be faster than ``weight`` and a product with the data."""
    (data,) = applied.program.inputs
    (output,) = applied.program.outputs
    inner, outer = data.shape[1], applied.program.shapes()[output.tensor][1]
    product = einsum_program("bi,oi->bo", (ROWS, inner), (outer, inner), cores=[1])
    product = replace(product, options=replace(applied.options, network=None, arguments=()))
    once, through, dense = _seconds(weight), _seconds(applied), _seconds(product)
    forward, training, rows = 0, 0, 1
    while rows <= MOST:
        build, apply = _sum(once(rows), dense(rows)), through(rows)
        ahead = apply.forward < build.forward, apply.total < build.total
        forward = rows if ahead[0] and forward == rows // 2 else forward
        training = rows if ahead[1] and training == rows // 2 else training
        if rows not in (forward, training):
            break
        rows *= 2
    return Crossover(forward, training)


def _seconds(network: Network) -> Callable[[int], Seconds]:
    """The predicted time of the network's plan for any number of rows."""
    options = network.options
    schedule = driver.plan(network.initialised, options).plan.schedule
    clock = Clock(Target().on(options.device), options.dtype, complex_cores=has_complex_cores(schedule.stacks))
    sized = bool(schedule.sizes)

    def seconds(rows: int) -> Seconds:
        return predicted(replace(schedule, sizes=((ROWS, rows),)) if sized else schedule, clock)

    return seconds


def _sum(one: Seconds, other: Seconds) -> Seconds:
    return Seconds(one.forward + other.forward, one.backward + other.backward)
