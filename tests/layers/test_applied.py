"""A weight applied to data: values of the product, cores as they were, and data that meet single cores."""

from __future__ import annotations

import numpy as np
import pytest

from tnc.layers import make_template, weight_network
from tnc.layers.applied import ROWS, on_data
from tnc.layers.crossover import crossover

CASES = [
    ("mps", (16, 12)),
    ("attn", (12, 18)),
    ("ttn", (13, 16)),
    ("lowrank", (8, 6)),
    ("cp", (8, 6)),
    ("mera", (8, 8)),
]


@pytest.mark.parametrize(("network", "shape"), CASES)
@pytest.mark.parametrize("axis", [0, 1])
def test_values(network: str, shape: tuple[int, int], axis: int) -> None:
    weight = weight_network(make_template(network, {"chi": 3}), shape)
    layer = on_data(weight, axis, 4)
    params = weight.numpy().init(0, dtype=np.float64)
    assert list(layer.numpy().init(0)) == list(params)
    assert layer.torch()().state_dict().keys() == weight.torch()().state_dict().keys()
    x = np.random.default_rng(0).normal(size=(5, shape[axis]))
    matrix = weight.numpy().apply(params)
    expected = x @ (matrix.T if axis == 1 else matrix)
    np.testing.assert_allclose(layer.numpy().apply(params, x), expected, atol=1e-12)


def test_data_go_through_the_cores() -> None:
    """The cost of a few rows grows with the bond dimension, not with the entries of the weight."""
    weight = weight_network(make_template("mps", {"chi": 4}), (4096, 4096))
    (row,) = on_data(weight, 1, 1).report().networks
    assert row.flops_forward < 4096 * 4096 / 4
    assert row.largest_intermediate < 4096 * 64


def test_a_padded_axis_is_built() -> None:
    weight = weight_network(make_template("mps", {"chi": 4}), (11, 1024))
    (row,) = on_data(weight, 1, 1).report().networks
    assert row.largest_intermediate >= 11 * 1024


def test_the_crossover() -> None:
    """A tensor train of small bonds is applied to few rows, and built for many."""
    weight = weight_network(make_template("mps", {"chi": 4}), (512, 512))
    applied = on_data(weight, 1, 16)
    most = crossover(weight, applied)
    assert 1 <= most.training < 2**20
    report = {rows: on_data(weight, 1, rows).report().networks[0] for rows in (1, 2**14)}
    dense = weight.report().networks[0].seconds_training
    assert report[1].seconds_training < dense < report[2**14].seconds_training
    assert dict(report[1].sizes) == {ROWS: 1}
