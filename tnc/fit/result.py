"""What a fit found, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class How:
    """The settings and the course of a fit.

    ``method`` is ``"lbfgs"``, ``"adam"`` or ``"als"``. ``trials`` are the errors of all restarts when the best of
    them, ``restart``, was chosen. ``steps`` counts evaluations of the gradient, in alternating least squares sweeps
    over all cores. ``stopped`` says why the fit ended: ``"budget"``, ``"goal"``, ``"stalled"`` or ``"stuck"``.
    """

    method: str
    seed: int
    trials: tuple[float, ...]
    restart: int
    steps: int
    stopped: str
    dtype: str


@dataclass(frozen=True, slots=True)
class FitResult:
    """Fitted cores by name, and the relative Frobenius error ‖W − T‖ / ‖T‖ that they leave.

    ``history`` has the error after every step of the chosen restart, each with the number of steps until then.
    ``parameters`` counts the trainable entries of the network, ``elements`` those of the target.
    """

    cores: Mapping[str, torch.Tensor] = field(repr=False)
    error: float
    history: tuple[tuple[int, float], ...] = field(repr=False)
    how: How
    network: str
    parameters: int
    elements: int

    def __str__(self) -> str:
        """A summary in three lines."""
        how = self.how
        steps = "sweeps" if how.method == "als" else "steps"
        return "\n".join(
            [
                f"relative error    {self.error:.4g}",
                f"parameters        {self.parameters} for {self.elements} entries",
                f"method            {how.method}, {how.steps} {steps}, restart {how.restart} of {len(how.trials)}, "
                f"stopped by {how.stopped}",
            ]
        )

    def to_dict(self) -> dict[str, object]:
        """The result without its cores, for JSON."""
        how = asdict(self.how)
        return {
            "network": self.network,
            "error": self.error,
            "parameters": self.parameters,
            "elements": self.elements,
            **{**how, "trials": list(self.how.trials)},
            "history": [list(point) for point in self.history],
        }
