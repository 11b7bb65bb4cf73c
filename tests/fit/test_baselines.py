"""Decompositions at equal counts: against NumPy's singular values and TensorLy's tensor trains."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from tests import requirements
from tests.fit.networks import DOUBLE
from tnc.fit import baselines
from tnc.fit.baselines import leaves, low_rank, tensor_train, tt_svd_error


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    decay = torch.linspace(0, 3, math.prod(shape), dtype=DOUBLE).exp()
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE) / decay.reshape(shape)


def test_low_rank_is_the_best_matrix_of_its_rank() -> None:
    matrix = random(20, 31)
    found = low_rank("a", matrix, 3 * 51 + 50)
    values = np.linalg.svd(matrix.numpy(), compute_uv=False)
    assert found.parameters == 153
    assert found.error == pytest.approx(math.sqrt((values[3:] ** 2).sum() / (values**2).sum()))
    nothing = low_rank("a", matrix, 50)
    assert (nothing.parameters, nothing.error) == (None, None)
    assert low_rank("a", matrix, 10**6).error == pytest.approx(0, abs=1e-7)


def test_large_matrices_are_projected() -> None:
    """Beyond the side up to which all singular values are computed."""
    left, right = (torch.linalg.qr(random(1100, 6, seed=seed))[0] for seed in (1, 2))
    matrix = left @ torch.diag(torch.tensor([9.0, 7.0, 5.0, 3.0, 2.0, 1.0], dtype=DOUBLE)) @ right.mH
    found = low_rank("a", matrix, 3 * 2200)
    assert found.error == pytest.approx(math.sqrt(14 / 169), rel=1e-6)
    train = tensor_train("a", matrix, 3 * 2200)
    assert train.error == pytest.approx(math.sqrt(14 / 169), rel=1e-6)


@pytest.mark.peers
@pytest.mark.parametrize("shape", [(4, 5, 6), (2,) * 8, (3, 7), (2, 3, 1, 5)])
@pytest.mark.parametrize("parameters", [30, 60, 100])
def test_tensor_trains_are_those_of_tensorly(shape: tuple[int, ...], parameters: int) -> None:
    tensorly: Any = requirements.package("tensorly")
    decomposition: Any = requirements.package("tensorly.decomposition")
    tensor = random(*shape)
    found = tensor_train("a", tensor, parameters)
    if found.error is None or found.parameters is None:
        assert sum(shape) > parameters
        return
    squeezed = tensor.reshape([size for size in shape if size > 1]).numpy()
    from tnc.fit.baselines import _bonds  # pyright: ignore[reportPrivateUsage]

    bonds = _bonds(squeezed.shape, parameters)
    assert bonds is not None
    with tensorly.backend_context("numpy"):  # TensorLy-Torch, once imported, sets another for the process
        theirs = decomposition.tensor_train(squeezed, rank=[1, *bonds, 1])
        value = tensorly.tt_to_tensor(theirs)
    assert sum(core.size for core in theirs.factors) == found.parameters <= parameters
    error = np.linalg.norm(value - squeezed) / np.linalg.norm(squeezed)
    assert found.error == pytest.approx(error, rel=1e-6, abs=1e-9)


def test_errors_of_truncations_add_up() -> None:
    tensor = random(4, 4, 4)
    assert tt_svd_error(tensor, [4, 4]) == pytest.approx(0, abs=1e-7)
    values = torch.linalg.svdvals(tensor.reshape(4, 16))
    assert tt_svd_error(tensor, [2, 4]) == pytest.approx(float(values[2:].norm() / values.norm()))


def test_leaves_are_prime_factors() -> None:
    tensor = torch.arange(12 * 6).reshape(12, 6)
    assert leaves(tensor).shape == (2, 2, 3, 2, 3)
    mixed = leaves(tensor, interleave=True)
    assert mixed.shape == (2, 2, 2, 3, 3)
    assert mixed[1, 0, 0, 2, 1] == tensor[1 * 6 + 0 * 3 + 1, 0 * 3 + 2]


def test_all_of_them_keep_the_count() -> None:
    for found in baselines(random(8, 8, 3, 3), 100):
        assert found.parameters is None or found.parameters <= 100
        assert found.error is None or 0 <= found.error < 1
    (*_, subspace) = baselines(random(8, 8), 16)
    assert subspace.error == pytest.approx(math.sqrt(0.75))
    assert {found.error is None for found in baselines(random(50, 50), 4)} == {True, False}


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_the_size_does_not_matter(size: float) -> None:
    plain, scaled = baselines(random(8, 8), 40), baselines(random(8, 8) * size, 40)
    assert [found.error for found in scaled] == pytest.approx([found.error for found in plain], rel=1e-6)
