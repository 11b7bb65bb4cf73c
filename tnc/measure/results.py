"""What ``tnc bench`` found, as values, as JSON, and as the text for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tnc.cost.device import Profile
from tnc.measure.rounds import Sample
from tnc.report.columns import LEFT, Column, Json, cells, table
from tnc.units import bytes_text, plural, seconds_text


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity, predicted and measured; seconds have a spread, bytes have none."""

    name: str
    unit: str
    predicted: float
    measured: float | None
    sample: Sample | None = None

    @property
    def error(self) -> float | None:
        """The prediction over the measurement, less one."""
        return self.predicted / self.measured - 1 if self.measured else None

    def to_dict(self) -> dict[str, Json]:
        """The figure's entry in the JSON."""
        spread = {} if self.sample is None else {"low": self.sample.low, "high": self.sample.high}
        return {
            "unit": self.unit,
            "predicted": self.predicted,
            "measured": self.measured,
            **spread,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Benched:
    """A network's figures."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[str, int], ...]
    rounds: int
    figures: tuple[Figure, ...]

    def to_dict(self) -> dict[str, Json]:
        """The network's entry in the JSON."""
        return {
            "name": self.name,
            "arguments": dict(self.arguments),
            "sizes": dict(self.sizes),
            "rounds": self.rounds,
            **{figure.name: figure.to_dict() for figure in self.figures},
        }


@dataclass(frozen=True, slots=True)
class Bench:
    """Networks measured in turn, and what they were measured and predicted on."""

    networks: tuple[Benched, ...]
    framework: str
    machine: str
    threads: int | None
    dtype: str
    device: Profile
    target: str

    def __str__(self) -> str:
        """The text for people: a table a network, a blank line between them."""
        return "\n".join(_lines(self))

    def to_dict(self) -> dict[str, Json]:
        """What ``tnc bench --json`` prints."""
        return {
            "framework": self.framework,
            "machine": self.machine,
            "threads": self.threads,
            "dtype": self.dtype,
            "device": {"name": self.device.name, "digest": self.device.digest, "measured": self.device.measured},
            "networks": [network.to_dict() for network in self.networks],
        }


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
        yield from table(FIGURE_COLUMNS, [cells(FIGURE_COLUMNS, figure) for figure in network.figures])


def _title(network: Benched) -> str:
    given = ", ".join(f"{name}={value}" for name, value in (*network.arguments, *network.sizes))
    return f"{network.name}({given}): {plural(network.rounds, 'round')}"


def _text(figure: Figure, value: float) -> str:
    return bytes_text(int(value)) if figure.unit == "B" else seconds_text(value)


def _measured(figure: Figure) -> str:
    return "not told" if figure.measured is None else _text(figure, figure.measured)


def _spread(figure: Figure) -> str:
    spread = figure.sample
    return "" if spread is None else f"{_text(figure, spread.low)} … {_text(figure, spread.high)}"


def _percent(error: float | None) -> str:
    """``-12 %``; nothing has a sign but what can be told from nothing."""
    if error is None:
        return ""
    return f"{100 * error:+.0f} %" if abs(error) >= 0.005 else "0 %"


FIGURE_COLUMNS: Final[tuple[Column[Figure], ...]] = (
    Column(None, lambda figure: figure.name, "", LEFT),
    Column(None, _measured, "measured"),
    Column(None, _spread, "quartiles"),
    Column(None, lambda figure: _text(figure, figure.predicted), "predicted"),
    Column(None, lambda figure: figure.error, "error", text=_percent),
)
"""A column of the table is one entry here."""
