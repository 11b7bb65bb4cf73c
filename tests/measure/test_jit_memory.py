"""What is said beforehand of memory under ``jax.jit`` against XLA's own ``memory_analysis()``."""

from __future__ import annotations

from pathlib import Path

import pytest

import tnc
from tnc import driver
from tnc.measure import runners
from tnc.measure.xla.step import jit_memory

EXAMPLES = Path(__file__).parents[2] / "examples"

GENERATED = """
network generated(topology: str, act: fn, n: int = 14) {{
  let net = if topology == "brick" then std.brickwall([2] * n, 2, act = act)
    else if topology == "mera" then std.mera([2] * n, 2, act = act)
    else if topology == "tree" then std.ttn([2] * n, 2, act = act)
    else std.attn([2] * n, 2, layers = 1, act = act)
  output weight(out = (o[0..n // 2]), in = (i[0..n // 2])) = net({legs})
}}
"""
LEGS = {"rows": "o[0..n // 2], i[0..n // 2]", "interleaved": "interleave(o[0..n // 2], i[0..n // 2])"}

LINEAR = """
network linear() {
  input x(batch?, 512)
  let matrix = std.mpo([8] * 3, [8] * 3, 8)
  output y(b, (o[0..3])) = x(b, (i[0..3])) * matrix(o[0..3], i[0..3])
}
"""

STILL = """
network still() {
  input x(batch?, 64)
  core u(64, 96) frozen
  core v(96, 32) frozen
  h(z, b) = tanh(x(z, a) * u(a, b))
  output y(z, c) = h(z, b) * v(b, c)
}
"""


def said_and_found(network: tnc.Network) -> tuple[int, int]:
    """The prediction, and what XLA tells after it has compiled the generated module's step."""
    plan = driver.plan(network.initialised, network.options, "jax").plan
    running = runners.prepare("jax", network.source("jax"), plan.schedule, plan.dtype)
    found = running.peak_bytes()
    assert found is not None
    return jit_memory(plan.schedule, plan.dtype).total, found


@pytest.mark.parametrize(
    ("topology", "order", "activation"),
    [
        ("tree", "rows", "relu"),
        ("tree", "interleaved", "gelu"),
        ("attn", "rows", "silu"),
        ("attn", "interleaved", "tanh"),
        ("mera", "rows", "softplus"),
        ("mera", "interleaved", "relu"),
        ("brick", "rows", "relu"),
        ("brick", "interleaved", "sigmoid"),
    ],
)
def test_generated_weights(topology: str, order: str, activation: str) -> None:
    network = tnc.loads(GENERATED.format(legs=LEGS[order]), topology=topology, act=activation)
    said, found = said_and_found(network)
    assert said == pytest.approx(found, rel=0.1)


@pytest.mark.parametrize("batch", [64, 1000])
def test_layers_on_data(batch: int) -> None:
    said, found = said_and_found(tnc.loads(LINEAR, sizes={"batch": batch}))
    assert said == pytest.approx(found, rel=0.1)


def test_loops_and_frozen_cores() -> None:
    said, found = said_and_found(tnc.load(EXAMPLES / "mps_classifier.tn", sizes={"batch": 64}, pixels=12))
    assert said == pytest.approx(found, rel=0.1)


def test_nothing_is_trained() -> None:
    said, found = said_and_found(tnc.loads(STILL, sizes={"batch": 1000}))
    assert said == pytest.approx(found, rel=0.1)


def test_complex_numbers() -> None:
    network = tnc.loads(GENERATED.format(legs=LEGS["rows"]), topology="attn", act="tanh", dtype="complex64")
    said, found = said_and_found(network)
    assert said == pytest.approx(found, rel=0.1)
