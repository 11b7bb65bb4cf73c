"""What a plan is chosen by: the time of one training step, as a device profile predicts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tnc.cost.work import Work, work
from tnc.ir.extent import count
from tnc.ir.reads import reads
from tnc.ir.schedule import Move, Step


@dataclass(frozen=True, slots=True)
class Profile:
    """A device: floating-point operations and bytes a second, and seconds that a call takes at least.

    New memory costs as well: ``fresh`` bytes a second, where a step makes more than ``recycled`` bytes at once. Less
    than that comes out of what was freed before.
    """

    name: str
    rate: float
    bandwidth: float
    launch: float
    fresh: float
    recycled: int


GENERIC = Profile("generic", rate=2e11, bandwidth=2.5e10, launch=5e-6, fresh=4e9, recycled=2**25)
"""A processor of a few cores. Shipped, so that plans do not depend on the machine that makes them."""


def seconds(done: Work, itemsize: int, profile: Profile) -> float:
    """The time of a step, forward and backward: arithmetic or memory, whichever takes longer, and the calls."""
    forward = max(done.flops / profile.rate, done.entries * itemsize / profile.bandwidth)
    backward = max(done.flops_backward / profile.rate, done.entries_backward * itemsize / profile.bandwidth)
    new = _fresh(done.fresh * itemsize, profile) + _fresh(done.fresh_backward * itemsize, profile)
    return forward + backward + new + (done.calls + done.calls_backward) * profile.launch


def _fresh(size: int, profile: Profile) -> float:
    return size / profile.fresh if size > profile.recycled else 0.0


def training_time(
    steps: Iterable[Step], trained: Mapping[str, bool], sizes: Mapping[str, int], itemsize: int, profile: Profile
) -> float:
    """The time of steps without loops; ``trained`` says which sources need a gradient."""
    total = 0.0
    for step in steps:
        grads = [trained[read.source] for read in reads(step.operation)]
        if isinstance(step.operation, Move):
            total += moving_time(count(step.shape, sizes), itemsize, profile)
        else:
            total += seconds(work(step, grads, sizes), itemsize, profile)
    return total


_SCATTERED = 3
"""How many times slower memory is that is not read and written in one order."""


def moving_time(entries: int, itemsize: int, profile: Profile) -> float:
    """The time of a permutation that moves memory, forward and backward."""
    moved = _SCATTERED * 2 * entries
    return seconds(Work(0, moved, 1, 0, moved, 1, entries, entries), itemsize, profile)
