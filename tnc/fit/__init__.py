"""Cores fitted to given tensors: ``from tnc.fit import fit``; docs/fitting.md has examples.

Importing this package loads nothing; its first use loads PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tnc.fit.baselines import Baseline as Baseline
    from tnc.fit.baselines import baselines as baselines
    from tnc.fit.fitting import fit as fit
    from tnc.fit.fitting import fit_cores as fit_cores
    from tnc.fit.result import FitResult as FitResult
    from tnc.fit.result import How as How


__all__ = ["Baseline", "FitResult", "How", "baselines", "fit", "fit_cores"]

_HOMES = {
    "Baseline": "tnc.fit.baselines",
    "baselines": "tnc.fit.baselines",
    "FitResult": "tnc.fit.result",
    "How": "tnc.fit.result",
    "fit": "tnc.fit.fitting",
    "fit_cores": "tnc.fit.fitting",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tnc.fit' has no attribute {name!r}")
    from importlib import import_module

    from tnc.extras import missing

    try:
        value: object = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise missing("torch", "nothing can be fitted") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
