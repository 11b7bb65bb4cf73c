"""cotengra's searches, those of them that find the same path in every process and with whatever else is installed.

cotengra has no types, so this is the one module that knows it. Long regions and sizes beyond floats go to opt_einsum
(:mod:`tnc.order.greedy`), because the time of cotengra's greedy search grows with the square of the operands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, TypeAlias

from tnc.order.greedy import greedy
from tnc.order.tree import Network, Path

_OPTIMAL = 8
"""Maximum number of operands for the exact search, which is exponential."""

_RANDOM = 500
"""Maximum number of operands for which greedy search is repeated with random choices; longer regions get one search."""

_RECONFIGURED = 120
"""Maximum number of operands for improving the subtrees of the best tree."""

_Equation: TypeAlias = tuple[list[tuple[str, ...]], tuple[str, ...], dict[str, int]]


def searched(network: Network) -> Iterator[tuple[str, Path]]:
    """Paths with the names of the searches that found them."""
    count = len(network.operands)
    if count <= _RANDOM:
        try:
            yield from _found(network, count)
            return
        except OverflowError:  # cotengra scores pairs by floats
            pass
    path = greedy(network)
    if path is not None:
        yield "greedy", path


def _found(network: Network, count: int) -> Iterator[tuple[str, Path]]:
    basic: Any = import_module("cotengra.pathfinders.path_basic")
    equation = _equation(network)
    if count <= _OPTIMAL:
        for minimize in ("flops", "combo"):
            yield "optimal", _path(basic.optimize_optimal(*equation, minimize=minimize, use_ssa=True))
    repeats = 64 if count <= 40 else 16 if count <= 150 else 4
    search = basic.RandomGreedyOptimizer(max_repeats=repeats, seed=0, accel=False, parallel=False)
    found: Sequence[Sequence[int]] = search.ssa_path(*equation)
    yield "random greedy", _path(found)
    if _OPTIMAL < count <= _RECONFIGURED:
        yield "random greedy, improved", _reconfigured(equation, found)


def _equation(network: Network) -> _Equation:
    """The network without the legs that all operands and the result share, which change no choice."""
    shared = set(network.result).intersection(*network.operands)
    names = {leg: f"l{leg}" for legs in network.operands for leg in legs}
    inputs = [tuple(names[leg] for leg in legs if leg not in shared) for legs in network.operands]
    output = tuple(names[leg] for leg in network.result if leg not in shared)
    return inputs, output, {name: network.sizes[leg] for leg, name in names.items()}


def _reconfigured(equation: _Equation, found: Sequence[Sequence[int]]) -> Path:
    basic: Any = import_module("cotengra.pathfinders.path_basic")
    core: Any = import_module("cotengra.core")
    tree = core.ContractionTree.from_path(*equation, ssa_path=found)
    exact = basic.OptimalOptimizer(minimize="combo", accel=False)
    tree.subtree_reconfigure_(subtree_size=6, maxiter=64, seed=0, minimize="combo", optimize=exact)
    return _path(tree.get_ssa_path())


def _path(found: Iterable[Sequence[int]]) -> Path:
    """A path of pairs; contractions of three and more, or of one, are taken apart."""
    steps = [tuple(step) for step in found]
    count = sum(len(step) - 1 for step in steps) + 1
    number = {leaf: leaf for leaf in range(count)}
    path: list[tuple[int, int]] = []
    for made, step in enumerate(steps):
        current = number[step[0]]
        for other in step[1:]:
            path.append((current, number[other]))
            current = count + len(path) - 1
        number[count + made] = current
    return tuple(path)
