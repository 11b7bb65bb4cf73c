"""What is said beforehand of memory against the allocator's own events."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import tnc
from tnc.measure.memory import peak_bytes, saved_bytes

GENERATED = """
network generated(topology: str, n: int = 16) {
  let net = if topology == "brick" then std.brickwall([2] * n, 2, act = relu)
    else if topology == "mera" then std.mera([2] * n, 2, act = relu)
    else std.attn([2] * n, 2, layers = 1, act = relu)
  output weight(out = (o[0..n // 2]), in = (i[0..n // 2])) = net(interleave(o[0..n // 2], i[0..n // 2]))
}
"""


def measured(network: tnc.Network, sizes: dict[str, int]) -> tuple[int, int]:
    make: Any = network.module("torch")
    module = make()
    inputs = [
        torch.randn([sizes[dim] if isinstance(dim, str) else dim for dim in given.shape], requires_grad=True)
        for given in network.program.inputs
    ]
    result: torch.Tensor = module(*inputs)
    given = (*inputs, *module.parameters(), *module.buffers())
    saved = saved_bytes(lambda: (module(*inputs),), given)
    return saved, peak_bytes(lambda: (module(*inputs),), (torch.ones_like(result),))


def predicted(network: tnc.Network) -> tuple[int, int]:
    (found,) = network.report()
    return found.bytes_saved, found.bytes_peak_training


LAYERS = """
network layers() {
  input x(batch?, 64)
  core u(64, 96)
  core v(96, 32)
  h(z, b) = tanh(x(z, a) * u(a, b))
  g(z, c) = gelu(h(z, b) * v(b, c))
  output y(z, c) = g(z, c) * h(z, d) * ones(d)
}
"""


@pytest.mark.parametrize("batch", [256, 1000])
def test_layers_on_data(batch: int) -> None:
    network = tnc.loads(LAYERS, sizes={"batch": batch})
    saved, peak = measured(network, {"batch": batch})
    assert predicted(network)[0] == saved
    assert predicted(network)[1] == pytest.approx(peak, rel=0.1)


@pytest.mark.parametrize("topology", ["attn", "brick", "mera"])
def test_generated_weights(topology: str) -> None:
    network = tnc.loads(GENERATED, topology=topology)
    saved, peak = measured(network, {})
    assert predicted(network)[0] == saved
    assert predicted(network)[1] == pytest.approx(peak, rel=0.03)
