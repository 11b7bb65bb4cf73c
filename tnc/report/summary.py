"""A line for each network: the table at the beginning of a report on several networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tnc.report.columns import LEFT, Column, cells, table
from tnc.report.model import NetworkReport
from tnc.units import bytes_text, flops_text, grouped, ratio_text, seconds_text

SUMMARY_COLUMNS: Final[tuple[Column[NetworkReport], ...]] = (
    Column(None, lambda report: report.name, "network", LEFT),
    Column(None, lambda report: report.parameters, "parameters", text=grouped),
    Column(
        None, lambda report: report.compression, "compression", text=lambda ratio: ratio_text(ratio) if ratio else ""
    ),
    Column(None, lambda report: report.largest_intermediate, "largest", text=grouped),
    Column(None, lambda report: report.flops_training, "FLOPs", text=flops_text),
    Column(None, lambda report: report.bytes_peak_training, "peak", text=bytes_text),
    Column(None, lambda report: report.predicted.training, "time", text=seconds_text),
)
"""FLOPs, peak memory and time are those of a training step."""


def summary_table(reports: Sequence[NetworkReport]) -> Iterator[str]:
    """The lines of the table."""
    yield from table(SUMMARY_COLUMNS, [cells(SUMMARY_COLUMNS, report) for report in reports], indent=0)
