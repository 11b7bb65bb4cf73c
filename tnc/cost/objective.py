"""What a plan is chosen by: the time of one training step, as a device profile predicts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tnc.cost.work import Work, work
from tnc.ir.reads import reads
from tnc.ir.schedule import Step


@dataclass(frozen=True, slots=True)
class Profile:
    """A device: floating-point operations and bytes a second, and seconds that a call takes at least."""

    name: str
    rate: float
    bandwidth: float
    launch: float


GENERIC = Profile("generic", rate=6e10, bandwidth=1.2e10, launch=5e-6)
"""A processor of a few cores. Shipped, so that plans do not depend on the machine that makes them."""


def seconds(done: Work, itemsize: int, profile: Profile) -> float:
    """The time of a step, forward and backward: arithmetic or memory, whichever takes longer, and the calls."""
    forward = max(done.flops / profile.rate, done.entries * itemsize / profile.bandwidth)
    backward = max(done.flops_backward / profile.rate, done.entries_backward * itemsize / profile.bandwidth)
    return forward + backward + (done.calls + done.calls_backward) * profile.launch


def training_time(
    steps: Iterable[Step], trained: Mapping[str, bool], sizes: Mapping[str, int], itemsize: int, profile: Profile
) -> float:
    """The time of steps without loops; ``trained`` says which sources need a gradient."""
    total = 0.0
    for step in steps:
        grads = [trained[read.source] for read in reads(step.operation)]
        total += seconds(work(step, grads, sizes), itemsize, profile)
    return total


def moving_time(entries: int, itemsize: int, profile: Profile) -> float:
    """The time of a permutation that moves memory, forward and backward."""
    return 4 * entries * itemsize / profile.bandwidth + 2 * profile.launch
