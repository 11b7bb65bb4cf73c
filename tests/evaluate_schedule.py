"""The value of a Schedule by NumPy, step by step as its docstrings say: the reference for emitters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from tests.evaluate_program import evaluate_scalar
from tnc.ir.extent import Extent, evaluate
from tnc.ir.schedule import (
    Add,
    Broadcast,
    Conjugate,
    Contiguous,
    Diagonal,
    Embed,
    Eye,
    Gather,
    Kron,
    Loop,
    Matmul,
    Multiply,
    NamedView,
    Normalize,
    Operation,
    Pointwise,
    Read,
    ReduceSum,
    ScalarConstant,
    Scale,
    Schedule,
    Slice,
    Step,
    Sweep,
)

Array: TypeAlias = NDArray[Any]


def evaluate_schedule(
    schedule: Schedule, tensors: Mapping[str, Array], sizes: Mapping[str, int] | None = None
) -> dict[str, Array]:
    """The outputs by name. ``tensors`` holds cores by canonical name and inputs, ``sizes`` the dynamic sizes."""
    values: dict[str, Array] = {given.name: np.asarray(tensors[given.name]) for given in schedule.inputs}
    for stack in schedule.stacks:
        cores = [np.asarray(tensors[core.name]) for core in stack.members]
        values[stack.key] = np.stack(cores).reshape(stack.stored_shape)
    runner = _Runner(sizes or {})
    for step in schedule.steps:
        values[step.name] = runner.run(step, values, 0)
    return {result.name: runner.see(result.read, values, 0) for result in schedule.results}


class _Runner:
    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes

    def shape(self, shape: tuple[Extent, ...]) -> tuple[int, ...]:
        return tuple(evaluate(size, self._sizes) for size in shape)

    def see(self, read: Read, values: Mapping[str, Array], iteration: int) -> Array:
        value = values[read.source]
        if read.select is not None:
            axis, index = read.select
            value = np.take(value, index.start + index.step * iteration, axis)
        value = value.reshape(self.shape(read.shape))
        return value if read.perm is None else value.transpose(read.perm)

    def run(self, step: Step, values: Mapping[str, Array], iteration: int) -> Array:
        if isinstance(step.operation, Loop):
            return self.repeat(step, step.operation, values)
        result = np.asarray(self.apply(step.operation, self.shape(step.shape), values, iteration))
        assert result.shape == self.shape(step.shape), (step.name, result.shape, step.shape)
        return result

    def repeat(self, step: Step, repeat: Loop, values: Mapping[str, Array]) -> Array:
        carried = self.see(repeat.initial, values, 0)
        for iteration in range(repeat.count):
            inner = {**values, repeat.carried: carried}
            for each in repeat.body:
                inner[each.name] = self.run(each, inner, iteration)
            carried = inner[repeat.body[-1].name]
            assert carried.shape == self.shape(step.shape)
        return carried

    def apply(self, operation: Operation, shape: tuple[int, ...], values: Mapping[str, Array], iteration: int) -> Any:
        def see(read: Read) -> Array:
            return self.see(read, values, iteration)

        match operation:
            case ScalarConstant(value=value):
                return value
            case Eye(size=size):
                return np.eye(size)
            case Matmul(left=left, right=right):
                assert len(see(left).shape) == len(see(right).shape) in (2, 3)
                return see(left) @ see(right)
            case Multiply(left=left, right=right):
                assert len(see(left).shape) == len(see(right).shape)
                return see(left) * see(right)
            case Kron(left=left, right=right):
                return np.einsum("ab,cd->acbd", see(left), see(right)).reshape(shape)
            case Add(terms=terms):
                return sum(coefficient * see(read) for coefficient, read in terms)
            case Sweep(operand=operand, windows=windows):
                state = see(operand)
                for window in windows:
                    gate = see(window.gate)
                    state = state.reshape(window.front, gate.shape[1], -1)
                    state = np.moveaxis(np.tensordot(gate, state, (1, 1)), 0, 1).ravel()
                return state.reshape(shape)
            case Gather(operand=operand, index=index, divisor=divisor, leads=leads):
                picked = see(index) // divisor
                return see(operand)[picked if leads else picked % len(see(operand))]
            case Scale(operand=operand, factor=factor):
                return factor * see(operand)
            case ReduceSum(operand=operand, axes=axes):
                return see(operand).sum(axes)
            case Diagonal(operand=operand):
                return np.moveaxis(np.diagonal(see(operand), 0, 0, 1), -1, 0)
            case Embed(operand=operand):
                return _embedded(see(operand))
            case Broadcast(operand=operand):
                return np.broadcast_to(see(operand), shape)
            case Contiguous(operand=operand) | NamedView(operand=operand):
                return see(operand)
            case Slice(operand=operand):
                return see(operand)[tuple(slice(0, size) for size in shape)]
            case Conjugate(operand=operand):
                return np.conj(see(operand))
            case Pointwise(function=function, operands=operands):
                return np.broadcast_to(evaluate_scalar(function, [see(read) for read in operands]), shape)
            case Normalize(operand=operand, axes=axes, epsilon=epsilon):
                return _normalized(see(operand), axes, epsilon)
            case Loop():
                raise AssertionError
            case _:
                assert_never(operation)


def _embedded(value: Array) -> Array:
    result: Array = np.zeros((value.shape[0], *value.shape), value.dtype)
    result[np.arange(len(value)), np.arange(len(value))] = value
    return result


def _normalized(value: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    mean = np.mean(np.abs(value) ** 2, axis=axes, keepdims=True) if axes else np.abs(value) ** 2
    return np.asarray(value / np.sqrt(mean + epsilon))
