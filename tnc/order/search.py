"""Candidates for the order in which a region is contracted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tnc.cost.time import Clock
from tnc.order.cotengra import searched
from tnc.order.dataflow import families
from tnc.order.frontier import frontier
from tnc.order.group import grouped
from tnc.order.tree import LARGEST, Network, Path, depth_first, fold, walked

_HOPELESS = 16
"""A path with so many times the multiplications of the best is not costed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path and the search that found it."""

    planner: str
    path: Path


def candidates(network: Network, clock: Clock) -> tuple[Candidate, ...]:
    """Paths worth costing; regular ones first, since they become loops, then those with runs grouped by the clock.

    What takes very many more multiplications than the best, or makes a tensor of absurd size, is left out: there may
    be nothing.
    """
    count = len(network.operands)
    found: dict[Path, tuple[str, int]] = {}

    def note(planner: str, path: Path) -> None:
        if path not in found:
            products, largest = effort(network, path)
            if largest <= LARGEST:
                found[path] = planner, products

    for planner, path in _searches(network):
        note(planner, depth_first(count, path))
    for path, (planner, _) in tuple(found.items()):
        for other in grouped(network, path, clock):
            note(f"{planner}, grouped", other)
    bound = _HOPELESS * min((products for _, products in found.values()), default=0)
    return tuple(Candidate(planner, path) for path, (planner, products) in found.items() if products <= bound)


def effort(network: Network, path: Path) -> tuple[int, int]:
    """The multiplications of a path, and the entries of the largest tensor that it makes.

    Once these are absurd, the rest of the path is not counted, and the entries are more than :data:`LARGEST`.
    """
    products = largest = 0
    for pair in walked(network, path):
        entries = network.entries(pair.legs)
        largest = max(largest, entries)
        products += entries * network.entries(pair.summed)
        if largest > LARGEST or products > LARGEST**2:
            return products, max(largest, LARGEST + 1)
    return products, largest


def _searches(network: Network) -> Iterator[tuple[str, Path]]:
    count = len(network.operands)
    if count == 1:
        yield "alone", ()
        return
    yield "as written", fold(tuple(range(count)))
    if count == 2:
        return
    for planner, start in (("along a frontier", 0), ("along a frontier, from the end", count - 1)):
        order = frontier(network, start)
        if order:
            yield planner, fold(order)
    yield from families(network)
    yield from searched(network)
