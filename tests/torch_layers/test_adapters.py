"""Several adapters on one layer: switched, removed, merged."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tests.torch_layers.untyped import untyped
from tnc.diagnostics import CompileError
from tnc.torch import (
    Generated,
    adapter_names,
    disable_adapters,
    enable_adapters,
    merge_layers,
    remove_adapters,
    replace_layers,
)


def adapted() -> tuple[Any, torch.Tensor]:
    """A model with the adapters `french` on both layers and `german` on the second, whose scales are not zero."""
    untyped.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 4))
    replace_layers(model, {"*": "ttn"}, mode="add", name="french")
    replace_layers(model, {"2": Generated("mps", chi=3)}, mode="add", name="german")
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.endswith("scale"):
                parameter.fill_(0.5)
    return model, torch.randn(5, 8)


def by_hand(model: Any, x: torch.Tensor, *names: str) -> torch.Tensor:
    for layer in model:
        if isinstance(layer, nn.Tanh):
            x = layer(x)
            continue
        weight = layer.base
        for name in names:
            if name in layer.adapters:
                weight = weight + layer.adapters[name].scale * layer.adapters[name].generator()
        x = nn.functional.linear(x, weight, layer.bias)
    return x


def test_adapters_add_up_and_are_switched() -> None:
    model, x = adapted()
    assert adapter_names(model) == ("french", "german")
    torch.testing.assert_close(model(x), by_hand(model, x, "french", "german"))
    disable_adapters(model, "german")
    torch.testing.assert_close(model(x), by_hand(model, x, "french"))
    assert repr(model[2]).endswith("built, disabled)")
    disable_adapters(model)
    torch.testing.assert_close(model(x), by_hand(model, x))
    enable_adapters(model, "german")
    torch.testing.assert_close(model(x), by_hand(model, x, "german"))
    enable_adapters(model)
    torch.testing.assert_close(model(x), by_hand(model, x, "french", "german"))


def test_only_enabled_adapters_are_merged() -> None:
    model, x = adapted()
    disable_adapters(model, "french")
    expected = by_hand(model, x, "german")
    merge_layers(model)
    assert [type(layer) for layer in model] == [nn.Linear, nn.Tanh, nn.Linear]
    torch.testing.assert_close(model(x), expected)


def test_adapters_are_removed() -> None:
    model, x = adapted()
    base, dense = model[0].base, by_hand(model, x).detach()
    remove_adapters(model, "french")
    assert type(model[0]) is nn.Linear
    assert model[0].weight is base
    assert adapter_names(model) == ("german",)
    torch.testing.assert_close(model(x), by_hand(nn.Sequential(model[2]), torch.tanh(model[0](x)), "german"))
    remove_adapters(model)
    assert torch.equal(model(x), dense)
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize("change", [enable_adapters, disable_adapters, remove_adapters])
def test_an_unknown_adapter(change: Any) -> None:
    model, x = adapted()
    before = model(x)
    with pytest.raises(CompileError, match="unknown adapter `frensh`") as caught:
        change(model, "german", "frensh")
    assert [(each.code, each.help) for each in caught.value.diagnostics] == [("TN056", "did you mean `french`?")]
    assert torch.equal(model(x), before)


def test_the_dense_weights_of_a_checkpoint_still_load() -> None:
    model, _ = adapted()
    untyped.manual_seed(1)
    other = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 4))
    missing = model.load_state_dict(other.state_dict(), strict=False)
    assert missing.unexpected_keys == []
    assert all(".adapters." in key for key in missing.missing_keys)
    other_weight: Any = other[0].weight
    assert torch.equal(model[0].base, other_weight)
