"""What a contender is: what turns a problem into a training step that can be run and asked for its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.recipe import Recipe
from tnc.api import Network

Array: TypeAlias = NDArray[np.float32]
AnyArray: TypeAlias = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Problem:
    """One network with numbers: the same cores, data and cotangent for everybody.

    ``written`` has one equation for each contraction that the file has, ``regions`` one for each linear region.
    """

    case: Case
    network: Network
    written: Recipe
    regions: Recipe
    cores: Mapping[str, Array]
    inputs: Mapping[str, Array]
    cotangent: Array


@dataclass(frozen=True, slots=True)
class Seconds:
    """What one step took. A step compiled as a whole does not know its halves."""

    total: float
    forward: float | None = None
    backward: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The output and the gradient of every core that has one, in the shapes of the problem."""

    value: AnyArray
    gradients: Mapping[str, AnyArray]


class Sized(Protocol):
    """A step whose memory is known when it is compiled."""

    def peak_bytes(self) -> int:
        """The bytes, without arguments."""
        ...


class Step(Protocol):
    """A training step, ready to run: forward, backward from the cotangent and, for ``train``, Adam."""

    def run(self) -> Seconds:
        """Run the step once and take the time."""
        ...

    def outcome(self) -> Outcome | None:
        """What the step computes, at the problem's own cores (asked before any optimizer moves them).

        None where it is another function, and only its time compares.
        """
        ...


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to compute a network.

    ``family`` is ``ours``, ``eager``, ``compiled``, ``ours-compiled``, ``jax``, ``ours-jax`` or ``dense``.
    """

    name: str
    family: str
    prepare: Callable[[Problem], Step]
