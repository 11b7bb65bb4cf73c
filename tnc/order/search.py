"""Candidates for the order in which a region is contracted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tnc.order.tree import Network, Path, depth_first, fold, pairs

_OPTIMAL = 8
"""Up to so many operands the exact search is run; it is exponential."""

_RANDOM = 500
"""Up to so many operands greedy search is repeated with random choices."""

_RECONFIGURED = 120
"""Up to so many operands the best tree found has its subtrees improved."""

_LARGEST = 2**48
"""Entries of the largest tensor that a plan may make."""

_HOPELESS = 16
"""A path with so many times the multiplications of the best is not costed."""

_CROWD = 16
"""A leg on more operands than this says nothing about who should meet."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path and the search that found it."""

    planner: str
    path: Path


def candidates(network: Network) -> tuple[Candidate, ...]:
    """Paths worth costing; regular ones first, since they become loops.

    What takes very many more multiplications than the best, or makes a tensor of absurd size, is left out: there may
    be nothing.
    """
    count = len(network.operands)
    found: dict[Path, tuple[str, int]] = {}
    for planner, path in _searches(network):
        ordered = depth_first(count, path)
        if ordered not in found:
            products, largest = effort(network, ordered)
            if largest <= _LARGEST:
                found[ordered] = planner, products
    bound = _HOPELESS * min((products for _, products in found.values()), default=0)
    return tuple(Candidate(planner, path) for path, (planner, products) in found.items() if products <= bound)


def effort(network: Network, path: Path) -> tuple[int, int]:
    """The multiplications of a path, and the entries of the largest tensor that it makes."""
    products = largest = 0
    for pair in pairs(network, path):
        entries = network.entries(pair.legs)
        largest = max(largest, entries)
        products += entries * network.entries(pair.summed)
        if products > _LARGEST**2:
            break
    return products, largest if products <= _LARGEST**2 else products


def _searches(network: Network) -> Iterator[tuple[str, Path]]:
    count = len(network.operands)
    if count == 1:
        yield "alone", ()
        return
    yield "as written", fold(tuple(range(count)))
    if count == 2:
        return
    yield "along a frontier", fold(frontier(network, 0))
    yield "along a frontier, from the end", fold(frontier(network, count - 1))
    yield from _cotengra(network)


def frontier(network: Network, start: int) -> tuple[int, ...]:
    """From one operand on, always the neighbour that leaves the smallest product."""
    uses: Counter[int] = Counter(leg for legs in network.operands for leg in legs)
    uses.update(network.result)
    crowded = {leg for leg, number in uses.items() if number > _CROWD}
    holders: dict[int, list[int]] = {}
    for operand, legs in enumerate(network.operands):
        for leg in legs:
            if leg not in crowded:
                holders.setdefault(leg, []).append(operand)
    left = dict.fromkeys(range(len(network.operands)))
    order = [start]
    del left[start]
    open_legs = set(network.operands[start])
    uses.subtract(network.operands[start])
    while left:
        near = sorted({o for leg in open_legs if leg in holders for o in holders[leg] if o in left})
        if not near:
            near = [next(iter(left))]
        best = min(near, key=lambda operand: (_growth(network, open_legs, uses, operand), operand))
        order.append(best)
        del left[best]
        uses.subtract(network.operands[best])
        open_legs.update(network.operands[best])
        open_legs -= {leg for leg in network.operands[best] if uses[leg] == 0}
    return tuple(order)


def _growth(network: Network, open_legs: set[int], uses: Counter[int], operand: int) -> float:
    """The size of the product relative to what it was."""
    growth = 1.0
    for leg in network.operands[operand]:
        if leg in open_legs:
            growth /= network.sizes[leg] if uses[leg] == 1 else 1
        elif uses[leg] > 1:
            growth *= network.sizes[leg]
    return growth


def _cotengra(network: Network) -> Iterator[tuple[str, Path]]:
    from cotengra.pathfinders import path_basic  # type: ignore[import-untyped]

    count = len(network.operands)
    inputs, output, sizes = _for_cotengra(network)
    if count <= _OPTIMAL:
        for minimize in ("flops", "combo"):
            yield "optimal", _path(path_basic.optimize_optimal(inputs, output, sizes, minimize=minimize, use_ssa=True))
    if count > _RANDOM:
        yield "greedy", _path(path_basic.optimize_greedy(inputs, output, sizes, use_ssa=True))
        return
    repeats = 64 if count <= 40 else 16 if count <= 150 else 4
    search = path_basic.RandomGreedyOptimizer(max_repeats=repeats, seed=0, accel=False, parallel=False)
    found = search.ssa_path(inputs, output, sizes)
    yield "random greedy", _path(found)
    if _OPTIMAL < count <= _RECONFIGURED:
        yield "reconfigured", _reconfigured(inputs, output, sizes, found)


def _for_cotengra(network: Network) -> tuple[list[tuple[str, ...]], tuple[str, ...], dict[str, int]]:
    """The network without the legs that all operands and the result share, which change no choice."""
    shared = set(network.result).intersection(*network.operands)
    names = {leg: f"l{leg}" for legs in network.operands for leg in legs}
    inputs = [tuple(names[leg] for leg in legs if leg not in shared) for legs in network.operands]
    output = tuple(names[leg] for leg in network.result if leg not in shared)
    return inputs, output, {name: network.sizes[leg] for leg, name in names.items()}


def _reconfigured(inputs: list[tuple[str, ...]], output: tuple[str, ...], sizes: dict[str, int], found: object) -> Path:
    from cotengra import ContractionTree  # type: ignore[import-untyped]
    from cotengra.pathfinders.path_basic import OptimalOptimizer  # type: ignore[import-untyped]

    tree = ContractionTree.from_path(inputs, output, sizes, ssa_path=found)
    exact = OptimalOptimizer(minimize="combo", accel=False)
    tree.subtree_reconfigure_(subtree_size=6, maxiter=64, seed=0, minimize="combo", optimize=exact)
    return _path(tree.get_ssa_path())


def _path(found: object) -> Path:
    """A path of pairs; contractions of three and more, or of one, are taken apart."""
    steps: list[tuple[int, ...]] = [tuple(step) for step in found]  # type: ignore[attr-defined]
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
