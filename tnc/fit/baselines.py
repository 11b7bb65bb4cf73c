"""What other decompositions of a tensor leave at the same number of parameters, by their standard algorithms.

Low rank is the truncated singular value decomposition, which is optimal (Eckart and Young, 1936); a tensor train is
that of TT-SVD (Oseledets, 2011). Each is tried on the axes of the tensor and on its leaves: the prime factors of every
axis, in rows (axis after axis) or interleaved (in turn from every axis).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import prod, sqrt
from typing import Any, Final, cast

import torch

from tnc.fit.problem import norm

Tensor = torch.Tensor

_EXACT_SIDE: Final = 1024
"""Up to this side, all singular values of a matrix are computed; beyond, its leading ones by subspace iteration."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A decomposition with its parameters and relative error; both None if even its smallest has too many."""

    name: str
    parameters: int | None
    error: float | None


def baselines(target: Tensor, parameters: int) -> tuple[Baseline, ...]:
    """The decompositions of a tensor with at most ``parameters`` numbers.

    The last one is the expected error of a random subspace of that dimension, √(1 − parameters / entries).
    """
    values = target.detach()
    values = values if values.dtype in (torch.float64, torch.complex128) else values.to(_working(values))
    values = values / norm(values)
    shape = tuple(values.shape)
    rows, interleaved = leaves(values), leaves(values, interleave=True)
    found = [low_rank("low rank", values.reshape(shape[0], -1) if shape else values.reshape(1, 1), parameters)]
    found.append(low_rank("low rank, interleaved leaves", _square(interleaved), parameters))
    found.append(tensor_train("tensor train, axes", values, parameters))
    found.append(tensor_train("tensor train, leaves in rows", rows, parameters))
    found.append(tensor_train("tensor train, interleaved leaves", interleaved, parameters))
    share = min(1.0, parameters / max(1, values.numel()))
    found.append(Baseline("random subspace, expected", min(parameters, values.numel()), sqrt(1 - share)))
    return tuple(found)


def _working(values: Tensor) -> torch.dtype:
    return torch.complex64 if values.is_complex() else torch.float32


def leaves(tensor: Tensor, *, interleave: bool = False) -> Tensor:
    """The tensor with the prime factors of its axes as axes of their own."""
    factors = [_primes(size) for size in tensor.shape]
    split = tensor.reshape([prime for axis in factors for prime in axis])
    if not interleave:
        return split
    starts = [sum(map(len, factors[:axis])) for axis in range(len(factors))]
    places = [range(start, start + len(axis)) for start, axis in zip(starts, factors, strict=True)]
    order = [place for turn in zip_longest(*places) for place in turn if place is not None]
    return split.permute(order)


