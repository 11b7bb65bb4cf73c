"""The dimensions of legs: one leg has one dimension, ``delta`` ties several, groups infer their missing leg."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from tnc.diagnostics import Diagnostic, Label
from tnc.ir.program import Dim
from tnc.sema.legs.terms import Copy, Fill, Operand, Terms, axes_with_legs, leaves
from tnc.sema.tensors import resolved
from tnc.sema.tensors.resolved import LegName
from tnc.source import Span


@dataclass(frozen=True, slots=True)
class _Fact:
    """A dimension of a leg, where that is seen, and why."""

    dim: Dim
    span: Span
    reason: str
    use: resolved.TensorUse | None = None


@dataclass(frozen=True, slots=True)
class _Group:
    """An axis of known dimension that is made of legs."""

    axis: resolved.Axis
    dim: Dim
    legs: tuple[int, ...]
    reason: str


class _Unifier:
    """Classes of legs that share a dimension (union-find), with the fact that gave each its dimension."""

    def __init__(self, names: Sequence[LegName]) -> None:
        self.names = names
        self.parents = list(range(len(names)))
        self.facts: dict[int, _Fact] = {}
        self.faulty: set[int] = set()
        self.diagnostics: list[Diagnostic] = []

    def root(self, leg: int) -> int:
        while self.parents[leg] != leg:
            self.parents[leg] = self.parents[self.parents[leg]]
            leg = self.parents[leg]
        return leg

    def dim(self, leg: int) -> Dim | None:
        fact = self.facts.get(self.root(leg))
        return fact.dim if fact else None

    def learn(self, leg: int, fact: _Fact) -> None:
        """Take in that a leg has a dimension."""
        root = self.root(leg)
        known = self.facts.setdefault(root, fact)
        if known.dim != fact.dim and root not in self.faulty:
            self.faulty.add(root)
            self.diagnostics.append(_conflict(self.names[leg], known, fact))

    def unite(self, legs: Sequence[int], span: Span) -> None:
        """Take in that legs share a dimension, as ``delta`` at ``span`` says."""
        for first, second in pairwise(legs):
            one, other = self.root(first), self.root(second)
            if one == other:
                continue
            known, fact = self.facts.get(one), self.facts.pop(other, None)
            self.parents[other] = one
            if other in self.faulty:
                self.faulty.add(one)
            if fact is None:
                continue
            if known is None:
                self.facts[one] = fact
            elif known.dim != fact.dim and one not in self.faulty:
                self.faulty.add(one)
                self.diagnostics.append(_delta_conflict(self.names[first], self.names[second], known, fact, span))

    def blame(self, legs: Iterable[int], diagnostic: Diagnostic) -> None:
        """Report an error about legs, and mark them as faulty."""
        self.faulty.update(map(self.root, legs))
        self.diagnostics.append(diagnostic)


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The dimension of every leg by number, None if nothing determines it.

    ``faulty`` legs have an error among ``diagnostics`` already: later checks skip them.
    """

    dims: tuple[Dim | None, ...]
    faulty: frozenset[int]
    diagnostics: tuple[Diagnostic, ...]


def infer_dimensions(
    value: Terms, names: Sequence[LegName], declared: Iterable[tuple[int, Dim, Span]] = ()
) -> Dimensions:
    """What the tensors of a value, its groups and its deltas say about the dimensions of its legs.

    ``declared`` is what the left side says of legs, where nothing else says anything. Whether a leg without dimension
    is an error depends on where it stands: that is left to the caller.
    """
    unifier = _Unifier(names)
    groups: list[_Group] = []
    deltas: list[Copy] = []
    for leaf in leaves(value):
        match leaf:
            case Operand():
                _read_operand(leaf, unifier, groups)
            case Copy():
                deltas.append(leaf)
            case Fill():
                pass
    for delta in deltas:
        unifier.unite(delta.legs, delta.span)
    solid = [group for group in groups if not _refuse_dynamic(group, unifier)]
    _solve_groups(solid, declared, unifier)
    for group in solid:
        _check_group(group, unifier)
    legs = range(len(names))
    faulty = frozenset(leg for leg in legs if unifier.root(leg) in unifier.faulty)
    return Dimensions(tuple(map(unifier.dim, legs)), faulty, tuple(unifier.diagnostics))


