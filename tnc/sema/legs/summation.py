"""Where legs are summed, and the legs that cannot be: used once, only on the left, or without a dimension.

Within a term, a leg that nothing outside the term needs is summed at the smallest sub-expression that
holds all its uses. In the normal form that reads: a leg that is not needed and occurs in several factors of a
product is summed at that product, where each of those factors then needs it; a leg that occurs in one factor only is
summed inside it. So all of placement is :func:`tnc.sema.legs.terms.shared_legs`, and what remains here is to find the
legs that reach a lone tensor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import assert_never

from tnc.diagnostics import Diagnostic, Label
from tnc.sema.legs.dimensions import Dimensions
from tnc.sema.legs.terms import Barrier, Copy, Fill, Leaf, Operand, Terms, axes_with_legs, leaves, shared_legs
from tnc.sema.tensors import resolved
from tnc.sema.tensors.resolved import LegName
from tnc.source import Span

_LONGEST_SPREAD = 60

_MOST_TOLD = 20
"""Maximum number of diagnostics of one kind in one statement."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Legs of one kind that were written at one place, as a spread writes many."""

    legs: tuple[int, ...]
    span: Span
    whole: bool = False

    def shown(self, names: Sequence[LegName]) -> str:
        """``the leg `j` ``, ``the legs `x[0..4]` `` if all of a spread is meant, or ``the legs `x[0]`, `x[1]`, … ``."""
        text = self.span.text
        if self.whole and len(self.legs) > 1 and ".." in text and len(text) < _LONGEST_SPREAD and "\n" not in text:
            return f"the legs `{text}`"
        quoted = [f"`{names[leg]}`" for leg in self.legs]
        if len(quoted) == 1:
            return f"the leg {quoted[0]}"
        if len(quoted) > 3:
            quoted = [quoted[0], quoted[1], "…", quoted[-1]]
        return f"the legs {', '.join(quoted)}"


def check_legs(
    value: Terms, left: Sequence[int], left_spans: Sequence[Span], names: Sequence[LegName], dimensions: Dimensions
) -> list[Diagnostic]:
    """Everything that is wrong with how legs are used, given the legs on the left in order."""
    diagnostics = _twice_on_the_left(left, left_spans, names)
    lone = _places(_used_once(value, frozenset(left)))
    written = Counter(left_spans)
    absent = [
        replace(place, whole=len(place.legs) == written[place.span])
        for place in _places((leg, span) for leg, span in zip(left, left_spans, strict=True) if leg not in value.legs)
    ]
    reported: set[int] = set()
    twins = _pair(lone, absent) if absent else _twins(lone, value, dimensions)
    for place in lone[:_MOST_TOLD]:
        if reported.isdisjoint(place.legs):
            diagnostics.append(_lone_leg(place, lone, absent, left, value, names, reported, twins=twins))
    for place in absent[:_MOST_TOLD]:
        if reported.isdisjoint(place.legs):
            diagnostics.append(_absent_leg(place, left, value, names))
    silent = dimensions.faulty.union(reported, *(place.legs for place in (*lone, *absent)))
    diagnostics.extend(_dimensionless(value, silent, names, dimensions))
    return diagnostics


def _twins(lone: Sequence[_Place], value: Terms, dimensions: Dimensions) -> bool:
    """Whether two legs of one dimension on two tensors are all that is wrong: they were likely meant to be one."""
    if len(lone) != 2 or any(len(place.legs) != 1 for place in lone):
        return False
    first, second = lone[0].legs[0], lone[1].legs[0]
    together = any(first in leaf.legs and second in leaf.legs for leaf in leaves(value))
    return not together and dimensions.dims[first] is not None and dimensions.dims[first] == dimensions.dims[second]


def _pair(lone: Sequence[_Place], absent: Sequence[_Place]) -> bool:
    """Whether one leg too many on the right and one too few are all that is wrong: they were likely meant to be one."""
    return len(lone) == len(absent) == 1 and len(lone[0].legs) == len(absent[0].legs)


