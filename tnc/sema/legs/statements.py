"""Statements from normal forms whose legs are known to be right: every product one Contract, every sum one Sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from tnc.ir.legs import contract, sum_of
from tnc.ir.program import (
    Delta,
    Dim,
    Factor,
    Normalize,
    Ones,
    Pointwise,
    Reshape,
    Select,
    Statement,
    Term,
    Use,
    View,
    ViewKind,
)
from tnc.sema.legs.terms import Barrier, Copy, Fill, Monomial, Operand, Terms, appearance, shared_legs
from tnc.sema.tensors import resolved
from tnc.source import Span


class Emitter:
    """Gathers the statements of one definition, in order.

    Names are placeholders, since only at the end it is known which statement is the last, the one that carries the
    definition's own name. ``parts`` says of each statement what it is, ``shapes`` the shape of its result.
    """

    def __init__(self, dims: Sequence[Dim], leg_names: Sequence[str]) -> None:
        self.statements: list[Statement] = []
        self.shapes: list[tuple[Dim, ...]] = []
        self.parts: list[str] = []
        self._dims = dims
        self._leg_names = leg_names

    def value(self, value: Terms, legs: tuple[int, ...]) -> str:
        """A tensor with the value's entries, its axes exactly these legs; all other legs are summed inside."""
        if len(value.terms) == 1:
            factors, scale = self._factors(value.terms[0], legs)
            return self._product(factors, legs, scale, value.terms[0].span)
        terms = tuple(self._term(term, legs) for term in value.terms)
        name = self._name("sum")
        statement = sum_of(name, terms, legs, self._dims, leg_names=self._leg_names, span=value.span)
        return self._add(statement, self._shape(legs))

    def view(self, tensor: str, kind: ViewKind, shape: tuple[Dim, ...], span: Span) -> str:
        """The tensor seen otherwise."""
        return self._add(View(self._name("view"), tensor, kind, shape, span), shape)

    def _name(self, part: str) -> str:
        self.parts.append(part)
        return placeholder(len(self.parts) - 1)

    def _add(self, statement: Statement, shape: tuple[Dim, ...]) -> str:
        self.statements.append(statement)
        self.shapes.append(shape)
        return statement.name

    def _shape(self, legs: Sequence[int]) -> tuple[Dim, ...]:
        return tuple(self._dims[leg] for leg in legs)

    def _term(self, term: Monomial, legs: tuple[int, ...]) -> Term:
        """A term of a sum: a tensor times a number where that is all, else the result of a product."""
        own = tuple(leg for leg in legs if leg in term.legs)
        factors, scale = self._factors(term, own)
        match factors:
            case ():
                return Term(1.0, Use(self._product((), (), scale, term.span), ()))
            case (Use() as use,) if len(use.legs) == len(own):
                return Term(scale, use)  # as many axes as legs: no diagonal, nothing to sum
            case _:
                return Term(scale, Use(self._product(factors, own, 1.0, term.span), own))

    def _product(self, factors: tuple[Factor, ...], legs: tuple[int, ...], scale: float, span: Span) -> str:
        """The result of a product; a tensor that is already what is asked for is that tensor."""
        match factors:
            case (Use(tensor=tensor, legs=own, conjugate=False),) if own == legs and scale == 1.0:
                return tensor
            case _:
                pass
        name = self._name("product" if factors else "number")
        statement = contract(name, factors, legs, self._dims, scale=scale, leg_names=self._leg_names, span=span)
        return self._add(statement, self._shape(legs))

    def _factors(self, term: Monomial, legs: tuple[int, ...]) -> tuple[tuple[Factor, ...], float]:
        """The factors of a product as factors of a Contract, nested values computed first; and the number in front."""
        needed = shared_legs(term).union(legs)
        factors: list[Factor] = []
        for factor in term.factors:
            match factor:
                case Operand():
                    factors.append(self._operand(factor))
                case Copy():
                    factors.append(Delta(factor.legs))
                case Fill():
                    factors.append(Ones(factor.legs))
                case Barrier() | Terms():
                    inner = factor.argument if isinstance(factor, Barrier) else factor
                    # A lone factor may come in the order of the result, so that nothing need be permuted.
                    order = legs if len(term.factors) == 1 else appearance(inner)
                    own = tuple(leg for leg in order if leg in needed and leg in inner.legs)
                    factors.append(self._nested(factor, own))
                case _:
                    assert_never(factor)
        return self._without_loose(factors, legs, term)

    def _without_loose(
        self, factors: list[Factor], legs: tuple[int, ...], term: Monomial
    ) -> tuple[tuple[Factor, ...], float]:
        """The factors and the number in front, no summed leg being on ``delta`` and ``ones`` alone.

        Such a leg has its dimension from another term. Its sum is a number, the dimension; if that is
        dynamic, then a tensor of ones holds it, so that every Contract has the dimensions of its legs from itself.
        """
        loose = _loose_legs(factors, legs)
        scale = term.scale
        kept: list[Factor] = []
        for factor in factors:
            if isinstance(factor, Use) or loose.keys().isdisjoint(factor.legs):
                kept.append(factor)
            elif isinstance(factor, Ones) and not loose.keys() >= set(factor.legs):
                kept.append(Ones(tuple(leg for leg in factor.legs if leg not in loose)))
        for leg in dict.fromkeys(loose.values()):
            dim = self._dims[leg]
            if isinstance(dim, int):
                scale *= dim
            else:
                ones = self._product((Ones((leg,)),), (leg,), 1.0, term.span)
                kept += [Use(ones, (leg,)), Ones((leg,))]
        return tuple(kept), scale

    def _nested(self, factor: Barrier | Terms, legs: tuple[int, ...]) -> Use:
        if isinstance(factor, Terms):
            return Use(self.value(factor, legs), legs)
        argument = self.value(factor.argument, legs)
        name = self._name("value")
        match factor.applied:
            case resolved.Activation(function=function, function_name=shown, scalars=scalars, span=span):
                self._add(Pointwise(name, function, (argument, *scalars), shown, span), self._shape(legs))
            case resolved.Rms(span=span):
                self._add(Normalize(name, argument, span), self._shape(legs))
            case _:
                assert_never(factor.applied)
        return Use(name, legs, factor.conjugate)

    def _operand(self, operand: Operand) -> Use:
        """A tensor with one leg an axis: picks made (the last axis first: numbers stay right) and groups split."""
        use, tensor, shape = operand.use, operand.use.tensor, operand.use.shape
        for number, axis in reversed(tuple(enumerate(use.axes))):
            if isinstance(axis, resolved.Pick):
                shape = shape[:number] + shape[number + 1 :]
                tensor = self.view(tensor, Select(number, axis.index), shape, axis.span)
        split = self._shape(operand.legs)
        if split != shape:
            tensor = self.view(tensor, Reshape(), split, use.span)
        return Use(tensor, operand.legs, operand.conjugate)


def placeholder(number: int) -> str:
    """The provisional name of the n-th statement: no author can write it."""
    return f"%{number}"


def _loose_legs(factors: Sequence[Factor], legs: Sequence[int]) -> dict[int, int]:
    """The summed legs that no tensor holds, not even through ``delta``, each with one of those that it is tied to."""
    tied: dict[int, set[int]] = {}
    for factor in factors:
        for leg in () if isinstance(factor, Use) else factor.legs:
            tied.setdefault(leg, set())
            if isinstance(factor, Delta):  # all to the first: enough to find them, and not quadratic
                tied[leg].add(factor.legs[0])
                tied[factor.legs[0]].add(leg)
    held = set(legs).union(*(factor.legs for factor in factors if isinstance(factor, Use))) if tied else set(legs)
    loose: dict[int, int] = {}
    seen: set[int] = set()
    for start in tied:
        if start in seen:
            continue
        group, stack = {start}, [start]
        while stack:
            new = tied[stack.pop()] - group
            group |= new
            stack.extend(new)
        seen |= group
        if held.isdisjoint(group):
            loose.update(dict.fromkeys(sorted(group), start))
    return loose
