"""One line a network: the table with which a report on several networks begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tnc.report.columns import aligned
from tnc.report.model import NetworkReport
from tnc.units import bytes_text, flops_text, grouped, ratio_text, seconds_text


def summary_table(reports: Sequence[NetworkReport]) -> Iterator[str]:
    """The table; FLOPs, peak memory and time are those of a training step."""
    rows = [("network", "parameters", "compression", "largest", "FLOPs", "peak", "time")]
    rows += [
        (
            report.name,
            grouped(report.parameters),
            "" if report.compression is None else ratio_text(report.compression),
            grouped(report.largest_intermediate),
            flops_text(report.flops_training),
            bytes_text(report.bytes_peak_training),
            seconds_text(report.seconds_training),
        )
        for report in reports
    ]
    yield from aligned(rows, "<>>>>>>", indent=0)