def shown_shape(use: resolved.TensorUse) -> str:
    """``A(2, 3)``: a tensor with its dimensions, for messages; long shapes are shortened."""
    dims = [str(dim) for dim in use.shape]
    if len(dims) > 8:
        dims = [*dims[:6], "…", dims[-1]]
    return f"{use.shown or use.tensor}({', '.join(dims)})"


def shown_count(number: int) -> str:
    """A number, for messages; a huge one (which Python may refuse to print) as a power of two."""
    return f"{number:,}" if number.bit_length() <= 64 else f"more than 2^{number.bit_length() - 1}"


def _read_operand(operand: Operand, unifier: _Unifier, groups: list[_Group]) -> None:
    use = operand.use
    shown = shown_shape(use)
    legs_of_axes = (legs for _, legs in axes_with_legs(operand))
    for number, (axis, dim) in enumerate(zip(use.axes, use.shape, strict=True), start=1):
        if isinstance(axis, resolved.Pick):
            unifier.diagnostics.extend(_check_pick(axis, dim, f"axis {number} of `{shown}`"))
            continue
        legs = next(legs_of_axes)
        if len(legs) == 1:
            unifier.learn(legs[0], _Fact(dim, axis.legs[0].span, f"axis {number} of `{shown}` is {dim}", use))
        else:
            groups.append(_Group(axis, dim, legs, f"axis {number} of `{shown}`"))


def _solve_groups(groups: Iterable[_Group], declared: Iterable[tuple[int, Dim, Span]], unifier: _Unifier) -> None:
    """Infer the missing legs of groups until nothing changes; what is then still unknown is what is declared."""
    ready = deque(groups)
    waiting: dict[int, list[_Group]] = {}
    for group in ready:
        for root in {unifier.root(leg) for leg in group.legs if unifier.dim(leg) is None}:
            waiting.setdefault(root, []).append(group)
    remaining = iter(declared)
    while True:
        while ready:
            inferred = _infer_missing(ready.popleft(), unifier)
            if inferred is not None:
                ready.extend(waiting.pop(unifier.root(inferred), ()))
        leg, dim, span = next((each for each in remaining if unifier.dim(each[0]) is None), (None, 0, None))
        if leg is None or span is None:
            return
        unifier.learn(leg, _Fact(dim, span, f"it is declared to be {dim}"))
        ready.extend(waiting.pop(unifier.root(leg), ()))


def _infer_missing(group: _Group, unifier: _Unifier) -> int | None:
    """The missing leg of a group, if it lacks one only, which is then learnt."""
    missing = [leg for leg in group.legs if unifier.dim(leg) is None]
    known = [dim for leg in group.legs if isinstance(dim := unifier.dim(leg), int)]
    if len(missing) != 1 or not isinstance(group.dim, int) or len(known) + 1 != len(group.legs):
        return None
    quotient, remainder = divmod(group.dim, max(1, prod(known)))
    if remainder or not quotient:
        return None  # reported when the group is checked
    reason = f"{quotient} is what is left of {group.reason}, which is {group.dim}"
    unifier.learn(missing[0], _Fact(quotient, group.axis.span, reason))
    return missing[0]


def _refuse_dynamic(group: _Group, unifier: _Unifier) -> bool:
    """Report a dynamic axis under a group of legs; returns whether there is one."""
    if isinstance(group.dim, int):
        return False
    into = " into " + " and ".join(f"`{unifier.names[leg]}`" for leg in group.legs[:4]) if group.legs else ""
    message = f"the dynamic axis `{group.dim}` cannot be split{into}"
    label = f"{group.reason} is dynamic"
    unifier.blame(
        group.legs, Diagnostic("TN309", message, group.axis.span, label, help="give a dynamic axis to one leg")
    )
    return True


