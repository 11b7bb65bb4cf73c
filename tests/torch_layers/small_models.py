"""A small model with a generated layer of every way of computing, and the same start for every call."""

# torch is typed in part
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tnc.torch import Generated, replace_layers

CHOICE = {
    "conv": Generated("attn", chi=2),
    "built": Generated("ttn", chi=3),
    "applied": Generated("mps", chi=2),
}


class Small(nn.Module):
    """A convolution, two linear layers to be generated, and a dense head."""

    conv: Any
    built: Any
    applied: Any
    head: Any

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.built = nn.Linear(128, 24)
        self.applied = nn.Linear(24, 24)
        self.head = nn.Linear(24, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.norm(self.conv(x))).flatten(1)
        x = torch.tanh(self.built(x))
        result: torch.Tensor = self.head(torch.tanh(self.applied(x)))
        return result


def dense(seed: int = 0) -> Small:
    torch.manual_seed(seed)
    return Small().eval()


def generated(seed: int = 0, **options: Any) -> Small:
    model = dense(seed)
    replace_layers(model, CHOICE, **options)
    return model


def images(count: int = 2, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def trained(model: Any, steps: int = 2, rate: float = 1e-2) -> Any:
    """The model after some steps of Adam."""
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for step in range(steps):
        optimizer.zero_grad()
        loss: Any = model(images(4, step)).square().mean()
        loss.backward()
        optimizer.step()
    return model
