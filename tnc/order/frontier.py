"""An order of the operands in which the running product stays small."""

from __future__ import annotations

from collections import Counter

from tnc.order.tree import LARGEST, Network

_CROWD = 16
"""A leg on more operands than this says nothing about who should meet."""


def frontier(network: Network, start: int) -> tuple[int, ...]:
    """From one operand on, always the neighbour that leaves the smallest product.

    Empty if a product has more than :data:`LARGEST` entries.
    """
    uses: Counter[int] = Counter(leg for legs in network.operands for leg in legs)
    uses.update(network.result)
    crowded = {leg for leg, number in uses.items() if number > _CROWD}
    holders: dict[int, list[int]] = {}
    for operand, legs in enumerate(network.operands):
        for leg in legs:
            if leg not in crowded:
                holders.setdefault(leg, []).append(operand)
    left = dict.fromkeys(range(len(network.operands)))
    order = [start]
    del left[start]
    open_legs = set(network.operands[start])
    size = network.entries(open_legs)
    uses.subtract(network.operands[start])
    while left:
        near = sorted({o for leg in open_legs if leg in holders for o in holders[leg] if o in left})
        if not near:
            near = [next(iter(left))]
        best = min(near, key=lambda operand: (_growth(network, open_legs, crowded, uses, operand), operand))
        order.append(best)
        del left[best]
        legs = network.operands[best]
        uses.subtract(legs)
        size *= network.entries(leg for leg in legs if leg not in open_legs)
        open_legs.update(legs)
        gone = [leg for leg in legs if uses[leg] == 0]
        open_legs.difference_update(gone)
        size //= network.entries(gone)
        if size > LARGEST:
            return ()
    return tuple(order)


def _growth(network: Network, open_legs: set[int], crowded: set[int], uses: Counter[int], operand: int) -> float:
    """The size of the product relative to what it was, without crowded legs, which all products get eventually."""
    growth = 1.0
    for leg in network.operands[operand]:
        if leg in crowded:
            continue
        if leg in open_legs:
            growth /= network.sizes[leg] if uses[leg] == 1 else 1
        elif uses[leg] > 1:
            growth *= network.sizes[leg]
    return growth
