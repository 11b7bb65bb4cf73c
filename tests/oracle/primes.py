"""Primed legs on the left that a term does not use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .values import (
    Activated,
    Axis,
    Conjugated,
    Delta,
    Leg,
    Node,
    Normalised,
    Ones,
    Product,
    Scale,
    Sum,
    Use,
)


def legs_in(node: Node) -> Iterator[Leg]:
    """Every leg of an expression, as often as it is written."""
    match node:
        case Use(axes=axes):
            for axis in axes:
                if isinstance(axis, Axis):
                    yield from axis.legs
        case Delta(legs=legs) | Ones(legs=legs):
            yield from legs
        case Scale():
            pass
        case Product(factors=parts) | Sum(terms=parts):
            for part in parts:
                yield from legs_in(part)
        case Activated(argument=argument) | Normalised(argument=argument) | Conjugated(argument=argument):
            yield from legs_in(argument)


def renamed(node: Node, old: Leg, new: Leg) -> Node:
    """The expression with one leg called otherwise."""

    def swap(leg: Leg) -> Leg:
        return new if leg == old else leg

    match node:
        case Use(axes=axes):
            written = (Axis(tuple(map(swap, a.legs))) if isinstance(a, Axis) else a for a in axes)
            return replace(node, axes=tuple(written))
        case Delta(legs=legs) | Ones(legs=legs):
            return replace(node, legs=tuple(map(swap, legs)))
        case Scale():
            return node
        case Product(factors=parts):
            return Product(tuple(renamed(part, old, new) for part in parts))
        case Sum(terms=parts):
            return Sum(tuple(renamed(part, old, new) for part in parts))
        case Activated() | Normalised() | Conjugated():
            return replace(node, argument=renamed(node.argument, old, new))


def untouched(node: Node, left: tuple[Leg, ...]) -> Node:
    """Per term: an unused primed leg of the left is the nearest less-primed one, if that is not itself on the left."""
    for primed in sorted({leg for leg in left if leg.primes}, key=lambda leg: leg.primes):
        node = _visit(node, primed, frozenset(left), frozenset())
    return node


def _visit(node: Node, primed: Leg, left: frozenset[Leg], elsewhere: frozenset[Leg]) -> Node:
    """``elsewhere`` are legs of other factors around this expression: such a leg is contracted, not untouched."""
    match node:
        case Sum(terms=terms):
            return Sum(tuple(_visit(term, primed, left, elsewhere) for term in terms))
        case Activated() | Normalised() | Conjugated():
            return replace(node, argument=_visit(node.argument, primed, left, elsewhere))
        case Scale():
            return node
        case Use() | Delta() | Ones() | Product():
            pass
    used = set(legs_in(node))
    if primed not in used:
        lower = [
            leg
            for leg in used
            if leg.base == primed.base and leg.subscripts == primed.subscripts and leg.primes < primed.primes
        ]
        nearest = max(lower, key=lambda leg: leg.primes, default=None)
        if nearest is None or nearest in left or nearest in elsewhere:
            return node
        return renamed(node, nearest, primed)
    if not isinstance(node, Product):
        return node
    holders = [k for k, factor in enumerate(node.factors) if primed in set(legs_in(factor))]
    if len(holders) != 1:
        return node
    factors = list(node.factors)
    others = {leg for k, factor in enumerate(factors) if k != holders[0] for leg in legs_in(factor)}
    factors[holders[0]] = _inside(factors[holders[0]], primed, left, elsewhere | others)
    return Product(tuple(factors))


def _inside(node: Node, primed: Leg, left: frozenset[Leg], elsewhere: frozenset[Leg]) -> Node:
    match node:
        case Sum() | Activated() | Normalised() | Conjugated():
            return _visit(node, primed, left, elsewhere)
        case _:
            return node
