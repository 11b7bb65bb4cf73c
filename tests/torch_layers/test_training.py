"""Optimizers get the cores in groups of their own; in inference weights are built once."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.torch_layers.untyped import untyped
from tnc.torch import Generated, cached, core_groups, replace_layers


def model_of_two() -> Any:
    untyped.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4))
    replace_layers(model, {"0": Generated("ttn", chi=4)})
    return model


def test_groups() -> None:
    model = model_of_two()
    groups = core_groups(model, 1e-2, core_lr=3e-3, weight_decay=0.1)
    assert [(group["name"], group["lr"], group["weight_decay"]) for group in groups] == [
        ("cores", 3e-3, 0.0),
        ("rest", 1e-2, 0.1),
    ]
    assert groups[0]["params"] == list(model[0].generator.parameters())
    assert groups[1]["params"] == [model[0].bias, *model[2].parameters()]
    torch.optim.AdamW(groups)


def test_groups_of_adapters() -> None:
    model = model_of_two()
    replace_layers(model, {"2": "ttn"}, mode="add")
    groups = core_groups(model, 1e-2, scale_lr=1e-1)
    assert [group["name"] for group in groups] == ["cores", "scales"]
    assert groups[0]["params"] == list(model[2].adapters["default"].generator.parameters())
    assert [parameter is model[2].adapters["default"].scale for parameter in groups[1]["params"]] == [True]


def test_training_reduces_the_loss() -> None:
    model = model_of_two()
    x, y = torch.randn(64, 16), torch.randn(64, 4)
    optimizer: Any = torch.optim.Adam(core_groups(model, 1e-2))
    losses: list[float] = []
    for _ in range(60):
        loss: Any = (model(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_weights_are_built_once() -> None:
    model = model_of_two()
    x = torch.randn(3, 16)
    before = model(x)
    with cached(model), torch.no_grad():
        torch.testing.assert_close(model(x), before)
        first = model[0].generator._kept[1]
        assert first is not None
        torch.testing.assert_close(model(x), before)
        assert model[0].generator._kept[1] is first
        next(model[0].generator.parameters()).mul_(2)
        assert not torch.equal(model(x), before)
    assert model[0].generator._kept[1] is None
