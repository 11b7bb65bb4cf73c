"""A Program run on random cores at compile time, for the moments that no formula gives.

All numbers come from one seeded generator whose stream NumPy keeps for ever, in double precision; what leaves this
module is rounded to four digits, far coarser than the rounding errors in which machines differ. Sizes are cut down
first: tensors beyond a few thousand entries lose entries along their axes, which changes the law of one entry little.
Imports NumPy: to be imported where it is needed only.
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias, assert_never

import numpy as np

from tnc.diagnostics import InternalError
from tnc.init.drawing import Array, draw, draw_input
from tnc.init.shrinking import shrunk_program
from tnc.ir.program import (
    Contract,
    Crop,
    Delta,
    Dim,
    FlatCrop,
    Normalize,
    Ones,
    Pointwise,
    Program,
    Reshape,
    Scalar,
    Select,
    Sum,
    Use,
    View,
)
from tnc.ir.scalar import evaluate

_SEED = 20260601
_ENTRIES = 2**22
"""What all tensors hold in all seeds together."""
_MOST_SEEDS, _FEWEST_SEEDS = 256, 16
_MOST_TENSORS = 600
_LARGEST = 2**14
"""Entries of a tensor after cutting down."""
_LARGEST_PRODUCT = 2**16
"""Entries of a product on the way."""
_MOST_FACTORS = 300
_QUANTILES = 512

_QUIET = np.errstate(all="ignore")
"""Numbers that authors give may be too large for their squares: infinities and NaN are what is then to be told."""

_Operand: TypeAlias = tuple[Array, tuple[int, ...]]
"""An array, seeds first, with the leg of each further axis."""


class TooLargeError(Exception):
    """A tensor would be needed that is not worth its time."""


class Sampler:
    """Tensors of a cut-down Program in many seeds at once, one statement after the other.

    Values have a row for each seed, with all entries. The caller draws cores and sets scales.
    """

    def __init__(self, program: Program) -> None:
        small = shrunk_program(program, _LARGEST)
        shapes = small.shapes()
        entries = [_entries(shape) for shape in shapes.values()]
        seeds = min(_MOST_SEEDS, _ENTRIES // max(1, sum(entries)))
        if max(entries, default=1) > _LARGEST_PRODUCT or seeds < _FEWEST_SEEDS or len(entries) > _MOST_TENSORS:
            raise TooLargeError
        self.statements = {statement.name: statement for statement in small.statements}
        self._shapes = shapes
        self._parameters = {str(parameter.name): parameter for parameter in small.parameters}
        self._seeds = seeds
        self._random = np.random.RandomState(_SEED)
        self._values = {given.name: draw_input(given, self._seeds, self._random) for given in small.inputs}

    def has(self, tensor: str) -> bool:
        """Whether a tensor is there."""
        return tensor in self._values

    @_QUIET
    def draw_core(self, name: str) -> None:
        """Draw a core, with unit mean square."""
        self._values[name] = draw(self._parameters[name], self._seeds, self._random)

    @_QUIET
    def scale(self, tensor: str, factor: float) -> None:
        """Multiply a tensor that is there."""
        self._values[tensor] = self._values[tensor] * factor

    @_QUIET
    def moment(self, tensor: str) -> float:
        """The mean square of a tensor over entries and seeds."""
        return float(np.mean(np.square(self._values[tensor])))

    @_QUIET
    def law(self, tensor: str) -> tuple[tuple[float, float], ...]:
        """The distribution of a tensor's entries as points and weights, with mean square 1."""
        ordered = np.sort(self._values[tensor], axis=None)
        groups = np.array_split(ordered, min(_QUANTILES, ordered.size))
        points = [math.copysign(math.sqrt(float(np.mean(group * group))), float(group.mean())) for group in groups]
        weights = [group.size / ordered.size for group in groups]
        size = math.sqrt(math.fsum(weight * point * point for point, weight in zip(points, weights, strict=True)))
        if size == 0:
            return ((0.0, 1.0),)
        return tuple((rounded(point / size), weight) for point, weight in zip(points, weights, strict=True))

    @_QUIET
    def run(self, name: str, scalars: tuple[float, ...], deviations: Mapping[str, float]) -> None:
        """Compute one statement; ``scalars`` are the further arguments of an activation.

        Cores count with their ``deviations`` (else 1) where their size matters: everywhere but in products and views.
        """
        statement = self.statements[name]
        match statement:
            case Contract():
                value = self._contract(statement)
            case Sum():
                value = self._sum(statement, deviations)
            case Pointwise(function=function, arguments=(argument, *_)):
                grid, table = tabulated(function, scalars)
                value = np.interp(self._values[argument] * deviations.get(argument, 1.0), grid, table)
            case Normalize(argument=argument):
                given = self._values[argument] * deviations.get(argument, 1.0)
                value = given / np.sqrt(np.mean(np.square(given), axis=1, keepdims=True) + 1e-12)
            case View():
                value = self._view(statement)
            case Pointwise():
                raise InternalError(f"`{name}`: a pointwise function of nothing")
            case _:
                assert_never(statement)
        self._values[name] = value

    def _contract(self, statement: Contract) -> Array:
        sizes = [_size(dim) for dim in statement.dims]
        operands: list[_Operand] = []
        for factor in statement.factors:
            full = [sizes[leg] for leg in factor.legs]
            match factor:
                case Use(tensor=tensor):
                    value = self._values[tensor]
                case Delta():
                    positions = np.indices(full)
                    value = (positions == positions[0]).all(axis=0)[None].astype(np.float64)
                case Ones():
                    value = np.ones([1, *full])
                case _:
                    assert_never(factor)
            operands.append(_with_legs(value, factor.legs, sizes))
        shown = tuple(leg for leg in statement.legs if sizes[leg] > 1)
        value = _multiplied(operands, shown, sizes) * statement.scale
        return np.broadcast_to(value, (self._seeds, *value.shape[1:])).reshape(self._seeds, -1)

    def _sum(self, statement: Sum, deviations: Mapping[str, float]) -> Array:
        sizes = [_size(dim) for dim in statement.dims]
        shown = [leg for leg in statement.legs if sizes[leg] > 1]
        total: Array = np.zeros((self._seeds, *(sizes[leg] for leg in shown)))
        for term in statement.terms:
            value, legs = _with_legs(self._values[term.use.tensor], term.use.legs, sizes)
            order = sorted(range(len(legs)), key=lambda axis: shown.index(legs[axis]))
            aligned = np.transpose(value, (0, *(axis + 1 for axis in order)))
            missing = tuple(axis + 1 for axis, leg in enumerate(shown) if leg not in legs)
            coefficient = term.coefficient * deviations.get(term.use.tensor, 1.0)
            total = total + coefficient * np.expand_dims(aligned, missing)
        return total.reshape(self._seeds, -1)

    def _view(self, view: View) -> Array:
        value = self._values[view.argument]
        old = [_size(dim) for dim in self._shapes[view.argument]]
        new = [_size(dim) for dim in view.shape]
        match view.kind:
            case Reshape():
                return value
            case FlatCrop():
                return value[:, : math.prod(new)]
            case Crop():
                kept = np.zeros(1, dtype=np.intp)
                for before, after in zip(old, new, strict=True):
                    kept = (kept[:, None] * before + np.arange(after)[None, :]).reshape(-1)
                return value[:, kept]
            case Select(axis=axis, index=index):
                rows, columns = math.prod(old[:axis]), math.prod(old[axis + 1 :])
                return value.reshape(-1, rows, old[axis], columns)[:, :, index].reshape(value.shape[0], -1)
            case _:
                assert_never(view.kind)


