"""How long a piece of work takes, whatever machine and neighbours it has.

A bound in seconds holds on one machine at one load only: the same test took 2 s and 7 s of the processor on the same
machine an hour apart. So the work is timed between two runs of a fixed piece of Python, and told in seconds of a
machine on which that piece takes `NOMINAL`.
"""

import gc
from collections.abc import Callable
from time import process_time
from typing import TypeVar

T = TypeVar("T")

NOMINAL = 0.03
"""Seconds of the processor that `_reference` takes where the bounds of the tests were set.

Deduced: what took 2 s there took 5.7 s on a day when the reference took 0.08 s.
"""


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work returns, and the seconds that it would take on a quiet machine."""
    gc.collect()
    gc.freeze()  # what earlier tests left behind is not this work's to walk through
    try:
        before = slowness()
        start = process_time()
        result = work()
        seconds = process_time() - start
        after = slowness()
    finally:
        gc.unfreeze()
    return result, seconds / max(before, after)


def slowness() -> float:
    """How many times as long everything takes at the moment, at least once; a single hiccup does not count."""
    return max(1.0, min(_reference() for _ in range(3)) / NOMINAL)


def _reference() -> float:
    """Seconds of the processor for calls, small objects and a dictionary, as an interpreter of programs has them."""
    start = process_time()
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    for number in range(100_000):
        key = divmod(number, 317)
        found[key] = (*key, len(found))
    assert len(found) == 100_000
    return process_time() - start