def low_rank(name: str, matrix: Tensor, parameters: int) -> Baseline:
    """The truncated singular value decomposition, as two factors."""
    sides = sum(matrix.shape)
    rank = min(parameters // sides, min(matrix.shape))
    if rank == 0:
        return Baseline(name, None, None)
    values = _leading(matrix, rank)
    lost = max(0.0, norm(matrix) ** 2 - float(values.double().square().sum()))
    return Baseline(name, rank * sides, sqrt(lost) / norm(matrix))


def tensor_train(name: str, tensor: Tensor, parameters: int) -> Baseline:
    """TT-SVD with the largest equal bonds for which there are enough parameters, single bonds then enlarged by one."""
    shape = [size for size in tensor.shape if size > 1] or [1]
    bonds = _bonds(shape, parameters)
    if bonds is None:
        return Baseline(name, None, None)
    return Baseline(name, _count(shape, bonds), tt_svd_error(tensor.reshape(shape), bonds))


def tt_svd_error(tensor: Tensor, bonds: Sequence[int]) -> float:
    """The relative error of TT-SVD with these bonds: what every truncation drops is orthogonal to the rest."""
    whole = norm(tensor) ** 2
    rest, left, lost = tensor, 1, 0.0
    for size, bond in zip(tensor.shape[:-1], bonds, strict=True):
        matrix = rest.reshape(left * size, -1)
        before = norm(matrix) ** 2
        kept = _projected(matrix, bond)
        lost += max(0.0, before - norm(kept) ** 2)
        rest, left = kept, kept.shape[0]
    return sqrt(lost / whole)


def _projected(matrix: Tensor, rank: int) -> Tensor:
    """The matrix in the basis of its leading left singular vectors: Σ Vᴴ."""
    if rank >= min(matrix.shape):
        decomposed: Any = torch.linalg.qr(matrix)
        return cast(Tensor, decomposed[1]) if matrix.shape[0] > matrix.shape[1] else matrix
    vectors = _left_vectors if min(matrix.shape) <= _EXACT_SIDE else _subspace
    return vectors(matrix, rank).mH @ matrix


def _left_vectors(matrix: Tensor, rank: int) -> Tensor:
    if matrix.shape[1] > 4 * matrix.shape[0]:  # the short side decides: LQ first
        decomposed: Any = torch.linalg.qr(matrix.mH)
        matrix = cast(Tensor, decomposed[1]).mH
    found: Any = torch.linalg.svd(matrix, full_matrices=False)
    return cast(Tensor, found[0])[:, :rank]


def _leading(matrix: Tensor, rank: int) -> Tensor:
    """The leading singular values."""
    if min(matrix.shape) <= _EXACT_SIDE:
        values: Tensor = torch.linalg.svdvals(matrix)
        return values[:rank]
    projected: Tensor = torch.linalg.svdvals(_subspace(matrix, rank).mH @ matrix)
    return projected


def _subspace(matrix: Tensor, rank: int, rounds: int = 12) -> Tensor:
    """An orthonormal basis of the leading left singular vectors, by subspace iteration from fixed random vectors."""
    width = min(min(matrix.shape), rank + 10)
    start = torch.randn(matrix.shape[1], width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    image = matrix @ start.to(dtype=matrix.dtype, device=matrix.device)
    for _ in range(rounds):
        back: Any = torch.linalg.qr(matrix.mH @ cast(Any, torch.linalg.qr(image))[0])
        image = matrix @ back[0]
    basis: Tensor = cast(Any, torch.linalg.qr(image))[0]
    inner: Any = torch.linalg.svd(basis.mH @ matrix, full_matrices=False)
    return basis @ cast(Tensor, inner[0])[:, :rank]


def _bonds(shape: Sequence[int], parameters: int) -> list[int] | None:
    """Bonds of a tensor train with at most this number of parameters; None if bonds of one have more."""
    most = [min(prod(shape[: k + 1]), prod(shape[k + 1 :])) for k in range(len(shape) - 1)]
    if _count(shape, [1] * len(most)) > parameters:
        return None
    low, high = 1, max(most, default=1)
    while low < high:
        middle = (low + high + 1) // 2
        fits = _count(shape, [min(middle, bond) for bond in most]) <= parameters
        low, high = (middle, high) if fits else (low, middle - 1)
    bonds = [min(low, bond) for bond in most]
    for place in sorted(range(len(bonds)), key=lambda place: abs(place - (len(bonds) - 1) / 2)):
        enlarged = [*bonds]
        enlarged[place] += 1
        if bonds[place] < most[place] and _count(shape, enlarged) <= parameters:
            bonds = enlarged
    return bonds


def _count(shape: Sequence[int], bonds: Sequence[int]) -> int:
    around = [1, *bonds, 1]
    return sum(around[k] * size * around[k + 1] for k, size in enumerate(shape))


def _square(tensor: Tensor) -> Tensor:
    """The leaves as the matrix, cut between two of them, that is nearest to a square."""
    shape = tensor.shape
    cut = min(range(len(shape) + 1), key=lambda place: abs(prod(shape[:place]) - prod(shape[place:])))
    return tensor.reshape(prod(shape[:cut]), -1)


def _primes(number: int) -> list[int]:
    found: list[int] = []
    factor = 2
    while factor * factor <= number:
        while number % factor == 0:
            found.append(factor)
            number //= factor
        factor += 1
    return [*found, number] if number > 1 or not found else found
