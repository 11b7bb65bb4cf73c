"""A column of gates as a sweep: windows of neighbouring legs over a large state that keeps its order.

Where a large state meets small tensors in turn, each of which takes some neighbouring legs and puts others in their
place, nothing needs to move: a run of small tensors becomes one matrix that acts on a window of legs wherever they
stand. Gates of several columns come together in one window that way, as far as they depend on nothing outside it. Which
runs become windows is found exactly by dynamic programming over the sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby, pairwise

from tnc.cost.kernels import Gemm
from tnc.cost.time import Clock
from tnc.order.builder import Builder
from tnc.order.candidate import RegionProblem
from tnc.order.layout_constraints import LARGE
from tnc.order.leg_orders import IDLE
from tnc.order.lower_sweep import lower_sweep
from tnc.order.region import Operand
from tnc.order.spine import Small, Tree, along_legs, orders, spine
from tnc.order.tree import Network, Path
from tnc.order.windows import Legs, Place, StateSweep

_LONGEST = 128
"""Small tensors in a sweep at most."""

_WIDEST = 256
"""Entries of the legs of a window at most, before and after."""


@dataclass(frozen=True, slots=True)
class SweepCandidate(StateSweep):
    """A way to compute a region: a sweep over one of its operands."""

    name: str

    @property
    def regular(self) -> bool:
        """False: a sweep is one operation, whatever the order of its windows."""
        return False

    def lower(self, problem: RegionProblem, builder: Builder) -> Operand:
        """Append the matrices of the windows, and the sweep."""
        return lower_sweep(self, problem.network, problem.prepared, problem.names, builder, problem.clock)


def sweep_candidates(problem: RegionProblem) -> Iterator[SweepCandidate]:
    """Sweeps along the spines of the trees that were found."""
    return sweeps(problem.network, [found.path for found in problem.paths], problem.clock)


def sweeps(network: Network, paths: Sequence[Path], clock: Clock) -> Iterator[SweepCandidate]:
    """Sweeps along the spines of some trees: in the order of the tree, and along the legs either way."""
    seen: set[tuple[int, Legs, tuple[Tree, ...]]] = set()
    for path in paths:
        state, smalls = spine(network, path)
        if not 1 < len(smalls) <= _LONGEST or network.dynamic.intersection(network.operands[state]):
            continue
        for start in _starts(network, state):
            placed = replace(network, operands=(*network.operands[:state], start, *network.operands[state + 1 :]))
            ways = (
                ("swept", smalls, 1),
                ("swept from the left", along_legs(placed, state, smalls, 1), 1),
                ("swept from the right", along_legs(placed, state, smalls, -1), -1),
                ("swept to the middle", along_legs(placed, state, smalls, 0), 1),
            )
            for name, sequence, direction in ways:
                key = state, start, tuple(small.tree for small in sequence)
                if key not in seen:
                    seen.add(key)
                    found = _swept(name, placed, state, sequence, direction, clock)
                    if found is not None:
                        yield found


def _starts(network: Network, state: int) -> tuple[Legs, ...]:
    """Orders to start from: as the legs lie, as they were written, and for a small state with the lasting ones inside.

    A gate has its own legs behind those that it acts on; a sweep that begins with it grows to both sides of them.
    """
    own = network.operands[state]
    starts = [own, tuple(sorted(own))]
    lasting = tuple(leg for leg in network.result if leg in own)
    rest = tuple(leg for leg in own if leg not in lasting)
    if lasting and len(rest) > 1 and network.entries(own) <= _WIDEST:
        starts += [rest[:place] + lasting + rest[place:] for place in range(1, len(rest))]
    return tuple(dict.fromkeys(starts))


def _swept(
    name: str, network: Network, state: int, sequence: Sequence[Small], direction: int, clock: Clock
) -> SweepCandidate | None:
    """The best sweep over one sequence; None where a small tensor takes legs that are not neighbours."""
    line = _Line(network, state, sequence, direction, clock)
    places = line.cut() if line.fits() else None
    if places is None:
        return None
    start = line.orders[0]
    places = _sorted(places, network.result)
    return SweepCandidate(state, start, places, _result(start, places), name)


def _sorted(places: Sequence[Place], result: Legs) -> tuple[Place, ...]:
    """The same windows, giving neighbouring legs of the result in the result's order.

    No later window takes those. What the result wants apart is then apart in few large blocks, and moving those is
    cheap: sorting within a gate costs nothing, where sorting a state leg by leg is the most expensive pass.
    """
    order = {leg: number for number, leg in enumerate(result)}
    return tuple(
        replace(place, given=tuple(leg for run in _runs(place.given, order) for leg in run)) for place in places
    )


def _runs(legs: Legs, order: Mapping[int, int]) -> Iterator[list[int]]:
    """Runs of neighbours that are all in ``order``, each sorted by it, and the others one by one."""
    for lasting, group in groupby(legs, order.__contains__):
        run = list(group)
        yield sorted(run, key=order.__getitem__) if lasting else run


def _result(start: Legs, places: Sequence[Place]) -> Legs:
    """The legs after the last window."""
    legs = start
    for place in places:
        first = legs.index(place.taken[0])
        legs = (*legs[:first], *place.given, *legs[first + len(place.taken) :])
    return legs


class _Line:
    """A sequence of small tensors along the legs of a state."""

    def __init__(self, network: Network, state: int, sequence: Sequence[Small], direction: int, clock: Clock) -> None:
        self.orders = orders(network, network.operands[state], sequence, direction)
        self._network = network
        self._sequence = sequence
        self._clock = clock
        self._place = cache(self._window)

    def fits(self) -> bool:
        """Whether there is a state worth sweeping, and every small tensor has a window of its own."""
        entries = self._network.entries
        if max(map(entries, self.orders)) < LARGE or any(self._network.dynamic.intersection(o) for o in self.orders):
            return False
        return all(self._place(start, start + 1) is not None for start in range(len(self._sequence)))

    def cut(self) -> tuple[Place, ...] | None:
        """The cheapest windows for the sequence."""
        count = len(self._sequence)
        best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * count
        for first in range(count):
            for last in range(first + 1, count + 1):
                window = self._place(first, last)
                if window is None:
                    continue
                front, taken, given, back = window
                if max(self._network.entries(taken), self._network.entries(given)) > _WIDEST:
                    break
                seconds = best[first][0] + self._seconds(front, taken, given, back)[0]
                if seconds < best[last][0]:
                    best[last] = seconds, first
        if best[-1][0] == float("inf"):
            return None
        cuts = [count]
        while cuts[-1]:
            cuts.append(best[cuts[-1]][1])
        return tuple(self._made(a, b) for a, b in pairwise(reversed(cuts)))

    def _made(self, start: int, stop: int) -> Place:
        window = self._place(start, stop)
        assert window is not None
        front, taken, given, back = window
        trees = tuple(small.tree for small in self._sequence[start:stop])
        _, idle = self._seconds(front, taken, given, back)
        behind = 1 if idle else self._network.entries(back)
        return Place(trees, taken, given, self._network.entries(front), behind, back if idle else ())

    def _window(self, start: int, stop: int) -> tuple[Legs, Legs, Legs, Legs] | None:
        """Legs in front, taken, given and behind, if what a run changes stands together."""
        before, after = self.orders[start], self.orders[stop]
        front = next(
            (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
        )
        rest = min(len(before), len(after)) - front
        back = next((n for n in range(rest) if before[-1 - n] != after[-1 - n]), rest)
        taken, given = before[front : len(before) - back], after[front : len(after) - back]
        open_legs: set[int] = set()
        for small in self._sequence[start:stop]:
            open_legs.update(small.legs)
        if not taken or not given or not {*taken, *given} <= open_legs or set(taken) & set(given):
            return None
        if open_legs & {*before[:front], *before[len(before) - back :]}:
            return None
        return before[:front], taken, given, before[len(before) - back :]

    def _seconds(self, front: Legs, taken: Legs, given: Legs, back: Legs) -> tuple[float, bool]:
        """The time of a window, forward and backward, and whether that is with the legs behind it taken along."""
        entries = self._network.entries
        rows, summed, new, columns = entries(front), entries(taken), entries(given), entries(back)
        if columns == 1:
            return self._clock.product(Gemm(1, rows, summed, new)), False
        if rows == 1:
            return self._clock.product(Gemm(1, new, summed, columns), shared_left=True), False
        seconds = self._clock.product(Gemm(rows, new, summed, columns, shared=True), shared_left=True)
        if columns > IDLE:
            return seconds, False
        along = self._clock.product(Gemm(1, rows, summed * columns, new * columns))
        return min((seconds, False), (along, True))
