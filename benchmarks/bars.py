"""What is required of the figures, and whether they meet it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, log
from statistics import median

from benchmarks.contenders import registry
from benchmarks.results import CaseResult, Results
from benchmarks.text import factor

_COTENGRA = (registry.COTENGRA, "cotengra auto-hq")
_OTHERS = ("eager", "compiled")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out, and whether it is enough: None where nothing was measured."""

    text: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Bar:
    """A requirement: in words, and as a function of the cases."""

    what: str
    required: str
    judge: Callable[[Sequence[CaseResult]], Verdict]


def geometric_mean(numbers: Iterable[float]) -> float:
    """The mean of the logarithms, back."""
    logarithms = [log(number) for number in numbers]
    return exp(sum(logarithms) / len(logarithms))


def ours(case: CaseResult) -> float | None:
    """Our median."""
    entry = case.entry(registry.OURS)
    return entry.total.middle if entry is not None and entry.total is not None else None


def ratio_of(case: CaseResult, *contenders: str) -> float | None:
    """The time of the fastest of some contenders over ours, taken round by round."""
    entries = [entry for name in contenders if (entry := case.entry(name)) is not None]
    return min((entry.ratio.middle for entry in entries if entry.ratio is not None), default=None)


def best_ratio(case: CaseResult, *families: str) -> float | None:
    """The same of the fastest contender of some families."""
    return ratio_of(case, *(entry.contender for entry in case.measured(*families)))


def time_of(case: CaseResult, *contenders: str) -> float | None:
    """The median of the fastest of some contenders."""
    entries = [entry for name in contenders if (entry := case.entry(name)) is not None]
    return min((entry.total.middle for entry in entries if entry.total is not None), default=None)


def best_other(case: CaseResult, *families: str) -> tuple[str, float] | None:
    """The fastest contender of some families and its median."""
    entries = [(entry.total.middle, entry.contender) for entry in case.measured(*families) if entry.total is not None]
    if not entries:
        return None
    seconds, name = min(entries)
    return name, seconds


def large(cases: Sequence[CaseResult], *topologies: str) -> list[CaseResult]:
    """Generated weights with 2^22 and 2^24 entries, bond and leaf dimension 2."""
    return [
        case
        for case in cases
        if case.kind == "generate"
        and case.topology in topologies
        and case.log_size in (22, 24)
        and case.case.endswith(("bond2", "leaf2"))
    ]


def baseline_speedup(case: CaseResult) -> float | None:
    """Ours against ``tensordot`` per core and cotengra per region, whichever is faster."""
    return ratio_of(case, registry.TENSORDOT, *_COTENGRA)


def best_speedup(case: CaseResult) -> float | None:
    """Ours against the fastest of all others in torch."""
    return best_ratio(case, *_OTHERS)


def jax_speedup(case: CaseResult) -> float | None:
    """Ours under ``jit`` against the fastest other under ``jit``."""
    mine, best = best_other(case, "ours-jax"), best_other(case, "jax")
    return best[1] / mine[1] if mine and best else None


def floor_distance(case: CaseResult) -> float | None:
    """Our time over the floor."""
    mine = ours(case)
    return None if mine is None else mine / case.floor_seconds


def dense_share(case: CaseResult) -> float | None:
    """Our whole step over the dense layer's."""
    dense = ratio_of(case, registry.DENSE)
    return None if dense is None else 1 / dense


def _each(cases: Sequence[CaseResult], value: Callable[[CaseResult], float | None]) -> list[float]:
    return [found for case in cases if (found := value(case)) is not None]


def _at_least(value: Callable[[CaseResult], float | None], least: float, *topologies: str) -> Bar:
    def judge(cases: Sequence[CaseResult]) -> Verdict:
        found = _each(large(cases, *topologies), value)
        if not found:
            return Verdict("not measured", None)
        text = f"least {factor(min(found))}, geometric mean {factor(geometric_mean(found))}, {len(found)} networks"
        return Verdict(text, min(found) >= least)

    names = ", ".join(topologies)
    return Bar(f"{names} at 2^22 and 2^24 against `tensordot` per core and cotengra, the faster", f"≥ {least}×", judge)


