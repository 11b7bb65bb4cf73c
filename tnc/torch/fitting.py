"""Cores that start as near as they come to the weight that is there."""

from __future__ import annotations

from collections.abc import Iterable

from tnc.api import loads
from tnc.fit import FitResult, fit_cores
from tnc.torch.planning import Target


def fitted_cores(targets: Iterable[Target], steps: int | None) -> dict[str, FitResult]:
    """The fitted cores of every layer that asks for them, by the layer's name.

    Raises:
        CompileError: as :func:`tnc.fit.fit`.
    """
    return {
        target.name: fit_cores(
            loads(target.compiled.flat), target.weight.detach(), steps=steps, device=str(target.weight.device)
        )
        for target in targets
        if target.request.start == "fit"
    }
