"""The figures of ``docs/``, drawn from results. matplotlib has to be there (the ``study`` extra)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import Any

from studies.cases import ACTIVATIONS
from studies.initialisation import CaseResult
from studies.training import KindResult

_AUTO, _NORMAL = "#0b5fa5", "#c8553d"
_COLOURS = ("#222222", "#0b5fa5", "#2a9d5c", "#c8553d", "#8c4fa8", "#999999")


def _pyplot() -> Any:
    import_module("matplotlib").use("agg")
    return import_module("matplotlib.pyplot")


def plot_starts(results: Sequence[CaseResult], path: Path) -> None:
    """Single seeds of every case, relative to the declared deviation: a panel an activation, a row a topology."""
    plot = _pyplot()
    rows = list(dict.fromkeys((result.case.topology, result.case.chi) for result in results))
    figure, panels = plot.subplots(1, 3, figsize=(11, 0.26 * len(rows) + 1.6), sharey=True, layout="constrained")
    for panel, act in zip(panels, ACTIVATIONS, strict=True):
        panel.axvspan(0.5, 2, color="#e8eef4", zorder=0)
        panel.axvline(1, color="#888888", linewidth=0.8, zorder=1)
        for result in results:
            if result.case.act != act:
                continue
            height = rows.index((result.case.topology, result.case.chi))
            starts = ((result.normal, _NORMAL, 0.17), (result.auto, _AUTO, -0.17))
            for start, colour, shift in starts:
                low, middle, high = start.quantiles
                panel.plot([low, high], [height + shift] * 2, color=colour, linewidth=2, solid_capstyle="butt")
                panel.plot(middle, height + shift, "|", color=colour, markersize=6)
                panel.plot(start.root, height + shift, "o", color=colour, markersize=3)
        panel.set(xscale="log", xlim=(0.003, 10), title=act, xlabel="deviation / declared deviation")
        panel.set_xticks([0.01, 0.1, 0.5, 1, 2, 10], ["0.01", "0.1", "0.5", "1", "2", "10"])
        panel.minorticks_off()
    panels[0].set_yticks(range(len(rows)), [f"{topology}, bond {chi}" for topology, chi in rows], fontsize=8)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    handles = [
        plot.Line2D([], [], color=colour, linewidth=2, marker="o", markersize=3, label=label)
        for colour, label in ((_AUTO, "auto"), (_NORMAL, "plain normal cores"))
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=120)
    plot.close(figure)


def plot_curves(results: Sequence[KindResult], path: Path) -> None:
    """Test error by epoch: the mean over seeds as a line, all seeds as a band."""
    plot = _pyplot()
    figure, panel = plot.subplots(figsize=(8, 4.8), layout="constrained")
    for result, colour in zip(results, _COLOURS, strict=True):
        errors = [[100 * (1 - accuracy) for accuracy in epoch] for epoch in zip(*result.curves, strict=True)]
        epochs = range(1, len(errors) + 1)
        panel.plot(epochs, [fmean(epoch) for epoch in errors], color=colour, label=label(result))
        panel.fill_between(epochs, [min(e) for e in errors], [max(e) for e in errors], color=colour, alpha=0.13)
    seeds = len(results[0].curves)
    panel.set(xlabel="epoch", ylabel=f"test error in %, mean and range of {seeds} seeds", yscale="log")
    ticks = [4, 5, 6, 8, 10, 15, 20]
    panel.set_yticks(ticks, [str(tick) for tick in ticks])
    panel.set_xticks(range(0, len(results[0].curves[0]) + 1, 5))
    panel.minorticks_off()
    panel.grid(axis="y", color="#dddddd", linewidth=0.6)
    panel.legend(frameon=False, title="hidden weight, trained numbers")
    figure.savefig(path, dpi=120)
    plot.close(figure)


def label(result: KindResult) -> str:
    """A kind with its numbers."""
    trained = 0 if result.kind == "frozen" else result.numbers
    return f"{result.kind}, {trained:,}".replace(",", " ")
