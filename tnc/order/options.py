"""What a plan is made for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from tnc.cost.target import Target

Objective: TypeAlias = Literal["time", "flops", "memory"]
"""What a plan minimizes: predicted time, FLOPs, or bytes saved and alive at the peak."""

OBJECTIVES: Final[tuple[Objective, ...]] = ("time", "flops", "memory")


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Nominal dynamic sizes (1 where not given; names of other networks are ignored), dtype, target and objective.

    With ``forward_only`` the backward pass counts for nothing; without ``input_grads`` it ends at the inputs, as in the
    first layer of a model. All this only steers choices: what is generated runs at every size and everywhere.
    """

    sizes: tuple[tuple[str, int], ...] = ()
    dtype: str = "float32"
    target: Target = field(default_factory=Target)
    objective: Objective = "time"
    forward_only: bool = False
    input_grads: bool = True