def _against_all(cases: Sequence[CaseResult]) -> Verdict:
    found = _each(large(cases, "tree", "attn1", "attn2", "mera", "brick"), best_speedup)
    if not found:
        return Verdict("not measured", None)
    mean = geometric_mean(found)
    return Verdict(
        f"geometric mean {factor(mean)}, least {factor(min(found))}, {len(found)} networks",
        mean >= 2.5 and min(found) >= 1.5,
    )


def _jax(cases: Sequence[CaseResult]) -> Verdict:
    found = _each(cases, jax_speedup)
    if not found:
        return Verdict("not measured", None)
    mean = geometric_mean(found)
    return Verdict(f"geometric mean {factor(mean)}, least {factor(min(found))}, {len(found)} networks", mean >= 2)


def _floor(cases: Sequence[CaseResult]) -> Verdict:
    found = _each(large(cases, "tree", "attn1", "attn2", "mera", "brick"), floor_distance)
    if not found:
        return Verdict("not measured", None)
    mean = geometric_mean(found)
    return Verdict(f"geometric mean {factor(mean)}, most {factor(max(found))}, {len(found)} networks", mean <= 3)


def _dense(order: str, topology: str, most: float | None) -> Bar:
    def judge(cases: Sequence[CaseResult]) -> Verdict:
        found = [c for c in cases if c.kind == "train" and c.topology == topology and c.order == order]
        shares = _each(found, dense_share)
        if not shares:
            return Verdict("not measured", None)
        floor = found[0].floor_seconds / (time_of(found[0], registry.DENSE) or 1)
        return Verdict(f"{factor(shares[0])}; the floor is {factor(floor)}", most is None or shares[0] <= most)

    required = "reported" if most is None else f"≤ {most}×"
    return Bar(f"FC2 (4096²), batch 128, whole step over the dense layer's: {topology}, {order}", required, judge)


def _layers(cases: Sequence[CaseResult]) -> list[CaseResult]:
    return [case for case in cases if case.topology == "tt-linear"]


def _factorized(cases: Sequence[CaseResult]) -> Verdict:
    small = [case for case in _layers(cases) if case.batch in (1, 16, 128)]
    found = _each(small, lambda case: ratio_of(case, registry.TENSORLY_TORCH))
    if not found:
        return Verdict("not measured", None)
    return Verdict(f"least {factor(min(found))}, {len(found)} layers", min(found) >= 1.5)


def _through_or_build(cases: Sequence[CaseResult]) -> Verdict:
    found = _each(_layers(cases), lambda case: best_ratio(case, "eager"))
    if not found:
        return Verdict("not measured", None)
    slowest = 1 / min(found)
    return Verdict(f"at worst {factor(slowest)} of the better one, {len(found)} layers", slowest <= 1.15)


def _saved(cases: Sequence[CaseResult]) -> Verdict:
    told = [case.prediction for case in cases if case.prediction is not None]
    if not told:
        return Verdict("not measured", None)
    exact = sum(prediction.saved == prediction.saved_measured for prediction in told)
    return Verdict(f"exact for {exact} of {len(told)}", exact == len(told))


def jit_error(case: CaseResult) -> float | None:
    """Predicted over XLA's memory of a step under ``jit``."""
    told = case.prediction
    if told is None or told.peak_jax_predicted is None or not told.peak_jax:
        return None
    return told.peak_jax_predicted / told.peak_jax


def peak_error(case: CaseResult) -> float | None:
    """Predicted over measured peak in eager torch."""
    told = case.prediction
    return None if told is None or not told.peak_measured else told.peak / told.peak_measured


def _bytes(error: Callable[[CaseResult], float | None], cases: Sequence[CaseResult]) -> Verdict:
    errors = [abs(found - 1) for found in _each(cases, error)]
    if not errors:
        return Verdict("not measured", None)
    inside = sum(error <= 0.1 for error in errors)
    text = f"within 10 % for {inside} of {len(errors)}, median error {median(errors):.0%}, worst {max(errors):.0%}"
    return Verdict(text, inside == len(errors))


