"""Greedy search for regions of any length, by opt_einsum: it scores pairs by exact integers, in n log n time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeAlias

from tnc.order.tree import LARGEST, Network, Path

_CROWD = 16
"""A leg on more operands than this makes no pairs: it would make every operand a neighbour of every other."""

_Legs: TypeAlias = frozenset[int]
_Scored: TypeAlias = tuple[tuple[int, int, int], _Legs, _Legs, _Legs]


class _TooLargeError(Exception):
    """The pair that scores best makes a tensor of more than :data:`LARGEST` entries."""


def greedy(network: Network) -> Path | None:
    """The path that contracts, of all neighbours, those whose product is smallest beside what it replaces.

    None if that makes a tensor of more than :data:`LARGEST` entries.
    """
    # Legs are integers, whose hashes are the same in every process, and so is the order in which sets are walked.
    inputs = [frozenset(legs) for legs in network.operands]
    uses = Counter(leg for legs in inputs for leg in legs)
    kept = frozenset(network.result).union(leg for leg, count in uses.items() if count > _CROWD)
    paths: Any = import_module("opt_einsum.paths")  # it has no types

    def choose(queue: list[_Scored], remaining: Mapping[_Legs, int]) -> _Scored | None:
        # With a function that chooses, opt_einsum scores all neighbours of a product instead of the best one alone.
        scored = heapq.heappop(queue)
        _, left, right, made = scored
        if left not in remaining or right not in remaining:
            return None
        if network.entries(made) > LARGEST:
            raise _TooLargeError
        return scored

    try:
        path = paths.ssa_greedy_optimize(inputs, kept, dict(enumerate(network.sizes)), choose, "memory-removed")
    except _TooLargeError:
        return None
    return tuple((left, right) for left, right in path)
