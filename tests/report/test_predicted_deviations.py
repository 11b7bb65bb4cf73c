"""The deviations that a report predicts, beside those that every backend's modules start with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import tnc

KINDS = """
fn bent(t) = t * sigmoid(t)
network kinds() {
  core normal(6, 6) init normal(0.4)
  core uniform(6, 6) init uniform(-1, 1) frozen
  core isometry(6 -> 6) init orthogonal(2)
  core near(6 -> 6) init identity(0.2)
  core glorot(6 -> 2, 3) init glorot
  core he(6, 6) init he frozen
  core number(6) init 0.5 frozen
  core unit(6) init ones
  core entries(6) init [1, -1, 2, -2, 0.5, 3] frozen
  core zero(6, 6) init zeros
  core free(6, 6)
  core fixed(6, 6) frozen

  h(i, j) = relu(normal(i, k) * uniform(k, j))
  h(i, j) = tanh(h(i, k) * isometry(k, j))
  h(i, j) = bent(h(i, k) * near(k, j) * number(i))
  h(i, (p, q)) = relu(h(i, k) * glorot(k, p, q) * unit(k))
  h(i, j) = h(i, k) * he(k, j) * entries(i) + zero(i, j)
  h(i, j) = relu(h(i, k) * fixed(k, j))
  output w(i, j) std 0.3 = h(i, k) * free(k, j)
  output v(i, j) = h(i, j)
}
"""
SEEDS = 600

Arrays = tuple[NDArray[np.float64], ...]


def numpy_outputs(network: tnc.Network) -> Iterator[Arrays]:
    module: Any = network.module("numpy")
    for seed in range(SEEDS):
        yield tuple(module.apply(module.init(seed)))


def jax_outputs(network: tnc.Network) -> Iterator[Arrays]:
    module: Any = network.module("jax")
    framework: Any = jax
    keys = framework.random.split(framework.random.key(0), SEEDS)
    params = framework.vmap(module.init)(keys)
    outputs: Arrays = framework.jit(framework.vmap(module.apply))(params)
    yield from zip(*(np.asarray(output, "float64") for output in outputs), strict=True)


def torch_outputs(network: tnc.Network) -> Iterator[Arrays]:
    kind: Any = network.module("torch")
    module = kind()
    for seed in range(SEEDS):
        module.reset_parameters(torch.Generator().manual_seed(seed))
        with torch.no_grad():
            yield tuple(output.double().numpy() for output in module())


@pytest.mark.parametrize("outputs", [numpy_outputs, jax_outputs, torch_outputs])
def test_every_backend_starts_as_the_report_says(outputs: Callable[[tnc.Network], Iterator[Arrays]]) -> None:
    network = tnc.loads(KINDS)
    (report,) = network.report()
    drawn = [np.mean(np.square(values), axis=(1, 2)) for values in map(np.stack, zip(*outputs(network), strict=True))]
    for row, squares in zip(report.outputs, drawn, strict=True):
        assert row.std is not None
        error = squares.std() / SEEDS**0.5 / squares.mean() / 2
        assert abs(np.sqrt(squares.mean()) / row.std - 1) < 0.03 + 2 * error, (row.name, row.std, error)
    assert report.outputs[0].std == pytest.approx(0.3, rel=1e-5)
