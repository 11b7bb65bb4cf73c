"""Times of several things, measured in turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Final, TypeAlias


def processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


Task: TypeAlias = Callable[[], float]
"""Does something once and returns the seconds that count."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Repetitions of one task: the median, the first and the third quartile, and how many there were."""

    median: float
    low: float
    high: float
    count: int

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, relative to the median."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


now: Final[Callable[[], float]] = process_time if processors() == 1 else perf_counter
"""Seconds that pass: of the wall clock; of the processor if this process has only one, as under ``taskset -c 0``.

On one processor, processor time is what the wall clock would show if nothing else ran.
"""


def timed(action: Callable[[], object]) -> Task:
    """A task that counts everything that an action does."""

    def task() -> float:
        start = now()
        action()
        return now() - start

    return task


def alternate(tasks: Sequence[Task], budget: float, *, least: int = 5, most: int = 200) -> list[Sample]:
    """Each task once per round, after one round to warm up, until the budget of seconds is spent."""
    for task in tasks:
        task()
    found: list[list[float]] = [[] for _ in tasks]
    end = now() + budget
    rounds = 0
    while rounds < least or (rounds < most and now() < end):
        for task, times in zip(tasks, found, strict=True):
            times.append(task())
        rounds += 1
    return [sample(times) for times in found]


def sample(times: Sequence[float]) -> Sample:
    """The median of some times and their spread."""
    if len(times) < 2:
        return Sample(times[0], times[0], times[0], 1)
    low, _, high = quantiles(times, n=4, method="inclusive")
    return Sample(median(times), low, high, len(times))
