"""A weight is built, or data go through its cores: the values are the same, and the report says which."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from tests.torch_layers.untyped import untyped
from tnc.torch import Generated, cached, load_layers, merge_layers, plan_layers, replace_layers, save_layers


def replaced(through: Any, network: str = "mps", **options: Any) -> Any:
    untyped.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 96), nn.Tanh(), nn.Linear(96, 64, bias=False))
    replace_layers(model, {"*": Generated(network, chi=4)}, through=through, **options)
    return model


def noted(calls: list[str], name: str, *_: object) -> None:
    calls.append(name)


def counted(model: Any) -> list[str]:
    """A list to which every call of a generator is added."""
    calls: list[str] = []
    for name in ("0", "2"):
        layer = model[int(name)]
        generator = layer.adapters["default"].generator if hasattr(layer, "adapters") else layer.generator
        generator.register_forward_hook(partial(noted, calls, name))
    return calls


@pytest.mark.parametrize("network", ["mps", "attn", "ttn", "lowrank"])
@pytest.mark.parametrize("mode", ["replace", "add"])
def test_values_and_gradients_agree(network: str, mode: Any) -> None:
    built, applied = (replaced(through, network, mode=mode, freeze=False).double() for through in ("build", "apply"))
    with torch.no_grad():
        for key, parameter in built.named_parameters():
            parameter.fill_(0.7) if key.endswith("scale") else parameter.add_(0.05)
    applied.load_state_dict(built.state_dict())
    calls = counted(applied)
    for shape in ((64,), (5, 64), (2, 3, 64), (0, 64)):
        x = torch.randn(shape, dtype=torch.float64)
        torch.testing.assert_close(applied(x), built(x))
        for model in (built, applied):
            model.zero_grad()
            loss: Any = model(x).square().sum()
            loss.backward()
        for one, other in zip(applied.parameters(), built.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad)
    assert calls == []


def test_the_number_of_rows_decides() -> None:
    model = replaced("auto")
    applied = model[0].compiled.applied
    assert applied.training > 0
    assert repr(model[0]).endswith(f"mps chi=4, applied up to {applied.training} rows)")
    calls = counted(model)
    model(torch.randn(applied.training, 64))
    assert "0" not in calls
    model(torch.randn(2, applied.training, 64))
    assert "0" in calls
    del calls[:]
    with torch.no_grad():
        model(torch.randn(applied.forward, 64))
        assert "0" not in calls
        model(torch.randn(applied.forward + 1, 64))
        assert "0" in calls


def test_a_weight_of_low_rank_is_always_applied() -> None:
    model = replaced("auto", "lowrank")
    assert [layer.compiled.through for layer in (model[0], model[2])] == ["applied", "applied"]
    assert model[0].compiled.applied.planned


def test_the_plan_says_which() -> None:
    model = nn.Sequential(nn.Linear(64, 96), nn.Conv1d(4, 4, 3))
    texts = {
        through: [row.through for row in plan_layers(model, {"*": Generated("mps", chi=4)}, through=through).rows]
        for through in ("build", "apply", "auto")
    }
    assert texts["build"] == ["built", "built"]
    assert texts["apply"] == ["applied", "built"]
    assert texts["auto"][0].startswith("applied up to ")
    assert texts["auto"][1] == "built"


@pytest.mark.parametrize(("rows", "planned"), [(2, True), (2**18, False)])
def test_compiled_modules_take_the_plan_for_the_sizes(rows: int, planned: bool) -> None:
    model = replaced("auto", sizes={"batch": rows})
    assert model[0].compiled.applied.planned is planned
    x = torch.randn(3, 64)
    torch.compiler.reset()
    compiled: Any = untyped.compile(model, fullgraph=True, dynamic=True, backend="eager")
    found = compiled(x)  # before any call without `torch.compile`
    expected = model(x)
    torch.testing.assert_close(found, expected)
    exported: Any = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},))
    torch.testing.assert_close(exported.module()(torch.cat([x, x])), torch.cat([expected, expected]))


def test_inside_cached_the_weight_is_built() -> None:
    model = replaced("apply")
    x = torch.randn(3, 64)
    calls = counted(model)
    with cached(model), torch.no_grad():
        torch.testing.assert_close(model(x), model(x))
    assert calls.count("0") == 2
    model(x)
    assert calls.count("0") == 2


def test_copies_pickles_files_and_merged_layers(tmp_path: Any) -> None:
    model = replaced("apply")
    x = torch.randn(3, 64)
    expected = model(x)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(copied(x), expected)
    save_layers(model, tmp_path / "cores.safetensors")
    fresh = nn.Sequential(nn.Linear(64, 96), nn.Tanh(), nn.Linear(96, 64, bias=False))
    load_layers(fresh, tmp_path / "cores.safetensors")
    assert repr(fresh) == repr(model)
    assert torch.equal(fresh(x), expected)
    merge_layers(model)
    torch.testing.assert_close(model(x), expected, atol=1e-5, rtol=1e-5)
    state: dict[str, Any] = model[0].__dict__
    assert set(state) == set(vars(nn.Linear(1, 1)))


def test_autocast() -> None:
    built, applied = replaced("build"), replaced("apply")
    applied.load_state_dict(built.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        one, other = built(torch.ones(3, 64)), applied(torch.ones(3, 64))
    assert one.dtype == other.dtype == torch.bfloat16
    torch.testing.assert_close(one, other, atol=0.05, rtol=0.05)
