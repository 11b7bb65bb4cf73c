"""Constants that a seed gives, entry by entry in Python's integers, from the language reference."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from .pointwise import Array
from .values import CoreTensor, OracleError

_special: Any = import_module("scipy.special")
_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


def threefry(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    """Threefry-2x32 with 20 rounds, as its paper writes it."""
    schedule = [*key, key[0] ^ key[1] ^ 0x1BD11BDA]
    x, y = ((word + part) % 2**32 for word, part in zip(counter, key, strict=True))
    for turn in range(20):
        bits = _ROTATIONS[turn % 8]
        x = (x + y) % 2**32
        y = ((y * 2**bits) % 2**32 + y // 2 ** (32 - bits)) ^ x
        if turn % 4 == 3:
            step = turn // 4 + 1
            x = (x + schedule[step % 3]) % 2**32
            y = (y + schedule[(step + 1) % 3] + step) % 2**32
    return x, y


def normal(word: int) -> int:
    """A normal number in units of 2^-20: the first bit is the sign, the others are the tail's probability."""
    tail = word % 2**31
    octave = max(0, tail.bit_length())  # tail has this many digits; 0 is the lowest octave of all
    scaled = tail * 2 ** (31 - octave)  # from 2^30 on
    node, rest = divmod(scaled, 2**24)
    node = max(node, 64)
    ends = [round(-float(_special.ndtri((node + k) * 2.0 ** (octave - 39))) * 2**20) for k in (0, 1)]
    size: int = ends[0] - (ends[0] - ends[1]) * (rest // 256) // 2**16
    return -size if word >= 2**31 else size


def entries(core: CoreTensor, seed: int, dtype: str) -> Array:
    """The entries of a core, computed in float64."""
    digest = hashlib.sha256(f"{seed} {core.name}".encode()).digest()
    key = int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
    kind, numbers = core.init
    rows, columns = math.prod(core.shape[: core.inputs]), math.prod(core.shape[core.inputs :])
    is_complex = np.dtype(dtype).kind == "c"

    def drawn() -> Iterator[complex]:
        for position in range(rows * columns):
            words = threefry(key, (position, 0))
            match kind:
                case "uniform":
                    low, high = numbers
                    yield (low + high) / 2 + (high - low) / 2 * (2 * (words[0] // 256) + 1 - 2**24) / 2**24
                case "normal" | "he" | "glorot" | "identity":
                    real = normal(words[0]) / 2**20
                    yield complex(real, normal(words[1]) / 2**20) * math.sqrt(0.5) if is_complex else real
                case _:
                    raise OracleError(f"{core.name}: {kind} is not drawn from a seed")

    values: Array = np.array(list(drawn())).reshape(rows, columns)
    match kind:
        case "normal":
            values = numbers[0] * values
        case "he":
            values = math.sqrt(2 / rows) * values
        case "glorot":
            values = math.sqrt(2 / (rows + columns)) * values
        case "identity":
            values = np.eye(rows, columns) + (numbers[0] if numbers else 0.0) * values
        case _:
            pass
    return np.asarray(values if is_complex else np.real(values), dtype).reshape(core.shape)
