"""Why a plan is as it is: the candidates for every region, their costs, and what decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tnc.order import Decision, Evaluation, Objective
from tnc.order.evaluation import MARGIN, TOLERANCE
from tnc.report.columns import LEFT, Column, Json, cells, table, to_json
from tnc.report.model import NetworkReport
from tnc.report.summary import summary_table
from tnc.sharing import SharedTensor, SharingDecision
from tnc.units import bytes_text, flops_text, grouped, plural, seconds_text

MOST_CANDIDATES = 8
"""A table of more shows the best ones only."""

MOST_TENSORS = 4
"""Maximum number of shared tensors that are named."""

_SLIGHT = 0.02
"""What is lost is told if it is more than this part of what is gained."""

TERMS = {
    "arithmetic": "arithmetic",
    "traffic": "memory traffic",
    "moves": "permutations",
    "fresh": "new memory",
    "calls": "calls",
}
"""What time is spent on, in words."""


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A way of contracting a region, or a whole plan, and whether it was chosen."""

    evaluation: Evaluation
    chosen: bool

    @property
    def dominant(self) -> str:
        """The term on which most time is spent, in words."""
        return TERMS[max(TERMS, key=lambda term: getattr(self.evaluation.terms, term))]


def rounded(seconds: float) -> float:
    """Round to four digits, the precision of a prediction."""
    return float(f"{seconds:.4g}")


_COSTS: Final[tuple[Column[CandidateRow], ...]] = (
    Column("chosen", lambda row: row.chosen, "", LEFT, lambda chosen: "*" if chosen else ""),
    Column("seconds", lambda row: row.evaluation.seconds, "time", text=seconds_text, json=rounded),
    Column("terms", lambda row: {term: rounded(getattr(row.evaluation.terms, term)) for term in TERMS}),
    Column("flops", lambda row: row.evaluation.flops, "FLOPs", text=flops_text),
    Column("bytes", lambda row: row.evaluation.bytes, "bytes", text=bytes_text),
    Column("saved", lambda row: row.evaluation.saved, "saved", text=bytes_text),
    Column("peak", lambda row: row.evaluation.peak, "peak", text=bytes_text),
    Column("steps", lambda row: row.evaluation.steps, "steps", text=grouped),
    Column(None, lambda row: row.dominant, "most for", LEFT),
)

CANDIDATE_COLUMNS: Final[tuple[Column[CandidateRow], ...]] = (
    Column("planner", lambda row: row.evaluation.name),
    *_COSTS,
    Column(None, lambda row: row.evaluation.name, "found by", LEFT),
)

PLAN_COLUMNS: Final[tuple[Column[CandidateRow], ...]] = (
    Column("shared", lambda row: row.evaluation.name),
    *_COSTS,
    Column(None, lambda row: row.evaluation.name, "shared tensors", LEFT),
)
"""Of whole plans, which differ in what they do with shared tensors."""


