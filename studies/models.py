"""Models whose layers are generated in tests and studies: built from their configurations, with random weights."""

# torch is typed in part
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of the convolutions; 0 is a pooling."""

VGG16_LAYERS = tuple(f"features.{number}" for number in (24, 27, 30, 34, 37, 40))
"""The six convolutions to 512 channels."""


def vgg16(classes: int = 10, seed: int = 0) -> nn.Module:
    """VGG-16 with batch norm for images of 3 × 32 × 32, as it is used on CIFAR; its statistics are those of noise."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    before = 3
    for channels in _VGG16:
        if channels == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(before, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
        before = channels
    model = nn.Sequential()
    model.add_module("features", nn.Sequential(*layers))
    model.add_module("flatten", nn.Flatten())
    model.add_module("classifier", nn.Linear(before, classes))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the statistics of all batches, here of one
        model(torch.randn(16, 3, 32, 32))
    return model.eval()


def tiny_llama(seed: int = 0) -> Any:
    """A Llama of two layers of width 64, with grouped heads."""
    transformers: Any = import_module("transformers")
    config = transformers.LlamaConfig(
        hidden_size=64,
        intermediate_size=172,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=256,
        max_position_embeddings=64,
    )
    return _seeded(transformers.LlamaForCausalLM, config, seed)


def tiny_gpt2(seed: int = 0) -> Any:
    """A GPT-2 of two layers of width 48: its projections are ``Conv1D``, and head and embedding are tied."""
    transformers: Any = import_module("transformers")
    config = transformers.GPT2Config(
        vocab_size=256, n_positions=64, n_embd=48, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    return _seeded(transformers.GPT2LMHeadModel, config, seed)


def tiny_vit(seed: int = 0) -> Any:
    """A vision transformer of two layers of width 48 for images of 3 × 32 × 32."""
    transformers: Any = import_module("transformers")
    config = transformers.ViTConfig(
        hidden_size=48,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=32,
        patch_size=8,
        num_labels=10,
    )
    return _seeded(transformers.ViTForImageClassification, config, seed)


def vision_transformer(width: int = 384, depth: int = 6, seed: int = 0) -> nn.Module:
    """A vision transformer for images of 3 × 32 × 32 in patches of 4 × 4, of plain linear layers."""
    import torch
    from torch import nn
    from torch.nn import functional as F  # noqa: N812

    class Block(nn.Module):
        """Attention with heads of 64, and two linear layers; each after a norm, and added to its input."""

        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            parts = self.qkv(self.norm1(x)).unflatten(-1, (3, width // 64, 64)).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])
            x = x + self.projection(mixed.transpose(1, 2).flatten(2))
            result: torch.Tensor = x + self.down(F.gelu(self.up(self.norm2(x))))
            return result

    class VisionTransformer(nn.Module):
        """Patches with a trained position, blocks, and the mean of the patches."""

        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, width, 4, 4)
            self.position = nn.Parameter(0.02 * torch.randn(64, width))
            self.blocks = nn.Sequential(*(Block() for _ in range(depth)))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.patches(x).flatten(2).transpose(1, 2) + self.position
            found: torch.Tensor = self.head(self.norm(self.blocks(x)).mean(1))
            return found

    torch.manual_seed(seed)
    return VisionTransformer().eval()


def logits(model: Any, given: torch.Tensor) -> Any:
    """What a model computes of images or tokens, whatever it wraps it in."""
    import torch

    with torch.no_grad():
        result = model(given)
    return result if isinstance(result, torch.Tensor) else result.logits


def _seeded(kind: Any, config: Any, seed: int) -> Any:
    import_module("torch").manual_seed(seed)
    return kind(config).eval()
