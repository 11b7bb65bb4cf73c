"""A weight that a sweep builds, and that then meets data in one product of matrices.

The sweep sees the weight alone, and so finds a large state and small tensors where a region as a whole has two large
ones. What it sorts within its windows are the legs that meet the data, apart from the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tnc.cost.time import Clock
from tnc.order.builder import Builder
from tnc.order.dataflow import Weight, building, weight_of
from tnc.order.leg_orders import Demand, Leaf, arrange
from tnc.order.lower import lower
from tnc.order.lower_sweep import lower_sweep
from tnc.order.region import Operand, Prepared
from tnc.order.sweep import Swept, sweeps
from tnc.order.tree import Network


@dataclass(frozen=True, slots=True)
class Built:
    """A way to compute a region: its weight by a sweep, which then meets the one operand that is data."""

    swept: Swept
    weight: Weight

    @property
    def planner(self) -> str:
        """What found it."""
        return f"weight first, {self.swept.planner}"


def built(network: Network, clock: Clock) -> Iterator[Built]:
    """Sweeps over the weight, where there is one, and one operand of data."""
    weight = weight_of(network)
    if weight is None or len(weight.data) != 1:
        return
    for swept in sweeps(weight.network, tuple(building(weight.network)), clock):
        yield Built(swept, weight)


def lower_built(
    way: Built,
    network: Network,
    prepared: Prepared,
    demand: Demand,
    names: Sequence[str],
    builder: Builder,
    clock: Clock,
) -> Operand:
    """Append the steps: the sweep, and the product with the data in whichever layout takes least time."""
    (data,) = (prepared.operands[operand] for operand in way.weight.data)
    parts = replace(prepared, operands=tuple(prepared.operands[operand] for operand in way.weight.operands))
    weight = lower_sweep(way.swept, way.weight.network, parts, names, builder, clock)
    operands = weight, data
    grads = tuple(builder.trained[operand.tensor.source] for operand in operands)
    pair = replace(network, operands=tuple(operand.legs for operand in operands), grads=grads)
    leaves = [Leaf(operand.legs, operand.tensor.strided) for operand in operands]
    made, choices = arrange(pair, ((0, 1),), leaves, demand, clock)
    return lower(operands, made, choices, prepared.dims, names, builder)
