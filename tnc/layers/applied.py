"""Weights applied to data: axes are split into their digits, so that data can meet the cores one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tnc.api import Network
from tnc.ir.legs import contract
from tnc.ir.program import Contract, Dim, Factor, Input, Output, Program, Reshape, Statement, Use, View
from tnc.passes import run_passes

ROWS: Final = "batch"
"""The dynamic size of data: how many rows they have."""

_DIGITS: Final = "_digits"


def on_data(network: Network, axis: int, rows: int) -> Network:
    """The weight of a network without inputs, a matrix, applied to data: ``y(rows, out)`` from ``x(rows, in)``.

    ``axis`` is the one that is summed, ``rows`` the number to plan for. Cores and keys are those of the network; the
    planner may contract data with single cores.
    """
    program = _applied(network.program, axis)
    initialisation = replace(network.initialised.initialisation, optimised=run_passes(split_axes(run_passes(program))))
    initialised = replace(network.initialised, program=program, initialisation=initialisation)
    return replace(network, initialised=initialised, options=replace(network.options, sizes=((ROWS, rows),)))


def with_digits(network: Network) -> Network:
    """The network, planned with its products split as :func:`split_axes` says; Program and values stay as they are."""
    initialisation = network.initialised.initialisation
    optimised = run_passes(split_axes(initialisation.optimised))
    initialised = replace(network.initialised, initialisation=replace(initialisation, optimised=optimised))
    return replace(network, initialised=initialised)


def _applied(program: Program, axis: int) -> Program:
    """The Program that applies its output to an input."""
    (output,) = program.outputs
    shapes = program.shapes()
    shape = shapes[output.tensor]
    taken = set(shapes)
    data, result = _fresh("x", taken), _fresh("y", taken)
    factors = (Use(data, (0, 1)), Use(output.tensor, (2, 1) if axis == 1 else (1, 2)))
    product = contract(result, factors, (0, 2), (ROWS, shape[axis], shape[1 - axis]), leg_names=("row", "i", "o"))
    return replace(
        program,
        inputs=(Input(data, (ROWS, shape[axis])),),
        statements=(*program.statements, product),
        outputs=(Output(result, result, (None, None), None),),
    )


def split_axes(program: Program) -> Program:
    """The Program without products of a reshaped product: the outer one has the axes before the reshape.

    Where ``w`` joins the axes of ``t``, ``y(b, o) = x(b, i) * w(o, i)`` becomes ``z(b, o1, o2) = x'(b, i1, i2) *
    t(o1, o2, i1, i2)`` and a reshape of ``z``. The other factors are reshaped in their turn, which moves nothing.
    """
    views = {each.name: each for each in program.statements if isinstance(each, View)}
    products = {each.name for each in program.statements if isinstance(each, Contract)}
    shapes = program.shapes()
    taken = set(shapes)
    statements: list[Statement] = []
    for statement in program.statements:
        joined = _joined(statement, views, products, shapes) if isinstance(statement, Contract) else None
        if isinstance(statement, Contract) and joined is not None:
            statements += _split(statement, *joined, shapes, taken)
        else:
            statements.append(statement)
    if len(statements) == len(program.statements):
        return program
    inner = {each.name: each for each in program.statements}
    origins = dict(program.origins)
    for each in statements:
        before = each.name.removesuffix("_").removesuffix(_DIGITS)
        if each.name not in inner and before in origins:
            origins[each.name] = origins[before]
    return replace(program, statements=tuple(statements), origins=tuple(origins.items()))


def _joined(
    statement: Contract, views: dict[str, View], products: set[str], shapes: dict[str, tuple[Dim, ...]]
) -> tuple[Use, View, list[tuple[int, ...]]] | None:
    """A factor whose axes are joined from those of another product, and the dimensions that each of them joins."""
    for factor in statement.factors:
        if not isinstance(factor, Use) or len(statement.factors) < 2 or len(set(factor.legs)) < len(factor.legs):
            continue
        view = views.get(factor.tensor)
        if view is None or not isinstance(view.kind, Reshape) or view.argument not in products:
            continue
        groups = _groups(shapes[view.argument], view.shape)
        if groups is not None:
            return factor, view, groups
    return None


def _groups(before: Sequence[Dim], after: Sequence[Dim]) -> list[tuple[int, ...]] | None:
    """The dimensions before that make up each dimension after; None unless the reshape only joins axes."""
    groups: list[tuple[int, ...]] = []
    position = 0
    for dim in after:
        group: list[int] = []
        while isinstance(dim, int) and math.prod(group) < dim and position < len(before):
            part = before[position]
            if not isinstance(part, int):
                return None
            group.append(part)
            position += 1
        if not isinstance(dim, int) or math.prod(group) != dim:
            return None
        groups.append(tuple(group))
    return groups if position == len(before) else None


def _split(
    statement: Contract,
    joined: Use,
    view: View,
    groups: list[tuple[int, ...]],
    shapes: dict[str, tuple[Dim, ...]],
    taken: set[str],
) -> list[Statement]:
    """The statements that compute a product with the axes of one factor split."""
    dims: list[Dim] = list(statement.dims)
    parts: dict[int, tuple[int, ...]] = {}
    for leg, group in zip(joined.legs, groups, strict=True):
        if len(group) != 1:
            parts[leg] = tuple(range(len(dims), len(dims) + len(group)))
            dims.extend(group)
    new: list[Statement] = []
    factors: list[Factor] = []
    for factor in statement.factors:
        legs = _expanded(factor.legs, parts)
        if factor is joined:
            factors.append(replace(joined, tensor=view.argument, legs=legs))
        elif isinstance(factor, Use) and legs != factor.legs:
            name = _fresh(f"{factor.tensor}{_DIGITS}", taken)
            new.append(View(name, factor.tensor, Reshape(), tuple(dims[leg] for leg in legs), span=statement.span))
            factors.append(replace(factor, tensor=name, legs=legs))
        elif legs != factor.legs:
            return [statement]  # a copy tensor or a sum over everything: rare, and computed as it was
        else:
            factors.append(factor)
    result = _expanded(statement.legs, parts)
    name = statement.name if result == statement.legs else _fresh(f"{statement.name}{_DIGITS}", taken)
    new.append(contract(name, factors, result, dims, scale=statement.scale, span=statement.span))
    if name != statement.name:
        new.append(View(statement.name, name, Reshape(), shapes[statement.name], span=statement.span))
    return new


def _expanded(legs: Sequence[int], parts: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(part for leg in legs for part in parts.get(leg, (leg,)))


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
