"""Contraction libraries, each given one linear region at a time.

None of them has types, so what they return is ``Any`` here and a tensor to everybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import torch

from benchmarks.contenders.eager import Contraction
from benchmarks.recipe import Equation, Operand, Recipe, UnsupportedError

REPEATS = 128
"""How many random greedy trees cotengra draws."""


def cotengra_expression(equation: Equation, optimize: str) -> Callable[..., Any]:
    """Cotengra's expression for a region; ``random-greedy`` is its best search that finds the same tree every time."""
    cotengra: Any = import_module("cotengra")
    inputs, output, sizes = _named(equation)
    if len(inputs) == 1:
        return partial(_one, equation)
    optimizer: Any = optimize
    if optimize == "random-greedy":
        optimizer = cotengra.RandomGreedyOptimizer(max_repeats=REPEATS, seed=0, accel=False, parallel=False)
    expression: Callable[..., Any] = cotengra.array_contract_expression(
        inputs, output, size_dict=sizes, optimize=optimizer
    )
    return expression


def cotengra(optimize: str) -> Callable[[Equation], Contraction]:
    """Every region contracted along cotengra's tree."""

    def engine(equation: Equation) -> Contraction:
        expression = cotengra_expression(equation, optimize)
        return lambda operands: expression(*operands)

    return engine


def opt_einsum(equation: Equation) -> Contraction:
    """opt_einsum's expression with its default search."""
    library: Any = import_module("opt_einsum")
    text = einsum_text(equation)
    shapes = [equation.shape(operand.legs) for operand in equation.operands]
    expression: Callable[..., Any] = library.contract_expression(text, *shapes, optimize="auto")
    return lambda operands: expression(*operands)


def quimb(equation: Equation) -> Contraction:
    """A quimb ``TensorNetwork`` a region, contracted with quimb's own settings."""
    library: Any = import_module("quimb.tensor")
    inputs, output, _ = _named(equation)
    if len(inputs) == 1:
        return lambda operands: _one(equation, operands[0])

    def contract(operands: Sequence[torch.Tensor]) -> torch.Tensor:
        tensors = [library.Tensor(data, legs) for data, legs in zip(operands, inputs, strict=True)]
        result: torch.Tensor = library.TensorNetwork(tensors).contract(output_inds=output, optimize="auto-hq").data
        return result

    return contract


def tensorkrowch(recipe: Recipe) -> Callable[[Equation], Contraction]:
    """A TensorKrowch network of nodes joined by edges, contracted node by node; for networks without activations."""
    _single_region(recipe, "TensorKrowch")
    library: Any = import_module("tensorkrowch")

    def engine(equation: Equation) -> Contraction:
        network: Any = library.TensorNetwork()
        nodes: list[Any] = [
            library.Node(
                shape=equation.shape(operand.legs), axes_names=_axes(operand), name=f"node_{index}", network=network
            )
            for index, operand in enumerate(equation.operands)
        ]
        _join(equation, nodes)

        def contract(operands: Sequence[torch.Tensor]) -> torch.Tensor:
            network.reset()
            for node, tensor in zip(nodes, operands, strict=True):
                node.tensor = tensor
            result = nodes[0]
            for node in nodes[1:]:
                result = result @ node
            legs = [int(axis.name[3:-1]) for axis in result.axes]
            contracted: torch.Tensor = result.tensor
            return contracted.permute([legs.index(leg) for leg in equation.legs])

        return contract

    return engine


def _axes(operand: Operand) -> list[str]:
    return [_axis(leg) for leg in operand.legs]


def _axis(leg: int) -> str:
    """A name that does not end in a number, because TensorKrowch counts those itself."""
    return f"leg{leg}x"


def _join(equation: Equation, nodes: Sequence[Any]) -> None:
    for leg in equation.dims:
        holders = [node for node, operand in zip(nodes, equation.operands, strict=True) if leg in operand.legs]
        if len(holders) > 2 or (len(holders) == 2 and leg in equation.legs):
            raise UnsupportedError("TensorKrowch has no hyperedges without copy nodes")
        if len(holders) == 2:
            _ = holders[0][_axis(leg)] ^ holders[1][_axis(leg)]


def tensorly(recipe: Recipe, topology: str) -> Callable[[Equation], Contraction]:
    """TensorLy's own reconstruction of a train, a ring, a Tucker or a canonical polyadic decomposition."""
    _single_region(recipe, "TensorLy")
    library: Any = import_module("tensorly")
    library.set_backend("pytorch")

    def train(operands: Sequence[torch.Tensor]) -> Any:
        first, *inner, last = operands
        return import_module("tensorly.tt_tensor").tt_to_tensor([first.unsqueeze(0), *inner, last.unsqueeze(-1)])

    def ring(operands: Sequence[torch.Tensor]) -> Any:
        # our ring closes at the last core's bond r[0], TensorLy's at the first core's
        return import_module("tensorly.tr_tensor").tr_to_tensor(list(operands))

    def tucker(operands: Sequence[torch.Tensor]) -> Any:
        core, *factors = operands
        return import_module("tensorly.tucker_tensor").tucker_to_tensor((core, [factor.T for factor in factors]))

    def polyadic(operands: Sequence[torch.Tensor]) -> Any:
        weights = torch.ones(operands[0].shape[0])
        return import_module("tensorly.cp_tensor").cp_to_tensor((weights, [factor.T for factor in operands]))

    known: dict[str, Contraction] = {"train": train, "ring": ring, "tucker": tucker, "polyadic": polyadic}
    if topology not in known:
        raise UnsupportedError("TensorLy has no such network")
    return lambda _: known[topology]


def einsum_text(equation: Equation) -> str:
    """The equation as text, with opt_einsum's symbols for legs."""
    library: Any = import_module("opt_einsum")

    def text(legs: Sequence[int]) -> str:
        return "".join(library.get_symbol(leg) for leg in legs)

    return f"{','.join(text(operand.legs) for operand in equation.operands)}->{text(equation.legs)}"


def _single_region(recipe: Recipe, library: str) -> None:
    if sum(isinstance(stage, Equation) for stage in recipe.stages) != 1:
        raise UnsupportedError(f"{library} has no networks with activations")


def _named(equation: Equation) -> tuple[list[tuple[str, ...]], tuple[str, ...], dict[str, int]]:
    names = {leg: f"l{leg}" for leg in equation.dims}
    inputs = [tuple(names[leg] for leg in operand.legs) for operand in equation.operands]
    return inputs, tuple(names[leg] for leg in equation.legs), {names[leg]: dim for leg, dim in equation.dims.items()}


def _one(equation: Equation, array: Any) -> Any:
    """A region of one tensor is a permutation."""
    legs = equation.operands[0].legs
    if set(legs) != set(equation.legs):
        raise UnsupportedError("a sum over one tensor")
    order = tuple(legs.index(leg) for leg in equation.legs)
    return array.permute(order) if isinstance(array, torch.Tensor) else array.transpose(order)