def _written(leaf: Leaf) -> Iterator[tuple[int, Span]]:
    """The legs of a tensor, ``delta`` or ``ones``, each with its place."""
    if isinstance(leaf, Operand):
        spans = [each.span for axis in leaf.use.axes if isinstance(axis, resolved.Axis) for each in axis.legs]
        return zip(leaf.legs, spans, strict=True)
    return zip(leaf.legs, leaf.spans, strict=True)


def _used_once(value: Terms, needed: frozenset[int]) -> Iterator[tuple[int, Span]]:
    """The legs that would have to be summed where they are used once, and where; each as often as it happens."""
    for term in value.terms:
        inner = needed | shared_legs(term)
        for factor in term.factors:
            match factor:
                case Operand() | Copy() | Fill():
                    uses = Counter(factor.legs)
                    if any(count == 1 and leg not in inner for leg, count in uses.items()):
                        written = _written(factor)
                        yield from ((leg, span) for leg, span in written if uses[leg] == 1 and leg not in inner)
                case Barrier(argument=argument):
                    yield from _used_once(argument, inner & factor.legs)
                case Terms():
                    yield from _used_once(factor, inner & factor.legs)
                case _:
                    assert_never(factor)


def _places(legs: Iterable[tuple[int, Span]]) -> list[_Place]:
    """Legs gathered by place, each leg at its first place only."""
    seen: set[int] = set()
    gathered: dict[Span, list[int]] = {}
    for leg, span in legs:
        if leg not in seen:
            seen.add(leg)
            gathered.setdefault(span, []).append(leg)
    return [_Place(tuple(each), span) for span, each in gathered.items()]


# -- messages ----------------------------------------------------------------------------------


def _twice_on_the_left(left: Sequence[int], spans: Sequence[Span], names: Sequence[LegName]) -> list[Diagnostic]:
    first: dict[int, Span] = {}
    diagnostics: dict[int, Diagnostic] = {}
    for leg, span in zip(left, spans, strict=True):
        if leg in first and leg not in diagnostics:
            message = f"the leg `{names[leg]}` is on the left twice"
            advice = (
                f"give the second axis a leg of its own, and tie the two by `* delta({names[leg]}, …)` on the right"
            )
            labels = (Label(first[leg], "first here"),)
            diagnostics[leg] = Diagnostic("TN308", message, span, "again here", labels, advice)
        first.setdefault(leg, span)
    return list(diagnostics.values())[:_MOST_TOLD]


def _lone_leg(
    place: _Place,
    lone: Sequence[_Place],
    absent: Sequence[_Place],
    left: Sequence[int],
    value: Terms,
    names: Sequence[LegName],
    reported: set[int],
    *,
    twins: bool,
) -> Diagnostic:
    """A leg used once and not on the left: forgotten, or misspelt; then the diagnostic names the other leg, too."""
    reported.update(place.legs)
    shown = place.shown(names)
    are = "is" if len(place.legs) == 1 else "are"
    for other in absent:
        if reported.isdisjoint(other.legs) and (twins or _alike(place, other, names)):
            reported.update(other.legs)
            labels = (Label(other.span, "on the left only"),)
            advice = f"did you mean {other.shown(names)}?"
            return Diagnostic("TN307", f"{shown} {are} used once and not on the left", place.span, "", labels, advice)
    for other in lone:
        if reported.isdisjoint(other.legs) and (twins or _alike(place, other, names)):
            reported.update(other.legs)
            labels = (Label(other.span, f"so {are} {other.shown(names)}"),)
            advice = f"did you mean {other.shown(names)}?"
            return Diagnostic("TN307", f"{shown} {are} used once and not on the left", place.span, "", labels, advice)
    legs = ", ".join(str(names[leg]) for leg in place.legs[:3]) + (", …" if len(place.legs) > 3 else "")
    elsewhere = _other_use(place, value)
    it = "it" if len(place.legs) == 1 else "them"
    if elsewhere is not None:
        message = f"{shown} {are} used once in this term and not on the left"
        labels = (Label(elsewhere, "also used here, in another term"),)
        advice = f"each term is summed on its own; write `* ones({legs})` in this term to sum over {it} on purpose"
        return Diagnostic("TN307", message, place.span, "", labels, advice)
    message = f"{shown} {are} used once and not on the left"
    if len(place.legs) == 1:
        leg = names[place.legs[0]]
        before = [names[other] for other in left if _less_primed(names[other], leg)]
        if before:
            advice = f"after the gate the leg is called `{leg}`: write it on the left in place of `{before[0]}`"
            return Diagnostic("TN307", message, place.span, "used once", (), advice)
    advice = f"put {it} on the left, or write `* ones({legs})` to sum over {it} on purpose"
    return Diagnostic("TN307", message, place.span, "used once", (), advice)


