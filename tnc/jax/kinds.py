"""What the axes of an array mean, and the deviation that its entries start with: one entry for each kind of array.

Kinds of equinox layers, whose weights have the axes of PyTorch's, are called as there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tnc.jax.leaves import Leaf


@dataclass(frozen=True, slots=True)
class Meaning:
    """The names of an array's axes, and the deviation for a start by its fan-in."""

    kind: str
    axes: tuple[str, ...]
    std: float


Rule: TypeAlias = Callable[[Leaf, tuple[int, ...]], Meaning | None]
"""What an array of some shape means; None if the rule does not know it."""

_SPATIAL: Final = ("kd", "kh", "kw")


def meaning(leaf: Leaf, shape: tuple[int, ...]) -> Meaning:
    """What an array means, by the first rule that knows it."""
    return next(found for rule in RULES if (found := rule(leaf, shape)) is not None)


def he(fan_in: int) -> float:
    """The deviation of He's start."""
    return math.sqrt(2 / fan_in)


# -- equinox: (out, in, …) ---------------------------------------------------------------------


def _rows_first(kind: str) -> Rule:
    """A weight with outputs first; ``kind`` is the name of the layer, with the number of spatial axes for ``{}``."""

    def rule(_: Leaf, shape: tuple[int, ...]) -> Meaning:
        spatial = _spatial_axes(len(shape) - 2)
        return Meaning(kind.format(len(spatial)), ("out", "in", *spatial), he(math.prod(shape[1:])))

    return rule


def _equinox_embedding(_: Leaf, shape: tuple[int, ...]) -> Meaning:
    return Meaning("Embedding", (*_numbered("row", len(shape) - 1), "column"), 1.0)


_EQUINOX: Final[dict[tuple[str, str], Rule]] = {
    ("Linear", "weight"): _rows_first("Linear"),
    ("Conv", "weight"): _rows_first("Conv{}d"),
    ("ConvTranspose", "weight"): _rows_first("ConvTranspose{}d"),
    ("GRUCell", "weight_ih"): _rows_first("Linear"),
    ("GRUCell", "weight_hh"): _rows_first("Linear"),
    ("LSTMCell", "weight_ih"): _rows_first("Linear"),
    ("LSTMCell", "weight_hh"): _rows_first("Linear"),
    ("Embedding", "weight"): _equinox_embedding,
}


def _equinox(leaf: Leaf, shape: tuple[int, ...]) -> Meaning | None:
    for base in type(leaf.parent).__mro__:
        if base.__module__.startswith("equinox.nn") and (base.__qualname__, leaf.name) in _EQUINOX:
            return _EQUINOX[base.__qualname__, leaf.name](leaf, shape)
    return None


# -- flax: (in, out), (kh, kw, in, out) --------------------------------------------------------


def _flax_kernel(leaf: Leaf, shape: tuple[int, ...]) -> Meaning | None:
    """The kernel of ``Dense``, ``Conv`` or ``DenseGeneral``; the ``bias`` beside it has the axes of the output.

    A leading axis that kernel and bias share numbers the layers of a ``scan``.
    """
    if leaf.name != "kernel":
        return None
    outs = _output_axes(shape, leaf.bias)
    if outs is None:
        inner = _columns_last("kernel", shape[1:], 1)
        return Meaning(inner.kind, ("layer", *inner.axes), inner.std)
    return _columns_last("kernel", shape, outs)


def _output_axes(shape: tuple[int, ...], bias: tuple[int, ...] | None) -> int | None:
    """How many of the last axes belong to the output; None where the first axis numbers layers."""
    if bias is None or len(bias) >= len(shape):
        return 1
    if shape[-len(bias) :] == bias:
        return max(1, len(bias))
    is_stacked = len(bias) == 2 and bias == (shape[0], shape[-1])
    return None if is_stacked else 1


def _flax_embedding(leaf: Leaf, shape: tuple[int, ...]) -> Meaning | None:
    if leaf.name != "embedding":
        return None
    return Meaning("embedding", (*_numbered("row", len(shape) - 1), "column"), shape[-1] ** -0.5)


# -- everything else ---------------------------------------------------------------------------


def _any_array(_: Leaf, shape: tuple[int, ...]) -> Meaning:
    """The convention of ``jax.nn.initializers``: inputs first, outputs last."""
    return _columns_last("array", shape, 1)


def _columns_last(kind: str, shape: tuple[int, ...], outs: int) -> Meaning:
    ins = len(shape) - outs
    before = (*_spatial_axes(ins - 1), "in") if outs == 1 else _numbered("in", ins)
    return Meaning(kind, before + _numbered("out", outs), he(math.prod(shape[:ins])))


def _spatial_axes(count: int) -> tuple[str, ...]:
    """``kh``, ``kw``; beyond three, numbers."""
    return _SPATIAL[3 - count :] if count <= 3 else _numbered("k", count)


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}{number}" if number else name for number in range(count))


RULES: Final[tuple[Rule, ...]] = (_equinox, _flax_kernel, _flax_embedding, _any_array)
"""All rules; the last knows every array."""
