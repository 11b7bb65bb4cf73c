"""Results as JSON and back: what a run found lies beside the pages that are made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from studies.cases import Case
from studies.deployment import Deployment, Form, Kept
from studies.initialisation import CaseResult, Start
from studies.training import KindResult, Training

HERE = Path(__file__).parent / "results"
INITIALISATION = HERE / "initialisation.json"
TRAINING = HERE / "training.json"
DEPLOYMENT = HERE / "deployment.json"


def write_starts(path: Path, results: list[CaseResult]) -> None:
    """Write what was measured of how networks start, a case a line."""
    lines = ",\n".join(json.dumps(_rounded(asdict(result)), ensure_ascii=False) for result in results)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def read_starts(path: Path) -> list[CaseResult]:
    """What :func:`write_starts` wrote."""
    return [
        CaseResult(Case(**entry["case"]), entry["parameters"], _start(entry["auto"]), _start(entry["normal"]))
        for entry in json.loads(path.read_text(encoding="utf-8"))
    ]


def write_training(path: Path, training: Training) -> None:
    """Write what was measured of how networks train."""
    path.write_text(json.dumps(_rounded(asdict(training)), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_training(path: Path) -> Training:
    """What :func:`write_training` wrote."""
    value: Any = _tuples(json.loads(path.read_text(encoding="utf-8")))
    kinds = tuple(KindResult(**kind) for kind in value["kinds"])
    return Training(value["train"], value["test"], value["epochs"], kinds, value["mps"])


def write_deployment(path: Path, deployment: Deployment) -> None:
    """Write what was measured of the forms of a model."""
    path.write_text(json.dumps(_rounded(asdict(deployment)), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_deployment(path: Path) -> Deployment:
    """What :func:`write_deployment` wrote."""
    value: Any = _tuples(json.loads(path.read_text(encoding="utf-8")))
    forms = tuple(Form(**entry) for entry in value.pop("forms"))
    kept = tuple(Kept(**entry) for entry in value.pop("kept"))
    return Deployment(**value, forms=forms, kept=kept)


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list | tuple):
        return tuple(_tuples(item) for item in cast(list[Any], value))
    return value


def _start(entry: Mapping[str, Any]) -> Start:
    low, middle, high = entry["quantiles"]
    return Start(
        entry["seeds"], entry["root"], entry["error"], entry["within"], (low, middle, high), dict(entry["gradients"])
    )


def _rounded(value: Any) -> Any:
    """Numbers to five digits."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in cast(list[Any], value)]
    return value
