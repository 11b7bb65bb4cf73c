"""A weight that a sweep builds, and that then meets the data in one product of matrices.

Within the whole region there are two large tensors, data and weight, and so no sweep. The weight by itself is a state
that small tensors act on; its windows sort the legs that meet the data apart from the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tnc.order.builder import Builder
from tnc.order.candidate import RegionProblem
from tnc.order.dataflow import Weight, building, weight_of
from tnc.order.leg_orders import Leaf, arrange
from tnc.order.lower import lower
from tnc.order.lower_sweep import lower_sweep
from tnc.order.region import Operand
from tnc.order.sweep import SweepCandidate, sweeps


@dataclass(frozen=True, slots=True)
class BuildThenApply:
    """A way to compute a region: the weight by a sweep, then its product with the one operand that is data."""

    sweep: SweepCandidate
    weight: Weight

    @property
    def name(self) -> str:
        """The name of the sweep, after what it is for."""
        return f"weight first, {self.sweep.name}"

    @property
    def regular(self) -> bool:
        """False, as for every sweep."""
        return False

    def lower(self, problem: RegionProblem, builder: Builder) -> Operand:
        """Append the sweep, and the product with the data in the layout that takes the least time."""
        prepared, clock = problem.prepared, problem.clock
        (data,) = (prepared.operands[operand] for operand in self.weight.data)
        parts = replace(prepared, operands=tuple(prepared.operands[operand] for operand in self.weight.operands))
        weight = lower_sweep(self.sweep, self.weight.network, parts, problem.names, builder, clock)
        operands = weight, data
        grads = tuple(builder.trained[operand.tensor.source] for operand in operands)
        pair = replace(problem.network, operands=tuple(operand.legs for operand in operands), grads=grads)
        leaves = [Leaf(operand.legs, operand.tensor.strided) for operand in operands]
        made, arrangements = arrange(pair, ((0, 1),), leaves, problem.demand, clock)
        return lower(operands, made, arrangements, prepared.dims, problem.names, builder)


def weight_candidates(problem: RegionProblem) -> Iterator[BuildThenApply]:
    """Sweeps over the weight, if the region is a weight and one operand of data."""
    weight = weight_of(problem.network)
    if weight is None or len(weight.data) != 1:
        return
    for sweep in sweeps(weight.network, tuple(building(weight.network)), problem.clock):
        yield BuildThenApply(sweep, weight)
