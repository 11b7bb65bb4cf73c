"""Greedy search for regions of any length: the pair that shrinks the network most is contracted first.

Scores are exact integers, so no size is too large for them, and the time grows as n log n with the operands.
"""

from __future__ import annotations

import heapq
from collections import Counter
from itertools import count

from tnc.order.tree import LARGEST, Network, Path

_CROWD = 16
"""A leg on more operands than this is on no list of neighbours: it would make every operand one of every other."""


def greedy(network: Network) -> Path:
    """The path that contracts, of all neighbours, those whose product is smallest beside what it replaces.

    Parts without a common leg are joined in the end, the smallest first. Empty if a tensor is larger than allowed.
    """
    search = _Search(network)
    return search.path() if search.joined() else ()


class _Search:
    """The operands that are left, who shares a leg with whom, and the pairs in the order of their scores."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._uses: Counter[int] = Counter(leg for legs in network.operands for leg in legs)
        self._uses.update(network.result)
        self._legs: list[dict[int, int]] = [dict.fromkeys(legs, 1) for legs in network.operands]
        self._sizes = [network.entries(legs) for legs in network.operands]
        self._left = dict.fromkeys(range(len(network.operands)))
        self._holders: dict[int, dict[int, None]] = {}
        self._steps: list[tuple[int, int]] = []
        self._queue: list[tuple[int, int, int, int]] = []
        self._number = count()
        for operand, legs in enumerate(network.operands):
            for leg in legs:
                self._holders.setdefault(leg, {})[operand] = None
        for operand in self._left:
            self._offer(operand, later=True)

    def path(self) -> Path:
        """The pairs so far."""
        return tuple(self._steps)

    def joined(self) -> bool:
        """Contract everything; False where that makes a tensor that is too large."""
        while self._queue:
            _, _, left, right = heapq.heappop(self._queue)
            if left in self._left and right in self._left:
                made = self._contract(left, right)
                if self._sizes[made] > LARGEST:
                    return False
                self._offer(made, later=False)
        apart = [(self._sizes[operand], operand) for operand in self._left]
        heapq.heapify(apart)
        while len(apart) > 1:
            (_, left), (_, right) = heapq.heappop(apart), heapq.heappop(apart)
            made = self._contract(left, right)
            if self._sizes[made] > LARGEST:
                return False
            heapq.heappush(apart, (self._sizes[made], made))
        return True

    def _offer(self, operand: int, *, later: bool) -> None:
        """Put the pairs of an operand and its neighbours into the queue; only later neighbours, if so asked."""
        near = {
            other
            for leg in self._legs[operand]
            if len(self._holders[leg]) <= _CROWD
            for other in self._holders[leg]
            if other != operand and not (later and other < operand)
        }
        for other in sorted(near):
            size = self._network.entries(self._product(operand, other))
            score = size - self._sizes[operand] - self._sizes[other]
            heapq.heappush(self._queue, (score, next(self._number), min(operand, other), max(operand, other)))

    def _product(self, left: int, right: int) -> dict[int, int]:
        """The legs of a product, each with the number of its uses inside."""
        legs = dict(self._legs[left])
        for leg, number in self._legs[right].items():
            together = legs.get(leg, 0) + number
            if together < self._uses[leg]:
                legs[leg] = together
            else:
                legs.pop(leg, None)
        return legs

    def _contract(self, left: int, right: int) -> int:
        """Replace two operands by their product; its number."""
        made = len(self._legs)
        legs = self._product(left, right)
        for operand in (left, right):
            for leg in self._legs[operand]:
                del self._holders[leg][operand]
            self._legs[operand] = {}
            del self._left[operand]
        for leg in legs:
            self._holders[leg][made] = None
        self._left[made] = None
        self._legs.append(legs)
        self._sizes.append(self._network.entries(legs))
        self._steps.append((left, right))
        return made
