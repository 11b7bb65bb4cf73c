"""Random cores in many seeds at once. Imports NumPy: to be imported where it is needed only."""

from __future__ import annotations

import math
from typing import TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from tnc.init.moments import sides
from tnc.ir.program import (
    Auto,
    Constant,
    Entries,
    Glorot,
    He,
    Identity,
    Index,
    Input,
    Normal,
    Numbers,
    OneHot,
    Orthogonal,
    Parameter,
    Uniform,
)

Array: TypeAlias = NDArray[np.float64]


def draw(parameter: Parameter, seeds: int, random: np.random.RandomState) -> Array:
    """A core in every seed, entries in a row, with a mean square of 1 (of 0 for zeros).

    A core that starts from given numbers is the same in every seed, and comes once.
    """
    shape = (seeds, math.prod(parameter.shape))
    rows, columns = sides(parameter.shape, parameter.inputs)
    match parameter.init:
        case Normal() | Glorot() | He():
            return random.standard_normal(shape)
        case Uniform(low=low, high=high):
            return _scaled(random.uniform(low, high, shape), (low * low + low * high + high * high) / 3)
        case Constant(value=value):
            return np.full((1, shape[1]), np.sign(value))
        case Entries(values=values):
            given = np.array(values)[None, :]
            return _scaled(given, float((given * given).mean()))
        case Identity(noise=noise):
            noisy = np.eye(rows, columns) + noise * random.standard_normal((seeds, rows, columns))
            return _scaled(noisy.reshape(shape), 1 / max(rows, columns) + noise * noise)
        case Auto() if not parameter.shape:
            return np.ones((1, 1))
        case Auto() | Orthogonal():
            return _isometry(rows, columns, seeds, random).reshape(shape) * math.sqrt(max(rows, columns))
        case _:
            assert_never(parameter.init)


def draw_input(given: Input, seeds: int, random: np.random.RandomState) -> Array:
    """Data in every seed, entries in a row, as the author describes them. The shape is static."""
    shape = [int(dim) for dim in given.shape]
    match given.values:
        case Numbers(std=std):
            return std * random.standard_normal((seeds, math.prod(shape)))
        case OneHot() | Index():
            chosen = random.randint(shape[-1], size=(seeds, math.prod(shape[:-1])))
            return np.eye(shape[-1])[chosen].reshape(seeds, -1)
        case _:
            assert_never(given.values)


def _scaled(value: Array, moment: float) -> Array:
    return value / math.sqrt(moment) if moment > 0 else value


def _isometry(rows: int, columns: int, seeds: int, random: np.random.RandomState) -> Array:
    """The law of Orthogonal: blocks side by side where the sides allow it, else Haar's."""
    short, long = sorted((rows, columns))
    blocks = long // short if short > 1 and long % short == 0 else 1
    tall = np.linalg.qr(random.standard_normal((seeds, blocks, long // blocks, short)))
    signs = np.sign(np.diagonal(tall.R, axis1=-2, axis2=-1))
    stacked = (tall.Q * signs[..., None, :]).reshape(seeds, long, short) / math.sqrt(blocks)
    return stacked if rows >= columns else np.swapaxes(stacked, 1, 2)
