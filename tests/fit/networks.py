"""Networks and targets that the tests of this folder share."""

from __future__ import annotations

import torch

import tnc

DOUBLE = torch.float64
LEAVES = "[2] * 8"


def network(call: str, axes: int = 8) -> tnc.Network:
    """The network of one topology of the standard library, such as ``ttn([2] * 8)``."""
    return tnc.loads(f"network n() {{ let t = std.{call}  output w(x[0..{axes}]) = t(x[0..{axes}]) }}")


def smooth() -> torch.Tensor:
    """A smooth function of two variables, sampled on 16 × 16 points; an axis a bit."""
    a, b = torch.linspace(0, 1, 16)[:, None], torch.linspace(0, 1, 16)
    values = torch.sin(6 * a * b) + torch.exp(-20 * (a - b) ** 2)
    return (values - values.mean()).reshape([2] * 8)
