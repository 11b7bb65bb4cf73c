"""How large the intermediate tensors of a product are while it is contracted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush

from tnc.ir.program import Contract, Dim, Use


def partial_products(statement: Contract, magnitudes: Mapping[str, float]) -> tuple[tuple[float, ...], ...]:
    """The logarithms of the second moments of all partial products, from the first factor on and from the last on.

    Each next factor shares a leg with those before, where there is one; of these it is one that brings the product
    back to 1, where there is one. A plan may contract in another order, but one that stays in range exists if these do.
    ``scale`` is left out: it multiplies the finished product.
    """
    uses = [factor for factor in statement.factors if isinstance(factor, Use)]
    if not uses:
        return ((),)
    gains = [magnitudes[use.tensor] for use in uses]
    counts: dict[int, int] = {}
    for use in uses:
        for leg in set(use.legs):
            counts[leg] = counts.get(leg, 0) + 1
    kept = set(statement.legs)
    sizes = {leg: 0.0 if leg in kept else _size(statement.dims[leg]) for leg in counts}
    shares = {leg: sizes[leg] / count for leg, count in counts.items()}
    weights = [gain + math.fsum(shares[leg] for leg in set(use.legs)) for gain, use in zip(gains, uses, strict=True)]
    return tuple(
        tuple(_sweep(uses, gains, sizes, counts, weights, order))
        for order in (range(len(uses)), range(len(uses) - 1, -1, -1))
    )


def _sweep(
    uses: Sequence[Use],
    gains: Sequence[float],
    sizes: Mapping[int, float],
    counts: Mapping[int, int],
    weights: Sequence[float],
    order: Sequence[int],
) -> Iterator[float]:
    """The partial products from the first of an order on. ``weights`` are gains with a share of the summed legs."""
    users: dict[int, list[int]] = {}
    for number in order:
        for leg in set(uses[number].legs):
            users.setdefault(leg, []).append(number)
    left = dict(counts)
    shrinking: list[tuple[float, int]] = []
    growing: list[tuple[float, int]] = []
    queued: set[int] = set()

    def queue(number: int) -> None:
        if number not in queued:
            queued.add(number)
            heappush(shrinking if weights[number] < 0 else growing, (abs(weights[number]), number))

    total = 0.0
    for start in order:
        queue(start)
        while shrinking or growing:
            first, second = (shrinking, growing) if total > 0 else (growing, shrinking)
            _, number = heappop(first or second)
            total += gains[number]
            for leg in set(uses[number].legs):
                left[leg] -= 1
                total += 0.0 if left[leg] else sizes[leg]
                for neighbour in users.pop(leg, ()):
                    queue(neighbour)
            yield total


def _size(dim: Dim) -> float:
    """The logarithm of a dimension; a dynamic one counts as 1."""
    return math.log(dim) if isinstance(dim, int) else 0.0
