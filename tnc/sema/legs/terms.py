"""The value of a definition as sums of products: one normal form, so that all that follows has few cases.

A value is :class:`Terms`; each of its terms is a :class:`Monomial`, a number times factors; a factor is a
tensor, ``delta``, ``ones``, an activation, or a sum of at least two terms in parentheses. On the way ``conj`` is pushed
down to the tensors, numbers are multiplied into the scales, and parentheses that change nothing go away. Legs are
numbers here, by first appearance in the statement; :class:`LegTable` knows their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from tnc.sema.tensors import resolved
from tnc.sema.tensors.resolved import Leg, LegName
from tnc.source import Span


class LegTable:
    """The legs of one statement, numbered by first appearance."""

    def __init__(self) -> None:
        self.names: list[LegName] = []
        self.spans: list[Span] = []
        self._numbers: dict[LegName, int] = {}

    def number(self, leg: Leg) -> int:
        """The number of a leg, a new one where the name is new."""
        number = self._numbers.setdefault(leg.name, len(self.names))
        if number == len(self.names):
            self.names.append(leg.name)
            self.spans.append(leg.span)
        return number

    def numbers(self, legs: Iterable[Leg]) -> tuple[int, ...]:
        """The numbers of several legs."""
        return tuple(self.number(leg) for leg in legs)


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor; ``legs`` are those of all its axes in order (a pick has none, a group may have several)."""

    use: resolved.TensorUse
    legs: tuple[int, ...]
    conjugate: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """``delta(i, j, …)``; ``spans`` are those of the legs."""

    legs: tuple[int, ...]
    spans: tuple[Span, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Fill:
    """``ones(i, …)``; ``spans`` are those of the legs."""

    legs: tuple[int, ...]
    spans: tuple[Span, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Barrier:
    """An activation, or ``rms`` where ``applied`` says so, of a value."""

    applied: resolved.Activation | resolved.Rms
    argument: Terms
    conjugate: bool

    @property
    def legs(self) -> frozenset[int]:
        """The legs that occur anywhere inside."""
        return self.argument.legs

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.applied.span


@dataclass(frozen=True, slots=True)
class Monomial:
    """``scale`` times the factors."""

    scale: float
    factors: tuple[Factor, ...]
    span: Span
    legs: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "legs", frozenset(leg for factor in self.factors for leg in factor.legs))


@dataclass(frozen=True, slots=True)
class Terms:
    """The sum of the terms, of which there is at least one."""

    terms: tuple[Monomial, ...]
    span: Span
    legs: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "legs", frozenset(leg for term in self.terms for leg in term.legs))


Leaf: TypeAlias = Operand | Copy | Fill
Factor: TypeAlias = Operand | Copy | Fill | Barrier | Terms


def normalise(value: resolved.Expression, table: LegTable) -> Terms:
    """The normal form of a value; its legs are entered into the table."""
    return _terms(value, table, conjugate=False)


def _terms(value: resolved.Expression, table: LegTable, *, conjugate: bool) -> Terms:
    match value:
        case resolved.SumOf(terms=terms):
            signed = [(sign, _terms(term, table, conjugate=conjugate)) for sign, term in terms]
            monomials = [_scaled(term, sign) for sign, each in signed for term in each.terms]
            return _sum(monomials, value.span)
        case resolved.Conjugated(argument=argument):
            return _terms(argument, table, conjugate=not conjugate)
        case resolved.Product(factors=factors):
            return _spliced(_monomial(factors, value.span, table, conjugate=conjugate))
        case _:
            return _spliced(_monomial((value,), value.span, table, conjugate=conjugate))


