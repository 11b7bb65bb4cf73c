"""Neighbouring small tensors multiplied together before they touch the large one.

A tree in which a large tensor meets small ones in turn, as a state meets the gates of a column, passes over memory
once for each of them. Products are associative: any run of consecutive small tensors may be contracted first and
applied in one pass. Which runs, is found exactly by dynamic programming over the sequence, for the sequence as it is
and for two sweeps over the legs, in which gates of several columns stand together that share legs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tnc.cost.kernels import Gemm
from tnc.cost.time import Clock
from tnc.order.leg_orders import idle_time
from tnc.order.spine import Small, Tree, along_legs, folded, orders, path_of, spine
from tnc.order.tree import Network, Path


def grouped(network: Network, path: Path, clock: Clock) -> Iterator[Path]:
    """The tree with runs of small tensors contracted first, where that takes less time; for each sequence."""
    large, smalls = spine(network, path)
    if len(smalls) < 2:
        return
    for sequence in (smalls, along_legs(network, large, smalls, 1), along_legs(network, large, smalls, -1)):
        runs = _Grouping(network, large, sequence, clock).runs()
        groups = (folded([small.tree for small in run]) for run in runs)
        yield path_of(folded([Tree((large,)), *groups]))


# -- sequences ---------------------------------------------------------------------------------


class _Grouping:
    """The cheapest way to cut one sequence into runs."""

    def __init__(self, network: Network, large: int, sequence: Sequence[Small], clock: Clock) -> None:
        self._network = network
        self._sequence = sequence
        self._clock = clock
        self._uses: Counter[int] = Counter(leg for legs in network.operands for leg in legs)
        self._uses.update(network.result)
        self._orders = orders(network, network.operands[large], sequence)

    def runs(self) -> list[list[Small]]:
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
            used.update(small.uses)
            before, own = legs, frozenset(small.legs)
            legs = frozenset(leg for leg in before | own if used[leg] < self._uses[leg])
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
