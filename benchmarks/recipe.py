"""A network as every contender but ours sees it: einsum equations, activations and reshapes, in order.

``recipe_of`` reads them off a Program. Copy tensors and tensors of ones are merged away; ``merged`` joins equations
between which no activation stands, so that a contraction library gets the largest regions there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

from tnc.ir import program as ir


class UnsupportedError(Exception):
    """A contender does not have such a network; no fault of anybody."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor with a leg on each axis."""

    tensor: str
    legs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Equation:
    """``scale`` times the product of the operands, summed over the legs that are not in ``legs``."""

    name: str
    operands: tuple[Operand, ...]
    legs: tuple[int, ...]
    dims: Mapping[int, int]
    scale: float

    def shape(self, legs: Sequence[int]) -> tuple[int, ...]:
        """The dimensions of some legs."""
        return tuple(self.dims[leg] for leg in legs)


@dataclass(frozen=True, slots=True)
class Activation:
    """A pointwise function without further arguments, by the language's name for it."""

    name: str
    argument: str
    function: str


@dataclass(frozen=True, slots=True)
class Reshaped:
    """The same entries, row-major, under another shape."""

    name: str
    argument: str
    shape: tuple[int, ...]


Stage: TypeAlias = Equation | Activation | Reshaped


@dataclass(frozen=True, slots=True)
class Recipe:
    """All stages in order, what they start from, and the one tensor that they lead to."""

    cores: Mapping[str, tuple[int, ...]]
    inputs: Mapping[str, tuple[int, ...]]
    stages: tuple[Stage, ...]
    result: str

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor."""
        shapes = {**self.cores, **self.inputs}
        for stage in self.stages:
            match stage:
                case Equation(name=name, legs=legs):
                    shapes[name] = stage.shape(legs)
                case Activation(name=name, argument=argument):
                    shapes[name] = shapes[argument]
                case Reshaped(name=name, shape=shape):
                    shapes[name] = shape
        return shapes


def recipe_of(program: ir.Program, sizes: Mapping[str, int]) -> Recipe:
    """The stages of a network at given sizes of its dynamic dimensions, one equation a contraction as written.

    Raises:
        UnsupportedError: if the network has something that the contenders have no notion of.
    """
    if len(program.outputs) != 1:
        raise UnsupportedError("one output only")
    stages = tuple(_stage(statement, sizes) for statement in program.statements)
    return Recipe(
        cores={str(parameter.name): parameter.shape for parameter in program.parameters},
        inputs={given.name: _static(given.shape, sizes) for given in program.inputs},
        stages=stages,
        result=program.outputs[0].tensor,
    )


def merged(recipe: Recipe) -> Recipe:
    """The recipe with every equation that only another equation uses, and once, written into that one."""
    uses = Counter(tensor for stage in recipe.stages for tensor in _arguments(stage))
    waiting: dict[str, Equation] = {}
    stages: list[Stage] = []
    for stage in recipe.stages:
        if isinstance(stage, Equation):
            for inner in [waiting.pop(operand.tensor) for operand in stage.operands if operand.tensor in waiting]:
                stage = _inlined(stage, inner)
            user = _only_user(recipe, stage.name) if uses[stage.name] == 1 else None
            if isinstance(user, Equation):
                waiting[stage.name] = stage
                continue
        stages.append(stage)
    return replace(recipe, stages=tuple(stages))


def _only_user(recipe: Recipe, tensor: str) -> Stage | None:
    return next((stage for stage in recipe.stages if tensor in _arguments(stage)), None)


def _arguments(stage: Stage) -> tuple[str, ...]:
    match stage:
        case Equation(operands=operands):
            return tuple(operand.tensor for operand in operands)
        case Activation(argument=argument) | Reshaped(argument=argument):
            return (argument,)


def _inlined(outer: Equation, inner: Equation) -> Equation:
    """``outer`` with the operands of ``inner`` where ``inner`` was used."""
    place = next(index for index, operand in enumerate(outer.operands) if operand.tensor == inner.name)
    use = outer.operands[place]
    first_free = max((*outer.dims, -1)) + 1
    summed = [leg for leg in inner.dims if leg not in inner.legs]
    renamed = dict(zip(inner.legs, use.legs, strict=True)) | {leg: first_free + k for k, leg in enumerate(summed)}
    operands = tuple(Operand(o.tensor, tuple(renamed[leg] for leg in o.legs)) for o in inner.operands)
    return replace(
        outer,
        operands=outer.operands[:place] + operands + outer.operands[place + 1 :],
        dims={**outer.dims, **{renamed[leg]: inner.dims[leg] for leg in summed}},
        scale=outer.scale * inner.scale,
    )


def _stage(statement: ir.Statement, sizes: Mapping[str, int]) -> Stage:
    match statement:
        case ir.Contract():
            return _equation(statement, sizes)
        case ir.Pointwise(name=name, arguments=(argument,), function=ir.Apply(operator, (ir.Argument(),))):
            return Activation(name, argument, operator)
        case ir.View(name=name, argument=argument, kind=ir.Reshape(), shape=shape):
            return Reshaped(name, argument, _static(shape, sizes))
        case _:
            raise UnsupportedError(f"{type(statement).__name__.lower()} statements")


def _equation(contract: ir.Contract, sizes: Mapping[str, int]) -> Equation:
    legs = _copies_merged(contract)
    operands = tuple(
        Operand(factor.tensor, tuple(legs[leg] for leg in factor.legs))
        for factor in contract.factors
        if isinstance(factor, ir.Use)
    )
    if any(isinstance(factor, ir.Use) and factor.conjugate for factor in contract.factors):
        raise UnsupportedError("conjugation")
    dims = {legs[leg]: dim for leg, dim in enumerate(_static(contract.dims, sizes))}
    result = tuple(legs[leg] for leg in contract.legs)
    held = {leg for operand in operands for leg in operand.legs}
    if len(set(result)) < len(result) or not held >= set(result) or not held >= set(dims):
        raise UnsupportedError("copy tensors and ones that do more than rename a leg")
    return Equation(contract.name, operands, result, dims, contract.scale)


def _copies_merged(contract: ir.Contract) -> list[int]:
    """For every leg the one that stands for it when all legs of each copy tensor are one."""
    merged_into = list(range(len(contract.dims)))
    for factor in contract.factors:
        if isinstance(factor, ir.Delta):
            group = {merged_into[leg] for leg in factor.legs}
            merged_into = [min(group) if leg in group else leg for leg in merged_into]
    return merged_into


def _static(shape: Sequence[ir.Dim], sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(dim if isinstance(dim, int) else sizes[dim] for dim in shape)


def elements(shape: Sequence[int]) -> int:
    """How many entries a tensor has."""
    return prod(shape)
