"""Contraction trees: which two tensors meet when, and what happens to their legs there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

LARGEST = 2**48
"""Entries of the largest tensor that a plan may make."""

Path: TypeAlias = tuple[tuple[int, int], ...]
"""Pairs in single assignment: leaves are numbered first, every pair makes the next number."""


@dataclass(frozen=True, slots=True)
class FoundPath:
    """A path and the search that found it; a ``regular`` one takes the operands one by one."""

    name: str
    path: Path
    regular: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """What is to be contracted: the legs of each operand, those of the result, and the nominal size of every leg.

    No operand has a leg twice, and a leg that the result lacks is on two operands or more.
    ``grads`` says which operands need a gradient; ``dynamic`` are the legs whose size may be another when it runs.
    """

    operands: tuple[tuple[int, ...], ...]
    result: tuple[int, ...]
    sizes: tuple[int, ...]
    grads: tuple[bool, ...]
    dynamic: frozenset[int] = frozenset()

    def entries(self, legs: Iterable[int]) -> int:
        """The number of entries of a tensor with these legs."""
        number = 1
        for leg in legs:
            number *= self.sizes[leg]
        return number


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tensors contracted: legs of both that stay (``batch``), that are summed, and that only one of them has."""

    left: int
    right: int
    batch: frozenset[int]
    summed: frozenset[int]
    left_only: frozenset[int]
    right_only: frozenset[int]

    @property
    def legs(self) -> frozenset[int]:
        """The legs of the result."""
        return self.batch | self.left_only | self.right_only


def pairs(network: Network, path: Path) -> tuple[Pair, ...]:
    """The pairs of a path, with their legs."""
    return tuple(walked(network, path))


def walked(network: Network, path: Path) -> Iterator[Pair]:
    """The pairs of a path one by one: a caller that stops early never holds the legs of what is too large."""
    uses: Counter[int] = Counter(leg for legs in network.operands for leg in legs)
    uses.update(network.result)
    alive: list[dict[int, int]] = [dict.fromkeys(legs, 1) for legs in network.operands]
    for left, right in path:
        a, b = alive[left], alive[right]
        alive[left] = alive[right] = {}
        batch: set[int] = set()
        summed: set[int] = set()
        legs: dict[int, int] = {}
        for leg, count in a.items():
            if leg not in b:
                legs[leg] = count
                continue
            together = count + b[leg]
            if together == uses[leg]:
                summed.add(leg)
            else:
                batch.add(leg)
                legs[leg] = together
        left_only = frozenset(leg for leg in a if leg not in b)
        right_only = frozenset(leg for leg in b if leg not in a)
        legs.update((leg, b[leg]) for leg in b if leg not in a)
        alive.append(legs)
        yield Pair(left, right, frozenset(batch), frozenset(summed), left_only, right_only)


def depth_first(count: int, path: Path) -> Path:
    """The same tree, subtree after subtree, so that a chain's steps stand together; the longer operand first."""
    children = {count + number: pair for number, pair in enumerate(path)}
    size = [1] * count + [0] * len(path)
    for node in range(count, count + len(path)):
        left, right = children[node]
        size[node] = size[left] + size[right]
    ordered: list[tuple[int, int]] = []
    number: dict[int, int] = {leaf: leaf for leaf in range(count)}
    pending: list[tuple[int, bool]] = [(count + len(path) - 1, False)] if path else []
    while pending:
        node, opened = pending.pop()
        if node < count:
            continue
        left, right = children[node]
        if opened:
            number[node] = count + len(ordered)
            ordered.append((number[left], number[right]))
            continue
        pending.append((node, True))
        first, second = (left, right) if size[left] >= size[right] else (right, left)
        pending += [(second, False), (first, False)]
    return tuple(ordered)


def fold(order: Sequence[int]) -> Path:
    """One operand after the other onto a running product."""
    count = len(order)
    running = order[0]
    steps: list[tuple[int, int]] = []
    for number, operand in enumerate(order[1:]):
        steps.append((running, operand))
        running = count + number
    return tuple(steps)
