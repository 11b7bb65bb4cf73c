"""Seconds, forward and backward, of products and moves that are no steps yet: what layouts are chosen by."""

from __future__ import annotations

from tnc.cost.objective import Profile, moving_time, seconds
from tnc.cost.work import Matrices


class Clock:
    """Times on a device in a dtype; what was asked before is remembered."""

    def __init__(self, itemsize: int, profile: Profile) -> None:
        self._itemsize = itemsize
        self._profile = profile
        self._known: dict[Matrices, float] = {}

    def product(self, matrices: Matrices) -> float:
        """The time of a product of matrices."""
        if matrices not in self._known:
            self._known[matrices] = seconds(matrices.work(), self._itemsize, self._profile)
        return self._known[matrices]

    def move(self, entries: int) -> float:
        """The time of a permutation that moves so many entries in memory."""
        return moving_time(entries, self._itemsize, self._profile)