def _other_use(place: _Place, value: Terms) -> Span | None:
    uses = (use for leaf in leaves(value) if place.legs[0] in leaf.legs for use in _written(leaf))
    return next((span for leg, span in uses if leg == place.legs[0] and span != place.span), None)


def _absent_leg(place: _Place, left: Sequence[int], value: Terms, names: Sequence[LegName]) -> Diagnostic:
    message = f"{place.shown(names)} {'is' if len(place.legs) == 1 else 'are'} on the left only"
    first = names[place.legs[0]]
    family = [leg for leg in frozenset(left) & value.legs if _less_primed(names[leg], first)]
    if family:
        nearest = names[max(family, key=lambda leg: names[leg].primes)]
        advice = f"`{nearest}` is on the left itself, so it is not `{first}`; write `{first}` on a tensor on the right"
    else:
        it = "it" if len(place.legs) == 1 else "them"
        advice = f"write {it} on a tensor on the right, or leave {it} out on the left"
    return Diagnostic("TN306", message, place.span, "nothing on the right has this leg", (), advice)


def _dimensionless(
    value: Terms, silent: frozenset[int], names: Sequence[LegName], dimensions: Dimensions
) -> Iterator[Diagnostic]:
    """Legs that no tensor gives a dimension: in groups with several missing legs, then on ``delta`` and ``ones``."""
    reported = set(silent)
    unknown = {leg for leg in value.legs if dimensions.dims[leg] is None}
    for leaf in leaves(value) if unknown - silent else ():
        if not isinstance(leaf, Operand):
            continue
        for axis, legs in axes_with_legs(leaf):
            missing = tuple(dict.fromkeys(leg for leg in legs if leg in unknown))
            if missing and reported.isdisjoint(missing):
                place = _Place(missing, axis.span)
                verb = "has" if len(missing) == 1 else "have"
                message = f"{place.shown(names)} of this group {verb} no known dimension"
                advice = "at most one leg of a group is inferred; use the others on a tensor that has their dimension"
                yield Diagnostic("TN304", message, axis.span, "", (), advice)
            reported.update(missing)
    for leaf in leaves(value) if unknown - reported else ():
        missing = tuple(dict.fromkeys(leg for leg in leaf.legs if leg in unknown and leg not in reported))
        if missing:
            reported.update(missing)
            place = _Place(missing, next(span for leg, span in _written(leaf) if leg == missing[0]))
            verb = "has" if len(missing) == 1 else "have"
            message = (
                f"{place.shown(names)} {verb} no dimension: no tensor uses {'it' if len(missing) == 1 else 'them'}"
            )
            advice = "`delta` and `ones` take the dimensions of their legs from tensors"
            yield Diagnostic("TN305", message, place.span, "", (), advice)


def _less_primed(name: LegName, than: LegName) -> bool:
    return (name.base, name.subscripts) == (than.base, than.subscripts) and name.primes < than.primes


def _alike(one: _Place, other: _Place, names: Sequence[LegName]) -> bool:
    """Whether one was likely written for the other: other primes, or a similar name, on equal subscripts."""
    if len(one.legs) != len(other.legs):
        return False
    first, second = names[one.legs[0]], names[other.legs[0]]
    if first.subscripts != second.subscripts:
        return False
    if first.base.lower() == second.base.lower():
        return True
    shorter, longer = sorted((len(first.base), len(second.base)))
    if shorter < 3 or longer > 64:
        return False
    return SequenceMatcher(None, first.base, second.base).ratio() >= 0.6
