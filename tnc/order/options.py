"""What a plan is made for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Nominal dynamic sizes (1 where not given; names of other networks are ignored) and the dtype.

    Sizes only steer choices: what is generated runs at every size.
    """

    sizes: tuple[tuple[str, int], ...] = ()
    dtype: str = "float32"
