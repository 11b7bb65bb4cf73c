"""``fit`` and ``fit_cores``: the cores of a network that give a tensor."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnnecessaryIsInstance=false

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from tnc.api import Network, expected, integer, text_of
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import listed, unknown
from tnc.fit.als import Als, not_linear
from tnc.fit.course import Budget, Record, Run, follow, why_stopped
from tnc.fit.methods import Adam, Lbfgs, Method
from tnc.fit.problem import Problem
from tnc.fit.result import FitResult, How
from tnc.fit.state import identity, restore, store
from tnc.fit.target import target_tensor

METHODS: Final[Mapping[str, Callable[[int], Method]]] = {
    "lbfgs": lambda steps: Lbfgs(),
    "adam": Adam,
    "als": lambda steps: Als(),
}
"""Every method by its name, made for a number of steps."""

STEPS: Final = {"lbfgs": 1000, "adam": 1000, "als": 100}
"""The number of steps where none is given."""

AUTO: Final = "auto"

EVERY: Final = 20
"""How many steps may be lost when a fit is killed."""

_DIGITS: Final = {torch.float32: 1e-6, torch.complex64: 1e-6}
_GOAL: Final = 1e-13
"""The relative error at which a fit in double precision ends: a thousand roundings."""

Progress = Callable[[int, int, float], None]


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit before its first step: a problem, how it is solved, and for how long."""

    problem: Problem
    method: Method
    budget: Budget
    seed: int


def fit_cores(
    network: Network,
    target: object,
    /,
    *,
    method: str = AUTO,
    steps: int | None = None,
    restarts: int = 4,
    seed: int = 0,
    goal: float | None = None,
    dtype: str | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    state: str | os.PathLike[str] | None = None,
    fresh: bool = False,
) -> FitResult:
    """The cores with which the output of a network comes closest to a target, in the Frobenius norm.

    Every restart draws new cores and takes a tenth of the steps; the one with the least error takes the rest. Equal
    arguments give equal cores, bit by bit, on one machine with one number of threads.

    Args:
        network: a network without inputs, with one output of the target's shape.
        target: a tensor, an array, or a function of the indices of every axis, as for ``numpy.fromfunction``.
        method: ``"als"`` for alternating least squares, ``"lbfgs"`` or ``"adam"``; ``"auto"`` is ``"als"`` where the
            output is linear in each core, else ``"lbfgs"``.
        steps: the most evaluations of the gradient that the chosen restart takes, 1000 if None; in alternating least
            squares sweeps over all cores, 100 if None.
        restarts: how many starts are tried.
        seed: chooses the starts.
        goal: the relative error at which to stop; the precision of the dtype if None.
        dtype: what to compute in; that of the target if None, ``float32`` for halves and integers.
        device: the device of PyTorch to compute on.
        progress: called after every step with the number of steps taken, that of all, and the least error.
        state: a file for the state, written every few steps: a fit that was killed goes on from there, and ends with
            the cores that it would have ended with. The file is removed at the end.
        fresh: begin anew even if there is a state.

    Raises:
        CompileError: TN057 for a target that cannot be used, TN058 for one that does not fit the network, TN059 for
            an option out of range and for the state of another fit, TN008 for a state that cannot be written.
        TypeError: for arguments of another type.
    """
    given = target_tensor(network, target, dtype, device)
    begun = prepare(network, given, method, steps, restarts, seed, goal)
    keeper = None if state is None else Keeper(Path(state), begun, fresh)

    def observe(record: Record) -> None:
        if progress is not None:
            progress(*_done(record, begun.budget))
        if keeper is not None:
            keeper.observe(record)

    record = Record() if keeper is None else keeper.record
    record = follow(begun.problem, begun.method, begun.budget, begun.seed, record, observe)
    result = finished(begun, record)
    if keeper is not None:
        keeper.drop()
    return result


fit = fit_cores


