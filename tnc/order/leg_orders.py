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

from tnc.cost.kernels import Gemm, transposition
from tnc.cost.time import Clock
from tnc.order.tree import Network, Pair, Path, pairs

IDLE = 8
"""Maximum number of entries of legs that take part in a product without being summed."""

_EQUAL = 1e-9
"""Relative difference below which two predicted times are equal: they are sums of the same terms."""

Order: TypeAlias = tuple[int, ...]
"""Legs in the order of memory."""


@dataclass(frozen=True, slots=True)
class Product:
    """How a pair is computed.

    ``left`` and ``right`` are the operands' orders when they are read, ``left_moved`` and ``right_moved`` whether they
    must be moved into that first. For matrices, the seen blocks are ``batch, rows, summed`` and ``batch, summed,
    columns``; ``swapped`` exchanges the roles, so that the right operand's legs come first in the result. ``front`` are
    legs of one operand alone that serve as batch: they stand before its summed legs, and the other operand, which
    lacks them, is used anew for each of their entries. ``idle`` are a few legs behind the summed ones that take part
    as if the other operand had them, too, and were the identity there.
    """

    left: Order
    right: Order
    left_moved: bool
    right_moved: bool
    batch: Order
    summed: Order
    swapped: bool
    result: Order
    front: Order = ()
    idle: Order = ()


@dataclass(frozen=True, slots=True)
class Arrangement:
    """An order of a tensor, the seconds of products and copies that lead to it, and how (None for a leaf).

    ``turns`` counts the matrices of data, which have dynamic legs, that are read transposed on the way.
    """

    order: Order
    cost: float
    how: Product | None = None
    left: Arrangement | None = None
    right: Arrangement | None = None
    turns: int = 0

    def is_better(self, other: Arrangement | None) -> bool:
        """Whether it takes less time, or as long with less data transposed."""
        if other is None or self.cost < other.cost * (1 - _EQUAL):
            return True
        return self.cost <= other.cost * (1 + _EQUAL) and self.turns < other.turns


@dataclass(frozen=True, slots=True)
class Leaf:
    """An operand: its legs in the order of memory, and whether none of them can be read as one axis with another."""

    order: Order
    strided: bool


Blocks: TypeAlias = tuple[frozenset[int], frozenset[int], frozenset[int]]
"""The legs of an operand that a product has as batch, that it sums, and the others."""

Demand: TypeAlias = Callable[[Order], float]
"""The seconds that it takes to bring a result in this order into one that what comes after can use; often none."""


def arrange(
    network: Network, path: Path, leaves: Sequence[Leaf], demand: Demand, clock: Clock, blocks: Blocks | None = None
) -> tuple[tuple[Pair, ...], tuple[Arrangement, ...]]:
    """The pairs of a tree and the best way to compute each (one choice a pair).

    ``blocks`` are the legs of the result that should be together, where outer products can bring them together.
    """
    made = pairs(network, path)
    count = len(leaves)
    width = 8 if count <= 64 else 3
    strided = [leaf.strided for leaf in leaves] + [False] * len(made)
    grads = list(network.grads)
    kept: list[tuple[Arrangement, ...]] = [(Arrangement(leaf.order, 0.0),) for leaf in leaves]
    ends = _ends(made, count, blocks)
    for number, pair in enumerate(made):
        pair_grads = grads[pair.left], grads[pair.right]
        wanted = ends[number]
        mover = _Mover(network, clock, strided[pair.left], strided[pair.right], pair_grads, wanted)
        grads.append(any(pair_grads))
        best: dict[Order, Arrangement] = {}
        last = number + 1 == len(made)
        for left in kept[pair.left]:
            for right in kept[pair.right]:
                for product, cost in mover.products(pair, left.order, right.order):
                    total = left.cost + right.cost + cost
                    turns = _turns(network, pair, product, (left, right), last)
                    choice = Arrangement(product.result, total, product, left, right, turns)
                    if choice.is_better(best.get(product.result)):
                        best[product.result] = choice
        size = network.entries(pair.legs)

        def rank(
            choice: Arrangement, size: int = size, wanted: Blocks | None = wanted, last: bool = last
        ) -> tuple[float, int]:
            if wanted is None or last:
                cost = choice.cost + demand(choice.order)
            else:
                cost = choice.cost + (0.0 if _fits(choice.order, wanted) else clock.scatter(size))
            return float(f"{cost:.9g}"), choice.turns

        # Sorting is stable: among equals, what was found first is preferred.
        kept.append(tuple(sorted(best.values(), key=rank)[:width]))
        kept[pair.left] = kept[pair.right] = ()
    return made, _unwind(kept[-1][0], made, count) if made else ()