def time_error(case: CaseResult) -> float | None:
    """Predicted over measured time, by the profile that ships."""
    return None if case.prediction is None else _over_measured(case, case.prediction.seconds)


def calibrated_error(case: CaseResult) -> float | None:
    """The same by a profile of the machine that measured."""
    return None if case.prediction is None else _over_measured(case, case.prediction.calibrated)


def _over_measured(case: CaseResult, seconds: float | None) -> float | None:
    mine = ours(case)
    return None if mine is None or seconds is None or case.kind == "train" else seconds / mine


def _time(error: Callable[[CaseResult], float | None], cases: Sequence[CaseResult]) -> Verdict:
    found = _each(cases, error)
    if not found:
        return Verdict("not measured", None)
    errors = [abs(value - 1) for value in found]
    beyond = sum(not 0.5 <= value <= 2 for value in found)
    text = f"median error {median(errors):.0%}; {beyond} of {len(found)} networks beyond 2×"
    return Verdict(text, median(errors) <= 0.25 and beyond == 0)


def _small(cases: Sequence[CaseResult]) -> Verdict:
    small = [case for case in cases if case.kind == "generate" and case.log_size <= 10]
    found = _each(small, lambda case: best_ratio(case, "eager"))
    if not found:
        return Verdict("not measured", None)
    return Verdict(f"least {factor(min(found))}, {len(found)} networks", min(found) >= 1)


BARS: tuple[Bar, ...] = (
    _at_least(baseline_speedup, 4, "attn1", "attn2", "mera", "brick"),
    _at_least(baseline_speedup, 2.5, "tree"),
    Bar(
        "all five at 2^22 and 2^24 against the best of all other contenders in torch",
        "geometric mean ≥ 2.5×, none below 1.5×",
        _against_all,
    ),
    Bar("JAX: ours under `jit` against the best other under `jit`", "geometric mean ≥ 2×", _jax),
    Bar("all five at 2^22 and 2^24: time over the floor", "geometric mean ≤ 3×", _floor),
    _dense("rows", "tree", 0.2),
    _dense("rows", "attn1", 1.3),
    _dense("rows", "mera", 1.3),
    _dense("rows", "brick", None),
    _dense("interleaved", "tree", 1.0),
    _dense("interleaved", "attn1", 4.0),
    _dense("interleaved", "mera", 4.0),
    _dense("interleaved", "brick", None),
    Bar("TT-linear against tensorly-torch's factorised layer, batch 1, 16, 128", "≥ 1.5×", _factorized),
    Bar(
        "TT-linear against the fastest contender in eager torch, building the weight or not, at any batch",
        "≤ 1.15×",
        _through_or_build,
    ),
    Bar("bytes saved for the backward pass, predicted and measured", "exact", _saved),
    Bar("peak memory, predicted and measured (allocation events)", "within 10 %", partial(_bytes, peak_error)),
    Bar("memory under `jit`, predicted and XLA's (`memory_analysis()`)", "within 10 %", partial(_bytes, jit_error)),
    Bar(
        "time, predicted with a profile of this machine (`tnc calibrate`) and measured",
        "median error ≤ 25 %, none beyond 2×",
        partial(_time, calibrated_error),
    ),
    Bar(
        "time, predicted with the profile that ships (`generic-cpu`) and measured",
        "median error ≤ 25 %, none beyond 2×",
        partial(_time, time_error),
    ),
    Bar("networks of at most 2^10 entries against the best eager contender", "≥ 1×", _small),
)


def judged(results: Results) -> list[tuple[Bar, Verdict, Verdict]]:
    """Every requirement with its verdict on all networks, and on the held-out ones alone."""
    held_out = [case for case in results.cases if case.held_out]
    return [(bar, bar.judge(results.cases), bar.judge(held_out)) for bar in BARS]
