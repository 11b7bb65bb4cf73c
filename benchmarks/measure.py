"""One case measured: everybody prepared and checked, then run in turns."""

from __future__ import annotations

import gc
import signal
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from types import FrameType
from typing import cast

from benchmarks.cases import Case
from benchmarks.contenders import registry
from benchmarks.contenders.base import Contender, Outcome, Problem, Seconds, Sized, Step
from benchmarks.floor import Rates, floor_of
from benchmarks.memory import predict
from benchmarks.problem import compare, make_problem, reference
from benchmarks.recipe import UnsupportedError
from benchmarks.results import CaseResult, Entry, Spread, spread
from tnc.cost.device import Profile


@dataclass(frozen=True, slots=True)
class Protocol:
    """How much time a case may take: seconds of timed rounds, rounds at least and at most, seconds to prepare one.

    ``calibrated`` is a profile of this machine, for predictions beside those of the shipped one.
    """

    seconds: float
    rounds: tuple[int, int]
    preparation: int = 240
    compiled: bool = True
    jax: bool = True
    only: frozenset[str] | None = None
    calibrated: Profile | None = None


@dataclass(slots=True)
class _Runner:
    """A prepared contender and its times so far."""

    entry: Entry
    step: Step
    warm: float
    times: list[Seconds] = field(default_factory=list[Seconds])


class TooSlowError(Exception):
    """Preparation ran out of time."""


def measure(case: Case, rates: Rates, protocol: Protocol) -> CaseResult:
    """All contenders of a case in one process."""
    problem = make_problem(case)
    floor = floor_of(problem.regions, case.kind == "train")
    result = CaseResult(
        case=case.name,
        topology=case.topology,
        order=case.order,
        log_size=case.log_size,
        kind=case.kind,
        batch=case.batch,
        held_out=case.held_out,
        floor_bytes=floor.bytes,
        floor_flops=floor.flops,
        floor_seconds=floor.seconds(rates),
        entries=(),
    )
    right = reference(problem)
    runners, missing = _prepared(problem, right, _asked_for(case, protocol))
    _run_in_turns(runners, protocol)
    if case.compiled and protocol.compiled:
        runners += _compiled(problem, right, runners, missing, protocol)
    entries = (*_finished(runners), *missing)
    sized = [runner.step for runner in runners if runner.entry.family == "ours-jax"]
    peak_jax = cast(Sized, sized[0]).peak_bytes() if sized else None
    prediction = replace(predict(problem, protocol.calibrated), peak_jax=peak_jax)
    return replace(result, entries=entries, prediction=prediction)


def _asked_for(case: Case, protocol: Protocol) -> list[Contender]:
    return [
        contender
        for contender in registry.contenders(case)
        if (protocol.only is None or contender.name in protocol.only or contender.family == "ours")
        and (protocol.jax or "jax" not in contender.family)
    ]


def _compiled(
    problem: Problem, right: Outcome, runners: list[_Runner], missing: list[Entry], protocol: Protocol
) -> list[_Runner]:
    """Ours and the fastest two eager ones under ``torch.compile``, in turns among themselves and with ours in eager."""
    eager = sorted(
        (runner for runner in runners if runner.entry.contender in registry.FORWARDS),
        key=lambda runner: min(seconds.total for seconds in runner.times),
    )
    chosen = [registry.compiled(runner.entry.contender) for runner in eager[:2]]
    found, failed = _prepared(problem, right, [registry.compiled_ours(), *chosen], protocol.preparation)
    missing += failed
    ours = [replace_times(runner) for runner in runners if runner.entry.family == "ours"]
    _run_in_turns([*ours, *found], protocol)
    for runner in found:
        runner.entry = replace(runner.entry, ratio=_ratio(runner, ours[0]) if ours else None)
    return found


def replace_times(runner: _Runner) -> _Runner:
    """The same contender with a clean sheet."""
    return _Runner(runner.entry, runner.step, runner.warm)


def _prepared(
    problem: Problem, right: Outcome, contenders: list[Contender], limit: int = 240
) -> tuple[list[_Runner], list[Entry]]:
    """Those that work, planned, checked and warm, and the entries of those that do not."""
    runners: list[_Runner] = []
    missing: list[Entry] = []
    for contender in contenders:
        start = perf_counter()
        entry = Entry(contender.name, contender.family, "measured")
        try:
            with _quiet(), _at_most(limit):
                step = contender.prepare(problem)
                outcome = step.outcome()
                if outcome is not None:
                    value, gradient = compare(outcome, right)
                    entry = replace(entry, value_error=value, gradient_error=gradient)
                prepared = perf_counter() - start
                step.run()
                warm = step.run().total
        except UnsupportedError as reason:
            missing.append(replace(entry, status="not applicable", reason=str(reason)))
        except Exception as error:  # whatever a contender dies of is its result
            text = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
            missing.append(replace(entry, status="failed", reason=text))
        else:
            runners.append(_Runner(replace(entry, prepared_in=prepared), step, warm))
    return runners, missing


def _run_in_turns(runners: list[_Runner], protocol: Protocol) -> None:
    """Rounds in which everybody runs once, each round beginning with the next one."""
    if not runners:
        return
    least, most = protocol.rounds
    rounds = int(protocol.seconds / max(sum(runner.warm for runner in runners), 1e-6))
    gc.collect()
    gc.disable()
    try:
        with _quiet():
            for turn in range(max(least, min(most, rounds))):
                first = turn % len(runners)
                for runner in (*runners[first:], *runners[:first]):
                    runner.times.append(runner.step.run())
    finally:
        gc.enable()


def _finished(runners: list[_Runner]) -> Iterator[Entry]:
    ours = next((runner for runner in runners if runner.entry.family == "ours"), None)
    for runner in runners:
        halves = [seconds for seconds in runner.times if seconds.forward is not None and seconds.backward is not None]
        ratio = runner.entry.ratio
        yield replace(
            runner.entry,
            total=spread(seconds.total for seconds in runner.times),
            forward=spread(seconds.forward or 0 for seconds in halves) if halves else None,
            backward=spread(seconds.backward or 0 for seconds in halves) if halves else None,
            ratio=ratio if ratio is not None or ours is None else _ratio(runner, ours),
        )


def _ratio(runner: _Runner, ours: _Runner) -> Spread:
    """A contender's time over ours, round by round."""
    return spread(theirs.total / mine.total for theirs, mine in zip(runner.times, ours.times, strict=True))


@contextmanager
def _quiet() -> Generator[None]:
    """Without the warnings of other people's libraries."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _at_most(seconds: int) -> Generator[None]:
    """An alarm that ends what takes too long, as far as Python code runs in between."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlowError(f"not ready after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
