"""Every kind of layer: its weight is generated, trained, and merged again."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.torch_layers.untyped import untyped
from tnc.torch import merge_layers, replace_layers
from tnc.torch.kinds import KINDS
from tnc.torch.layers import Weightless


class Head(nn.Linear):
    """A subclass that keeps the `forward` of its base."""


def attention(**options: Any) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(12, 3, **options)


Case = tuple[Callable[[], nn.Module], tuple[int, ...]]
CASES: dict[str, Case] = {
    "Linear": (lambda: nn.Linear(12, 10), (5, 12)),
    "Linear, more axes, no bias": (lambda: nn.Linear(12, 10, bias=False), (2, 3, 12)),
    "Linear, subclass": (lambda: Head(12, 10), (5, 12)),
    "Conv1d": (lambda: nn.Conv1d(4, 6, 3, padding="same", padding_mode="circular"), (2, 4, 9)),
    "Conv2d, grouped": (lambda: nn.Conv2d(8, 12, 3, stride=2, groups=4), (2, 8, 9, 9)),
    "Conv2d, depthwise": (lambda: nn.Conv2d(6, 6, 7, padding=3, groups=6), (2, 6, 9, 9)),
    "Conv2d, 1 x 1": (lambda: nn.Conv2d(6, 4, 1, bias=False), (2, 6, 5, 5)),
    "Conv3d": (lambda: nn.Conv3d(2, 4, (2, 3, 1)), (1, 2, 5, 5, 5)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(4, 6, 3, stride=2, output_padding=1), (2, 4, 7)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (2, 4, 5, 5)),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(2, 3, 2), (1, 2, 3, 3, 3)),
    "Embedding": (lambda: nn.Embedding(11, 6), ()),
    "Embedding, padding": (lambda: nn.Embedding(11, 6, padding_idx=3), ()),
    "MultiheadAttention": (attention, (7, 2, 12)),
    "MultiheadAttention, batch first": (lambda: attention(batch_first=True, bias=False), (2, 7, 12)),
}


def model_and_data(name: str) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    untyped.manual_seed(0)
    make, shape = CASES[name]
    model = nn.ModuleDict({"layer": make()})
    if name.startswith("Embedding"):
        return model, (torch.tensor([[1, 3], [10, 0]]),)
    x = torch.randn(shape)
    return model, (x, x, x) if name.startswith("Multi") else (x,)


def result(model: nn.Module, data: tuple[torch.Tensor, ...]) -> Any:
    found: Any = model.get_submodule("layer")(*data)
    return found if torch.is_tensor(found) else found[0]


def frozen_state(module: nn.Module) -> dict[str, object]:
    """Everything that a layer has, apart from the values of tensors."""
    state: dict[str, Any] = vars(module)
    return {
        name: [*value] if name.startswith("_") and hasattr(value, "keys") else value for name, value in state.items()
    }


def test_every_kind_has_a_case() -> None:
    assert {case.partition(",")[0] for case in CASES} == {kind.name for kind in KINDS} - {"Conv1D"}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_replaced_and_merged(name: str) -> None:
    model, data = model_and_data(name)
    before = copy.deepcopy(model)
    keys, weights = list(model.state_dict()), {key for key in model.state_dict() if "weight" in key}
    plan = replace_layers(model, {"layer": "ttn"})
    assert not weights & set(model.state_dict())
    assert set(keys) - weights <= set(model.state_dict())
    assert len(plan.rows) == len(weights)
    generated = result(model, data)
    generated.square().sum().backward()
    gradients = [parameter.grad for key, parameter in model.named_parameters() if ".generator." in key]
    assert gradients
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    merged = merge_layers(model)
    assert merged is model
    assert list(model.state_dict()) == keys
    assert not any(isinstance(module, Weightless) for module in model.modules())
    torch.testing.assert_close(result(model, data), generated, atol=1e-5, rtol=1e-5)
    for one, other in zip(model.modules(), before.modules(), strict=True):
        assert type(one) is type(other)
        assert frozen_state(one) == frozen_state(other)


@pytest.mark.parametrize("name", CASES)
def test_an_adapter_starts_at_zero_and_trains(name: str) -> None:
    model, data = model_and_data(name)
    dense, keys = result(model, data).detach(), list(model.state_dict())
    replace_layers(model, {"layer": "ttn"}, mode="add")
    assert set(keys) <= set(model.state_dict())
    assert torch.equal(result(model, data), dense)
    trained = [key for key, parameter in model.named_parameters() if parameter.requires_grad]
    assert trained
    assert all(".adapters." in key or key.startswith("layer.adapters.") for key in trained)
    result(model, data).square().sum().backward()
    for key, parameter in model.named_parameters():
        if key.endswith(".scale"):
            assert parameter.grad is not None
            assert parameter.grad.abs().item() > 0
            with torch.no_grad():
                parameter.fill_(0.5)
    adapted = result(model, data)
    assert not torch.equal(adapted, dense)
    merge_layers(model)
    assert list(model.state_dict()) == keys
    torch.testing.assert_close(result(model, data), adapted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["Linear", "Conv2d, grouped", "MultiheadAttention"])
@pytest.mark.parametrize("mode", ["replace", "add"])
def test_layers_are_copied_and_pickled(name: str, mode: Any) -> None:
    model, data = model_and_data(name)
    replace_layers(model, {"layer": "ttn"}, mode=mode)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(result(copied, data), result(model, data))
        assert repr(copied) == repr(model)
        with torch.no_grad():
            for parameter in copied.parameters():
                parameter.mul_(1.5).add_(0.1)
        assert not torch.equal(result(copied, data), result(model, data))


@pytest.mark.parametrize("name", CASES)
def test_compiled_without_graph_breaks(name: str) -> None:
    model, data = model_and_data(name)
    replace_layers(model, {"layer": "ttn"})
    torch.compiler.reset()  # layers of other tests share the `forward`
    compiled: Any = untyped.compile(model.get_submodule("layer"), fullgraph=True, backend="eager")
    found = compiled(*data)
    torch.testing.assert_close(found if torch.is_tensor(found) else found[0], result(model, data))


def test_an_embedding_keeps_its_padding() -> None:
    model, _ = model_and_data("Embedding, padding")
    replace_layers(model, {"layer": "ttn"})
    weight: Any = model.get_submodule("layer").weight
    assert weight[3].abs().max() == 0
    assert (weight.abs().sum(1) > 0).sum() == 10


def test_a_transformer_reads_the_weights_of_its_layers() -> None:
    untyped.manual_seed(0)
    layer = nn.TransformerEncoderLayer(12, 3, 24, dropout=0.0, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    replace_layers(model, {"*": "ttn"})
    x, mask = torch.randn(2, 5, 12), torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    trained = model(x, src_key_padding_mask=mask)
    model.eval()
    with torch.no_grad():
        fast = model(x, src_key_padding_mask=mask)
    torch.testing.assert_close(fast[0], trained[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(fast[1, :3], trained[1, :3], atol=1e-5, rtol=1e-5)
