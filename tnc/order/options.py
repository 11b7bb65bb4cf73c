"""What a plan is made for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from tnc.cost.device import Profile
from tnc.cost.device_file import default_profile

Objective: TypeAlias = Literal["time", "flops", "memory"]
"""What a plan has as little of as can be found: predicted time, FLOPs, or bytes saved and alive at the peak."""

OBJECTIVES: Final[tuple[Objective, ...]] = ("time", "flops", "memory")


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Nominal dynamic sizes (1 where not given; names of other networks are ignored), dtype, device and objective.

    With ``forward_only`` the backward pass counts for nothing; without ``input_grads`` it ends at the inputs, as in the
    first layer of a model. All this only steers choices: what is generated runs at every size and everywhere.
    """

    sizes: tuple[tuple[str, int], ...] = ()
    dtype: str = "float32"
    device: Profile = field(default_factory=default_profile)
    objective: Objective = "time"
    forward_only: bool = False
    input_grads: bool = True
