"""The time that no schedule can beat on this machine, judged by bytes and FLOPs.

**Bytes.** Between linear regions a tensor exists in memory, because an activation stands there and autograd saves it.
So a step reads the operands of every region and writes its result forward; backward it reads the result's cotangent,
reads the operands again (every core's gradient is made of the others), and writes the operands' cotangents, those of
data excepted. Activations are counted as fused with what produces them. Everything within a region counts nothing.

**FLOPs.** Two a multiply-add, along the cheapest tree found for each region (FLOPs alone, cotengra, seeded, and
the order as written); backward each contraction again for every operand that leads to a core.

The floor is the larger of bytes over the bandwidth and FLOPs over the rate of a large square GEMM, both measured with
the threads of the run. It does not bound schedules that compute a region again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from math import prod
from time import perf_counter
from typing import Any

import torch

from benchmarks.recipe import Equation, Recipe, elements

_ITEM = 4


@dataclass(frozen=True, slots=True)
class Rates:
    """What the machine does: bytes a second that a copy reads and writes, FLOPs a second of a GEMM in float32."""

    bandwidth: float
    gemm: float


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that a step moves and computes."""

    bytes: int
    flops: int

    def seconds(self, rates: Rates) -> float:
        """The floor on a machine."""
        return max(self.bytes / rates.bandwidth, self.flops / rates.gemm)


def measure_rates() -> Rates:
    """The best of several runs: copies of 2^22, 2^24 and 2^26 entries into buffers in use, GEMMs of 1024 and 2048."""
    bandwidth = 0.0
    for size in (2**22, 2**24, 2**26):
        source, target = torch.ones(size), torch.empty(size)
        bandwidth = max(bandwidth, 2 * _ITEM * size / _best(partial(target.copy_, source)))
    gemm = 0.0
    for side in (1024, 2048):
        left, right, result = (torch.ones(side, side) for _ in range(3))
        gemm = max(gemm, 2 * side**3 / _best(partial(torch.mm, left, right, out=result)))
    return Rates(bandwidth, gemm)


def floor_of(regions: Recipe, train: bool) -> Floor:
    """The least for a step; with ``train``, Adam reads and writes every core, its gradient and its two moments."""
    moved = flops = 0
    for stage in regions.stages:
        if isinstance(stage, Equation):
            moved += _bytes(regions, stage)
            flops += _flops(regions, stage)
    if train:
        moved += 7 * _ITEM * sum(elements(shape) for shape in regions.cores.values())
    return Floor(moved, flops)


def _bytes(regions: Recipe, equation: Equation) -> int:
    operands = sum(elements(equation.shape(operand.legs)) for operand in equation.operands)
    data = sum(elements(equation.shape(o.legs)) for o in equation.operands if not _needs_gradient(regions, o.tensor))
    result = elements(equation.shape(equation.legs))
    forward = operands + result
    backward = result + operands + (operands - data)
    return _ITEM * (forward + backward)


def _needs_gradient(regions: Recipe, tensor: str) -> bool:
    """Whether a tensor is a core or computed from cores: all but the data and views of it."""
    arguments = {
        stage.name: getattr(stage, "argument", None) for stage in regions.stages if not isinstance(stage, Equation)
    }
    while arguments.get(tensor) is not None:
        tensor = str(arguments[tensor])
    return tensor not in regions.inputs


def _flops(regions: Recipe, equation: Equation) -> int:
    if len(equation.operands) == 1:
        return 0
    return min(_path_flops(regions, equation, path) for path in _paths(equation))


def _paths(equation: Equation) -> Iterator[Sequence[Sequence[int]]]:
    """SSA paths: as written, and the searches' cheapest."""
    count = len(equation.operands)
    yield [(0 if step == 0 else count + step - 1, step + 1) for step in range(count - 1)]
    basic: Any = import_module("cotengra.pathfinders.path_basic")
    inputs = [tuple(map(str, operand.legs)) for operand in equation.operands]
    problem = (inputs, tuple(map(str, equation.legs)), {str(leg): dim for leg, dim in equation.dims.items()})
    yield basic.RandomGreedyOptimizer(max_repeats=64, seed=0, accel=False, parallel=False).ssa_path(*problem)
    if count <= 8:
        yield basic.optimize_optimal(*problem, minimize="flops", use_ssa=True)


def _path_flops(regions: Recipe, equation: Equation, path: Sequence[Sequence[int]]) -> int:
    """Forward, and backward once for each side that leads to a core."""
    known = {index: frozenset(operand.legs) for index, operand in enumerate(equation.operands)}
    trained = {index: _needs_gradient(regions, operand.tensor) for index, operand in enumerate(equation.operands)}
    total = 0
    for step, pair in enumerate(path):
        left, *others = pair
        if not others:
            continue
        (right,) = others
        legs = known.pop(left) | known.pop(right)
        products = 2 * prod(equation.dims[leg] for leg in legs)
        sides = trained.pop(left), trained.pop(right)
        total += products * (1 + sum(sides))
        needed = frozenset(equation.legs).union(*known.values())
        known[len(equation.operands) + step] = legs & needed
        trained[len(equation.operands) + step] = any(sides)
    return total


def _best(run: Callable[[], object], repeats: int = 12) -> float:
    """The fastest of some runs in seconds, after two for warmth."""
    times: list[float] = []
    for _ in range(repeats + 2):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times[2:])
