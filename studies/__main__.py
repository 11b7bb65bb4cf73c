"""Measure and write the pages of ``docs/``; needs the ``study`` extra.

python -m studies initialisation     # minutes; then docs/initialisation.md and its plot
python -m studies training           # minutes; then docs/training.md and its plot
python -m studies deployment         # minutes; then the tables of docs/deployment.md
python -m studies fit                # minutes; then docs/fitting-study.md and its plot
python -m studies pages              # the pages and plots anew, from the results that are there
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from studies import pages
from studies.results import (
    DEPLOYMENT,
    INITIALISATION,
    TRAINING,
    read_deployment,
    read_starts,
    read_training,
    write_deployment,
    write_starts,
    write_training,
)

DOCS = Path(__file__).parent.parent / "docs"
STUDIES = ("initialisation", "training", "deployment")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, and write the pages."""
    parser = argparse.ArgumentParser(
        prog="python -m studies", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", choices=(*STUDIES, "fit", "pages"))
    study: str = parser.parse_args(arguments).study
    import_module("torch").set_num_threads(1)  # tensors this small only wait for each other
    if study == "fit":
        _study_fits()
        return 0
    if study == "initialisation":
        _measure_starts()
    elif study == "training":
        _measure_training()
    elif study == "deployment":
        from studies.deployment import measure

        write_deployment(DEPLOYMENT, measure())
    from studies.plots import plot_curves, plot_starts

    if study in ("initialisation", "pages"):
        starts = read_starts(INITIALISATION)
        (DOCS / "initialisation.md").write_text(pages.initialisation(starts), encoding="utf-8")
        plot_starts(starts, DOCS / "initialisation.png")
    if study in ("training", "pages"):
        training = read_training(TRAINING)
        (DOCS / "training.md").write_text(pages.training(training), encoding="utf-8")
        plot_curves(training.kinds, DOCS / "training.png")
    if study in ("deployment", "pages"):
        page = DOCS / "deployment.md"
        text = pages.deployment(read_deployment(DEPLOYMENT), page.read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")
    return 0


def _study_fits() -> None:
    """Measure what is not measured yet, and write the page and the plot."""
    from studies.fitting import RESULTS, SIZES, TARGETS, TOPOLOGIES, run
    from studies.fitting_page import page, plot

    progress: Any = import_module("tqdm").tqdm
    with progress(total=len(TARGETS) * len(TOPOLOGIES) * len(SIZES), unit=" fits") as bar:
        results = run(RESULTS, bar.update)
    (DOCS / "fitting-study.md").write_text(page(results), encoding="utf-8")
    plot(results, DOCS / "fitting.png")


def _measure_starts() -> None:
    from studies.cases import all_cases
    from studies.initialisation import measure

    progress: Any = import_module("tqdm").tqdm
    write_starts(INITIALISATION, [measure(case) for case in progress(all_cases(), unit=" networks")])


def _measure_training() -> None:
    from studies.training import Protocol, digits_accuracies, mnist, run, steps

    progress: Any = import_module("tqdm").tqdm
    data, protocol = mnist(), Protocol()
    accuracies = digits_accuracies(protocol.seeds)
    with progress(total=steps(data, protocol), unit=" steps") as bar:
        write_training(TRAINING, run(data, protocol, accuracies, bar.update))


if __name__ == "__main__":
    sys.exit(main())
