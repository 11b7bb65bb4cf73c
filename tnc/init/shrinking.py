"""The same network with fewer entries along its axes, small enough to be run many times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from tnc.ir.legs import used_tensors
from tnc.ir.program import (
    Contract,
    Delta,
    Dim,
    Entries,
    Index,
    Normalize,
    OneHot,
    Parameter,
    Pointwise,
    Program,
    Select,
    Statement,
    Sum,
    Use,
    View,
)

_DYNAMIC = 2
"""What stands for a size that is known at run time only."""


def pruned(program: Program, statements: frozenset[str]) -> Program:
    """The Program that computes these statements, whatever they need included, and nothing else. It has no outputs."""
    needed = set(statements)
    kept: list[Statement] = []
    for statement in reversed(program.statements):
        if statement.name in needed:
            kept.append(statement)
            needed.update(used_tensors(statement))
    return replace(
        program,
        parameters=tuple(parameter for parameter in program.parameters if str(parameter.name) in needed),
        inputs=tuple(given for given in program.inputs if given.name in needed),
        statements=tuple(reversed(kept)),
        outputs=(),
    )


def shrunk_program(program: Program, largest: int) -> Program:
    """The Program with axes cut until tensors have at most ``largest`` entries, as far as that is possible.

    Axes that legs tie together are cut together, the longest first, of equals the last. Axes that a view
    merges, splits or crops stay as they are, and so do those of one-hot data. Dynamic axes become static.
    """
    sizes = _Sizes(program)
    for tensor, shape in program.shapes().items():
        sizes.cut(tensor, len(shape), largest)
    return replace(
        program,
        parameters=tuple(_cut_parameter(parameter, sizes) for parameter in program.parameters),
        inputs=tuple(replace(given, shape=sizes.shape(given.name, len(given.shape))) for given in program.inputs),
        statements=tuple(_cut_statement(statement, sizes) for statement in program.statements),
    )


class _Sizes:
    """A size for every class of axes that must agree."""

    def __init__(self, program: Program) -> None:
        self._parent: dict[tuple[str, int], tuple[str, int]] = {}
        self._size: dict[tuple[str, int], int] = {}
        self._pinned: set[tuple[str, int]] = set()
        for tensor, shape in program.shapes().items():
            for axis, dim in enumerate(shape):
                self._parent[tensor, axis] = (tensor, axis)
                self._size[tensor, axis] = dim if isinstance(dim, int) else _DYNAMIC
        for given in program.inputs:
            if isinstance(given.values, OneHot | Index):
                self._pin_one((given.name, len(given.shape) - 1))  # its entries would have another mean square
        shapes = program.shapes()
        for statement in program.statements:
            self._tie(statement, shapes)

    def shape(self, tensor: str, axes: int) -> tuple[int, ...]:
        return tuple(self._size[self._find((tensor, axis))] for axis in range(axes))

    def cut(self, tensor: str, axes: int, largest: int) -> None:
        while math.prod(self.shape(tensor, axes)) > largest:
            roots = [self._find((tensor, axis)) for axis in range(axes)]
            free = [root for root in roots if root not in self._pinned and self._size[root] > 1]
            if not free:
                return
            longest = max(self._size[root] for root in free)
            root = [root for root in free if self._size[root] == longest][-1]
            self._size[root] = (longest + 1) // 2

    def _find(self, axis: tuple[str, int]) -> tuple[str, int]:
        while self._parent[axis] != axis:
            self._parent[axis] = self._parent[self._parent[axis]]
            axis = self._parent[axis]
        return axis

    def _union(self, first: tuple[str, int], second: tuple[str, int]) -> None:
        first, second = self._find(first), self._find(second)
        if first != second:
            self._parent[second] = first
            if second in self._pinned:
                self._pinned.add(first)

    def _pin(self, tensor: str, axes: int) -> None:
        self._pinned.update(self._find((tensor, axis)) for axis in range(axes))

    def _tie(self, statement: Statement, shapes: dict[str, tuple[Dim, ...]]) -> None:
        name = statement.name
        match statement:
            case Contract() | Sum():
                ends = _ends(statement)
                for held in ends:
                    for end in held[1:]:
                        self._union(held[0], end)
            case Pointwise(arguments=(argument, *_)) | Normalize(argument=argument):
                for axis in range(len(shapes[name])):
                    self._union((argument, axis), (name, axis))
            case View(argument=argument, kind=Select(axis=gone)):
                self._pin_one((argument, gone))
                rest = [axis for axis in range(len(shapes[argument])) if axis != gone]
                for axis, old in enumerate(rest):
                    self._union((argument, old), (name, axis))
            case View(argument=argument):
                self._pin(argument, len(shapes[argument]))
                self._pin(name, len(shapes[name]))
            case Pointwise():
                pass
            case _:
                assert_never(statement)

    def _pin_one(self, axis: tuple[str, int]) -> None:
        self._pinned.add(self._find(axis))


def _ends(statement: Contract | Sum) -> list[list[tuple[str, int]]]:
    """For each leg, or legs that a delta ties, the axes of tensors on it."""
    ends: list[list[tuple[str, int]]] = [[] for _ in statement.dims]
    factors = statement.factors if isinstance(statement, Contract) else [term.use for term in statement.terms]
    for factor in factors:
        if isinstance(factor, Use):
            for axis, leg in enumerate(factor.legs):
                ends[leg].append((factor.tensor, axis))
    for axis, leg in enumerate(statement.legs):
        ends[leg].append((statement.name, axis))
    tied = [[end for leg in factor.legs for end in ends[leg]] for factor in factors if isinstance(factor, Delta)]
    return [held for held in (*ends, *tied) if held]


def _cut_parameter(parameter: Parameter, sizes: _Sizes) -> Parameter:
    shape = sizes.shape(str(parameter.name), len(parameter.shape))
    init = parameter.init
    if isinstance(init, Entries):
        init = Entries(_first_entries(init.values, parameter.shape, shape))
    return replace(parameter, shape=shape, init=init)


def _first_entries(values: Sequence[float], old: Sequence[int], new: Sequence[int]) -> tuple[float, ...]:
    if not old:
        return tuple(values)
    stride = len(values) // old[0]
    return tuple(
        value
        for index in range(new[0])
        for value in _first_entries(values[index * stride : (index + 1) * stride], old[1:], new[1:])
    )


def _cut_statement(statement: Statement, sizes: _Sizes) -> Statement:
    match statement:
        case Contract() | Sum():
            dims = [dim if isinstance(dim, int) else _DYNAMIC for dim in statement.dims]
            factors = statement.factors if isinstance(statement, Contract) else [term.use for term in statement.terms]
            for factor in factors:
                if isinstance(factor, Use):
                    for leg, size in zip(factor.legs, sizes.shape(factor.tensor, len(factor.legs)), strict=True):
                        dims[leg] = size
            for leg, size in zip(statement.legs, sizes.shape(statement.name, len(statement.legs)), strict=True):
                dims[leg] = size
            return replace(statement, dims=tuple(dims))
        case View(shape=shape):
            return replace(statement, shape=sizes.shape(statement.name, len(shape)))
        case Pointwise() | Normalize():
            return statement
        case _:
            assert_never(statement)
