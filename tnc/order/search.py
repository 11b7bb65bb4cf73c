"""Contraction paths for a region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tnc.cost.time import Clock
from tnc.order.cotengra import searched
from tnc.order.dataflow import families
from tnc.order.frontier import frontier
from tnc.order.group import grouped
from tnc.order.tree import LARGEST, FoundPath, Network, Path, depth_first, fold, walked

_HOPELESS = 16
"""Paths with more than this many times the multiplications of the best are dropped before they are evaluated."""


def searched_paths(network: Network, clock: Clock) -> tuple[FoundPath, ...]:
    """Paths worth evaluating: regular ones first, and at the end variants with runs of small tensors grouped.

    Paths with many more multiplications than the best, or with a tensor of more than :data:`LARGEST` entries, are left
    out; the result may be empty.
    """
    count = len(network.operands)
    products: dict[Path, int] = {}
    kept: list[FoundPath] = []

    def note(found: FoundPath) -> None:
        if found.path not in products:
            multiplications, largest = effort(network, found.path)
            if largest <= LARGEST:
                products[found.path] = multiplications
                kept.append(found)

    for found in _searches(network):
        note(replace(found, path=depth_first(count, found.path)))
    for found in tuple(kept):
        for other in grouped(network, found.path, clock):
            note(FoundPath(f"{found.name}, grouped", other))
    bound = _HOPELESS * min(products.values(), default=0)
    return tuple(found for found in kept if products[found.path] <= bound)


def effort(network: Network, path: Path) -> tuple[int, int]:
    """The multiplications of a path, and the entries of the largest tensor that it makes.

    Counting stops at a tensor that is too large; the entries are then more than :data:`LARGEST`.
    """
    products = largest = 0
    for pair in walked(network, path):
        entries = network.entries(pair.legs)
        largest = max(largest, entries)
        products += entries * network.entries(pair.summed)
        if largest > LARGEST or products > LARGEST**2:
            return products, max(largest, LARGEST + 1)
    return products, largest


def _searches(network: Network) -> Iterator[FoundPath]:
    count = len(network.operands)
    if count == 1:
        yield FoundPath("alone", (), regular=True)
        return
    yield FoundPath("as written", fold(range(count)), regular=True)
    if count == 2:
        return
    for name, start in (("along a frontier", 0), ("along a frontier, from the end", count - 1)):
        order = frontier(network, start)
        if order:
            yield FoundPath(name, fold(order), regular=True)
    yield from families(network)
    for name, path in searched(network):
        yield FoundPath(name, path)
