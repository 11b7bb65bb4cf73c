"""Layers of a model are selected, checked, replaced and merged."""

from __future__ import annotations

import copy
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrizations

from tests.torch_layers.untyped import untyped
from tnc.diagnostics import CompileError
from tnc.torch import Generated, merge_layers, plan_layers, replace_layers
from tnc.torch.layers import GeneratedLayer

OWN = str(Path(__file__).parents[1] / "layers" / "own.tn")


def small() -> Any:
    untyped.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6), nn.Linear(6, 6))


def errors(model: Any, choice: Any, **options: Any) -> list[tuple[str, str]]:
    """What is wrong; the model is as it was, and planning finds the same."""
    before = {key: value.clone() for key, value in model.state_dict().items() if not is_lazy(value)}
    modules = dict(model.named_modules())
    flags = [parameter.requires_grad for parameter in model.parameters()]
    with pytest.raises(CompileError) as caught:
        replace_layers(model, choice, **options)
    with pytest.raises(CompileError) as planned:
        plan_layers(model, choice, **options)
    assert planned.value.diagnostics == caught.value.diagnostics
    assert all(each.help for each in caught.value.diagnostics)
    assert dict(model.named_modules()) == modules
    assert [parameter.requires_grad for parameter in model.parameters()] == flags
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())
    return [(each.code, each.message) for each in caught.value.diagnostics]


def is_linear(name: str, module: nn.Module) -> bool:
    del name
    return isinstance(module, nn.Linear)


def nothing(name: str, module: nn.Module) -> bool:
    del name, module
    return False


# -- what is selected ------------------------------------------------------------------------------------


def test_patterns_and_templates() -> None:
    model = small()
    plan = replace_layers(model, {"3": Generated("attn", chi=3), "re:[67]": "ttn"})
    assert [(row.layer, row.template, row.kind) for row in plan.rows] == [
        ("3", "attn chi=3", "Conv2d"),
        ("6", "ttn", "Linear"),
        ("7", "ttn", "Linear"),
    ]
    assert [type(layer).__name__ for layer in model][3:] == [
        "GeneratedLayer",
        "AdaptiveAvgPool2d",
        "Flatten",
        "GeneratedLayer",
        "GeneratedLayer",
    ]
    assert "3.bias" in model.state_dict()
    assert not any(key.endswith("3.weight") for key in model.state_dict())


def test_a_filter() -> None:
    plan = plan_layers(small(), Generated("ttn"), filter=is_linear)
    assert [row.layer for row in plan.rows] == ["6", "7"]
    assert errors(small(), "ttn", filter=nothing)[0][0] == "TN045"
    with pytest.raises(TypeError, match="with `filter`"):
        plan_layers(small(), {"6": "ttn"}, filter=is_linear)
    with pytest.raises(TypeError, match="`choice` must be"):
        plan_layers(small(), "ttn")


def test_planning_changes_nothing() -> None:
    model = small()
    before = copy.deepcopy(model).state_dict()
    plan_layers(model, {"6": "ttn"}, mode="add")
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_equal_layers_share_a_class() -> None:
    model: Any = nn.Sequential(*(nn.Linear(16, 16) for _ in range(3)))
    replace_layers(model, {"*": "ttn"})
    assert len({layer.generator.__class__ for layer in model}) == 1


# -- what is kept ------------------------------------------------------------------------------------------


def test_attributes_flags_and_hooks_stay() -> None:
    model = small().eval()
    seen: list[str] = []

    def hook(*_: object) -> None:
        seen.append("hook")

    model[6].register_forward_hook(hook)
    bias = model[6].bias
    replace_layers(model, {"6": "ttn"})
    layer = model[6]
    assert type(layer) is GeneratedLayer
    assert not issubclass(GeneratedLayer, nn.Linear)
    assert [layer.in_features, layer.out_features, layer.training] == [8, 6, False]
    assert layer.bias is bias
    assert not layer.generator.training
    layer(torch.ones(1, 8))
    assert seen == ["hook"]
    merge_layers(model)[6](torch.ones(1, 8))
    assert seen == ["hook"] * 2


def test_the_weight_is_read_only_and_differentiable() -> None:
    model = small()
    replace_layers(model, {"6": "ttn"})
    layer: Any = model[6]
    assert layer.weight.shape == (6, 8)
    assert layer.weight.requires_grad
    with pytest.raises(AttributeError):
        layer.weight = torch.zeros(6, 8)
    with pytest.raises(KeyError):
        layer.weight = nn.Parameter(torch.zeros(6, 8))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dtype(dtype: torch.dtype) -> None:
    model = small().to(dtype)
    replace_layers(model, {"6": "ttn"})
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    assert merge_layers(model)[6].weight.dtype == dtype


