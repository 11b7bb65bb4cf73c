"""A sweep before it is lowered: the state, and the windows that act on its legs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from tnc.order.spine import Tree

Legs: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A run of small tensors as one window: their trees, the legs summed and added, and the entries around these.

    ``idle`` are a few legs behind the window on which it acts as the identity: one product with a larger matrix is
    faster than a batch of narrow products.
    """

    trees: tuple[Tree, ...]
    taken: Legs
    given: Legs
    front: int
    back: int
    idle: Legs = ()


@dataclass(frozen=True, slots=True)
class StateSweep:
    """The operand that is the state, the order of its legs at the start, the windows, and the legs after the last one.

    If the state has its legs in another order than ``start``, it is permuted first.
    """

    state: int
    start: Legs
    places: tuple[Place, ...]
    result: Legs
