"""The course of a fit: trials of every restart, then the best of them to the end. Its record is plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import TypeAlias

from tnc.fit.methods import Method, State
from tnc.fit.problem import Problem

History: TypeAlias = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to fit: steps in all for the chosen restart, of which ``trial`` choose it, and when to stop before.

    A fit stops at the relative error ``goal``, and when ``patience`` steps have lowered the error by less than the
    share ``tolerance``.
    """

    steps: int
    trial: int
    restarts: int
    goal: float
    patience: int
    tolerance: float


@dataclass(frozen=True, slots=True)
class Run:
    """One restart: its number, where it is, and the errors on the way."""

    restart: int
    state: State
    history: History = ()

    @property
    def error(self) -> float:
        """The relative error of the best vector so far."""
        return sqrt(self.state.loss)


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that a fit needs to go on: errors of finished trials, the best run so far, and the current one."""

    trials: tuple[float, ...] = ()
    best: Run | None = None
    current: Run | None = None

    @property
    def taken(self) -> int:
        """The steps of all restarts together, without those of trials that were dropped."""
        return sum(run.state.taken for run in (self.best, self.current) if run is not None)


Observer: TypeAlias = Callable[[Record], None]


def follow(problem: Problem, method: Method, budget: Budget, seed: int, record: Record, observe: Observer) -> Record:
    """Continue a record to its end; ``observe`` sees every record on the way."""
    while len(record.trials) < budget.restarts:
        run = record.current
        if run is None:
            run = _first(problem, method, seed, len(record.trials))
        elif not _is_over(run, budget, budget.trial):
            run = _next(problem, method, seed, run)
        if _is_over(run, budget, budget.trial):
            better = record.best is None or run.state.loss < record.best.state.loss
            record = Record((*record.trials, run.error), run if better else record.best)
        else:
            record = replace(record, current=run)
        observe(record)
    run = record.best
    assert run is not None  # there is a restart
    while not _is_over(run, budget, budget.steps):
        run = _next(problem, method, seed, run)
        record = replace(record, best=run)
        observe(record)
    return record


def why_stopped(run: Run, budget: Budget) -> str:
    """Why a run is over."""
    if run.error <= budget.goal:
        return "goal"
    if run.state.stuck:
        return "stuck"
    return "budget" if run.state.taken >= budget.steps else "stalled"


def _first(problem: Problem, method: Method, seed: int, restart: int) -> Run:
    x = problem.start(seed, restart)
    state = method.start(problem, x)
    return Run(restart, state, ((state.taken, sqrt(state.loss)),))


def _next(problem: Problem, method: Method, seed: int, run: Run) -> Run:
    problem.resume(seed, run.restart)
    state = method.advance(problem, run.state)
    return replace(run, state=state, history=(*run.history, (state.taken, sqrt(state.loss))))


def _is_over(run: Run, budget: Budget, steps: int) -> bool:
    if run.state.taken >= steps or run.state.stuck or run.error <= budget.goal:
        return True
    before = next((error for taken, error in reversed(run.history) if taken <= run.state.taken - budget.patience), inf)
    return run.error > before * (1 - budget.tolerance)