def test_the_meta_device() -> None:
    with torch.device("meta"):
        model: Any = nn.Sequential(nn.Linear(12, 10))
    replace_layers(model, {"0": "ttn"})
    assert all(parameter.is_meta for parameter in model.parameters())
    model.to_empty(device="cpu")
    untyped.manual_seed(0)
    model[0].reset_parameters()
    assert math.isclose(model[0].weight.std().item(), 36**-0.5, rel_tol=0.5)


def test_the_weight_starts_with_the_deviation_that_was_there() -> None:
    untyped.manual_seed(0)
    model: Any = nn.Sequential(*(nn.Linear(64, 64) for _ in range(12)))
    for layer in model:
        nn.init.normal_(layer.weight, std=0.05)
    replace_layers(model, {"*": Generated("ttn", chi=8)})
    found = [layer.weight.square().mean().item() for layer in model]
    assert math.isclose((sum(found) / len(found)) ** 0.5, 0.05, rel_tol=0.2)


def test_a_constant_weight_starts_as_the_framework_would() -> None:
    model: Any = nn.Sequential(nn.Linear(64, 64))
    nn.init.zeros_(model[0].weight)
    replace_layers(model, {"0": Generated("ttn", chi=8)})
    assert "std 0.0721687836" in model[0].compiled.flat


def test_a_generator_draws_the_cores() -> None:
    drawn: list[torch.Tensor] = []
    for seed in (1, 1, 2):
        model = small()
        replace_layers(model, {"6": "ttn"}, generator=torch.Generator().manual_seed(seed))
        drawn.append(model[6].weight)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_repr() -> None:
    model = small()
    replace_layers(model, {"6": Generated("ttn", chi=3)})
    assert repr(model[6]) == "GeneratedLinear(in_features=8, out_features=6, bias=True, 63 → 48, ttn chi=3, applied)"
    replace_layers(model, {"7": "ttn"}, mode="add")
    assert repr(model[7]).startswith("AdaptedLinear(in_features=6, out_features=6, bias=True, default: ")


def test_replacing_below_a_module_list() -> None:
    model = nn.ModuleDict({"blocks": nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])})
    replace_layers(model, {"blocks.*": "ttn"})
    assert [type(module).__name__ for module in model.modules()].count("GeneratedLayer") == 2


# -- adapters ---------------------------------------------------------------------------------------------


def test_freezing() -> None:
    model = small()
    replace_layers(model, {"6": "ttn"}, mode="add")
    assert [
        key for key, parameter in model.named_parameters() if parameter.requires_grad and "adapters" not in key
    ] == []
    model = small()
    replace_layers(model, {"6": "ttn"}, mode="add", freeze=False)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_one_call_replaces_and_adds() -> None:
    model = small()
    x = torch.randn(2, 3, 5, 5)
    plan = replace_layers(model, {"6": Generated("ttn", mode="add"), "7": "ttn"})
    assert [row.mode for row in plan.rows] == ["add", "replace"]
    assert all(parameter.requires_grad for parameter in model[7].generator.parameters())
    assert not model[6].base.requires_grad
    assert model(x).shape == (2, 6)


# -- what is refused ----------------------------------------------------------------------------------------


def test_everything_at_once() -> None:
    model = small()
    model[7].weight = nn.Parameter(model[7].weight.int(), requires_grad=False)
    found = errors(model, {"3": "atn", "4.*": "ttn", "6": Generated("ttn", mode="no"), "7": "ttn"})  # type: ignore[arg-type]
    assert [code for code, _ in found] == ["TN045", "TN049", "TN047", "TN040"]


def test_names() -> None:
    found = errors(small(), {"8": "ttn", "1": "ttn", "[67]": "ttn", "6": "attn"})
    assert [code for code, _ in found] == ["TN045", "TN047", "TN046"]


def test_a_layer_replaced_twice() -> None:
    model = small()
    replace_layers(model, {"6": "ttn"})
    ((code, message),) = errors(model, {"6": "attn"})
    assert (code, message) == ("TN046", "layer `6` is generated already: 32 → 48, ttn")
    replace_layers(model, {"7": "ttn"}, mode="add")
    assert errors(model, {"7": "ttn"}, mode="add") == [("TN046", "layer `7` has an adapter `default` already")]
    assert errors(model, {"7": "ttn"}) == [("TN046", "layer `7` has adapters: `default`")]
    replace_layers(model, {"7": "attn"}, mode="add", name="second")
    assert list(model[7].adapters) == ["default", "second"]


