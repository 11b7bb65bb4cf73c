"""Generated PyTorch modules where people put modules: pickles, precisions, autocast, export, several processes."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.citizens.networks import LAYER, WEIGHT, imported

_untyped: Any = torch  # its functions are typed in part


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


@pytest.fixture
def kept(classes: tuple[Any, Any]) -> Any:
    """A generator in eval mode that may keep its weight."""
    network = classes[0]().eval()
    network.cache = True
    return network


def test_a_weight_is_generated_once(kept: Any) -> None:
    with torch.no_grad():
        assert kept() is kept()
        kept.cache = False
        assert kept() is not kept()


def test_nothing_is_kept_unasked(classes: tuple[Any, Any]) -> None:
    network = classes[0]().eval()
    with torch.no_grad():
        assert network() is not network()


CHANGES: dict[str, Callable[[Any], object]] = {
    "load": lambda network: network.load_state_dict(type(network)().state_dict()),
    "assign": lambda network: network.load_state_dict(type(network)().state_dict(), assign=True),
    "cores": lambda network: network.load_cores(type(network)().cores()),
    "reset": lambda network: network.reset_parameters(),
    "parameter": lambda network: network.gain.mul_(2),
    "buffer": lambda network: network.base.zero_(),
    "dtype": lambda network: network.to(torch.bfloat16),
    "result": lambda network: network().zero_(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_kept_is_never_stale(kept: Any, change: Callable[[Any], object]) -> None:
    with torch.no_grad():
        kept()
        change(kept)
        torch.testing.assert_close(kept(), kept.forward(), rtol=0, atol=0)


def test_training_goes_on_from_a_kept_weight(kept: Any) -> None:
    """In eval mode too, as with frozen statistics: whoever wants gradients gets them."""
    with torch.no_grad():
        before = kept().clone()
    optimizer: Any = torch.optim.SGD(kept.parameters(), 0.1)
    for training in (False, True):
        kept.train(training)
        kept().square().sum().backward()
        optimizer.step()
        kept.eval()
        with torch.no_grad():
            assert not torch.equal(kept(), before)
            torch.testing.assert_close(kept(), kept.forward(), rtol=0, atol=0)


def test_a_kept_weight_has_the_precision_of_its_call(kept: Any) -> None:
    with torch.inference_mode():
        assert kept() is kept()
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(kept(), kept.forward(), rtol=0, atol=0)
        torch.testing.assert_close(kept(), kept.forward(), rtol=0, atol=0)


def test_a_kept_weight_is_not_copied(kept: Any) -> None:
    with torch.no_grad():
        kept()
        for twin in (copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
            assert twin.cache
            assert vars(twin)["_kept"] is None
            torch.testing.assert_close(twin(), kept(), rtol=0, atol=0)


def test_compilers_and_meta_see_no_cache(kept: Any) -> None:
    torch.compiler.reset()
    compiled = _untyped.compile(kept, fullgraph=True, backend="eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(), kept.forward())
        kept.gain.mul_(2)
        torch.testing.assert_close(compiled(), kept.forward())
        exported = torch.export.export(kept, ())
        torch.testing.assert_close(exported.module()(), kept.forward())
        assert copy.deepcopy(kept).to("meta")().shape == (8, 8)
