"""``tnc bench``: what networks were said to take, and what they take on this machine."""

from __future__ import annotations

import gc
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final, TypeVar

from tnc.diagnostics import CompileError, Diagnostic
from tnc.driver import Planned, emit
from tnc.ir.schedule import Plan
from tnc.measure.machine import processor
from tnc.measure.results import Bench, Benched, Figure
from tnc.measure.rounds import sample
from tnc.measure.runners import Halves, Runner, Running, load_framework, prepare, runner, version
from tnc.units import bytes_text

_T = TypeVar("_T")
_ROUNDS: Final = (5, 1000)
_AVAILABLE: Final = "MemAvailable:"
_SPARE: Final = 1.25
"""What a step may take beyond its predicted peak, as a factor; frameworks have buffers of their own."""


@dataclass(frozen=True, slots=True)
class _Prediction:
    forward: float
    backward: float
    saved: int
    peak: int


def bench(
    networks: Sequence[Planned],
    budget: float,
    progress: Callable[[int, int], None],
    threads: int | None = None,
) -> Bench:
    """Measure networks of one target in turn, round by round, for ``budget`` seconds; and what was predicted.

    Raises:
        CompileError: TN024 if they cannot be run here.
    """
    first = networks[0]
    backend, profile = first.asked.target.backend, first.asked.target.device
    found = runner(backend)
    load_framework(found.framework)
    predictions = [_predict(planned.plan, found) for planned in networks]
    _check_memory(networks, predictions)
    used = found.use_threads(threads)
    runs = [_prepared(planned, backend, emit(planned, backend)) for planned in networks]
    names = [planned.program.name for planned in networks]
    memory = [_memory(name, run) for name, run in zip(names, runs, strict=True)]
    times = _in_turn(names, runs, budget, progress)
    return Bench(
        networks=tuple(
            Benched(
                planned.program.name,
                tuple((name, str(value)) for name, value in planned.program.arguments),
                planned.plan.schedule.sizes,
                len(halves),
                _figures(said, halves, *kept),
            )
            for planned, said, halves, kept in zip(networks, predictions, times, memory, strict=True)
        ),
        framework=version(found.framework),
        machine=f"{processor()}, {platform.system()}",
        threads=used,
        dtype=first.plan.dtype,
        device=profile,
        target=first.plan.predicted.label,
    )


def _predict(plan: Plan, runner: Runner) -> _Prediction:
    time = plan.predicted
    return _Prediction(time.forward, time.backward, plan.totals.bytes_saved, runner.predicted_peak(plan))


def _check_memory(networks: Sequence[Planned], predictions: Sequence[_Prediction]) -> None:
    """A step that does not fit is not begun: systems promise memory that they do not have, and kill who uses it."""
    available = available_bytes()
    if available is None:
        return
    for planned, said in zip(networks, predictions, strict=True):
        needed = int(_SPARE * said.peak)
        if needed > available:
            message = (
                f"network `{planned.program.name}` cannot be run here: a training step needs about "
                f"{bytes_text(needed)} of memory, and {bytes_text(available)} are free"
            )
            help_text = "give smaller sizes with `--size`, or free some memory"
            raise CompileError((Diagnostic("TN024", message, help=help_text),))


def available_bytes() -> int | None:
    """Memory that is free on this machine, where the system tells."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123
            lines = [line.split() for line in file if line.startswith(_AVAILABLE)]
    except OSError:
        return None
    return int(lines[0][1]) * 1024 if lines else None


def _prepared(planned: Planned, backend: str, text: str) -> Running:
    schedule, dtype = planned.plan.schedule, planned.plan.dtype
    return _guarded(planned.program.name, lambda: prepare(backend, text, schedule, dtype))


def _memory(name: str, running: Running) -> tuple[int | None, int | None]:
    return _guarded(name, running.saved_bytes), _guarded(name, running.peak_bytes)


def _guarded(name: str, action: Callable[[], _T]) -> _T:
    """Whatever a framework dies of is told in a line."""
    try:
        return action()
    except (CompileError, KeyboardInterrupt):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        message = f"network `{name}` cannot be run here: {reason}"
        help_text = "give smaller sizes with `--size`, or another `--dtype` or `--backend`"
        raise CompileError((Diagnostic("TN024", message, help=help_text),)) from None


def _in_turn(
    names: Sequence[str], runs: Sequence[Running], budget: float, progress: Callable[[int, int], None]
) -> list[list[Halves]]:
    """Every network once a round, after a round to warm up, until the time is spent."""
    for name, run in zip(names, runs, strict=True):
        _guarded(name, run.run)
    least, most = _ROUNDS
    found: list[list[Halves]] = [[] for _ in runs]
    gc.collect()
    gc.disable()
    try:
        start = perf_counter()
        rounds = 0
        while rounds < least or (rounds < most and perf_counter() - start < budget):
            progress(min(int(perf_counter() - start), int(budget)), int(budget) + 1)
            for name, run, halves in zip(names, runs, found, strict=True):
                halves.append(_guarded(name, run.run))
            rounds += 1
    finally:
        gc.enable()
    return found


def _figures(said: _Prediction, halves: Sequence[Halves], saved: int | None, peak: int | None) -> tuple[Figure, ...]:
    forward = sample([half.forward for half in halves])
    figures = [Figure("forward", "s", said.forward, forward.median, forward)]
    both = [(half.forward, half.whole) for half in halves if half.whole is not None]
    if both:
        backward = sample([max(whole - forward, 0.0) for forward, whole in both])
        whole = sample([whole for _, whole in both])
        figures.append(Figure("backward", "s", said.backward, backward.median, backward))
        figures.append(Figure("whole", "s", said.forward + said.backward, whole.median, whole))
    figures.append(Figure("peak", "B", said.peak, peak))
    figures.append(Figure("saved", "B", said.saved, saved))
    return tuple(figures)