def test_tied_weights() -> None:
    model = nn.ModuleDict({"embed": nn.Embedding(10, 4), "head": nn.Linear(4, 10, bias=False)})
    model["head"].weight = model["embed"].weight
    for mode in ("replace", "add"):
        assert errors(model, {"head": "ttn"}, mode=mode) == [
            ("TN048", "the weight of layer `head` is also `embed.weight`")
        ]
    shared = nn.Linear(4, 4)
    ((code, message),) = errors(nn.Sequential(shared, nn.ReLU(), shared), {"0": "ttn"})
    assert (code, message) == ("TN048", "the weight of layer `0` is also `2.weight`")


def test_templates_that_do_not_fit() -> None:
    found = errors(small(), {"6": f"{OWN}:fc2", "7": f"{OWN}:with_data", "3": "atn", "0": Generated("ttn", ch=2)})
    assert [(code, message.partition(":")[0]) for code, message in found] == [
        ("TN006", "layer `0`"),
        ("TN040", "layer `3`"),
        ("TN041", "layer `6`"),
        ("TN041", "layer `6`"),
        ("TN042", "layer `7`"),
    ]
    assert "axis `out` of the output" in found[2][1]


class Doubled(nn.Linear):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(2 * input)


def unusual(name: str) -> Any:
    match name:
        case "parametrized":
            return parametrizations.orthogonal(nn.Linear(4, 4))
        case "pruned":
            return import_module("torch.nn.utils.prune").l1_unstructured(nn.Linear(4, 4), "weight", 0.5)
        case "lazy":
            return nn.LazyLinear(4)
        case "subclass":
            return Doubled(4, 4)
        case "max_norm":
            return nn.Embedding(4, 4, max_norm=1.0)
        case "sparse":
            return nn.Embedding(4, 4, sparse=True)
        case "other dimensions":
            return nn.MultiheadAttention(4, 2, kdim=3)
        case _:
            layer = nn.Linear(4, 4)
            layer.register_parameter("weight", None)
            layer.weight = nn.Parameter(torch.ones(4, 4, dtype=torch.int8), requires_grad=False)
            return layer


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("parametrized", "is parametrized"),
        ("pruned", "computes its `weight` from other parameters"),
        ("lazy", "is a `LazyLinear`, whose shape is not known yet"),
        ("subclass", "is a `Doubled`, a `Linear` with a `forward` of its own"),
        ("max_norm", "has `max_norm`, which changes the weight in place"),
        ("sparse", "has `sparse=True`, and a generated weight has a dense gradient"),
        ("other dimensions", "has separate projections for keys and values of other dimensions"),
        ("integers", "has a weight of dtype int8"),
    ],
)
def test_unusual_layers(name: str, reason: str) -> None:
    found = errors(nn.ModuleDict({"layer": unusual(name)}), {"layer": "ttn"})
    assert [code for code, _ in found] == ["TN047"]
    assert found[0][1].endswith(reason)


def test_inference_mode() -> None:
    model = small()
    with torch.inference_mode():
        assert [code for code, _ in errors(model, {"6": "ttn"})] == ["TN049"]
    replace_layers(model, {"6": "ttn"})
    with torch.inference_mode(), pytest.raises(CompileError, match="TN049"):
        merge_layers(model)
    with pytest.raises(CompileError, match="TN049"):
        merge_layers(model[6])


def test_options() -> None:
    assert [code for code, _ in errors(small(), {"6": Generated("ttn", mode="no")})] == ["TN049"]  # type: ignore[arg-type]
    assert [code for code, _ in errors(small(), {"6": "ttn"}, mode="add", name="items")] == ["TN049"]
    with pytest.raises(TypeError, match=r"must be a `torch\.nn\.Module`"):
        plan_layers("model", {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="given twice"):
        Generated("ttn", args={"chi": 2}, chi=3)
    with pytest.raises(TypeError, match="`Generated` or a string"):
        plan_layers(small(), {"6": 3})  # type: ignore[dict-item]
    assert repr(Generated("ttn", mode="add", chi=3)) == "Generated('ttn', mode='add', chi=3)"


# -- the plan -------------------------------------------------------------------------------------------------


def test_the_plan() -> None:
    untyped.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(13, 44), nn.ReLU(), nn.Linear(44, 8))
    plan = plan_layers(model, {"0": "ttn", "2": Generated("ttn", mode="add")})
    assert plan.rows[0].padding == (45, 14)
    lines = str(plan).splitlines()
    assert lines[0].split() == ["layer", "shape", "dense", "generated", "ratio", "template", "through", "step", "time"]
    assert "padding: 44 × 13 is cut from 45 × 14 (0)" in lines
    before = sum(parameter.numel() for parameter in model.parameters())
    assert plan.parameters == before
    replace_layers(model, {"0": "ttn", "2": Generated("ttn", mode="add")})
    assert plan.after == sum(parameter.numel() for parameter in model.parameters())
    content: Any = plan.to_dict()
    assert content["layers"][0]["dense"] == 44 * 13
    assert content["parameters"] == {"before": before, "after": plan.after}
