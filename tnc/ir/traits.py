"""What a backend declares of the modules that it emits, so that plans are made for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SWEEP: Final = "sweep"
"""The operation :class:`tnc.ir.schedule.Sweep` among ``kernels``."""


@dataclass(frozen=True, slots=True)
class Traits:
    """The traits of a backend; the defaults are those of eager PyTorch.

    ``kernels`` names the operations that a module computes by one kernel of its own (:data:`SWEEP`); others are lowered
    to simpler ones. ``fuses`` says that the framework compiles a whole step, so that a chain of operations on single
    entries is one pass over memory. ``saves`` says that there is a backward pass, for which values are saved.
    """

    kernels: frozenset[str] = frozenset()
    fuses: bool = False
    saves: bool = True
