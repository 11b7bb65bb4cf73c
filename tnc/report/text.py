"""The report as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator

from tnc.report.columns import aligned
from tnc.report.model import NetworkReport, Report
from tnc.report.summary import summary_table
from tnc.units import bytes_text, flops_text, grouped, plural, ratio_text, seconds_text

MOST_REGIONS = 24
"""A table of more rows shows the most expensive ones only."""


def report_text(report: Report) -> str:
    """A table of the networks if there are several, then each of them; ends without a line break."""
    summary = ["\n".join(summary_table(report.networks))] if len(report.networks) > 1 else []
    return "\n\n".join([*summary, *("\n".join(_network(network)) for network in report.networks)])


def _network(report: NetworkReport) -> Iterator[str]:
    arguments = ", ".join(f"{name} = {_shortened(text)}" for name, text in report.arguments)
    yield f"network {report.name}({arguments})"
    yield ""
    yield from aligned(list(_facts(report)), "<<")
    yield ""
    yield from aligned(
        [
            ("", "forward", "training"),
            ("FLOPs", flops_text(report.flops_forward), flops_text(report.flops_training)),
            ("peak memory", bytes_text(report.bytes_peak_forward), bytes_text(report.bytes_peak_training)),
            ("saved for backward", "", bytes_text(report.bytes_saved)),
            ("memory traffic", *map(bytes_text, report.traffic)),
            ("predicted time", seconds_text(report.seconds_forward), seconds_text(report.seconds_training)),
        ],
        "<>>",
    )
    if report.regions or any(report.elsewhere.seconds.values()):
        yield ""
        yield from aligned(list(_region_table(report)), "<>>>>>>><")
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
        yield f"output {output.name}", f"{shape}{elements}, starts with deviation {_deviation(output.std)}"
    if report.compression is not None:
        yield "compression", ratio_text(report.compression)
    if report.sizes:
        yield "sizes", ", ".join(f"{name} = {size}" for name, size in report.sizes)
    if report.inputs:
        inputs = "cores and inputs" if report.input_grads else "cores, not of inputs"
        yield "gradients", f"of {inputs}"
    yield "largest intermediate", plural(report.largest_intermediate, "element")
    yield "planned for", f"{report.device} ({report.device_digest[:12]})"


def _region_table(report: NetworkReport) -> Iterator[tuple[str, ...]]:
    """The regions in the order of the plan, then what belongs to none: all times add up to the predicted time."""
    yield "region", "operands", "FLOPs", "bytes", "largest", "time", "share", "deviation", "planned by"
    regions = report.regions
    ranked = sorted(range(len(regions)), key=lambda i: (-regions[i].share, i))
    for index in sorted(ranked[:MOST_REGIONS]):
        region = regions[index]
        yield (
            region.name,
            grouped(region.operands),
            flops_text(region.flops),
            bytes_text(region.bytes),
            grouped(region.largest_intermediate),
            *_time(region.seconds, report),
            _deviation(region.std),
            region.planner or "",
        )
    cheaper = [regions[index] for index in ranked[MOST_REGIONS:]]
    if cheaper:
        flops = flops_text(sum(region.flops for region in cheaper))
        moved = bytes_text(sum(region.bytes for region in cheaper))
        seconds = sum(region.seconds for region in cheaper)
        yield f"… and {plural(len(cheaper), 'cheaper region')}", "", flops, moved, "", *_time(seconds, report), "", ""
    elsewhere = report.elsewhere
    if any(elsewhere.seconds.values()):
        yield "elsewhere", *[""] * 8
        for name, seconds in elsewhere.seconds.items():
            moved = bytes_text(elsewhere.bytes) if name == "permutations" else ""
            yield f"  {name}", "", "", moved, "", *_time(seconds, report), "", ""


def _time(seconds: float, report: NetworkReport) -> tuple[str, str]:
    """A time, and its share of a training step."""
    whole = report.seconds_training
    return seconds_text(seconds), f"{100 * seconds / whole if whole else 0.0:.0f} %"


def _deviation(std: float | None) -> str:
    return "unknown" if std is None else f"{std:.3g}"


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"
