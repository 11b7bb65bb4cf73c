"""The example networks whose generated text is golden, and their modules on every backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import tnc

FOLDER = Path(__file__).parents[2] / "examples"
BACKENDS = ("torch", "jax", "numpy")


@dataclass(frozen=True)
class Example:
    """A network of a file in `examples/`, and the sizes that its dynamic dimensions are planned for."""

    file: str
    network: str
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])


EXAMPLES: Mapping[str, Example] = {
    example.network: example
    for example in (
        Example("mps_classifier.tn", "mps_classifier"),
        Example("vgg16.tn", "conv512_mera"),
        Example("vgg16.tn", "conv512_attn1"),
        Example("vgg16.tn", "conv512_ttn"),
        Example("vgg16.tn", "conv512_brick"),
        Example("alexnet.tn", "conv2_brick_folded"),
        Example("two_layers.tn", "perceptron"),
        Example("qkv.tn", "qkv"),
        Example("lora.tn", "lora", {"batch": 32}),
        Example("tt_linear.tn", "tt_linear", {"batch": 64}),
        Example("custom.tn", "custom"),
        Example("digits.tn", "digits"),
        Example("isometric.tn", "isometric"),
        Example("mera_decoder.tn", "decoder"),
        Example("small.tn", "small"),
        Example("subspace.tn", "subspace"),
    )
}


@cache
def load(name: str) -> tnc.Network:
    """The network of an example; it is planned once, whichever backends are asked for."""
    example = EXAMPLES[name]
    return tnc.load(FOLDER / example.file, network=example.network, sizes=dict(example.sizes))


def file_name(name: str, backend: str) -> str:
    """The file of an example's text in a folder of modules."""
    return f"{name}_{backend}.golden"
