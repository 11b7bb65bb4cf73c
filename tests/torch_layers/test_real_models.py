"""Models as people use them: a VGG-16, a Llama, a GPT-2 and a ViT, from their configurations, with random weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from tests.requirements import package
from tests.torch_layers.untyped import untyped
from tnc.torch import Generated, core_groups, merge_layers, replace_layers

WIDTHS: tuple[tuple[int, ...], ...] = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def blocks() -> Iterator[nn.Module]:
    before = 3
    for widths in WIDTHS:
        for width in widths:
            yield from (nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
            before = width
        yield nn.MaxPool2d(2)


def vgg16() -> nn.Module:
    """VGG-16 with batch norm for images of 32 x 32."""
    head = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return nn.Sequential(nn.Sequential(*blocks()), nn.Flatten(), head)


def llama() -> Any:
    transformers = package("transformers")
    sizes = {"hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 2, "vocab_size": 300}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **heads))


def gpt2() -> Any:
    transformers = package("transformers")
    sizes = {"n_embd": 48, "n_layer": 2, "n_head": 4, "vocab_size": 300, "n_positions": 64}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes))


def vit() -> Any:
    transformers = package("transformers")
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    return transformers.ViTForImageClassification(transformers.ViTConfig(**sizes, image_size=32, patch_size=8))


def logits(model: Any, data: torch.Tensor) -> torch.Tensor:
    found = model(data)
    tensor: torch.Tensor = found if isinstance(found, torch.Tensor) else found.logits
    return tensor


def check(make: Callable[[], Any], data: torch.Tensor, choice: Any, **options: Any) -> tuple[Any, Any]:
    """Generate, train a step, merge: keys and classes are the original's, and the logits stay."""
    untyped.manual_seed(0)
    model = make().eval()
    original, keys = copy.deepcopy(model), list(model.state_dict())
    plan = replace_layers(model, choice, **options)
    if options.get("mode") == "add":
        torch.testing.assert_close(logits(model, data), logits(original, data), atol=1e-5, rtol=0)
    optimizer: Any = torch.optim.Adam(core_groups(model, lr=1e-3, scale_lr=1e-1))
    start = [parameter.detach().clone() for parameter in model.parameters()]
    for _ in range(2):
        loss: Any = logits(model, data).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    trained = dict(zip((key for key, _ in model.named_parameters()), start, strict=True))
    for key, parameter in model.named_parameters():
        if ".generator." in key:
            assert not torch.equal(parameter, trained[key]), key
        if options.get("mode") == "add" and ".adapters." not in key:
            assert torch.equal(parameter, trained[key]), key
    with torch.no_grad():
        before = logits(model, data)
        merge_layers(model)
        after = logits(model, data)
    assert (after - before).abs().max() <= 1e-5 * max(1.0, before.abs().max().item())
    assert list(model.state_dict()) == keys
    assert [type(module) for module in model.modules()] == [type(module) for module in original.modules()]
    original.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(logits(original, data), after)
    return model, plan


def test_a_vgg16_with_six_generated_layers() -> None:
    wide = "re:0\\.(27|30|34|37|40)"
    _, plan = check(vgg16, torch.randn(2, 3, 32, 32), {wide: Generated("attn", chi=2), "2.0": "ttn"})
    assert len(plan.rows) == 6
    assert plan.dense == 5 * 512 * 512 * 9 + 512 * 512
    assert plan.parameters / plan.after > 3


@pytest.mark.peers
@pytest.mark.parametrize("mode", ["replace", "add"])
def test_a_llama_with_all_projections(mode: Any) -> None:
    model, plan = check(llama, torch.arange(24).reshape(2, 12), {"*_proj": "attn"}, mode=mode)
    assert len(plan.rows) == 2 * 7
    assert type(model.model.layers[0].self_attn.q_proj) is nn.Linear


@pytest.mark.peers
def test_a_gpt2_whose_head_is_tied_to_its_embedding() -> None:
    from tnc.diagnostics import CompileError

    check(gpt2, torch.arange(24).reshape(2, 12), {"*.c_*": "attn"}, mode="add")
    check(gpt2, torch.arange(24).reshape(2, 12), {"*.c_attn": "attn", "*.mlp.c_*": Generated("mps", chi=4)})
    with pytest.raises(CompileError, match=r"TN048.*lm_head"):
        replace_layers(gpt2(), {"lm_head": "attn"})


@pytest.mark.peers
def test_a_vit() -> None:
    _, plan = check(vit, torch.randn(2, 3, 32, 32), {"vit.layers.*": "attn", "*projection": "ttn"})
    assert {row.kind for row in plan.rows} == {"Linear", "Conv2d"}
