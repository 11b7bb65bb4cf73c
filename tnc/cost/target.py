"""What a plan is made for: a backend on a device."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tnc.cost.device import TORCH, Profile
from tnc.cost.device_file import default_profile, find_profile
from tnc.ir.traits import Traits


@dataclass(frozen=True, slots=True)
class Target:
    """A backend, by name and traits, and the profile of the device that its modules run on.

    The profile was measured with another framework if the device has none for this backend. ``eager`` is the one that
    plans for eager PyTorch on this device are made by.
    """

    backend: str = TORCH
    device: Profile = field(default_factory=default_profile)
    traits: Traits = field(default_factory=Traits)
    eager: Profile = field(default_factory=default_profile)

    @property
    def reference(self) -> Target | None:
        """Eager PyTorch on the same device; None if that is the target itself."""
        return Target(device=self.eager, eager=self.eager) if self.backend != TORCH else None

    def on(self, device: str | None) -> Target:
        """The same backend on a device, the generic one if None.

        Raises:
            CompileError: TN020 if the device is unknown, TN021 if its profile is broken.
        """
        return replace(self, device=find_profile(device, self.backend), eager=find_profile(device))
