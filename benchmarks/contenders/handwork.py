"""What people write by hand: one ``tensordot`` a gate, or a few gates multiplied first and then applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from string import ascii_letters

import torch

from benchmarks.contenders.eager import Contraction
from benchmarks.contenders.frameworks import tensordot
from benchmarks.recipe import Equation, UnsupportedError

_LARGEST_GROUP = 2**16
"""Nobody multiplies gates whose product has more entries than this."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One contraction of the state with a gate, planned: the call, and the legs of the result."""

    call: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    legs: tuple[int, ...]


def in_place(equation: Equation) -> Contraction:
    """``tensordot`` for each core, and ``movedim`` so that the new legs stand where the old ones stood."""
    return _sequence(equation, stay=True)


def rotating(equation: Equation) -> Contraction:
    """``tensordot`` for each core; new legs stay at the end, where ``tensordot`` leaves them."""
    return _sequence(equation, stay=False)


def grouped(size: int) -> Callable[[Equation], Contraction]:
    """Neighbouring gates multiplied together, ``size`` at a time, before they touch the state."""

    def engine(equation: Equation) -> Contraction:
        groups = _groups(equation, size)
        legs = [equation.operands[0].legs]
        makers: list[tuple[list[int], list[_Pair]]] = []
        for group in groups:
            built, pairs = equation.operands[group[0]].legs, list[_Pair]()
            for member in group[1:]:
                pairs.append(_pair(equation, built, equation.operands[member].legs, (), stay=False, outer=True))
                built = pairs[-1].legs
            legs.append(built)
            makers.append((group, pairs))
        apply = _applied(equation, legs, stay=False)

        def contract(operands: Sequence[torch.Tensor]) -> torch.Tensor:
            tensors = [operands[0]]
            for group, pairs in makers:
                gate = operands[group[0]]
                for member, pair in zip(group[1:], pairs, strict=True):
                    gate = pair.call(gate, operands[member])
                tensors.append(gate)
            return apply(tensors)

        return contract

    return engine


def built_first(equation: Equation) -> Contraction:
    """A layer on data: all cores contracted to the weight, then one product with the data, which stands first."""
    if len(equation.operands) < 3:
        raise UnsupportedError("nothing to build")
    data, *cores = equation.operands
    needed = {*data.legs, *equation.legs}
    kept = tuple(dict.fromkeys(leg for core in cores for leg in core.legs if leg in needed))
    weight = Equation(equation.name, tuple(cores), kept, equation.dims, 1.0)
    build = _applied(weight, [core.legs for core in cores], stay=False)
    multiply = _applied(equation, [data.legs, kept], stay=False)

    def contract(operands: Sequence[torch.Tensor]) -> torch.Tensor:
        return multiply([operands[0], build(operands[1:])])

    return contract


def _groups(equation: Equation, size: int) -> list[list[int]]:
    """Which operands after the first are multiplied together: neighbours that share no leg and stay small."""
    groups: list[list[int]] = []
    for index, operand in enumerate(equation.operands[1:], start=1):
        if groups and len(groups[-1]) < size:
            members = [equation.operands[member] for member in groups[-1]]
            entries = prod(prod(equation.shape(member.legs)) for member in (*members, operand))
            shared = any(set(operand.legs) & set(member.legs) for member in members)
            if not shared and entries <= _LARGEST_GROUP:
                groups[-1].append(index)
                continue
        groups.append([index])
    return groups


def _sequence(equation: Equation, stay: bool) -> Contraction:
    return _applied(equation, [operand.legs for operand in equation.operands], stay)


def _applied(equation: Equation, legs: Sequence[tuple[int, ...]], stay: bool) -> Contraction:
    """The first tensor contracted with all others in their order, then its axes put in the result's order."""
    state = legs[0]
    pairs: list[_Pair] = []
    for index, gate in enumerate(legs[1:], start=1):
        later = {leg for others in (*legs[index + 1 :], equation.legs) for leg in others}
        pairs.append(_pair(equation, state, gate, tuple(later), stay=stay))
        state = pairs[-1].legs
    if len(legs) == 1 and set(state) != set(equation.legs):
        raise UnsupportedError("a sum over one tensor")
    order = [state.index(leg) for leg in equation.legs]

    def contract(operands: Sequence[torch.Tensor]) -> torch.Tensor:
        result = operands[0]
        for pair, operand in zip(pairs, operands[1:], strict=True):
            result = pair.call(result, operand)
        return result.permute(order)

    return contract


def _pair(
    equation: Equation,
    state: tuple[int, ...],
    gate: tuple[int, ...],
    later: tuple[int, ...],
    stay: bool,
    outer: bool = False,
) -> _Pair:
    """One tensor with another; legs that nothing later needs are summed."""
    shared = [leg for leg in state if leg in gate]
    if outer and not shared:
        return _Pair(lambda left, right: tensordot(left, right, ((), ())), state + gate)
    alone = [leg for leg in (*state, *gate) if leg not in shared and leg not in later]
    if any(leg in later for leg in shared) or alone:
        return _einsum(state, gate, later)
    axes = ([state.index(leg) for leg in shared], [gate.index(leg) for leg in shared])
    rest = [leg for leg in state if leg not in shared]
    new = [leg for leg in gate if leg not in shared]
    first = min(axes[0], default=len(rest))
    at = sum(1 for leg in rest if state.index(leg) < first)
    if not stay or at == len(rest) or not new:
        return _Pair(lambda left, right: tensordot(left, right, axes), (*rest, *new))
    source = tuple(range(len(rest), len(rest) + len(new)))
    target = tuple(range(at, at + len(new)))

    def call(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return tensordot(left, right, axes).movedim(source, target)

    return _Pair(call, (*rest[:at], *new, *rest[at:]))


def _einsum(state: tuple[int, ...], gate: tuple[int, ...], later: tuple[int, ...]) -> _Pair:
    """Where ``tensordot`` does not do: hyperedges and legs that one tensor alone has."""
    every = tuple(dict.fromkeys(state + gate))
    letters = dict(zip(every, ascii_letters, strict=False))
    legs = tuple(leg for leg in every if leg in later)
    left, right, result = ("".join(letters[leg] for leg in part) for part in (state, gate, legs))
    text = f"{left},{right}->{result}"
    return _Pair(lambda left, right: torch.einsum(text, left, right), legs)
