"""The page and the figure of the study of fits, written from its results."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from studies.fitting import TARGETS, TOPOLOGIES, Fitted

SUBSPACE, LOW_RANK = "random subspace, expected", "low rank"

HEAD = """# How well generated weights reproduce given ones

<!-- Written by `python -m studies fit` from studies/results/fitting.json: do not edit. -->

    pip install '.[study]' scikit-learn
    python -m studies fit       # about 10 minutes on one core; stopped, it goes on where it was

Five topologies with `silu`, fitted by `tnc.fit` (L-BFGS, 400 steps, 3 restarts) to tensors of 64 ×
64 entries: independent normal numbers, a trained hidden weight of a classifier of scikit-learn's
digits, and a picture of 64 digits. *Size* is the bond, of a brick wall the number of layers.
*Other* is the best of low rank and tensor trains (TT-SVD) with at most that number of parameters.

**Predicted** before measuring: on random entries, every method stays near the random subspace; this
was wrong for the larger networks.
**Found**: {found}

![Relative error against parameters](fitting.png)

| target | topology | size | parameters | error | low rank | other | random subspace |
|---|---|--:|--:|--:|--:|--:|--:|
"""


def best_other(case: Fitted) -> float:
    """The least error of the decompositions."""
    return min(error for name, _, error in case.compared if error is not None and name != SUBSPACE)


def page(results: Sequence[Fitted]) -> str:
    """``docs/fitting-study.md``."""
    rows: list[str] = []
    for case in results:
        errors = {name: error for name, _, error in case.compared}
        numbers = (case.error, errors[LOW_RANK], best_other(case), errors[SUBSPACE])
        shown = " | ".join("–" if number is None else f"{number:.3f}" for number in numbers)
        rows.append(f"| {case.target} | {case.topology} | {case.size} | {case.parameters} | {shown} |")
    return HEAD.format(found=_found(results)) + "\n".join(rows) + "\n"


def _found(results: Sequence[Fitted]) -> str:
    parts: list[str] = []
    for target in TARGETS:
        cases = [case for case in results if case.target == target]
        wins = sum(case.error < best_other(case) for case in cases)
        parts.append(f"on *{target}*,\ngenerated weights leave less than the best other decomposition in {wins} of")
        parts[-1] += f" {len(cases)} cases"
    return ";\n".join(parts) + ".\nAt this size and budget, a trained layer is reproduced better by low rank."


def plot(results: Sequence[Fitted], path: Path) -> None:
    """Error against parameters: a panel a target, a line a topology, and the best other decomposition."""
    import_module("matplotlib").use("agg")
    pyplot: Any = import_module("matplotlib.pyplot")
    figure, panels = pyplot.subplots(1, len(TARGETS), figsize=(11, 4), layout="constrained")
    for panel, target in zip(panels, TARGETS, strict=True):
        cases = sorted((case for case in results if case.target == target), key=lambda case: case.parameters)
        for topology in TOPOLOGIES:
            own = [case for case in cases if case.topology == topology]
            panel.plot([c.parameters for c in own], [c.error for c in own], "o-", markersize=3, label=topology)
        panel.plot([c.parameters for c in cases], [best_other(c) for c in cases], "k--", label="best other")
        panel.set(xscale="log", title=target, xlabel="parameters", ylabel="relative error")
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