def _check_group(group: _Group, unifier: _Unifier) -> None:
    if any(unifier.root(leg) in unifier.faulty for leg in group.legs):
        return
    facts = {leg: unifier.facts.get(unifier.root(leg)) for leg in group.legs}
    for leg, fact in facts.items():
        if fact and isinstance(fact.dim, str):
            message = f"the dynamic leg `{unifier.names[leg]}` cannot be part of a group"
            label, place = f"{group.reason} is {group.dim}", Label(fact.span, f"here {fact.reason}")
            unifier.blame(group.legs, Diagnostic("TN309", message, group.axis.span, label, (place,)))
            return
    known = [fact.dim for leg in group.legs if (fact := facts[leg]) and isinstance(fact.dim, int)]
    size = prod(known)
    if group.dim == size or (len(known) < len(group.legs) and size and group.dim % size == 0):
        return
    product = " * ".join(map(str, known)) if len(known) <= 8 else "their product"
    if not group.legs:
        message = f"`()` is an axis of dimension 1, but this axis has dimension {group.dim}"
    elif len(known) < len(group.legs):
        message = f"the known legs of the group do not divide its axis: {group.dim} is not a multiple of {product}"
    else:
        message = f"the legs of the group do not make up its axis: {product} is {shown_count(size)}, not {group.dim}"
    labels = tuple(
        Label(fact.span, f"`{unifier.names[leg]}`: {fact.reason}")
        for leg, fact in facts.items()
        if fact and fact.span != group.axis.span
    )
    label = f"{group.reason} is {group.dim}"
    advice = "the dimensions of the legs in a group multiply to that of its axis"
    unifier.blame(group.legs, Diagnostic("TN303", message, group.axis.span, label, labels[:4], advice))


def _check_pick(pick: resolved.Pick, dim: Dim, axis: str) -> Iterable[Diagnostic]:
    if isinstance(dim, str):
        message = f"`[{pick.index}]` cannot pick from the dynamic axis `{dim}`"
        advice = "whether there is such an entry is known at run time only; give the axis a leg"
        yield Diagnostic("TN310", message, pick.span, axis, help=advice)
    elif not 0 <= pick.index < dim:
        message = f"{axis} has no entry {pick.index}"
        label = "negative" if pick.index < 0 else f"not below {dim}"
        yield Diagnostic("TN310", message, pick.span, label, help=f"entries count from 0 to {dim - 1}")


def _conflict(name: LegName, known: _Fact, fact: _Fact) -> Diagnostic:
    labels = (Label(known.span, f"here {known.reason}"),)
    label = f"here {fact.reason}"
    if isinstance(known.dim, int) and isinstance(fact.dim, int):
        message = f"the leg `{name}` has two dimensions, {known.dim} and {fact.dim}"
        advice = _swapped(fact, known.dim) or _swapped(known, fact.dim) or "a leg has one dimension in a statement"
        return Diagnostic("TN301", message, fact.span, label, labels, advice)
    if isinstance(known.dim, str) and isinstance(fact.dim, str):
        message = f"the leg `{name}` has two dynamic dimensions, `{known.dim}` and `{fact.dim}`"
        advice = f"if they are the same size, declare both as `{known.dim}?`"
    else:
        dynamic, fixed = (known.dim, fact.dim) if isinstance(known.dim, str) else (fact.dim, known.dim)
        message = f"the leg `{name}` has the dynamic dimension `{dynamic}` and the fixed dimension {fixed}"
        advice = "a dynamic dimension is known at run time only; it cannot be bound to a number"
    return Diagnostic("TN302", message, fact.span, label, labels, advice)


def _swapped(fact: _Fact, wanted: Dim) -> str | None:
    """A hint at the axis of the same tensor that would fit, if there is just one, under a leg of its own."""
    if fact.use is None or not all(isinstance(axis, resolved.Axis) and len(axis.legs) == 1 for axis in fact.use.axes):
        return None
    axes = [axis.legs[0] for axis in fact.use.axes if isinstance(axis, resolved.Axis)]
    here = next((number for number, leg in enumerate(axes) if leg.span == fact.span), None)
    fitting = [number for number, dim in enumerate(fact.use.shape) if dim == wanted and number != here]
    if here is None or len(fitting) != 1:
        return None
    names = [str(leg.name) for leg in axes]
    there = fitting[0]
    names[here], names[there] = names[there], names[here]
    shown = f"{fact.use.shown or fact.use.tensor}({', '.join(names)})"
    return f"axis {there + 1} of `{shown_shape(fact.use)}` is {wanted}: did you mean `{shown}`?"


def _delta_conflict(first: LegName, second: LegName, known: _Fact, fact: _Fact, span: Span) -> Diagnostic:
    dynamic = isinstance(known.dim, str) or isinstance(fact.dim, str)
    message = f"`delta` ties `{first}` and `{second}`, whose dimensions are {known.dim} and {fact.dim}"
    labels = (Label(known.span, f"`{first}`: {known.reason}"), Label(fact.span, f"`{second}`: {fact.reason}"))
    advice = "all legs of a `delta` have one dimension"
    return Diagnostic("TN302" if dynamic else "TN301", message, span, "", labels, advice)
