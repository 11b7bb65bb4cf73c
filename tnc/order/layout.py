"""Leg orders along a contraction tree, so that pairs are matrix multiplications on views.

A product of matrices wants the summed legs of each operand together, at the front or at the back: BLAS reads either for
free. Which operand comes first decides where the new legs stand, in front of the old ones or behind them, and so
whether the next pair finds its legs together; that is the only freedom, and getting it right replaces a pass over
memory per gate by none. For every tensor of the tree the cheapest few orders are kept, with what they cost in moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TypeAlias

from tnc.order.tree import Network, Pair, Path, pairs

Order: TypeAlias = tuple[int, ...]
"""Legs in the order of memory."""


@dataclass(frozen=True, slots=True)
class Product:
    """How a pair is computed.

    ``left`` and ``right`` are the operands' orders when they are read, ``left_moved`` and ``right_moved`` whether they
    must be moved into that first. For matrices, the seen blocks are ``batch, rows, summed`` and ``batch, summed,
    columns``; ``swapped`` exchanges the roles, so that the right operand's legs come first in the result.
    """

    left: Order
    right: Order
    left_moved: bool
    right_moved: bool
    batch: Order
    summed: Order
    swapped: bool
    result: Order


@dataclass(frozen=True, slots=True)
class Choice:
    """An order of a tensor, the cost of the moves that lead to it, and how (None for a leaf)."""

    order: Order
    cost: float
    how: Product | None = None
    left: Choice | None = None
    right: Choice | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """An operand: its legs in the order of memory, and whether none of them can be read as one axis with another."""

    order: Order
    strided: bool


Demand: TypeAlias = Callable[[Order], bool]
"""Whether what comes after the region can use this order as it is."""

MoveCost: TypeAlias = Callable[[int], float]
"""The cost of moving so many entries."""


def arrange(
    network: Network, path: Path, leaves: Sequence[Leaf], demand: Demand, move: MoveCost
) -> tuple[tuple[Pair, ...], tuple[Choice, ...]]:
    """The pairs of a tree and the best way to compute each (one choice a pair)."""
    made = pairs(network, path)
    count = len(leaves)
    width = 8 if count <= 64 else 3
    strided = [leaf.strided for leaf in leaves] + [False] * len(made)
    kept: list[tuple[Choice, ...]] = [(Choice(leaf.order, 0.0),) for leaf in leaves]
    parent: dict[int, int] = {}
    for number, pair in enumerate(made):
        parent[pair.left] = parent[pair.right] = number
    for number, pair in enumerate(made):
        mover = _Mover(network, move, strided[pair.left], strided[pair.right])
        best: dict[Order, Choice] = {}
        for left in kept[pair.left]:
            for right in kept[pair.right]:
                for product, cost in mover.products(pair, left.order, right.order):
                    total = left.cost + right.cost + cost
                    known = best.get(product.result)
                    if known is None or total < known.cost:
                        best[product.result] = Choice(product.result, total, product, left, right)
        size = network.entries(pair.legs)
        above = made[parent[count + number]] if count + number in parent else None
        ends = _ends(above, above is not None and above.left == count + number)

        def rank(choice: Choice, size: int = size, ends: tuple[frozenset[int], ...] | None = ends) -> float:
            fits = demand(choice.order) if ends is None else _fits(choice.order, ends)
            return choice.cost + (0.0 if fits else move(size))

        # Sorting is stable: among equals, what was found first is preferred.
        kept.append(tuple(sorted(best.values(), key=rank)[:width]))
        kept[pair.left] = kept[pair.right] = ()
    return made, _unwind(kept[-1][0], made, count) if made else ()


def _unwind(last: Choice, made: Sequence[Pair], count: int) -> tuple[Choice, ...]:
    chosen: dict[int, Choice] = {count + len(made) - 1: last}
    for number in range(count + len(made) - 1, count - 1, -1):
        choice, pair = chosen[number], made[number - count]
        assert choice.left is not None
        assert choice.right is not None
        chosen[pair.left], chosen[pair.right] = choice.left, choice.right
    return tuple(chosen[count + number] for number in range(len(made)))


def _ends(pair: Pair | None, is_left: bool) -> tuple[frozenset[int], ...] | None:
    """The blocks that the next pair wants together; None where there is no next pair."""
    if pair is None:
        return None
    if not pair.summed:
        return ()
    return pair.batch, pair.summed, pair.left_only if is_left else pair.right_only


def _fits(order: Order, blocks: Sequence[frozenset[int]]) -> bool:
    """Whether each block stands together, the batch legs not last."""
    if not blocks:
        return True
    batch, *_ = blocks
    changes = 0
    current: frozenset[int] | None = None
    for leg in order:
        if current is None or leg not in current:
            current = next(block for block in blocks if leg in block)
            changes += 1
    return changes <= sum(map(bool, blocks)) and not (batch and order[-1] in batch and len(batch) < len(order))


@dataclass(frozen=True, slots=True)
class _Mover:
    """Enumerates the ways to compute one pair."""

    network: Network
    move: MoveCost
    left_strided: bool
    right_strided: bool

    def products(self, pair: Pair, left: Order, right: Order) -> Iterator[tuple[Product, float]]:
        """Ways to compute the pair from operands in these orders, with the cost of moves."""
        if pair.summed:
            yield from self._matrices(pair, left, right)
        else:
            yield from self._entrywise(pair, left, right)

    def _matrices(self, pair: Pair, left: Order, right: Order) -> Iterator[tuple[Product, float]]:
        for batch in _both(left, right, pair.batch):
            for summed in _both(left, right, pair.summed):
                for rows, left_order, left_cost in self._operand(left, self.left_strided, batch, summed):
                    for columns, right_order, right_cost in self._operand(right, self.right_strided, batch, summed):
                        for swapped in (False, True):
                            result = batch + (columns + rows if swapped else rows + columns)
                            product = Product(
                                left_order,
                                right_order,
                                left_cost > 0,
                                right_cost > 0,
                                batch,
                                summed,
                                swapped,
                                result,
                            )
                            yield product, left_cost + right_cost

    def _operand(
        self, order: Order, strided: bool, batch: Order, summed: Order
    ) -> Iterator[tuple[Order, Order, float]]:
        """Its own legs in order, the order to read it in, and the cost of moving it into that."""
        fixed = {*batch, *summed}
        own = tuple(leg for leg in order if leg not in fixed)
        blocks = [block for block in (batch, own, summed) if block]
        if not (strided and any(len(block) > 1 for block in blocks)):
            for arranged in permutations(blocks):
                if sum(arranged, ()) == order and not (batch and len(blocks) > 1 and arranged[-1] is batch):
                    yield own, order, 0.0
                    return
        cost = self.move(self.network.entries(order))
        first = next((position for position, leg in enumerate(order) if leg in fixed), 0)
        before = tuple(leg for leg in order[:first] if leg not in fixed)
        after = tuple(leg for leg in order[first:] if leg not in fixed)
        # A rotation: the legs that the next pairs want then come up in turn.
        yield after + before, batch + summed + after + before, cost
        if before and after:
            yield before + after, batch + summed + before + after, cost

    def _entrywise(self, pair: Pair, left: Order, right: Order) -> Iterator[tuple[Product, float]]:
        if not pair.right_only:
            yield Product(left, right, False, False, (), (), False, left), 0.0
            return
        if not pair.left_only:
            yield Product(left, right, False, False, (), (), True, right), 0.0
            return
        cost, left_moved, right_moved = 0.0, False, False
        if _restricted(left, pair.batch) != _restricted(right, pair.batch):
            # The smaller one follows the larger one's order of common legs.
            if self.network.entries(left) < self.network.entries(right):
                cost, left_moved = self.move(self.network.entries(left)), True
                left = _restricted(right, pair.batch) + _restricted(left, pair.left_only)
            else:
                cost, right_moved = self.move(self.network.entries(right)), True
                right = _restricted(left, pair.batch) + _restricted(right, pair.right_only)
        for swapped in (False, True):
            first, second = (right, left) if swapped else (left, right)
            result = _merged(first, second, pair.batch)
            yield Product(left, right, left_moved, right_moved, (), (), swapped, result), cost


def _restricted(order: Order, legs: frozenset[int]) -> Order:
    return tuple(leg for leg in order if leg in legs)


def _both(left: Order, right: Order, legs: frozenset[int]) -> tuple[Order, ...]:
    a, b = _restricted(left, legs), _restricted(right, legs)
    return (a,) if a == b else (a, b)


def _merged(first: Order, second: Order, common: frozenset[int]) -> Order:
    """The legs of both, each in its own order; between common legs, the first one's come first."""
    merged: list[int] = []
    position = 0
    for leg in first:
        if leg in common:
            while second[position] != leg:
                merged.append(second[position])
                position += 1
            position += 1
        merged.append(leg)
    return (*merged, *second[position:])
