"""The weight of a layer, compiled: texts and numbers, from which each process makes its own module."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import nn

from tnc.api import Network
from tnc.ir.digest import digest
from tnc.ir.program import Crop, Program, View
from tnc.layers import Template, weight_network
from tnc.layers.applied import on_data
from tnc.layers.crossover import MOST, crossover
from tnc.layers.template import TOPOLOGIES, author_text
from tnc.modules import module_of_source, torch_class
from tnc.options import DTYPES, Options
from tnc.torch.generated import Through
from tnc.units import grouped

NETWORK: Final = "weight"

_FEW: Final = 16
"""The number of rows to plan for where none is given; for many rows a weight is built anyway."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a weight is compiled from; equal layers want equal weights.

    ``contracted`` is the axis that is summed with data, None where the weight is always built; ``rows`` is the size of
    the data to plan for, ``device`` what is planned for.
    """

    template: Template
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    std: float
    dtype: str
    contracted: int | None = None
    through: Through = "auto"
    rows: int | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A weight applied to data through its cores: the source for PyTorch, and for how many rows that is faster.

    ``forward`` and ``training`` are the largest numbers of rows, without and with gradients; None is any number.
    ``planned`` is whether data go through the cores where nothing looks at their number, as in ``torch.compile``.
    """

    source: str
    forward: int | None
    training: int | None
    planned: bool

    def module_class(self) -> type[nn.Module]:
        """The class whose ``forward`` applies the weight, given a module with the cores."""
        return torch_class(module_of_source(NETWORK, "torch", self.source))

    def __str__(self) -> str:
        """``applied up to 64 rows``."""
        if self.training is None:
            return "applied"
        return f"applied up to {grouped(self.training)} row{'' if self.training == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class CompiledWeight:
    """A compiled weight: its source for PyTorch, the flat text of its network, and what it costs.

    ``padding`` are the lengths of the axes before they are cropped; ``forward`` and ``training`` are predicted seconds.
    ``author`` is the text of the file that declares the network, None for a topology.
    """

    wanted: Wanted
    source: str
    flat: str
    digest: str
    parameters: int
    padding: tuple[int, ...]
    forward: float
    training: float
    author: str | None = None
    applied: Applied | None = None

    @property
    def through(self) -> str:
        """``built``, or up to how many rows of data the weight is applied instead."""
        return "built" if self.applied is None else str(self.applied)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weight."""
        return self.wanted.shape

    @property
    def elements(self) -> int:
        """The number of entries of the weight."""
        return torch.Size(self.shape).numel()

    def module_class(self) -> type[nn.Module]:
        """The class whose instances hold the cores and return the weight; equal weights share it."""
        return torch_class(module_of_source(NETWORK, "torch", self.source))

    def __str__(self) -> str:
        """``164 → 2 359 296, attn chi=2``."""
        return f"{grouped(self.parameters)} → {grouped(self.elements)}, {self.wanted.template}"


def compile_weight(wanted: Wanted) -> CompiledWeight:
    """The compiled weight; that of a standard topology is compiled once in a process.

    Raises:
        CompileError: as :func:`tnc.layers.weight_network`.
    """
    return _of_topology(wanted) if wanted.template.network in TOPOLOGIES else _compiled(wanted)


def compiled_from(wanted: Wanted, net: Network, author: str | None) -> CompiledWeight:
    """The compiled weight of a network that gives it."""
    (row,) = net.report().networks
    return CompiledWeight(
        wanted,
        net.source("torch"),
        net.expand(),
        digest(net.program),
        row.parameters,
        _padding(net.program, wanted.shape),
        row.seconds_forward,
        row.seconds_training,
        author,
        _applied(wanted, net),
    )


def _compiled(wanted: Wanted) -> CompiledWeight:
    net = weight_network(wanted.template, wanted.shape, wanted.std, wanted.axes, _options(wanted))
    return compiled_from(wanted, net, author_text(wanted.template))


def _options(wanted: Wanted) -> Options:
    return Options(dtype=wanted.dtype, device=wanted.device)


_of_topology = lru_cache(maxsize=256)(_compiled)


# -- built or applied ------------------------------------------------------------------------------------


def _applied(wanted: Wanted, net: Network) -> Applied | None:
    """The weight applied to data, if that is asked for, or is predicted to be faster for few rows."""
    if wanted.contracted is None or wanted.through == "build":
        return None
    rows = _FEW if wanted.rows is None else wanted.rows
    applied = on_data(net, wanted.contracted, rows)
    if wanted.through == "apply":
        return Applied(applied.source("torch"), None, None, planned=True)
    most = crossover(net, applied)
    if most.training < rows and rows > _FEW:  # these are better built, and fewer may come
        applied = on_data(net, wanted.contracted, _FEW)
        most = crossover(net, applied)
    if not (most.forward or most.training):
        return None
    forward, training = (None if rows == MOST else rows for rows in (most.forward, most.training))
    planned = training is None or (wanted.rows is not None and wanted.rows <= training)
    return Applied(applied.source("torch"), forward, training, planned)


def dtype_name(dtype: torch.dtype) -> str:
    """The dtype as the options of the compiler have it; float32 for those that it does not know."""
    name = str(dtype).removeprefix("torch.")
    return name if name in DTYPES else "float32"


def _padding(program: Program, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The length of every axis of the output before it is cropped."""
    shapes = program.shapes()
    longer: dict[int, int] = {}
    for statement in program.statements:
        if isinstance(statement, View) and isinstance(statement.kind, Crop):
            for before, after in zip(shapes[statement.argument], statement.shape, strict=True):
                if isinstance(before, int) and isinstance(after, int) and before != after:
                    longer[after] = max(before, longer.get(after, 0))
    return tuple(longer.get(length, length) for length in shape)
