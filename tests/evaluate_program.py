"""The value of a Program by NumPy: short and slow, for tests of whatever comes after elaboration.

It shares with the compiler the types of the Program and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from tests.oracle import pointwise
from tnc.ir.program import (
    Apply,
    Argument,
    Contract,
    Crop,
    Delta,
    Dim,
    FlatCrop,
    Literal,
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

Array: TypeAlias = NDArray[Any]


def evaluate_program(
    program: Program, tensors: Mapping[str, Array], sizes: Mapping[str, int] | None = None
) -> dict[str, Array]:
    """The outputs by name. ``tensors`` holds cores by canonical name and inputs, ``sizes`` the dynamic dimensions."""
    values: dict[str, Array] = {}
    values.update(tensors)
    shapes = program.shapes()
    for statement in program.statements:
        if isinstance(statement, Normalize):
            values[statement.name] = _normalize(values[statement.argument], shapes[statement.argument])
        else:
            values[statement.name] = _statement(statement, values, sizes or {})
    return {output.name: values[output.tensor] for output in program.outputs}


def random_tensors(program: Program, seed: int = 0, sizes: Mapping[str, int] | None = None) -> dict[str, Array]:
    """Normal entries for every core and every input."""
    generator = np.random.default_rng(seed)
    shapes = {str(parameter.name): parameter.shape for parameter in program.parameters}
    tensors: dict[str, Array] = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    for given in program.inputs:
        tensors[given.name] = generator.normal(size=_static(given.shape, sizes or {}))
    return tensors


def _static(shape: tuple[Dim, ...], sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(dim if isinstance(dim, int) else sizes[dim] for dim in shape)


def _statement(
    statement: Contract | Sum | Pointwise | View, values: Mapping[str, Array], sizes: Mapping[str, int]
) -> Array:
    match statement:
        case Contract():
            return _contract(statement, values, sizes)
        case Sum():
            return _sum(statement, values, sizes)
        case Pointwise(function=function, arguments=arguments):
            tensors = [np.asarray(values[name]) for name in arguments]
            return np.broadcast_to(evaluate_scalar(function, tensors), tensors[0].shape)
        case View():
            return _view(statement, values[statement.argument], sizes)
        case _:
            assert_never(statement)


def _normalize(value: Array, shape: tuple[Dim, ...]) -> Array:
    axes = tuple(axis for axis, dim in enumerate(shape) if isinstance(dim, int))
    return np.asarray(value / np.sqrt(np.mean(np.abs(value) ** 2, axis=axes, keepdims=True) + 1e-12))


def _contract(statement: Contract, values: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
    """Factor after factor onto a running product, each leg summed as soon as no later factor holds it."""
    dims = _static(statement.dims, sizes)
    last = {leg: index for index, factor in enumerate(statement.factors) for leg in factor.legs}
    running: Array = np.asarray(statement.scale)
    held: list[int] = []
    for index, factor in enumerate(statement.factors):
        match factor:
            case Use(tensor=tensor, conjugate=conjugate):
                value = np.conj(values[tensor]) if conjugate else np.asarray(values[tensor])
            case Delta(legs=legs):
                value = np.zeros([dims[leg] for leg in legs])
                value[(np.arange(dims[legs[0]]),) * len(legs)] = 1
            case Ones(legs=legs):
                value = np.ones([dims[leg] for leg in legs])
            case _:
                assert_never(factor)
        union = list(dict.fromkeys([*held, *factor.legs]))
        label = {leg: number for number, leg in enumerate(union)}
        kept = [leg for leg in union if leg in statement.legs or last[leg] > index]
        running = np.einsum(
            running,
            [label[leg] for leg in held],
            value,
            [label[leg] for leg in factor.legs],
            [label[leg] for leg in kept],
        )
        held = kept
    return np.transpose(running, [held.index(leg) for leg in statement.legs])


def _sum(statement: Sum, values: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
    total: Array = np.zeros(_static(tuple(statement.dims[leg] for leg in statement.legs), sizes))
    for term in statement.terms:
        value = np.conj(values[term.use.tensor]) if term.use.conjugate else np.asarray(values[term.use.tensor])
        order = sorted(range(len(term.use.legs)), key=lambda axis: statement.legs.index(term.use.legs[axis]))
        missing = tuple(axis for axis, leg in enumerate(statement.legs) if leg not in term.use.legs)
        total = total + term.coefficient * np.expand_dims(np.transpose(value, order), missing)
    return total


def _view(statement: View, value: Array, sizes: Mapping[str, int]) -> Array:
    shape = _static(statement.shape, sizes)
    match statement.kind:
        case Reshape():
            return np.reshape(value, shape)
        case Crop():
            return np.asarray(value[tuple(slice(0, dim) for dim in shape)])
        case FlatCrop():
            return np.reshape(np.ravel(value)[: math.prod(shape)], shape)
        case Select(axis=axis, index=index):
            return np.asarray(np.take(value, index, axis))
        case _:
            assert_never(statement.kind)


def evaluate_scalar(scalar: Scalar, arguments: list[Array]) -> Array:
    match scalar:
        case Argument(index=index):
            return arguments[index]
        case Literal(value=value):
            return np.asarray(value)
        case Apply(operator=operator, operands=operands):
            values = [evaluate_scalar(operand, arguments) for operand in operands]
            return pointwise.apply(_SYMBOLS.get(operator, operator), values)
        case _:
            assert_never(scalar)


_SYMBOLS = {
    **{"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^"},
    **{"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="},
}
"""The names that the oracle has for operators."""