class Keeper:
    """Stores the state of a fit every :data:`EVERY` records, and at the end of each trial."""

    def __init__(self, path: Path, begun: Fit, fresh: bool) -> None:
        self._path = path
        self._name = identity(begun.problem, begun.method.name, begun.budget, begun.seed)
        self._seen, self._trials = 0, 0
        if fresh:
            path.unlink(missing_ok=True)
        self.record = restore(path, self._name, begun.problem)

    def observe(self, record: Record) -> None:
        """Store every few records."""
        self._seen += 1
        if self._seen % EVERY == 0 or len(record.trials) > self._trials:
            self._trials = len(record.trials)
            store(self._path, self._name, record)

    def drop(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def prepare(
    network: Network,
    target: torch.Tensor,
    method: str,
    steps: int | None,
    restarts: int,
    seed: int,
    goal: float | None,
) -> Fit:
    """A fit before its first step.

    Raises:
        CompileError: TN059 for an option out of range, TN501 for an activation without meaning in a complex dtype.
    """
    if target.is_complex():
        options = replace(network.options, dtype=str(target.dtype).removeprefix("torch."))
        replace(network, options=options).source("torch")
    problem = Problem(network, target)
    name = _method(problem, method)
    budget = _budget(target, STEPS[name] if steps is None else steps, restarts, goal)
    return Fit(problem, METHODS[name](budget.steps), budget, integer("`seed`", "an integer", seed))


def finished(begun: Fit, record: Record) -> FitResult:
    """The result of a fit whose record is at its end."""
    problem, run = begun.problem, record.best
    assert run is not None  # there is a restart
    problem.resume(begun.seed, run.restart)
    problem.set(run.state.x)
    cores = problem.finish()
    how = How(
        method=begun.method.name,
        seed=begun.seed,
        trials=record.trials,
        restart=run.restart,
        steps=run.state.taken,
        stopped=why_stopped(run, begun.budget),
        dtype=str(problem.target.dtype).removeprefix("torch."),
    )
    parameters = sum(cores[name].numel() for name in problem.trainable())
    return FitResult(cores, problem.error(), run.history, how, problem.network.name, parameters, problem.target.numel())


def _method(problem: Problem, method: object) -> str:
    """The name of a method; ``auto`` is alternating least squares where the network allows it, else L-BFGS.

    Raises:
        CompileError: TN059 if the method is unknown or does not apply.
    """
    name = text_of("`method`", "a string: auto, lbfgs, adam or als", method)
    if name != AUTO and name not in METHODS:
        raise CompileError((unknown("TN059", "method", name, [AUTO, *METHODS]),))
    cores = not_linear(problem)
    if name == "als" and cores:
        message = f"the output `{problem.network.outputs[0].name}` is not linear in the cores {listed(cores, most=4)}"
        help_text = "alternating least squares wants no activation: fit with `lbfgs`"
        raise CompileError((Diagnostic("TN059", message, help=help_text),))
    return ("lbfgs" if cores else "als") if name == AUTO else name


def _budget(target: torch.Tensor, steps: int, restarts: int, goal: float | None) -> Budget:
    """The budget of a fit.

    Raises:
        CompileError: TN059 for numbers that are not positive.
    """
    most = integer("`steps`", "a positive integer", steps)
    starts = integer("`restarts`", "a positive integer", restarts)
    least = _DIGITS.get(target.dtype, _GOAL) if goal is None else goal
    if isinstance(least, bool) or not isinstance(least, int | float):
        raise expected("`goal`", "a number", goal)
    found = [
        Diagnostic("TN059", f"`{name}` is {value}", help=f"`{name}` is a positive integer")
        for name, value in (("steps", most), ("restarts", starts))
        if value < 1
    ]
    if not least >= 0:
        found.append(Diagnostic("TN059", f"`goal` is {least}", help="`goal` is a relative error, such as 0.01"))
    if found:
        raise CompileError(found)
    return Budget(most, max(1, most // 10), starts, float(least), patience=max(10, most // 5), tolerance=1e-3)


def _done(record: Record, budget: Budget) -> tuple[int, int, float]:
    """Steps taken, the number of all steps, and the least error."""
    runs: list[Run] = [run for run in (record.best, record.current) if run is not None]
    finished_trials = len(record.trials)
    total = budget.trial * (budget.restarts - 1) + budget.steps
    last = runs[-1].state.taken
    before = finished_trials * budget.trial if record.current is not None else 0
    if finished_trials == budget.restarts and record.best is not None:
        before, last = (budget.restarts - 1) * budget.trial, record.best.state.taken
    elif record.current is None:
        before, last = finished_trials * budget.trial, 0
    return min(before + last, total), total, min(run.error for run in runs)