@dataclass(frozen=True, slots=True)
class NetworkExplanation:
    """One network: what it was planned for, and what was decided for its shared tensors and its regions."""

    name: str
    sizes: tuple[tuple[str, int], ...]
    backend: str
    device: str
    objective: Objective
    forward_only: bool
    input_grads: bool
    decisions: tuple[Decision, ...]
    sharing: SharingDecision | None = None

    def to_dict(self) -> dict[str, Json]:
        """The network's entry in the JSON."""
        return {
            "name": self.name,
            "sizes": dict(self.sizes),
            "backend": self.backend,
            "device": self.device,
            "objective": self.objective,
            "forward_only": self.forward_only,
            "input_grads": self.input_grads,
            "sharing": None if self.sharing is None else _sharing(self.sharing),
            "regions": [_region(decision) for decision in self.decisions],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Several networks; ``str()`` is what the terminal shows, ``to_dict()`` the JSON.

    The text begins with a table of the ``reports``, where there are several.
    """

    networks: tuple[NetworkExplanation, ...]
    reports: tuple[NetworkReport, ...] = ()

    def __str__(self) -> str:
        """The text for people."""
        summary = ["\n".join(summary_table(self.reports))] if len(self.reports) > 1 else []
        return "\n\n".join([*summary, *("\n".join(_network(network)) for network in self.networks)])

    def to_dict(self) -> dict[str, Json]:
        """What ``tnc explain --json`` prints."""
        return {"networks": [network.to_dict() for network in self.networks]}


def reason(decision: Decision) -> str:
    """Why the winner won, in words."""
    winner, evaluations = decision.winner, decision.evaluations
    others = [each for number, each in enumerate(evaluations) if number != decision.chosen]
    if not others:
        return "the only candidate"
    best = min(others, key=lambda each: each.measure(decision.objective))
    other = f"`{best.name}`"
    own, next_best = (each.measure(decision.objective)[0] for each in (winner, best))
    if winner.reference and next_best < own:
        return f"as for eager PyTorch, within {100 * (MARGIN - 1):.0f} % of {other}: no less can be predicted reliably"
    if decision.objective == "time" and next_best < own:
        bound = f"{100 * (TOLERANCE - 1):.0f} %"
        return f"a regular order, within {bound} of {other}: it becomes a loop and reads like the source"
    if own == next_best and winner.seconds == best.seconds:
        return f"as good as {other}, and found first"
    if own == next_best:
        return f"equal to {other} by `{decision.objective}`, and faster: {_difference(winner, best)}"
    if decision.objective == "time":
        return f"{_percent(own, next_best)} less time than {other}, the next best: {_difference(winner, best)}"
    what = "fewer FLOPs" if decision.objective == "flops" else "fewer bytes saved and alive at the peak"
    return f"{_percent(own, next_best)} {what} than {other}, the next best"


def _difference(winner: Evaluation, other: Evaluation) -> str:
    """The term in which the winner gains most, and that in which it loses most."""
    gains = {term: getattr(other.terms, term) - getattr(winner.terms, term) for term in TERMS}
    most, least = max(gains, key=lambda term: gains[term]), min(gains, key=lambda term: gains[term])
    text = f"{seconds_text(gains[most])} less for {TERMS[most]}"
    if -gains[least] <= _SLIGHT * gains[most]:
        return text
    return f"{text}, {seconds_text(-gains[least])} more for {TERMS[least]}"


def _percent(less: float, more: float) -> str:
    part = 100 * (1 - less / more) if more else 0.0
    return f"{part:.0f} %" if part >= 1 else "a little"


def _network(network: NetworkExplanation) -> Iterator[str]:
    sizes = "".join(f", {name} = {size}" for name, size in network.sizes)
    backward = "forward and backward to the inputs" if network.input_grads else "forward and backward"
    passes = "forward only" if network.forward_only else backward
    yield f"network {network.name}, planned for {network.device}{sizes}, {passes}: least {network.objective}"
    if network.sharing is not None:
        yield ""
        yield from _sharing_table(network.sharing)
    for decision in network.decisions:
        yield ""
        if decision.like:
            yield f"  region {decision.region}: as region {decision.like}, by {decision.winner.name}"
            continue
        yield f"  region {decision.region}: {plural(len(decision.evaluations), 'candidate')}"
        yield from _table(decision)
        yield f"    chosen: {reason(decision)}"


def _sharing_table(sharing: SharingDecision) -> Iterator[str]:
    """Whole plans, with shared tensors built and inlined."""
    tensors = [f"{tensor.name} (used {tensor.times} times)" for tensor in sharing.tensors]
    more = f" and {grouped(len(tensors) - MOST_TENSORS)} more" if len(tensors) > MOST_TENSORS else ""
    yield f"  shared: {', '.join(tensors[:MOST_TENSORS])}{more}: {plural(len(sharing.decision.evaluations), 'plan')}"
    yield from _table(sharing.decision, PLAN_COLUMNS)
    for name, why in sharing.refused:
        yield f"    {name}: {why}"
    several = len(sharing.decision.evaluations) > 1
    yield f"    chosen: {reason(sharing.decision) if several else 'the only plan'}"


def _table(decision: Decision, columns: Sequence[Column[CandidateRow]] = CANDIDATE_COLUMNS) -> Iterator[str]:
    ranked = sorted(
        range(len(decision.evaluations)),
        key=lambda number: (decision.evaluations[number].measure(decision.objective), number),
    )
    shown = [number for place, number in enumerate(ranked) if place < MOST_CANDIDATES or number == decision.chosen]
    rows = [cells(columns, _candidate(decision, number)) for number in shown]
    yield from table(columns, rows, indent=4)
    if len(shown) < len(ranked):
        yield f"    … and {grouped(len(ranked) - len(shown))} worse"


def _candidate(decision: Decision, number: int) -> CandidateRow:
    return CandidateRow(decision.evaluations[number], number == decision.chosen)


def _sharing(sharing: SharingDecision) -> dict[str, Json]:
    decision = sharing.decision
    plans = (_candidate(decision, number) for number in range(len(decision.evaluations)))
    return {
        "tensors": [_shared(tensor) for tensor in sharing.tensors],
        "plans": [to_json(PLAN_COLUMNS, plan) for plan in plans],
        "refused": [{"shared": name, "reason": text} for name, text in sharing.refused],
        "reason": reason(decision),
    }


def _shared(tensor: SharedTensor) -> dict[str, Json]:
    return {"name": tensor.name, "shape": list(tensor.shape), "uses": tensor.times}


def _region(decision: Decision) -> dict[str, Json]:
    candidates = (_candidate(decision, number) for number in range(len(decision.evaluations)))
    return {
        "name": decision.region,
        "like": decision.like or None,
        "candidates": [to_json(CANDIDATE_COLUMNS, candidate) for candidate in candidates],
        "reason": reason(decision),
    }
