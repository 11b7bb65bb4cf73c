"""Cores drawn as their resolved initialisation says, by NumPy: what every backend's ``init`` must do in law."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import assert_never

import numpy as np

from tests.evaluate_program import Array
from tnc.ir.program import (
    Auto,
    Constant,
    Entries,
    Glorot,
    He,
    Identity,
    Init,
    Normal,
    Orthogonal,
    Program,
    Uniform,
)


def draw_cores(program: Program, inits: Mapping[str, Init], seed: int) -> dict[str, Array]:
    """Every core by canonical name; ``inits`` resolves those that are ``auto``."""
    generator = np.random.default_rng(seed)
    cores: dict[str, Array] = {}
    for parameter in program.parameters:
        name = str(parameter.name)
        rows = math.prod(parameter.shape[: parameter.inputs])
        columns = math.prod(parameter.shape[parameter.inputs :])
        cores[name] = _draw(inits.get(name, parameter.init), rows, columns, generator).reshape(parameter.shape)
    return cores


def _draw(init: Init, rows: int, columns: int, generator: np.random.Generator) -> Array:
    shape = (rows, columns)
    match init:
        case Normal(std=std):
            return std * generator.normal(size=shape)
        case Uniform(low=low, high=high):
            return generator.uniform(low, high, shape)
        case Orthogonal(gain=gain):
            return gain * isometry(rows, columns, generator)
        case Identity(noise=noise):
            return np.asarray(np.eye(rows, columns) + noise * generator.normal(size=shape))
        case Constant(value=value):
            return np.full(shape, value)
        case Entries(values=values):
            return np.asarray(values).reshape(shape)
        case Glorot():
            return math.sqrt(2 / (rows + columns)) * generator.normal(size=shape)
        case He():
            return math.sqrt(2 / rows) * generator.normal(size=shape)
        case Auto():
            raise AssertionError("an auto core was not resolved")
        case _:
            assert_never(init)


def isometry(rows: int, columns: int, generator: np.random.Generator) -> Array:
    """Random orthogonal blocks side by side where the sides allow it, else Haar's law."""
    short, long = min(rows, columns), max(rows, columns)
    count = long // short if short > 1 and long % short == 0 else 1
    blocks = [_haar(long // count, short, generator) for _ in range(count)]
    tall = np.concatenate(blocks) / math.sqrt(count)
    return tall if rows >= columns else tall.T


def _haar(rows: int, columns: int, generator: np.random.Generator) -> Array:
    q, r = np.linalg.qr(generator.normal(size=(rows, columns)))
    return np.asarray(q * np.sign(np.diag(r)))
