"""Cores start as near as they come to the weight that is there."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from tests.torch_layers.untyped import untyped
from tnc.diagnostics import CompileError
from tnc.torch import Generated, plan_layers, replace_layers


def model_of_low_rank() -> Any:
    """A weight of rank 2, and one of full rank."""
    untyped.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 10), nn.Tanh(), nn.Linear(10, 12))
    model[0].weight = nn.Parameter(torch.randn(10, 2) @ torch.randn(2, 12))
    return model


def test_the_error_is_that_of_the_weight() -> None:
    model = model_of_low_rank()
    dense = [model[index].weight.detach().clone() for index in (0, 2)]
    plan = replace_layers(model, {"*": Generated("lowrank", chi=2, start="fit")}, steps=300)
    for row, index, before in zip(plan.rows, (0, 2), dense, strict=True):
        error = (model[index].weight - before).norm() / before.norm()
        assert row.error is not None
        assert math.isclose(row.error, error.item(), rel_tol=0.05, abs_tol=2e-4)
    best = untyped.linalg.svdvals(dense[1])[2:].norm() / dense[1].norm()
    assert plan.rows[0].error is not None
    assert plan.rows[0].error < 1e-3
    assert plan.rows[1].error is not None
    assert math.isclose(plan.rows[1].error, best.item(), rel_tol=0.02)
    assert "fit: 2 with relative error 0." in str(plan)


def test_planning_fits_nothing() -> None:
    assert [row.error for row in plan_layers(model_of_low_rank(), {"*": "lowrank"}, start="fit").rows] == [None, None]


def test_half_precision_is_fitted_in_single() -> None:
    model = model_of_low_rank().bfloat16()
    (row,) = replace_layers(model, {"0": Generated("lowrank", chi=2)}, start="fit", steps=200).rows
    assert row.error is not None
    assert row.error < 0.01
    assert model[0].weight.dtype == torch.bfloat16


def test_what_cannot_be_fitted() -> None:
    model = model_of_low_rank()
    nn.init.zeros_(model[0].weight)
    with pytest.raises(CompileError, match=r"TN049.*weight of layer `0` is zero"):
        replace_layers(model, {"0": "ttn"}, start="fit")
    with pytest.raises(CompileError, match=r"TN049.*adapter starts at zero"):
        replace_layers(model, {"2": "ttn"}, start="fit", mode="add")
    assert [type(layer) for layer in model] == [nn.Linear, nn.Tanh, nn.Linear]