def _turns(
    network: Network, pair: Pair, product: Product, operands: tuple[Arrangement, Arrangement], last: bool
) -> int:
    """The matrices of data read transposed up to a product; the result too, if it has another order than asked for."""
    turned = sum(operand.turns for operand in operands)
    if network.dynamic.isdisjoint(pair.legs):
        return turned
    if product.summed and not product.front:
        for order, is_first in ((product.left, not product.swapped), (product.right, product.swapped)):
            own = [place for place, leg in enumerate(order) if leg not in product.summed and leg not in product.batch]
            transposed = bool(own) and (order.index(product.summed[0]) < own[0]) == is_first
            turned += transposed and not network.dynamic.isdisjoint(order)
    return turned + (last and product.result != network.result)


def _unwind(last: Arrangement, made: Sequence[Pair], count: int) -> tuple[Arrangement, ...]:
    chosen: dict[int, Arrangement] = {count + len(made) - 1: last}
    for number in range(count + len(made) - 1, count - 1, -1):
        choice, pair = chosen[number], made[number - count]
        assert choice.left is not None
        assert choice.right is not None
        chosen[pair.left], chosen[pair.right] = choice.left, choice.right
    return tuple(chosen[count + number] for number in range(len(made)))


def _ends(made: Sequence[Pair], count: int, last: Blocks | None) -> list[Blocks | None]:
    """For each pair the blocks that the next one that sums wants together, or else those of the ``last`` pair."""
    ends: list[Blocks | None] = [None] * len(made)
    if made:
        ends[-1] = last
    for pair_number in range(len(made) - 1, -1, -1):
        pair = made[pair_number]
        for child, own in ((pair.left, pair.left_only), (pair.right, pair.right_only)):
            if child < count:
                continue
            if pair.summed:
                ends[child - count] = pair.batch, pair.summed, own
            elif (above := ends[pair_number]) is not None:
                legs = made[child - count].legs
                batch, summed, rest = (block & legs for block in above)
                ends[child - count] = batch, summed, rest
    return ends


def _fits(order: Order, blocks: Blocks) -> bool:
    """Whether each block stands together, the batch legs not last; without a batch, others may stand on both sides."""
    batch, summed, _ = blocks
    changes = 0
    current: frozenset[int] | None = None
    for leg in order:
        if current is None or leg not in current:
            current = next(block for block in blocks if leg in block)
            changes += 1
    if not batch and changes == 3 and order[0] not in summed:
        return True
    return changes <= sum(map(bool, blocks)) and not (batch and order[-1] in batch and len(batch) < len(order))


