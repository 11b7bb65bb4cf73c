"""Models of transformers, built from their configurations: generated, adapted, saved, loaded, merged."""

# torch is typed in part
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from studies.models import logits, tiny_gpt2, tiny_llama, tiny_vit
from tests import requirements
from tnc.diagnostics import CompileError
from tnc.layers.merge import merge_file
from tnc.torch import Generated, load_layers, merge_layers, replace_layers, save_layers

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

close = torch.testing.assert_close
Maker = Callable[..., Any]

MODELS: dict[str, tuple[Maker, dict[str, Generated | str], str]] = {
    "llama, replaced": (tiny_llama, {"*.mlp.*": "attn", "model.embed_tokens": "ttn"}, "replace"),
    "llama, adapters on all projections": (tiny_llama, {"*_proj": Generated("ttn", chi=2)}, "add"),
    "gpt2, replaced": (tiny_gpt2, {"*.c_fc": "attn", "*.mlp.c_proj": "mps"}, "replace"),
    "gpt2, adapters": (tiny_gpt2, {"*.c_attn": "attn"}, "add"),
    "vit, replaced": (tiny_vit, {"vit.layers.*": Generated("attn", act="silu")}, "replace"),
}


@pytest.fixture(scope="module", autouse=True)
def transformers() -> Any:
    return requirements.package("transformers")


def given(make: Maker) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    if make is tiny_vit:
        return torch.randn(2, 3, 32, 32, generator=generator)
    return torch.randint(0, 256, (2, 12), generator=generator)


def loss(model: Any, x: torch.Tensor) -> Any:
    result: Any = model(x).logits.square().mean()
    return result


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_trained_saved_loaded_and_merged(name: str, tmp_path: Path) -> None:
    make, choice, mode = MODELS[name]
    model, x = make(), given(make)
    original = logits(model, x)
    keys = list(model.state_dict())
    replace_layers(model, choice, mode="add" if mode == "add" else "replace")
    assert torch.equal(logits(model, x), original) == (mode == "add")
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        loss(model, x).backward()
        optimizer.step()
    expected = logits(model, x)
    assert not torch.allclose(expected, original)
    path = tmp_path / "cores.safetensors"
    save_layers(model, path, rest=None if mode == "add" else "all")
    fresh = load_layers(make(), path)
    assert torch.equal(logits(fresh, x), expected)
    merged = merge_layers(fresh)
    close(logits(merged, x), expected, atol=1e-5, rtol=0)
    assert list(merged.state_dict()) == keys
    assert "tnc" not in {type(module).__module__.partition(".")[0] for module in merged.modules()}


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_save_pretrained_after_a_merge(make: Maker, tmp_path: Path, transformers: Any) -> None:
    """The merged model is one that transformers writes and reads."""
    model, x = make(), given(make)
    replace_layers(model, {"*.mlp.*proj": "attn"})
    expected = logits(model, x)
    merge_layers(model).save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path).eval()
    close(logits(again, x), expected, atol=1e-5, rtol=0)


def test_transformers_loads_what_the_command_writes(tmp_path: Path) -> None:
    model, x = tiny_llama(), given(tiny_llama)
    model.save_pretrained(tmp_path)
    replace_layers(model, {"*_proj": "attn"}, mode="add")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".scale"):
                parameter.fill_(0.5)
    save_layers(model, tmp_path / "cores")
    base = tmp_path / "model.safetensors"
    merge_file(tmp_path / "cores", tmp_path / "merged", bases=[base])
    (tmp_path / "merged").replace(base)
    again = type(model).from_pretrained(tmp_path).eval()
    close(logits(again, x), logits(model, x), atol=1e-5, rtol=0)


def test_generation_and_gradient_checkpointing(tmp_path: Path) -> None:
    model, x = tiny_llama(), given(tiny_llama)
    replace_layers(model, {"*_proj": "attn"})
    tokens = model.generate(x, max_new_tokens=4, do_sample=False, pad_token_id=0)
    assert tokens.shape == (2, 16)
    close(
        merge_layers(load_again(model, tmp_path)).generate(x, max_new_tokens=4, do_sample=False, pad_token_id=0), tokens
    )
    model.train()
    loss(model, x).backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    loss(model, x).backward()
    close({name: p.grad for name, p in model.named_parameters()}, expected)


def load_again(model: Any, folder: Path) -> Any:
    save_layers(model, folder / "again", rest="all")
    return load_layers(tiny_llama(seed=5), folder / "again")


def test_tied_weights_are_refused_and_can_be_untied(tmp_path: Path) -> None:
    model, x = tiny_gpt2(), given(tiny_gpt2)
    with pytest.raises(CompileError, match=r"TN048.*lm_head.weight"):
        replace_layers(model, {"transformer.wte": "ttn"})
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    replace_layers(model, {"transformer.wte": "ttn"})
    save_layers(model, tmp_path / "cores", rest="all")
    with pytest.raises(CompileError, match=r"TN054.*lm_head.weight"):
        load_layers(tiny_gpt2(), tmp_path / "cores")
    fresh = tiny_gpt2(seed=4)
    fresh.lm_head.weight = torch.nn.Parameter(fresh.lm_head.weight.detach().clone())
    close(logits(load_layers(fresh, tmp_path / "cores"), x), logits(model, x))


def test_half_precision(tmp_path: Path) -> None:
    model, x = tiny_llama().bfloat16(), given(tiny_llama)
    replace_layers(model, {"*_proj": "attn"})
    expected = logits(model, x)
    save_layers(model, tmp_path / "cores")
    fresh = load_layers(tiny_llama().bfloat16(), tmp_path / "cores")
    assert fresh.model.layers[0].mlp.up_proj.weight.dtype == torch.bfloat16
    assert torch.equal(logits(fresh, x), expected)
