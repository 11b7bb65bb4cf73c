"""What ``tnc bench`` tells people: a table a network."""

from __future__ import annotations

from collections.abc import Iterator

from tnc.measure.comparison import Bench, Benched, Figure
from tnc.report.columns import aligned
from tnc.units import bytes_text, plural, seconds_text

_HEADER = ("", "measured", "quartiles", "predicted", "error")


def bench_text(bench: Bench) -> str:
    """All networks, a blank line between them; ends without a line break."""
    return "\n".join(_lines(bench))


def _lines(bench: Bench) -> Iterator[str]:
    threads = "" if bench.threads is None else f"{plural(bench.threads, 'thread')}; "
    yield f"{bench.framework}, {bench.dtype}, {threads}{bench.machine}"
    yield f"predicted for {bench.target}, {bench.device.title}"
    if not bench.device.measured:
        yield "note: this profile is from data sheets and was not measured here, so predicted times may be far off;"
        yield "      `tnc calibrate NAME` measures this machine, `--device NAME` predicts for it"
    for network in bench.networks:
        yield ""
        yield _title(network)
        yield from aligned([_HEADER, *map(_row, network.figures)], "<>>>>")


def _title(network: Benched) -> str:
    given = ", ".join(f"{name}={value}" for name, value in (*network.arguments, *network.sizes))
    return f"{network.name}({given}): {plural(network.rounds, 'round')}"


def _row(figure: Figure) -> tuple[str, ...]:
    def text(value: float) -> str:
        return bytes_text(int(value)) if figure.unit == "B" else seconds_text(value)

    spread = figure.sample
    return (
        figure.name,
        "not told" if figure.measured is None else text(figure.measured),
        "" if spread is None else f"{text(spread.low)} … {text(spread.high)}",
        text(figure.predicted),
        "" if figure.error is None else _percent(figure.error),
    )


def _percent(error: float) -> str:
    """``-12 %``; nothing has a sign but what can be told from nothing."""
    return f"{100 * error:+.0f} %" if abs(error) >= 0.005 else "0 %"
