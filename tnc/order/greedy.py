"""Greedy search for regions of any length, by opt_einsum: it scores pairs by exact integers, in n log n time."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tnc.order.tree import Network, Path


def greedy(network: Network) -> Path:
    """The path that contracts, of all pairs, the one whose product is smallest beside what it replaces."""
    # Legs are integers, whose hashes are the same in every process, and so is the order in which sets are walked.
    inputs = [frozenset(legs) for legs in network.operands]
    sizes = dict(enumerate(network.sizes))
    paths: Any = import_module("opt_einsum.paths")  # it has no types
    path = paths.ssa_greedy_optimize(inputs, frozenset(network.result), sizes, cost_fn="memory-removed")
    return tuple((left, right) for left, right in path)
