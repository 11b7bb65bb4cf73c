"""Times of several things, measured in turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import TypeAlias

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


def timed(action: Callable[[], object]) -> Task:
    """A task that counts everything that an action does."""

    def task() -> float:
        start = perf_counter()
        action()
        return perf_counter() - start

    return task


def alternate(tasks: Sequence[Task], budget: float, *, least: int = 5, most: int = 200) -> list[Sample]:
    """Each task once per round, after one round to warm up, until the budget of seconds is spent."""
    for task in tasks:
        task()
    found: list[list[float]] = [[] for _ in tasks]
    end = perf_counter() + budget
    rounds = 0
    while rounds < least or (rounds < most and perf_counter() < end):
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
