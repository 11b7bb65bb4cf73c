"""The searches for sets of uses to merge. A new one is a function, and a line in :data:`SEARCHES`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Final, TypeAlias

from tnc.sharing.problem import SharingProblem
from tnc.sharing.shared import Uses

Search: TypeAlias = Callable[[SharingProblem], Iterable[Uses]]
"""Yields sets of uses; the best plan among all of them is taken, among equals the first."""

_EXACT = 3
"""Maximum number of groups of which every combination is tried."""

_MOST_PLANS = 24
"""Maximum number of plans that a descent makes."""


def built(problem: SharingProblem) -> Iterator[Uses]:
    """Every tensor built once, except those that are too large for any plan."""
    yield problem.forced


def inlined(problem: SharingProblem) -> Iterator[Uses]:
    """Every tensor computed anew within each use."""
    yield problem.everything


def every_combination(problem: SharingProblem) -> Iterator[Uses]:
    """Every group of tensors built or inlined, if there are few groups."""
    groups = problem.groups
    if len(groups) > _EXACT:
        return
    for choice in product((False, True), repeat=len(groups)):
        chosen = (uses for uses, merge in zip(groups, choice, strict=True) if merge)
        uses = problem.forced.union(*chosen)
        if problem.is_feasible(uses):
            yield uses


def descent(problem: SharingProblem) -> Iterator[Uses]:
    """From the best set so far, one group after the other the other way; groups in parts, where readers differ.

    A change that makes the plan better is kept. Ends after a round without one, or after a fixed number of plans.
    """
    current = problem.best.uses if problem.best else problem.everything
    groups = problem.groups if len(problem.groups) > _EXACT else ()
    moves = (*groups, *problem.parts)
    end = problem.plans + _MOST_PLANS
    improved = True
    while improved:
        improved = False
        for move, merge in product(moves, (True, False)):
            uses = current | move if merge else current - move
            if uses == current or not problem.is_feasible(uses):
                continue
            if problem.plans >= end:
                return
            yield uses
            if problem.measure(uses) < problem.measure(current):
                current, improved = uses, True


SEARCHES: Final[tuple[Search, ...]] = (
    built,
    inlined,
    every_combination,
    descent,
)
"""In the order in which they run."""
