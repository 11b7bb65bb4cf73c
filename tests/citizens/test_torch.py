"""Generated PyTorch modules where people put modules: pickles, precisions, autocast, export, several processes."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.citizens.networks import LAYER, WEIGHT, imported


@pytest.fixture
def classes(tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    names = ("citizens_generated", "citizens_layer")
    weight = imported(WEIGHT, "torch", tmp_path, names[0])
    layer = imported(LAYER, "torch", tmp_path, names[1])
    yield vars(weight)["Generated"], vars(layer)["Layer"]
    for name in names:
        del sys.modules[name]


def test_an_instance_of_an_imported_class_pickles(classes: tuple[Any, Any]) -> None:
    for cls in classes:
        network = cls()
        again = pickle.loads(pickle.dumps(network))
        assert type(again) is cls
        for name, value in network.state_dict().items():
            torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)


def test_copies_share_nothing(classes: tuple[Any, Any]) -> None:
    network = classes[0]()
    twin = copy.deepcopy(network)
    before = network().detach().clone()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(2)
    torch.testing.assert_close(network(), before)


def test_a_state_dict_goes_there_and_back(classes: tuple[Any, Any], tmp_path: Path) -> None:
    network, other = classes[0](), classes[0]()
    assert not torch.equal(network(), other())
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt"))
    torch.testing.assert_close(other(), network(), rtol=0, atol=0)
    assert "base" in network.state_dict()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_precisions(classes: tuple[Any, Any], dtype: torch.dtype) -> None:
    weight, layer = classes[0](), classes[1]()
    expected = weight(), layer(torch.ones(3, 12))
    tolerance = 1e-5 if dtype == torch.float64 else 0.1
    weight, layer = weight.to(dtype), layer.to(dtype)
    for value, wanted in zip((weight(), layer(torch.ones(3, 12, dtype=dtype))), expected, strict=True):
        assert value.dtype == dtype
        torch.testing.assert_close(value.float(), wanted, atol=tolerance, rtol=tolerance)
        value.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in weight.parameters())
    assert classes[0](dtype=dtype)().dtype == dtype


def test_autocast(classes: tuple[Any, Any]) -> None:
    weight, layer = (cls() for cls in classes)
    x = torch.randn(3, 12)
    expected = weight().detach(), layer(x).detach()
    with torch.autocast("cpu", torch.bfloat16):
        values = weight(), layer(x)
    for value, wanted in zip(values, expected, strict=True):
        torch.testing.assert_close(value.float(), wanted, atol=0.1, rtol=0.1)
        value.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in layer.parameters())


def test_export_with_a_dynamic_batch(classes: tuple[Any, Any]) -> None:
    layer = classes[1]()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(layer, (torch.randn(4, 12),), dynamic_shapes=({0: batch},))
    for size in (2, 9):
        x = torch.randn(size, 12)
        torch.testing.assert_close(exported.module()(x), layer(x))


def test_meta_costs_nothing_and_can_be_filled(classes: tuple[Any, Any]) -> None:
    with torch.device("meta"):
        empty = classes[0]()
    assert all(p.is_meta for p in empty.parameters())
    assert empty().shape == (8, 8)
    full = empty.to_empty(device="cpu")
    full.load_state_dict(classes[0]().state_dict())
    assert full().isfinite().all()


def test_the_generator_decides_the_start(classes: tuple[Any, Any]) -> None:
    starts = [classes[0](generator=torch.Generator().manual_seed(seed))() for seed in (1, 1, 2)]
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])
