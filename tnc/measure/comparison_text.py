"""What ``tnc bench`` prints: a table a network, or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from tnc.measure.comparison import Bench, Benched, Figure
from tnc.units import bytes_text

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_HEADER = ("", "measured", "quartiles", "predicted", "error")
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def bench_text(bench: Bench) -> str:
    """For people."""
    lines = [
        f"{bench.framework}, {bench.dtype}, {_threads(bench)}{bench.machine}",
        f"predicted for {bench.device.label}, {bench.device.title}",
    ]
    if not bench.device.measured:
        lines += [
            "note: this profile is from data sheets and was not measured here, so predicted times may be far off;",
            "      `tnc calibrate NAME` measures this machine, `--device NAME` predicts for it",
        ]
    for network in bench.networks:
        rows = [_HEADER, *map(_row, network.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
        lines += ["", _title(network)]
        lines += [_line(row, widths) for row in rows]
    return "\n".join(lines) + "\n"


def bench_json(bench: Bench) -> dict[str, Json]:
    """For scripts."""
    return {
        "framework": bench.framework,
        "machine": bench.machine,
        "threads": bench.threads,
        "dtype": bench.dtype,
        "device": {"name": bench.device.name, "digest": bench.device.digest, "measured": bench.device.measured},
        "networks": [_network(network) for network in bench.networks],
    }


def _threads(bench: Bench) -> str:
    return "" if bench.threads is None else f"{bench.threads} thread{'' if bench.threads == 1 else 's'}; "


def _title(network: Benched) -> str:
    given = ", ".join(f"{name}={value}" for name, value in (*network.arguments, *network.sizes))
    return f"{network.name}({given}): {network.rounds} rounds"


def _row(figure: Figure) -> tuple[str, ...]:
    def text(value: float) -> str:
        return bytes_text(int(value)) if figure.unit == "B" else seconds_text(value)

    spread = figure.sample
    return (
        figure.name,
        "not told" if figure.measured is None else text(figure.measured),
        "" if spread is None else f"{text(spread.low)} … {text(spread.high)}",
        text(figure.predicted),
        "" if figure.error is None else f"{100 * figure.error:+.0f} %",
    )


def seconds_text(value: float) -> str:
    """``12.3 ms``: three digits."""
    scale, unit = next((pair for pair in _UNITS if value >= 0.9995 * pair[0]), _UNITS[-1])
    scaled = value / scale
    digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
    return f"{scaled:.{digits}f} {unit}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = row
    cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))]
    return f"  {'  '.join(cells)}".rstrip()


def _network(network: Benched) -> dict[str, Json]:
    return {
        "name": network.name,
        "arguments": dict(network.arguments),
        "sizes": dict(network.sizes),
        "rounds": network.rounds,
        **{figure.name: dict(_figure(figure)) for figure in network.figures},
    }


def _figure(figure: Figure) -> Iterator[tuple[str, Json]]:
    yield "unit", figure.unit
    yield "predicted", figure.predicted
    yield "measured", figure.measured
    if figure.sample is not None:
        yield "low", figure.sample.low
        yield "high", figure.sample.high
    yield "error", figure.error
