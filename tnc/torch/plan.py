"""The plan of generated layers: what each costs, as a table and as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import prod

from tnc.units import grouped, plural, ratio_text, seconds_text


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A layer: its weight, and the numbers that it is generated from.

    ``padding`` is the shape before it is cropped, ``seconds`` the predicted time to build it in a training
    step, ``error`` the relative error of a fit, None without one.
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    padding: tuple[int, ...]
    generated: int
    template: str
    mode: str
    through: str
    seconds: float
    error: float | None = None

    @property
    def dense(self) -> int:
        """The entries of the weight."""
        return prod(self.shape)

    @property
    def ratio(self) -> float:
        """The entries of the weight over the numbers that it is generated from."""
        return self.dense / max(self.generated, 1)


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """What is generated in a model: ``str()`` is a table. ``parameters`` are those of the whole model before."""

    rows: tuple[LayerRow, ...]
    parameters: int
    device: str

    @property
    def dense(self) -> int:
        """The entries of all weights."""
        return sum(row.dense for row in self.rows)

    @property
    def generated(self) -> int:
        """The numbers that the weights are generated from."""
        return sum(row.generated for row in self.rows)

    @property
    def after(self) -> int:
        """The parameters of the whole model after: adapters add theirs, other layers lose their weight."""
        gone = sum(row.dense for row in self.rows if row.mode == "replace")
        return self.parameters - gone + self.generated

    def to_dict(self) -> dict[str, object]:
        """The plan as JSON has it."""
        rows = [{**asdict(row), "dense": row.dense, "ratio": row.ratio} for row in self.rows]
        return {
            "layers": rows,
            "dense": self.dense,
            "generated": self.generated,
            "parameters": {"before": self.parameters, "after": self.after},
            "device": self.device,
        }

    def __str__(self) -> str:
        """The table of the layers, their sum, and the parameters of the model before and after."""
        head = ("layer", "shape", "dense", "generated", "ratio", "template", "through", "step time")
        lines = [head, *map(_cells, self.rows)]
        seconds = sum(row.seconds for row in self.rows)
        ratio = ratio_text(self.dense / max(self.generated, 1))
        total = (plural(len(self.rows), "layer"), "", grouped(self.dense), grouped(self.generated), ratio, "", "")
        lines.append((*total, seconds_text(seconds)))
        notes = [
            *(f"fit: {row.layer} with relative error {row.error:.3f}" for row in self.rows if row.error is not None),
            f"model: {grouped(self.parameters)} parameters before, {grouped(self.after)} after",
            f"step time: to build the weights, forward and backward, predicted for {self.device}",
            *_padding_notes(self.rows),
        ]
        return "\n".join([*_table(lines), "", *notes])


def _cells(row: LayerRow) -> tuple[str, ...]:
    return (
        row.layer,
        _dims(row.shape),
        grouped(row.dense),
        grouped(row.generated),
        ratio_text(row.ratio),
        row.template,
        row.through,
        seconds_text(row.seconds),
    )


def _padding_notes(rows: Iterable[LayerRow]) -> list[str]:
    """A line for each padded shape, with its first layer."""
    first: dict[tuple[tuple[int, ...], tuple[int, ...]], str] = {}
    for row in rows:
        if row.padding != row.shape:
            first.setdefault((row.shape, row.padding), row.layer)
    return [f"padding: {_dims(shape)} is cut from {_dims(padded)} ({name})" for (shape, padded), name in first.items()]


def _dims(shape: Iterable[int]) -> str:
    return " × ".join(map(grouped, shape))


_LEFT = (0, 1, 5, 6)


def _table(lines: list[tuple[str, ...]]) -> list[str]:
    """The lines in columns: texts to the left, numbers to the right; a rule before the sum."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    shown = [
        "  ".join(
            cell.ljust(width) if column in _LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    rule = "-" * max(map(len, shown))
    return [shown[0], rule, *shown[1:-1], rule, shown[-1]]
