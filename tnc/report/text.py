"""The report on a network as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tnc.report.columns import Cells, aligned, cells, sparse_cells, sum_cells, table
from tnc.report.model import NetworkReport
from tnc.report.regions import REGION_COLUMNS, deviation_text, percent
from tnc.units import bytes_text, flops_text, grouped, plural, ratio_text, seconds_text

MOST_REGIONS = 24
"""A table of more rows shows the most expensive ones only."""


def network_lines(report: NetworkReport) -> Iterator[str]:
    """The lines of a network's report."""
    arguments = ", ".join(f"{name} = {_shortened(text)}" for name, text in report.arguments)
    yield f"network {report.name}({arguments})"
    yield ""
    yield from aligned(list(_facts(report)), "<<")
    yield ""
    totals = [
        ("", "forward", "training"),
        ("FLOPs", flops_text(report.flops_forward), flops_text(report.flops_training)),
        ("peak memory", bytes_text(report.bytes_peak_forward), bytes_text(report.bytes_peak_training)),
        ("saved for backward", "", bytes_text(report.bytes_saved)),
        ("memory traffic", *map(bytes_text, report.traffic)),
        ("predicted time", seconds_text(report.predicted.forward), seconds_text(report.predicted.training)),
    ]
    if report.trains:
        yield from aligned(totals, "<>>")
    else:
        yield from aligned([(what, forward) for what, forward, _ in totals if forward or not what], "<>")
    if report.regions or any(report.elsewhere.seconds.values()):
        yield ""
        yield from table(REGION_COLUMNS, list(_region_rows(report)))
    if report.notes:
        yield ""
        yield from (f"  note: {note}" for note in report.notes)


def _facts(report: NetworkReport) -> Iterator[tuple[str, str]]:
    stored = f"{bytes_text(report.bytes_parameters)} as {' and '.join(report.core_dtypes)}"
    frozen = f", {grouped(report.frozen)} frozen entries besides" if report.frozen else ""
    yield "parameters", f"{grouped(report.parameters)} in {plural(report.cores, 'core')} ({stored}){frozen}"
    for output in report.outputs:
        shape = " × ".join(map(str, output.shape)) or "a scalar"
        elements = f" = {plural(output.elements, 'element')}" if len(output.shape) > 1 else ""
        yield f"output {output.name}", f"{shape}{elements}, starts with deviation {deviation_text(output.std)}"
    if report.compression is not None:
        yield "compression", ratio_text(report.compression)
    if report.sizes:
        yield "sizes", ", ".join(f"{name} = {size}" for name, size in report.sizes)
    if report.inputs and report.trains:
        inputs = "cores and inputs" if report.input_grads else "cores, not of inputs"
        yield "gradients", f"of {inputs}"
    yield "largest intermediate", plural(report.largest_intermediate, "element")
    yield "planned for", report.predicted.label


def _region_rows(report: NetworkReport) -> Iterator[Cells]:
    """The regions in the order of the plan, then what belongs to none: all times add up to the predicted time."""
    regions = report.regions
    ranked = sorted(range(len(regions)), key=lambda i: (-regions[i].share, i))
    yield from (cells(REGION_COLUMNS, regions[index]) for index in sorted(ranked[:MOST_REGIONS]))
    cheaper = [regions[index] for index in ranked[MOST_REGIONS:]]
    if cheaper:
        costs = tuple(cost for region in cheaper for cost in region.costs)
        name = f"… and {plural(len(cheaper), 'cheaper region')}"
        yield sum_cells(REGION_COLUMNS, replace(cheaper[0], name=name, costs=costs))
    elsewhere = report.elsewhere
    if any(elsewhere.seconds.values()):
        yield sparse_cells(REGION_COLUMNS, {"region": "elsewhere"})
        for name, seconds in elsewhere.seconds.items():
            share = seconds / report.predicted.training if report.predicted.training else 0.0
            shown = {"region": f"  {name}", "time": seconds_text(seconds), "share": percent(share)}
            copied = {"bytes": bytes_text(elsewhere.bytes)} if name == "permutations" else {}
            yield sparse_cells(REGION_COLUMNS, shown | copied)


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"
