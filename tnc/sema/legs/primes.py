"""The rule of primes: a left leg ``x'`` that a term does not use is the term's ``x``, untouched.

A *term* is a product (or a lone tensor) wherever it stands: sums, activations and parentheses are looked through.
For each primed leg p on the left, fewest primes first, and from the outside in:

1. In a term that does not use p anywhere, let q be the leg of the same base and subscripts that the term does use
   and that has the most primes below p's. If there is such a q, and it is not on the left, then q is called p
   in the whole term.
2. In a term that uses p in exactly one of its factors, and that factor is a sum in parentheses or an
   activation, the terms inside are looked at in turn, where q must not occur in another factor of an enclosing
   product either: such a q is contracted there, so it is not untouched.

So ``h(x') = relu(h(x) * g(x, x') + b(x))`` adds ``b(x')``, and ``(A(x) + B(x)) * g(x, x')`` sums over ``x``. The rule
is one of names alone: dimensions come later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from tnc.sema.legs.terms import Barrier, Copy, Factor, Fill, Monomial, Operand, Terms, shared_legs
from tnc.sema.tensors.resolved import LegName

_Family: TypeAlias = tuple[str, tuple[int, ...] | None]


@dataclass(frozen=True, slots=True)
class _Legs:
    """What the rule needs to know of a statement's legs: names by number, numbers by family, those on the left."""

    names: Sequence[LegName]
    families: Mapping[_Family, Sequence[int]]
    left: frozenset[int]

    def nearest(self, primed: int, used: Set[int]) -> int | None:
        """The used leg of the same base and subscripts that has the most primes below those of ``primed``."""
        name = self.names[primed]
        members = self.families[name.base, name.subscripts]
        below = [leg for leg in members if leg in used and self.names[leg].primes < name.primes]
        return max(below, key=lambda leg: self.names[leg].primes, default=None)


def attach_primes(value: Terms, left: Sequence[int], names: Sequence[LegName]) -> Terms:
    """The value with every untouched leg under the name that it has on the left."""
    primed = sorted((leg for leg in frozenset(left) if names[leg].primes), key=lambda leg: (names[leg].primes, leg))
    if not primed:
        return value
    families: dict[_Family, list[int]] = {}
    for leg, name in enumerate(names):
        families.setdefault((name.base, name.subscripts), []).append(leg)
    return _terms(value, tuple(primed), frozenset(), _Legs(names, families, frozenset(left)))


def _terms(value: Terms, primed: tuple[int, ...], contracted: frozenset[int], legs: _Legs) -> Terms:
    return replace(value, terms=tuple(_term(term, primed, contracted, legs) for term in value.terms))


def _term(term: Monomial, primed: tuple[int, ...], contracted: frozenset[int], legs: _Legs) -> Monomial:
    match term.factors:
        case (Barrier() | Terms() as factor,):
            return replace(term, factors=(_inside(factor, primed, contracted, legs),))
        case _:
            pass
    names: dict[int, int] = {}
    used = set(term.legs)
    for leg in primed:
        if leg not in used:
            nearest = legs.nearest(leg, used)
            if nearest is not None and nearest not in legs.left and nearest not in contracted:
                names[nearest] = leg
                used.remove(nearest)
                used.add(leg)
    if names:
        term = replace(term, factors=tuple(_renamed(factor, names) for factor in term.factors))
    if not any(isinstance(factor, Barrier | Terms) for factor in term.factors):
        return term
    contracted |= shared_legs(term)
    factors = tuple(_factor(factor, primed, contracted, legs) for factor in term.factors)
    return replace(term, factors=factors)


def _factor(factor: Factor, primed: tuple[int, ...], contracted: frozenset[int], legs: _Legs) -> Factor:
    if not isinstance(factor, Barrier | Terms):
        return factor
    inner = tuple(leg for leg in primed if leg in factor.legs and leg not in contracted)
    return _inside(factor, inner, contracted, legs) if inner else factor


def _inside(
    factor: Barrier | Terms, primed: tuple[int, ...], contracted: frozenset[int], legs: _Legs
) -> Barrier | Terms:
    if isinstance(factor, Barrier):
        return replace(factor, argument=_terms(factor.argument, primed, contracted, legs))
    return _terms(factor, primed, contracted, legs)


def _renamed(factor: Factor, names: Mapping[int, int]) -> Factor:
    """The factor with some of its legs under other names."""
    match factor:
        case Operand() | Copy() | Fill():
            return replace(factor, legs=tuple(names.get(leg, leg) for leg in factor.legs))
        case Barrier():
            return replace(factor, argument=_renamed_terms(factor.argument, names))
        case Terms():
            return _renamed_terms(factor, names)
        case _:
            assert_never(factor)


def _renamed_terms(value: Terms, names: Mapping[int, int]) -> Terms:
    if not names.keys() & value.legs:
        return value
    terms = (replace(term, factors=tuple(_renamed(factor, names) for factor in term.factors)) for term in value.terms)
    return replace(value, terms=tuple(terms))
