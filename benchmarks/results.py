"""What a run found, as values and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Spread:
    """The three quartiles of some numbers, and how many there were."""

    low: float
    middle: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One contender on one case: times in seconds, or why there are none.

    ``status`` is ``measured``, ``failed`` or ``not applicable``; ``reason`` says why. ``ratio`` is this contender's
    time over ours in the same round. Errors are relative, against the reference.
    """

    contender: str
    family: str
    status: str
    reason: str = ""
    total: Spread | None = None
    forward: Spread | None = None
    backward: Spread | None = None
    ratio: Spread | None = None
    value_error: float | None = None
    gradient_error: float | None = None
    prepared_in: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the compiler says of itself beside what was measured: bytes, and seconds where it predicts them.

    ``seconds`` is by the profile that ships for processors, ``calibrated`` by one of the machine that measured;
    ``peak_jax`` is what XLA has in memory in a step of our module under ``jit``, arguments and results included.
    """

    saved: int
    saved_measured: int | None
    peak: int
    peak_measured: int | None
    seconds: float | None = None
    calibrated: float | None = None
    peak_jax: int | None = None
    peak_jax_predicted: int | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: what it is, the floor's bytes and FLOPs, and everybody's times."""

    case: str
    topology: str
    order: str
    log_size: int
    kind: str
    batch: int | None
    held_out: bool
    floor_bytes: int
    floor_flops: int
    floor_seconds: float
    entries: tuple[Entry, ...]
    prediction: Prediction | None = None

    def entry(self, contender: str) -> Entry | None:
        """A contender's entry, if it was measured."""
        found = next((entry for entry in self.entries if entry.contender == contender), None)
        return found if found is not None and found.status == "measured" else None

    def measured(self, *families: str) -> list[Entry]:
        """Those entries of some families that have times."""
        return [entry for entry in self.entries if entry.family in families and entry.status == "measured"]


@dataclass(frozen=True, slots=True)
class Results:
    """A run: on what machine, under which profile, with which rates."""

    profile: str
    machine: Mapping[str, str]
    bandwidth: float
    gemm: float
    cases: tuple[CaseResult, ...]

    def case(self, name: str) -> CaseResult | None:
        """The result of a case, if there is one."""
        return next((case for case in self.cases if case.case == name), None)

    def including(self, new: Results) -> Results:
        """Both runs in one; where a case is in both, the newer counts, and so does the newer machine."""
        names = {case.case for case in new.cases}
        kept = tuple(case for case in self.cases if case.case not in names)
        return replace(new, cases=kept + new.cases)


def spread(numbers: Iterable[float]) -> Spread:
    """The quartiles, by interpolation."""
    ordered = sorted(numbers)

    def at(fraction: float) -> float:
        place = fraction * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (place - below) * (ordered[above] - ordered[below])

    return Spread(at(0.25), median(ordered), at(0.75), len(ordered))


def write(results: Results, path: Path) -> None:
    """To a JSON file, with four significant digits: the spread is larger than the rest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(asdict(results)), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """From a JSON file."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    cases = tuple(_case(case) for case in raw.pop("cases"))
    return Results(**raw, cases=cases)


def _case(raw: dict[str, Any]) -> CaseResult:
    entries = tuple(_entry(entry) for entry in raw.pop("entries"))
    prediction = raw.pop("prediction")
    return CaseResult(**raw, entries=entries, prediction=Prediction(**prediction) if prediction else None)


def _entry(raw: dict[str, Any]) -> Entry:
    for key in ("total", "forward", "backward", "ratio"):
        raw[key] = Spread(**raw[key]) if raw[key] else None
    return Entry(**raw)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in cast("list[Any]", value)]
    return value
