"""The value of a Program by NumPy: short and slow, for tests of whatever comes after elaboration.

It shares with the compiler the types of the Program and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

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
            return _RULES[operator](*(evaluate_scalar(operand, arguments) for operand in operands))
        case _:
            assert_never(scalar)


def _leaky_relu(t: Array, slope: Array) -> Array:
    return np.where(t > 0, t, slope * t)


def _elu(t: Array, alpha: Array) -> Array:
    return np.where(t > 0, t, alpha * np.expm1(np.minimum(t, 0)))


def _rational(t: Array, a0: Array, a1: Array, a2: Array, a3: Array, b1: Array, b2: Array) -> Array:
    return np.asarray((a0 + a1 * t + a2 * t**2 + a3 * t**3) / (1 + np.abs(b1 * t + b2 * t**2)))


def _erf(t: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[float])(t))


def _relu(t: Array) -> Array:
    return np.maximum(t, 0)


def _gelu(t: Array) -> Array:
    return np.asarray(0.5 * t * (1 + _erf(t / math.sqrt(2))))


def _sigmoid(t: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-t)))


def _silu(t: Array) -> Array:
    return np.asarray(t * _sigmoid(t))


def _softplus(t: Array) -> Array:
    return np.asarray(np.logaddexp(0, t))


def _sin(t: Array, w: Array) -> Array:
    return np.asarray(np.sin(w * t))


def _snake(t: Array, a: Array) -> Array:
    return np.asarray(t + np.sin(a * t) ** 2 / a)


_RULES: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "neg": np.negative,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "exp": np.exp,
    "log": np.log,
    "cos": np.cos,
    "erf": _erf,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "min": np.minimum,
    "max": np.maximum,
    "where": np.where,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "prelu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "silu": _silu,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "sin": _sin,
    "snake": _snake,
    "rational": _rational,
}
