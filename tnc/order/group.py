"""Neighbouring small tensors multiplied together before they touch the large one.

A tree in which a large tensor meets small ones in turn, as a state meets the gates of a column, passes over memory
once for each of them. Products are associative: any run of consecutive small tensors may be contracted first and
applied in one pass. Which runs, is found exactly by dynamic programming over the sequence, for the sequence as it is
and for two sweeps over the legs, in which gates of several columns stand together that share legs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from tnc.cost.kernels import Gemm
from tnc.cost.time import Clock
from tnc.order.layout import idle_time
from tnc.order.tree import Network, Pair, Path, pairs

_LONGEST = 400
"""Sequences with more small tensors than this are left as they are."""

Tree: TypeAlias = "int | tuple[Tree, Tree]"
"""A contraction tree: an operand, or two trees contracted."""


@dataclass(frozen=True, slots=True)
class _Small:
    """One of the small tensors: its tree, how often each leg is used in it, its legs in order."""

    tree: Tree
    uses: Counter[int]
    legs: tuple[int, ...]


def grouped(network: Network, path: Path, clock: Clock) -> Iterator[Path]:
    """The tree with runs of small tensors contracted first, where that takes less time; for each sequence."""
    large, smalls = _spine(network, path)
    if len(smalls) < 2:
        return
    for sequence in (smalls, _swept(network, large, smalls, 1), _swept(network, large, smalls, -1)):
        tree: Tree = large
        for run in _Grouping(network, large, sequence, clock).runs():
            tree = (tree, _folded([small.tree for small in run]))
        yield _path(tree, len(network.operands))


# -- trees -------------------------------------------------------------------------------------


def _spine(network: Network, path: Path) -> tuple[int, list[_Small]]:
    """Down from the root to the larger operand each time: where that ends, and what is met on the way, last first."""
    count = len(network.operands)
    made = pairs(network, path)
    entries = [network.entries(legs) for legs in network.operands]
    entries += [network.entries(pair.legs) for pair in made]
    met: list[int] = []
    node = count + len(made) - 1
    while node >= count:
        pair = made[node - count]
        larger, smaller = pair.left, pair.right
        if entries[smaller] > entries[larger]:
            larger, smaller = smaller, larger
        met.append(smaller)
        node = larger
    if len(met) > _LONGEST:
        return node, []
    return node, [_small(network, made, number) for number in reversed(met)]


def _small(network: Network, made: Sequence[Pair], number: int) -> _Small:
    count = len(network.operands)
    trees: dict[int, Tree] = {}
    uses: Counter[int] = Counter()
    pending = [number]
    while pending:
        node = pending[-1]
        if node < count:
            trees[node] = node
            uses.update(network.operands[node])
            pending.pop()
            continue
        pair = made[node - count]
        missing = [child for child in (pair.right, pair.left) if child not in trees]
        if missing:
            pending += missing
        else:
            trees[node] = trees[pair.left], trees[pair.right]
            pending.pop()
    legs = network.operands[number] if number < count else tuple(sorted(made[number - count].legs))
    return _Small(trees[number], uses, legs)


def _folded(trees: Sequence[Tree]) -> Tree:
    tree = trees[0]
    for other in trees[1:]:
        tree = (tree, other)
    return tree


def _path(tree: Tree, count: int) -> Path:
    """The pairs of a tree in single assignment. Trees are as deep as there are operands, so this does not recurse."""
    steps: list[tuple[int, int]] = []
    done: list[int] = []
    pending: list[tuple[Tree, bool]] = [(tree, False)]
    while pending:
        node, opened = pending.pop()
        if isinstance(node, int):
            done.append(node)
        elif opened:
            right, left = done.pop(), done.pop()
            steps.append((left, right))
            done.append(count + len(steps) - 1)
        else:
            pending += [(node, True), (node[1], False), (node[0], False)]
    return tuple(steps)


# -- sequences ---------------------------------------------------------------------------------


def _swept(network: Network, large: int, smalls: Sequence[_Small], direction: int) -> list[_Small]:
    """The small tensors in the order of their place along the large one's legs, none before another that it needs.

    One needs another if they share a leg and it came later.
    """
    place: dict[int, float] = {leg: direction * number for number, leg in enumerate(network.operands[large])}
    reach: list[tuple[float, int]] = []
    needs: list[set[int]] = []
    holders: dict[int, list[int]] = {}
    for number, small in enumerate(smalls):
        held = [place[leg] for leg in small.legs if leg in place]
        reach.append((max(held, default=0.0), number))
        inside = sorted(held) or [0.0]
        new = [leg for leg in small.legs if leg not in place]
        place.update((leg, inside[min(k, len(inside) - 1)]) for k, leg in enumerate(new[::direction]))
        needs.append({other for leg in small.legs for other in holders.get(leg, ())})
        for leg in small.legs:
            holders.setdefault(leg, []).append(number)
    order: list[int] = []
    left = dict.fromkeys(range(len(smalls)))
    while left:
        _, chosen = min(reach[number] for number in left if not needs[number].intersection(left))
        order.append(chosen)
        del left[chosen]
    return [smalls[number] for number in order]


class _Grouping:
    """The cheapest way to cut one sequence into runs."""

    def __init__(self, network: Network, large: int, sequence: Sequence[_Small], clock: Clock) -> None:
        self._network = network
        self._sequence = sequence
        self._clock = clock
        self._uses: Counter[int] = Counter(leg for legs in network.operands for leg in legs)
        self._uses.update(network.result)
        self._orders = [network.operands[large]]
        used = Counter(network.operands[large])
        for small in sequence:
            used += small.uses
            self._orders.append(self._after(self._orders[-1], small, used))

    def _after(self, order: tuple[int, ...], small: _Small, used: Counter[int]) -> tuple[int, ...]:
        """The order of the large tensor's legs, new ones in the places of those that went."""
        new = [leg for leg in small.legs if leg not in order and used[leg] < self._uses[leg]]
        result: list[int] = []
        gone = [leg for leg in order if used[leg] == self._uses[leg]]
        for leg in order:
            if leg not in gone:
                result.append(leg)
                continue
            if leg == gone[-1]:
                result += new
                new = []
            elif new:
                result.append(new.pop(0))
        return (*result, *new)

    def runs(self) -> list[list[_Small]]:
        """The runs in order."""
        count = len(self._sequence)
        best: list[tuple[float, int]] = [(0.0, 0)]
        best += [(float("inf"), 0)] * count
        for start in range(count):
            for stop, seconds in self._from(start):
                total = best[start][0] + seconds
                if total < best[stop][0]:
                    best[stop] = total, start
        cuts = [count]
        while cuts[-1]:
            cuts.append(best[cuts[-1]][1])
        cuts.reverse()
        return [list(self._sequence[a:b]) for a, b in pairwise(cuts)]

    def _from(self, start: int) -> Iterator[tuple[int, float]]:
        """Where runs from ``start`` on may end, and the time that they take."""
        entries = self._network.entries
        used: Counter[int] = Counter()
        legs: frozenset[int] = frozenset()
        building = 0.0
        for stop in range(start + 1, len(self._sequence) + 1):
            small = self._sequence[stop - 1]
            used += small.uses
            before, own = legs, frozenset(small.legs)
            legs = frozenset(leg for leg, number in used.items() if number < self._uses[leg])
            if stop > start + 1:
                if entries(legs) > entries(self._orders[stop]):
                    return
                summed = (before & own) - legs
                rest = entries(before - summed), entries(summed), entries(own - summed)
                building += self._clock.product(Gemm(1, *rest))
            yield stop, building + self._applied(self._orders[start], self._orders[stop], legs)

    def _applied(self, before: tuple[int, ...], after: tuple[int, ...], legs: frozenset[int]) -> float:
        """The time of contracting a run, which has these legs, with the large tensor."""
        entries = self._network.entries
        summed = [number for number, leg in enumerate(before) if leg in legs and leg not in after]
        kept = [leg for leg in before if leg in legs and leg in after]
        new = entries(leg for leg in legs if leg not in before)
        size = entries(before[number] for number in summed)
        rest = entries(before) // size
        if kept:
            batch = entries(kept)
            return self._clock.product(Gemm(batch, rest // batch, size, new))
        if summed and summed[-1] - summed[0] + 1 == len(summed):
            front = entries(before[: summed[0]])
            if 1 < front < rest:
                shared = Gemm(front, rest // front, size, new, shared=True)
                return min(self._clock.product(shared), idle_time(self._clock, shared))
            return self._clock.product(Gemm(1, rest, size, new))
        moving = self._clock.scatter(entries(before)) if summed else 0.0
        return moving + self._clock.product(Gemm(1, rest, size, new))
