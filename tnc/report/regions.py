"""The regions of a report: the columns of its table are the fields of its JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tnc.ir.cost import Cost, Terms
from tnc.report.columns import LEFT, Column
from tnc.units import bytes_text, flops_text, grouped, seconds_text


@dataclass(frozen=True, slots=True)
class RegionRow:
    """A contraction, a sum or an activation barrier: its operands, and the ``costs`` of its steps.

    ``planner`` found the order of a contraction; None for other statements. ``whole`` are the predicted seconds of the
    network's training step. ``std`` is the root mean square that the entries are predicted to start with; None if no
    number can be given.
    """

    name: str
    text: str
    operands: int
    planner: str | None
    costs: tuple[Cost, ...]
    largest_intermediate: int
    whole: float
    std: float | None

    @property
    def flops(self) -> int:
        """FLOPs of the forward pass."""
        return sum(cost.flops for cost in self.costs)

    @property
    def bytes(self) -> int:
        """Bytes read and written in the forward pass."""
        return sum(cost.bytes for cost in self.costs)

    @property
    def bytes_training(self) -> int:
        """Bytes read and written in both passes."""
        return sum(cost.bytes + cost.bytes_backward for cost in self.costs)

    @property
    def saved(self) -> int:
        """Bytes that autograd keeps for the backward pass because of these steps."""
        return sum(cost.saved for cost in self.costs)

    @property
    def seconds(self) -> float:
        """Predicted seconds in a training step."""
        return spent(self.costs).total

    @property
    def share(self) -> float:
        """Part of the time of a training step, from 0 to 1."""
        return round(self.seconds / self.whole, 6) if self.whole else 0.0


def spent(costs: Iterable[Cost]) -> Terms:
    """Seconds of both passes by what they are spent on."""
    return sum((cost.spent.both for cost in costs), Terms())


def summable(seconds: float) -> float:
    """Twelve digits: sums stay right, and the last bits of a machine's logarithms are gone."""
    return float(f"{seconds:.12g}")


def percent(share: float) -> str:
    """``15 %``."""
    return f"{100 * share:.0f} %"


def deviation_text(std: float | None) -> str:
    """Three digits of a standard deviation."""
    return "unknown" if std is None else f"{std:.3g}"


REGION_COLUMNS: Final[tuple[Column[RegionRow], ...]] = (
    Column("name", lambda row: row.name, "region", LEFT, adds_up=True),
    Column("text", lambda row: row.text),
    Column("planner", lambda row: row.planner),
    Column("operands", lambda row: row.operands, "operands", text=grouped),
    Column("flops", lambda row: row.flops, "FLOPs", text=flops_text, adds_up=True),
    Column("flops_training", lambda row: sum(cost.flops + cost.flops_backward for cost in row.costs)),
    Column("bytes", lambda row: row.bytes, "bytes", text=bytes_text, adds_up=True),
    Column("bytes_training", lambda row: row.bytes_training),
    Column("saved", lambda row: row.saved),
    Column("largest_intermediate", lambda row: row.largest_intermediate, "largest", text=grouped),
    Column("seconds", lambda row: row.seconds, "time", text=seconds_text, json=summable, adds_up=True),
    Column("share", lambda row: row.share, "share", text=percent, adds_up=True),
    Column("std", lambda row: row.std, "deviation", text=deviation_text),
    Column(None, lambda row: row.planner or "", "planned by", LEFT),
)
"""A column of the table or of the JSON is one entry here; ``row.costs`` has what each step takes."""
