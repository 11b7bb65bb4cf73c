"""The spine of a contraction tree: a large tensor and the small ones that it meets in turn, as a state meets gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tnc.order.tree import Network, Pair, Path, pairs

_LONGEST = 400
"""Sequences with more small tensors than this are left as they are."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A contraction tree over some operands: these from left to right, and the pairs of their places (a path).

    A chain is a tree as deep as it is long, and Python compares and hashes nested values by recursion: trees are flat.
    """

    operands: tuple[int, ...]
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Small:
    """One of the small tensors: its tree, how often each leg is used in it, its legs in order."""

    tree: Tree
    uses: Counter[int]
    legs: tuple[int, ...]


def spine(network: Network, path: Path) -> tuple[int, list[Small]]:
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


def _small(network: Network, made: Sequence[Pair], number: int) -> Small:
    count = len(network.operands)
    uses: Counter[int] = Counter()
    operands: list[int] = []
    steps: list[int] = []
    pending = [(number, False)]
    while pending:
        node, opened = pending.pop()
        if node < count:
            operands.append(node)
            uses.update(network.operands[node])
        elif opened:
            steps.append(node)
        else:
            pair = made[node - count]
            pending += [(node, True), (pair.right, False), (pair.left, False)]
    place = {node: position for position, node in enumerate((*operands, *steps))}
    path = tuple((place[made[node - count].left], place[made[node - count].right]) for node in steps)
    legs = network.operands[number] if number < count else tuple(sorted(made[number - count].legs))
    return Small(Tree(tuple(operands), path), uses, legs)


def along_legs(network: Network, large: int, smalls: Sequence[Small], direction: int) -> list[Small]:
    """The small tensors in the order of their place along the large one's legs, none before another that it needs.

    One needs another if they share a leg and it came later. ``direction`` is 1 for left to right, -1 for right to left,
    and 0 for both ends first and the middle last.
    """
    middle = (len(network.operands[large]) - 1) / 2
    place: dict[int, float] = {
        leg: direction * number if direction else -abs(number - middle)
        for number, leg in enumerate(network.operands[large])
    }
    reach: list[tuple[float, int]] = []
    needs: list[set[int]] = []
    holders: dict[int, list[int]] = {}
    for number, small in enumerate(smalls):
        held = [place[leg] for leg in small.legs if leg in place]
        reach.append((max(held, default=0.0), number))
        inside = sorted(held) or [0.0]
        new = [leg for leg in small.legs if leg not in place]
        place.update((leg, inside[min(k, len(inside) - 1)]) for k, leg in enumerate(new[:: direction or 1]))
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


def orders(
    network: Network, start: tuple[int, ...], sequence: Sequence[Small], direction: int = 1
) -> list[tuple[int, ...]]:
    """The legs of the large tensor, which has them in this order, before it meets each small one, and in the end.

    New legs take the places of those that went. Where there are more or fewer of them, those that stay for good stand
    behind the sweep, in the order of the result, and those that a later small tensor takes before it: ``direction``
    says which side that is.
    """
    uses: Counter[int] = Counter(leg for legs in network.operands for leg in legs)
    uses.update(network.result)
    lasting = {leg: place for place, leg in enumerate(network.result)}
    found = [start]
    used = Counter(start)
    for small in sequence:
        used.update(small.uses)
        new = [leg for leg in small.legs if leg not in found[-1] and used[leg] < uses[leg]]
        gone = [leg for leg in found[-1] if used[leg] == uses[leg]]
        if len(gone) != len(new):
            new.sort(key=lambda leg: ((leg not in lasting) == (direction > 0), lasting.get(leg, 0)))
        found.append(_after(found[-1], new, gone))
    return found


def _after(order: tuple[int, ...], new: list[int], gone: Sequence[int]) -> tuple[int, ...]:
    result: list[int] = []
    for leg in order:
        if leg not in gone:
            result.append(leg)
        elif leg == gone[-1]:
            result += new
            new = []
        elif new:
            result.append(new.pop(0))
    return (*result, *new)


def folded(trees: Sequence[Tree]) -> Tree:
    """One tree after the other contracted with the product of those before."""
    operands = tuple(operand for tree in trees for operand in tree.operands)
    path: list[tuple[int, int]] = []
    first = running = 0
    for number, tree in enumerate(trees):
        own, before = len(tree.operands), len(operands) + len(path)
        nodes = (*range(first, first + own), *range(before, before + len(tree.path)))
        path += [(nodes[left], nodes[right]) for left, right in tree.path]
        if number:
            path.append((running, nodes[-1]))
        running = len(operands) + len(path) - 1 if number else nodes[-1]
        first += own
    return Tree(operands, tuple(path))


def path_of(tree: Tree) -> Path:
    """The path of a tree over all operands of a network."""
    nodes = (*tree.operands, *range(len(tree.operands), len(tree.operands) + len(tree.path)))
    return tuple((nodes[left], nodes[right]) for left, right in tree.path)
