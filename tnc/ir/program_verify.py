"""The rules that every Program keeps. A broken one is a fault of the compiler, never of the author."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import assert_never

from tnc.diagnostics import InternalError
from tnc.ir.program import (
    LARGEST_SEEDED,
    SEEDS,
    Apply,
    Argument,
    Auto,
    Constant,
    Contract,
    Crop,
    Delta,
    Dim,
    Entries,
    FlatCrop,
    Glorot,
    He,
    Identity,
    Index,
    Init,
    Input,
    Literal,
    Normal,
    Normalize,
    Numbers,
    OneHot,
    Ones,
    Orthogonal,
    Parameter,
    Pointwise,
    Program,
    Reshape,
    Scalar,
    Select,
    Statement,
    Sum,
    Uniform,
    Use,
    View,
    statement_shape,
)
from tnc.ir.scalar import operand_count

Shapes = dict[str, tuple[Dim, ...]]

_PART = r"[A-Za-z_]\w*(\[-?\d+(, -?\d+)*\])?"
_NAME = re.compile(rf"{_PART}(\.{_PART})*", re.ASCII)


def verify_program(program: Program) -> None:
    """Raise InternalError, naming the statement, unless the Program is well formed."""
    shapes: Shapes = {}
    for parameter in program.parameters:
        _define(str(parameter.name), shapes, parameter.shape)
        _verify_parameter(parameter)
    for given in program.inputs:
        _define(given.name, shapes, given.shape)
        _verify_values(given)
    for statement in program.statements:
        name = statement.name
        _verify_statement(statement, shapes)
        _define(name, shapes, statement_shape(statement, shapes))
    _verify_outputs(program, shapes)


def _fault(where: str, what: str) -> InternalError:
    return InternalError(f"`{where}`: {what}")


def _require(condition: bool, where: str, what: str) -> None:
    if not condition:
        raise _fault(where, what)


def _require_finite(values: Iterable[float], where: str) -> None:
    for value in values:
        _require(math.isfinite(value), where, f"the number {value} is not finite")


def _define(name: str, shapes: Shapes, shape: tuple[Dim, ...]) -> None:
    _require(_NAME.fullmatch(name) is not None, name, "not a canonical name")
    _require(name not in shapes, name, "defined twice")
    for dim in shape:
        _require(isinstance(dim, str) or dim >= 1, name, f"dimension {dim} is not positive")
    shapes[name] = shape


def _shape(tensor: str, shapes: Shapes, where: str) -> tuple[Dim, ...]:
    if tensor not in shapes:
        raise _fault(where, f"uses `{tensor}`, which is not defined before")
    return shapes[tensor]


# -- inputs, parameters and outputs ------------------------------------------------------------


def _verify_values(given: Input) -> None:
    match given.values:
        case Numbers(std=std):
            _require(math.isfinite(std) and std > 0, given.name, f"deviation {std} is not positive")
        case OneHot() | Index():
            static = bool(given.shape) and isinstance(given.shape[-1], int)
            _require(static, given.name, "one-hot without a static last axis")
        case _:
            assert_never(given.values)


def _verify_parameter(parameter: Parameter) -> None:
    name = str(parameter.name)
    axes = len(parameter.shape)
    _require(0 <= parameter.inputs <= axes, name, f"{parameter.inputs} of {axes} axes before the arrow")
    _require_finite(_numbers(parameter.init), name)
    if parameter.seed is not None:
        _require(parameter.frozen, name, "a seeded core that is trained")
        _require(0 <= parameter.seed < SEEDS, name, f"the seed {parameter.seed} is out of range")
        _require(math.prod(parameter.shape) <= LARGEST_SEEDED, name, "a seeded core with too many entries")
        drawn = isinstance(parameter.init, Normal | Uniform | Identity | Glorot | He)
        _require(drawn, name, f"{parameter.init} is not drawn from a seed")
    if isinstance(parameter.init, Entries):
        elements = math.prod(parameter.shape)
        given = len(parameter.init.values)
        _require(given == elements, name, f"{given} entries for {elements} elements")


def _numbers(init: Init) -> tuple[float, ...]:
    match init:
        case Normal(std=value) | Orthogonal(gain=value) | Identity(noise=value) | Constant(value=value):
            return (value,)
        case Uniform(low=low, high=high):
            return (low, high)
        case Entries(values=values):
            return values
        case Glorot() | He() | Auto():
            return ()
        case _:
            assert_never(init)


def _verify_outputs(program: Program, shapes: Shapes) -> None:
    names: set[str] = set()
    for output in program.outputs:
        where = f"output {output.name}"
        _require(output.name not in names, where, "defined twice")
        names.add(output.name)
        shape = _shape(output.tensor, shapes, where)
        _require(len(output.axes) == len(shape), where, f"{len(output.axes)} axis names for {len(shape)} axes")
        if output.std is not None:
            _require(math.isfinite(output.std) and output.std > 0, where, f"deviation {output.std} is not positive")
    for requirement in program.requirements:
        _require(not math.isnan(requirement.bound), f"require {requirement.metric}", "the bound is not a number")


# -- statements --------------------------------------------------------------------------------


def _verify_statement(statement: Statement, shapes: Shapes) -> None:
    match statement:
        case Contract():
            _verify_contract(statement, shapes)
        case Sum():
            _verify_sum(statement, shapes)
        case Pointwise():
            _verify_pointwise(statement, shapes)
        case Normalize():
            _shape(statement.argument, shapes, statement.name)
        case View():
            _verify_view(statement, _shape(statement.argument, shapes, statement.name))
        case _:
            assert_never(statement)


def _verify_contract(contract: Contract, shapes: Shapes) -> None:
    name, dims = contract.name, contract.dims
    _require_finite((contract.scale,), name)
    _verify_legs(name, [factor.legs for factor in contract.factors], contract.legs, dims)
    held: set[int] = set()
    for factor in contract.factors:
        held.update(factor.legs)
        match factor:
            case Use():
                _verify_use(factor, dims, shapes, name)
            case Delta(legs=legs):
                _require(len(legs) >= 1, name, "delta without legs")
                _require(len({dims[leg] for leg in legs}) == 1, name, "delta over legs of different dimensions")
            case Ones(legs=legs):
                _require(len(legs) >= 1, name, "ones without legs")
            case _:
                assert_never(factor)
    _require(held.issuperset(contract.legs), name, "a leg of the result is on no factor")


def _verify_sum(total: Sum, shapes: Shapes) -> None:
    name, dims = total.name, total.dims
    _verify_legs(name, [term.use.legs for term in total.terms], total.legs, dims)
    _require_finite((term.coefficient for term in total.terms), name)
    held: set[int] = set()
    for term in total.terms:
        legs = term.use.legs
        _require(len(set(legs)) == len(legs), name, f"the term `{term.use.tensor}` holds a leg twice")
        _verify_use(term.use, dims, shapes, name)
        held.update(legs)
    _require(held == set(total.legs), name, "the legs of the terms are not the legs of the result")


def _verify_legs(
    name: str, operands: Sequence[tuple[int, ...]], result: tuple[int, ...], dims: tuple[Dim, ...]
) -> None:
    _require(len(set(result)) == len(result), name, "the result holds a leg twice")
    count = 0
    for legs in (*operands, result):
        for leg in legs:
            _require(0 <= leg <= count, name, f"leg {leg} is not numbered by first appearance")
            count = max(count, leg + 1)
    _require(count == len(dims), name, f"{len(dims)} dimensions for {count} legs")


def _verify_use(use: Use, dims: tuple[Dim, ...], shapes: Shapes, where: str) -> None:
    shape = _shape(use.tensor, shapes, where)
    seen = tuple(dims[leg] for leg in use.legs)
    _require(seen == shape, where, f"uses `{use.tensor}` of shape {shape} as {seen}")


def _verify_pointwise(pointwise: Pointwise, shapes: Shapes) -> None:
    name = pointwise.name
    _require(bool(pointwise.arguments), name, "a pointwise function of nothing")
    _shape(pointwise.arguments[0], shapes, name)
    for tensor in pointwise.arguments[1:]:
        _require(_shape(tensor, shapes, name) == (), name, f"the argument `{tensor}` is not a scalar")
    pending: list[Scalar] = [pointwise.function]
    while pending:
        scalar = pending.pop()
        match scalar:
            case Argument(index=index):
                _require(0 <= index < len(pointwise.arguments), name, f"there is no argument {index}")
            case Literal(value=value):
                _require_finite((value,), name)
            case Apply(operator=operator, operands=operands):
                expected = operand_count(operator)
                _require(expected is not None, name, f"unknown function `{operator}`")
                _require(expected == len(operands), name, f"`{operator}` of {len(operands)} operands")
                pending.extend(operands)
            case _:
                assert_never(scalar)


# -- views -------------------------------------------------------------------------------------


def _verify_view(view: View, old: tuple[Dim, ...]) -> None:
    name, new = view.name, view.shape
    match view.kind:
        case Reshape():
            _require(_segments(old) == _segments(new), name, f"reshape of {old} to {new}")
        case Crop():
            _require(len(old) == len(new), name, f"crop of {old} to {new}")
            for before, after in zip(old, new, strict=True):
                kept = before == after or (isinstance(before, int) and isinstance(after, int) and after < before)
                _require(kept, name, f"crop of {before} to {after}")
        case FlatCrop():
            given, wanted = _elements(old), _elements(new)
            _require(given is not None and wanted is not None, name, "crop of a flattened dynamic axis")
            _require((wanted or 0) <= (given or 0), name, f"the first {wanted} of {given} entries")
        case Select(axis=axis, index=index):
            _require(0 <= axis < len(old), name, f"there is no axis {axis}")
            _require(new == old[:axis] + old[axis + 1 :], name, f"selection from {old} gives {new}")
            dim = old[axis]
            _require(isinstance(dim, int) and 0 <= index < dim, name, f"entry {index} of an axis of {dim}")
        case _:
            assert_never(view.kind)


def _segments(shape: tuple[Dim, ...]) -> list[Dim]:
    """The dynamic axes with the number of elements before, between and after them: what a reshape keeps."""
    segments: list[Dim] = []
    elements = 1
    for dim in shape:
        if isinstance(dim, int):
            elements *= dim
        else:
            segments += [elements, dim]
            elements = 1
    return [*segments, elements]


def _elements(shape: tuple[Dim, ...]) -> int | None:
    """How many elements a static shape has; None for a dynamic one."""
    elements = 1
    for dim in shape:
        if isinstance(dim, str):
            return None
        elements *= dim
    return elements
