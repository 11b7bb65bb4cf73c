"""What a budget (``require``) can be about."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, Protocol


class Figures(Protocol):
    """The figures of a planned network that budgets are held against."""

    @property
    def parameters(self) -> int:
        """Trainable entries."""
        ...

    @property
    def compression(self) -> float | None:
        """Entries of the outputs over trainable entries; None if there is no such ratio."""
        ...

    @property
    def flops_forward(self) -> int:
        """FLOPs of the forward pass."""
        ...

    @property
    def flops_training(self) -> int:
        """FLOPs of both passes."""
        ...

    @property
    def bytes_saved(self) -> int:
        """Bytes saved for the backward pass."""
        ...

    @property
    def bytes_peak_training(self) -> int:
        """Most bytes alive in a training step."""
        ...


STEP_TIME: Final = "step_time"
"""The metric that is predicted for a device of its own, by a plan of its own."""

METRICS: Final[MappingProxyType[str, Callable[[Figures], float | None]]] = MappingProxyType(
    {
        "params": lambda figures: figures.parameters,
        "compression": lambda figures: figures.compression,
        "forward_flops": lambda figures: figures.flops_forward,
        "training_flops": lambda figures: figures.flops_training,
        "saved_bytes": lambda figures: figures.bytes_saved,
        "peak_bytes": lambda figures: figures.bytes_peak_training,
    }
)
"""The other metrics by their names in the language; ``peak_bytes`` is the peak of training, since that is the use."""