def _monomial(factors: tuple[resolved.Expression, ...], span: Span, table: LegTable, *, conjugate: bool) -> Monomial:
    """A product with the products and lone terms among its factors merged into it."""
    scale = 1.0
    found: list[Factor] = []
    for factor in factors:
        match factor:
            case resolved.TensorUse(axes=axes):
                legs = [leg for axis in axes if isinstance(axis, resolved.Axis) for leg in axis.legs]
                found.append(Operand(factor, table.numbers(legs), conjugate))
            case resolved.DeltaUse(legs=legs):
                found.append(Copy(table.numbers(legs), tuple(leg.span for leg in legs), factor.span))
            case resolved.OnesUse(legs=legs):
                found.append(Fill(table.numbers(legs), tuple(leg.span for leg in legs), factor.span))
            case resolved.NumberUse(value=value):
                scale *= value
            case resolved.Activation(argument=argument) | resolved.Rms(argument=argument):
                found.append(Barrier(factor, _terms(argument, table, conjugate=False), conjugate))
            case resolved.Product() | resolved.SumOf() | resolved.Conjugated():
                inner = _terms(factor, table, conjugate=conjugate)
                if len(inner.terms) == 1:
                    scale *= inner.terms[0].scale
                    found.extend(inner.terms[0].factors)
                else:
                    found.append(inner)
            case _:
                assert_never(factor)
    return Monomial(scale + 0.0, tuple(found), span)  # + 0.0 turns -0.0, which prints differently, into 0.0


def _spliced(monomial: Monomial) -> Terms:
    """A lone term as a value; plus or minus a sum in parentheses is that sum."""
    match monomial.factors:
        case (Terms() as inner,) if abs(monomial.scale) == 1.0:
            return Terms(tuple(_scaled(term, monomial.scale) for term in inner.terms), monomial.span)
        case _:
            return Terms((monomial,), monomial.span)


def _sum(monomials: list[Monomial], span: Span) -> Terms:
    """A sum with its constant terms folded into one, which goes away where it is zero and not alone."""
    constants = [term for term in monomials if not term.factors]
    rest = [term for term in monomials if term.factors]
    constant = sum(term.scale for term in constants) + 0.0
    if constant != 0.0 or not rest:
        place = constants[0].span if constants else span
        rest.append(Monomial(constant, (), place))
    return Terms(tuple(rest), span)


def _scaled(term: Monomial, factor: float) -> Monomial:
    return term if factor == 1.0 else replace(term, scale=factor * term.scale + 0.0)


def monomials(value: Terms) -> Iterator[Monomial]:
    """Every product in a value, outer ones first."""
    for term in value.terms:
        yield term
        for factor in term.factors:
            match factor:
                case Barrier(argument=argument):
                    yield from monomials(argument)
                case Terms():
                    yield from monomials(factor)
                case Operand() | Copy() | Fill():
                    pass
                case _:
                    assert_never(factor)


def leaves(value: Terms) -> Iterator[Leaf]:
    """Every tensor, ``delta`` and ``ones`` in a value."""
    for term in monomials(value):
        for factor in term.factors:
            if isinstance(factor, Operand | Copy | Fill):
                yield factor


def shared_legs(term: Monomial) -> frozenset[int]:
    """The legs that occur in more than one factor of a product."""
    seen: set[int] = set()
    shared: set[int] = set()
    for factor in term.factors:
        legs = frozenset(factor.legs)
        shared |= legs & seen
        seen |= legs
    return frozenset(shared)


def appearance(value: Terms) -> tuple[int, ...]:
    """The legs of a value by first appearance."""
    order: dict[int, None] = {}
    _appear(value, order)
    return tuple(order)


def _appear(value: Terms, order: dict[int, None]) -> None:
    """Add the legs of all factors, in the order in which they first appear."""
    for term in value.terms:
        for factor in term.factors:
            match factor:
                case Operand(legs=legs) | Copy(legs=legs) | Fill(legs=legs):
                    order.update(dict.fromkeys(legs))
                case Barrier(argument=argument):
                    _appear(argument, order)
                case Terms():
                    _appear(factor, order)
                case _:
                    assert_never(factor)


def axes_with_legs(operand: Operand) -> Iterator[tuple[resolved.Axis, tuple[int, ...]]]:
    """The axes of a tensor that take legs, each with the numbers of its legs."""
    position = 0
    for axis in operand.use.axes:
        if isinstance(axis, resolved.Axis):
            yield axis, operand.legs[position : position + len(axis.legs)]
            position += len(axis.legs)