@dataclass(frozen=True, slots=True)
class _Mover:
    """Enumerates the ways to compute one pair."""

    network: Network
    clock: Clock
    left_strided: bool
    right_strided: bool
    grads: tuple[bool, bool]
    wanted: Blocks | None

    def products(self, pair: Pair, left: Order, right: Order) -> Iterator[tuple[Product, float]]:
        """Ways to compute the pair from operands in these orders, with their cost."""
        if pair.summed:
            yield from self._matrices(pair, left, right)
            if not pair.batch:
                yield from self._within(pair, left, right)
        else:
            yield from self._entrywise(pair, left, right)

    def _matrices(self, pair: Pair, left: Order, right: Order) -> Iterator[tuple[Product, float]]:
        entries = self.network.entries
        sizes = entries(pair.batch), entries(pair.left_only), entries(pair.summed), entries(pair.right_only)
        seconds = self.clock.product(Gemm(*sizes), *self.grads)
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
                            yield product, left_cost + right_cost + seconds

    def _within(self, pair: Pair, left: Order, right: Order) -> Iterator[tuple[Product, float]]:
        """Where one operand has its summed legs in the middle: what stands before them is a batch."""
        for large, small, swapped in ((left, right, False), (right, left, True)):
            if (self.right_strided if swapped else self.left_strided) or not pair.summed.issubset(large):
                continue
            start = min(large.index(leg) for leg in pair.summed)
            stop = start + len(pair.summed)
            front, summed, back = large[:start], large[start:stop], large[stop:]
            if not front or not back or not pair.summed.issuperset(summed):
                continue
            first, behind, size = (self.network.entries(legs) for legs in (front, back, summed))
            columns = self.network.entries(pair.left_only if swapped else pair.right_only)
            grads = (self.grads[1], self.grads[0]) if swapped else self.grads
            matrices = Gemm(first, behind, size, columns, shared=True)
            seconds = self.clock.product(matrices, *grads)
            small_strided = self.left_strided if swapped else self.right_strided
            for own, small_order, cost in self._operand(small, small_strided, (), summed):
                orders = (small_order, large) if swapped else (large, small_order)
                moved = (cost > 0, False) if swapped else (False, cost > 0)
                for last in (False, True):
                    result = front + (back + own if last else own + back)
                    # The operand whose legs come first in the result, after the batch, is the left matrix.
                    yield Product(*orders, *moved, (), summed, swapped == last, result, front), cost + seconds
                if not self.network.dynamic.intersection(back):
                    product = Product(*orders, *moved, (), summed, swapped, front + own + back, front, back)
                    yield product, cost + idle_time(self.clock, matrices, *grads)

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
        first = next((position for position, leg in enumerate(order) if leg in fixed), 0)
        before = tuple(leg for leg in order[:first] if leg not in fixed)
        after = tuple(leg for leg in order[first:] if leg not in fixed)
        # A rotation: the legs that the next pairs want then come up in turn.
        rotated = batch + summed + after + before
        yield after + before, rotated, self._move(order, rotated)
        if before and after:
            fronted = batch + summed + before + after
            yield before + after, fronted, self._move(order, fronted)

    def _move(self, order: Order, wanted: Order) -> float:
        return moving(self.network, order, wanted, self.clock)

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
                wanted = _restricted(right, pair.batch) + _restricted(left, pair.left_only)
                cost, left_moved, left = self._move(left, wanted), True, wanted
            else:
                wanted = _restricted(left, pair.batch) + _restricted(right, pair.right_only)
                cost, right_moved, right = self._move(right, wanted), True, wanted
        for swapped in (False, True):
            first, second = (right, left) if swapped else (left, right)
            results = [_merged(first, second, pair.batch)]
            if self.wanted is not None and not pair.batch:
                results.append(_interleaved(first, second, self.wanted[1]))
            for result in dict.fromkeys(results):
                yield Product(left, right, left_moved, right_moved, (), (), swapped, result), cost


def moving(network: Network, order: Order, wanted: Order, clock: Clock) -> float:
    """The time of moving a tensor from one order of its legs into another, which may have further legs."""
    place = {leg: number for number, leg in enumerate(order)}
    axes = [place[leg] for leg in wanted if leg in place]
    return clock.move(transposition([network.sizes[leg] for leg in order], axes))


def idle_time(clock: Clock, matrices: Gemm, large: bool = True, small: bool = True) -> float:
    """The time of a shared product as one of larger matrices: the small one times the identity on the rows."""
    if matrices.rows > IDLE:
        return float("inf")
    summed, columns = matrices.rows * matrices.summed, matrices.rows * matrices.columns
    enlarging = clock.scatter(summed * matrices.columns) + 2 * clock.scatter(summed * columns)
    return enlarging + clock.product(Gemm(1, matrices.batch, summed, columns), large, small)


def _restricted(order: Order, legs: frozenset[int]) -> Order:
    return tuple(leg for leg in order if leg in legs)


def _both(left: Order, right: Order, legs: frozenset[int]) -> tuple[Order, ...]:
    a, b = _restricted(left, legs), _restricted(right, legs)
    return (a,) if a == b else (a, b)


def _interleaved(first: Order, second: Order, front: frozenset[int]) -> Order:
    """The legs of both with those in ``front`` first, where each operand has them first; else one after the other."""
    heads = _restricted(first, front), _restricted(second, front)
    if any(order[: len(head)] != head for order, head in zip((first, second), heads, strict=True)):
        return first + second
    return heads[0] + heads[1] + first[len(heads[0]) :] + second[len(heads[1]) :]


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
