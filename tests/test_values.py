"""What modules compute is what the text says: the standard library and the examples, against the oracle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.agreement import assert_agreement

EXAMPLES = Path(__file__).parents[1] / "examples"

# (call, number of leaves)
STANDARD = [
    ("std.ttn([2] * 8, act = act)", 8),
    ("std.ttn([2, 3, 1, 5, 2], 3, act = act, last = tanh)", 5),
    ("std.ttn([2] * 9, 2, arity = 3, act = act)", 9),
    ("std.ttn([7], act = act, last = sigmoid)", 1),
    ("std.attn([2] * 7, 2, layers = 1, act = act)", 7),
    ("std.attn([2, 3, 2, 2, 1, 3], 3, layers = 2, act = act)", 6),
    ("std.attn([2] * 5, 2, layers = 0, act = act)", 5),
    ('std.attn([2] * 9, 2, placement = "sparse", act = act)', 9),
    ('std.attn([3, 3, 3, 3], 2, placement = "sparse", act = act)', 4),
    ("std.mera([2] * 9, act = act)", 9),
    ("std.mera([2, 3, 2, 1, 2, 3, 2], 3, act = act, last = softplus)", 7),
    ("std.mera([2] * 8, 2, periodic = true, act = act)", 8),
    ("std.mera([5, 2], act = act)", 2),
    ("std.mera3([2] * 9, 3, act = act)", 9),
    ("std.mera3([2, 3, 2, 2, 2], 2, act = act)", 5),
    ("std.brickwall([2] * 7, 2, act = act)", 7),
    ('std.brickwall([2, 3, 2, 1, 2], 2, boundary = "fixed", act = act)', 5),
    ('std.brickwall([2] * 6, 3, boundary = "trained", act = act)', 6),
    ("std.brickwall([4], act = act)", 1),
    ("std.mps([2, 3, 4, 3, 2], 4, last = act)", 5),
    ("std.mps([1, 3, 1], 2, last = act)", 3),
    ("std.mpo([2, 3, 2], [3, 1, 4], 3, last = act)", 6),
    ("std.ring([2, 3, 4], 3, last = act)", 3),
    ("std.ring([4], 3, last = act)", 1),
    ("std.tucker([4, 5, 3], [2, 3, 2], act = act)", 3),
    ("std.cp([4, 5, 3], 4, last = act)", 3),
    ("std.cp([4], 3, last = act)", 1),
    ("std.peps(2, 3, [2, 3, 2, 2, 1, 2], 2, last = act)", 6),
    ("std.peps(1, 1, [2], 2, last = act)", 1),
    ("std.lowrank(5, 7, 3, last = act)", 2),
]


@pytest.mark.parametrize("act", ["relu", "gelu", "identity"])
@pytest.mark.parametrize(("call", "leaves"), STANDARD, ids=[call for call, _ in STANDARD])
def test_standard_library(call: str, leaves: int, act: str) -> None:
    text = f"network t(act: fn = {act}) {{ let n = {call}  output w(x[0..{leaves}]) = n(x[0..{leaves}]) }}"
    assert_agreement(text)
    if act == "identity":
        linear = re.sub("tanh|sigmoid|softplus", "identity", text)
        assert_agreement(linear, dtype="complex128")


def example(name: str) -> str:
    return (EXAMPLES / name).read_text(encoding="utf-8")


def test_mera_decoder() -> None:
    assert_agreement(example("mera_decoder.tn"), network="decoder")
    assert_agreement(example("mera_decoder.tn"), network="mera", arguments={"dims": [2, 3, 2, 2, 3], "act": "silu"})


@pytest.mark.parametrize("batch", [1, 4])
def test_tt_linear(batch: int) -> None:
    arguments = {"modes_in": [2, 3, 2], "modes_out": [3, 2, 4], "rank": 3}
    assert_agreement(example("tt_linear.tn"), arguments=arguments, sizes={"batch": batch})
    alone = {"modes_in": [4], "modes_out": [3], "rank": 2}
    assert_agreement(example("tt_linear.tn"), arguments=alone, sizes={"batch": batch})


EXAMPLES_AT_SMALL_SIZE: list[tuple[str, str, dict[str, object], dict[str, int]]] = [
    ("small.tn", "small", {}, {}),
    ("conv512.tn", "conv512", {"bits": 2}, {}),
    ("digits.tn", "digits", {}, {}),
    ("lora.tn", "lora", {"rows": 6, "cols": 5, "rank": 2}, {"batch": 3}),
    ("mps_classifier.tn", "mps_classifier", {"pixels": 7, "classes": 3, "chi": 4}, {"batch": 5}),
    ("mps_classifier.tn", "mps_classifier", {"pixels": 1, "classes": 2, "chi": 2}, {"batch": 1}),
    ("subspace.tn", "subspace", {"rows": 3, "cols": 4, "size": 5}, {}),
    ("qkv.tn", "qkv", {"bits": 3, "chi": 3}, {}),
    ("custom.tn", "custom", {"n": 4, "rank": 3, "columns": 3}, {}),
    ("custom.tn", "custom", {"n": 6, "rank": 1, "columns": 1}, {}),
    ("two_layers.tn", "perceptron", {"chi": 2, "rank": 2}, {"batch": 3}),
    ("isometric.tn", "isometric", {"leaves": 5, "chi": 3}, {}),
    ("isometric.tn", "isometric", {"leaves": 1, "chi": 3}, {}),
]


@pytest.mark.parametrize(
    ("file", "network", "arguments", "sizes"),
    EXAMPLES_AT_SMALL_SIZE,
    ids=[f"{file}-{number}" for number, (file, *_) in enumerate(EXAMPLES_AT_SMALL_SIZE)],
)
def test_example(file: str, network: str, arguments: dict[str, object], sizes: dict[str, int]) -> None:
    assert_agreement(example(file), network=network, arguments=arguments, sizes=sizes)


@pytest.mark.parametrize("topology", ["ttn", "attn1", "attn2", "mera", "brick", "brick_folded"])
def test_generated_layers(topology: str) -> None:
    """The generator of the two layer files at ten leaves; both files hold the same one."""
    text = example("vgg16.tn")
    shared = text[text.index("network generator") : text.index("# conv4_1:")]
    assert shared in example("alexnet.tn")
    layer = f"""network small(act: fn = relu) {{
      let g = generator(10, "{topology}", 2, act)
      output weight(x[0..10]) reshape(out = 9, in = 11, kh = 3, kw = 3) std he = g(x[0..10])
    }}"""
    assert_agreement(shared + layer, network="small")
