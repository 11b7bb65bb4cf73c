"""How a vector improves: each method goes from one state to the next, and a state is plain data."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import torch

from tnc.fit.problem import Problem

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True)
class State:
    """A place in a fit: the best vector so far with its loss, steps taken, and what the method remembers.

    ``stuck`` says that the method can do no better. Everything is a number or a tensor, so that a state can be
    stored and continued bit by bit.
    """

    x: Tensor
    loss: float
    taken: int = 0
    stuck: bool = False
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


class Method(Protocol):
    """A way to fit."""

    @property
    def name(self) -> str:
        """What ``--method`` calls it."""
        ...

    def start(self, problem: Problem, x: Tensor) -> State:
        """The state before the first step."""
        ...

    def advance(self, problem: Problem, state: State) -> State:
        """The state after one more step; its loss is not larger."""
        ...


# -- Adam --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam (Kingma and Ba, 2015) on the full target, its rate falling along a cosine to zero over ``steps``."""

    steps: int
    rate: float = 0.03
    name: str = "adam"

    def start(self, problem: Problem, x: Tensor) -> State:
        """The state before the first step."""
        value, gradient = problem.value_and_gradient(x)
        zero = torch.zeros_like(x)
        return State(x, value, tensors={"at": x, "gradient": gradient, "mean": zero, "square": zero})

    def advance(self, problem: Problem, state: State) -> State:
        """One step; the state keeps the best vector, which need not be the last."""
        at, gradient = state.tensors["at"], state.tensors["gradient"]
        count = state.taken + 1
        mean = 0.9 * state.tensors["mean"] + 0.1 * gradient
        square = 0.999 * state.tensors["square"] + 0.001 * gradient * gradient
        rate = self.rate * 0.5 * (1 + math.cos(math.pi * min(state.taken / self.steps, 1.0)))
        at = at - rate * (mean / (1 - 0.9**count)) / ((square / (1 - 0.999**count)).sqrt() + 1e-12)
        value, gradient = problem.value_and_gradient(at)
        tensors = {"at": at, "gradient": gradient, "mean": mean, "square": square}
        better = value < state.loss
        return State(at if better else state.x, value if better else state.loss, count, tensors=tensors)


# -- L-BFGS ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lbfgs:
    """Limited-memory BFGS with a strong Wolfe line search (Nocedal and Wright, algorithms 7.4, 3.5 and 3.6)."""

    memory: int = 50
    name: str = "lbfgs"

    def start(self, problem: Problem, x: Tensor) -> State:
        """The state before the first step."""
        value, gradient = problem.value_and_gradient(x)
        empty = x.new_zeros((0, x.numel()))
        tensors = {"gradient": gradient, "moves": empty, "changes": empty}
        return State(x, value, 1, not bool(gradient.any()), tensors)

    def advance(self, problem: Problem, state: State) -> State:
        """One line search; from steepest descent again where the remembered curvature leads nowhere."""
        gradient, moves, changes = (state.tensors[name] for name in ("gradient", "moves", "changes"))
        direction = _direction(gradient, moves, changes)
        found = _search(problem, state, direction, 1.0 if len(moves) else _first_length(gradient))
        taken = state.taken + found.evaluations
        if not found.value < state.loss:
            forget = {"gradient": gradient, "moves": moves[:0], "changes": changes[:0]}
            return replace(state, taken=taken, stuck=len(moves) == 0, tensors=forget)
        move, change = found.x - state.x, found.gradient - gradient
        curvature = float(move @ change)
        if curvature > 1e-10 * float(move.norm()) * float(change.norm()):
            moves = torch.cat([moves, move[None]])[-self.memory :].clone()
            changes = torch.cat([changes, change[None]])[-self.memory :].clone()
        tensors = {"gradient": found.gradient, "moves": moves, "changes": changes}
        return State(found.x, found.value, taken, not bool(found.gradient.any()), tensors)


def _first_length(gradient: Tensor) -> float:
    return min(1.0, 1.0 / float(gradient.abs().sum()))


def _direction(gradient: Tensor, moves: Tensor, changes: Tensor) -> Tensor:
    """Minus the gradient times the approximate inverse of the Hessian, by the two-loop recursion."""
    direction = -gradient
    if not len(moves):
        return direction
    inverses = 1 / (moves * changes).sum(1)
    weights: list[Tensor] = []
    for move, change, inverse in zip(moves.flip(0), changes.flip(0), inverses.flip(0), strict=True):
        weights.append(inverse * (move @ direction))
        direction = direction - weights[-1] * change
    direction = direction / (inverses[-1] * (changes[-1] @ changes[-1]))
    for move, change, inverse, weight in zip(moves, changes, inverses, reversed(weights), strict=True):
        direction = direction + (weight - inverse * (change @ direction)) * move
    return direction


@dataclass(frozen=True, slots=True)
class _Point:
    """A point of a line search: how far along, the loss, its slope along the line, and where that is."""

    length: float
    value: float
    slope: float
    x: Tensor
    gradient: Tensor
    evaluations: int


_DECREASE: Final = 1e-4
_FLATTER: Final = 0.9
_MOST_EVALUATIONS: Final = 20


def _search(problem: Problem, state: State, direction: Tensor, length: float) -> _Point:
    """A point along the direction with less loss and a flatter slope; else the best point that was evaluated."""
    gradient = state.tensors["gradient"]
    slope = float(gradient @ direction)
    start = _Point(0.0, state.loss, slope, state.x, gradient, 0)
    if not slope < 0:
        return start
    low, high, best, count = start, None, start, 0
    for count in range(1, _MOST_EVALUATIONS + 1):
        x = state.x + length * direction
        value, gradient = problem.value_and_gradient(x)
        point = _Point(length, value, float(gradient @ direction), x, gradient, count)
        best = point if point.value < best.value else best
        if point.value > start.value + _DECREASE * length * slope or point.value >= low.value:
            high = point
        elif abs(point.slope) <= -_FLATTER * slope:
            return point
        elif point.slope * ((high.length if high else math.inf) - low.length) >= 0:
            low, high = point, low
        else:
            low = point
        length = _between(low, high) if high else 2.0 * length
        if high and abs(high.length - low.length) <= 1e-9 * max(high.length, low.length):
            break
    return replace(best, evaluations=count)


def _between(low: _Point, high: _Point) -> float:
    """The minimum of the cubic through two points, kept away from both; their middle where there is none."""
    width = high.length - low.length
    middle = low.length + 0.5 * width
    if not math.isfinite(high.value):
        return low.length + 0.1 * width
    first = low.slope + high.slope - 3 * (low.value - high.value) / (low.length - high.length)
    root = first * first - low.slope * high.slope
    if root < 0:
        return middle
    second = math.copysign(math.sqrt(root), width)
    below = high.slope - low.slope + 2 * second
    if below == 0:
        return middle
    length = high.length - width * (high.slope + second - first) / below
    edges = sorted((low.length + 0.1 * width, high.length - 0.1 * width))
    return min(max(length, edges[0]), edges[1])
