"""Results as text for people."""

from __future__ import annotations

from benchmarks.results import CaseResult, Entry, Spread


def summary(result: CaseResult) -> str:
    """A case's table, fastest first, then those who have no time."""
    lines = [f"{result.case}{'  (held out)' if result.held_out else ''}   floor {seconds(result.floor_seconds)}"]
    measured = [entry for entry in result.entries if entry.total is not None]
    for entry in sorted(measured, key=lambda entry: entry.total.middle if entry.total else 0.0):
        lines.append(f"  {entry.contender:38s} {timing(entry):34s} {ratio(entry.ratio)}")
    lines += [f"  {e.contender:38s} {e.status}: {e.reason}" for e in result.entries if e.status == "failed"]
    return "\n".join(lines)


def timing(entry: Entry) -> str:
    """The median with its quartiles."""
    if entry.total is None:
        return entry.status
    return f"{seconds(entry.total.middle)} ({seconds(entry.total.low)} … {seconds(entry.total.high)})"


def ratio(value: Spread | None) -> str:
    """A ratio with its quartiles."""
    return "" if value is None else f"{factor(value.middle)} ({factor(value.low)} … {factor(value.high)})"


def factor(value: float) -> str:
    """A ratio with three digits."""
    return f"{value:.2f}×" if value < 10 else f"{value:.1f}×" if value < 100 else f"{value:.0f}×"


def seconds(value: float) -> str:
    """A time with three digits and its unit."""
    if value < 1e-3:
        return f"{value * 1e6:.3g} µs"
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"