def rounded(value: float) -> float:
    """The number to four digits: what the rounding errors of different machines do not reach."""
    return float(f"{value:.4g}")


@lru_cache(maxsize=64)
def tabulated(function: Scalar, scalars: tuple[float, ...]) -> tuple[Array, Array]:
    """Points, dense near zero, and the values of a function there, for linear interpolation."""
    grid: Array = np.sinh(np.linspace(-7.0, 7.0, 8001))
    values = np.array([evaluate(function, (float(point), *scalars)) for point in grid])
    # A pole on the grid has no value; infinities side by side are an overflow.
    infinite = np.isinf(values)
    values[infinite & ~np.roll(infinite, 1) & ~np.roll(infinite, -1)] = np.nan
    return grid, np.nan_to_num(values, posinf=1e30, neginf=-1e30)


# -- products ----------------------------------------------------------------------------------


def _size(dim: Dim) -> int:
    assert isinstance(dim, int)
    return dim


def _entries(shape: Sequence[Dim]) -> int:
    return math.prod(_size(dim) for dim in shape)


def _with_legs(value: Array, legs: tuple[int, ...], sizes: Sequence[int]) -> _Operand:
    """The array with an axis for each leg that is longer than 1."""
    kept = tuple(leg for leg in legs if sizes[leg] > 1)
    return value.reshape(value.shape[0], *(sizes[leg] for leg in kept)), kept


def _multiplied(operands: Sequence[_Operand], shown: tuple[int, ...], sizes: Sequence[int]) -> Array:
    """The product from left to right, as the author wrote it, each leg summed after its last use."""
    if len(operands) > _MOST_FACTORS:
        raise TooLargeError
    last = {leg: index for index, (_, legs) in enumerate(operands) for leg in legs}
    running: _Operand = np.ones((1,)), ()
    for index, operand in enumerate(operands):
        union = dict.fromkeys((*running[1], *operand[1]))
        kept = tuple(leg for leg in union if last[leg] > index or leg in shown)
        running = _einsum((running, operand), kept, sizes), kept
    return _einsum((running,), shown, sizes)


def _einsum(operands: Sequence[_Operand], kept: tuple[int, ...], sizes: Sequence[int]) -> Array:
    """One contraction, the seeds alongside."""
    if math.prod(sizes[leg] for leg in kept) > _LARGEST_PRODUCT:
        raise TooLargeError
    letters = iter(string.ascii_letters)
    seeds = next(letters)
    names = {leg: next(letters) for leg in dict.fromkeys(leg for _, legs in operands for leg in legs)}
    left = ",".join(seeds + "".join(names[leg] for leg in legs) for _, legs in operands)
    right = seeds + "".join(names[leg] for leg in kept)
    product: Array = np.einsum(f"{left}->{right}", *(array for array, _ in operands))
    return product
