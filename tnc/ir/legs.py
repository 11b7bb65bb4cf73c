"""Legs by number: constructors that number them canonically, and the names that a statement uses.

A statement that is put together from pieces (lowering, merging) has legs with whatever numbers came
handy. :func:`contract` and :func:`sum_of` renumber them by first appearance, so that equal statements are equal values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from tnc.ir.program import Contract, Delta, Dim, Factor, Normalize, Ones, Pointwise, Statement, Sum, Term, Use, View
from tnc.source import Span


def contract(
    name: str,
    factors: Iterable[Factor],
    legs: Iterable[int],
    dims: Mapping[int, Dim] | Sequence[Dim],
    *,
    scale: float = 1.0,
    leg_names: Mapping[int, str] | Sequence[str] = (),
    span: Span | None = None,
) -> Contract:
    """A Contract from legs with arbitrary numbers; ``dims`` and ``leg_names`` are looked up by those numbers."""
    numbers: dict[int, int] = {}
    renumbered = tuple(replace_legs(factor, _number(factor.legs, numbers)) for factor in factors)
    result = _number(legs, numbers)
    return Contract(
        name, renumbered, result, _dims(numbers, dims), scale, leg_names=_names(numbers, leg_names), span=span
    )


def sum_of(
    name: str,
    terms: Iterable[Term],
    legs: Iterable[int],
    dims: Mapping[int, Dim] | Sequence[Dim],
    *,
    leg_names: Mapping[int, str] | Sequence[str] = (),
    span: Span | None = None,
) -> Sum:
    """A Sum from legs with arbitrary numbers; ``dims`` and ``leg_names`` are looked up by those numbers."""
    numbers: dict[int, int] = {}
    renumbered = tuple(
        Term(term.coefficient, replace(term.use, legs=_number(term.use.legs, numbers))) for term in terms
    )
    result = _number(legs, numbers)
    return Sum(name, renumbered, result, _dims(numbers, dims), leg_names=_names(numbers, leg_names), span=span)


def tied(statement: Contract, first: Sequence[int] = ()) -> tuple[int, ...]:
    """For every leg, the one that stands for all that copy tensors tie to it: the earliest of ``first``, or lowest."""
    place = {leg: number for number, leg in enumerate(first)}
    leader = list(range(len(statement.dims)))

    def find(leg: int) -> int:
        while leader[leg] != leg:
            leader[leg] = leader[leader[leg]]
            leg = leader[leg]
        return leg

    for factor in statement.factors:
        if isinstance(factor, Delta):
            roots = {find(leg) for leg in factor.legs}
            chosen = min(roots, key=lambda root: (place.get(root, len(place)), root))
            for root in roots:
                leader[root] = chosen
    return tuple(find(leg) for leg in range(len(leader)))


def replace_legs(factor: Factor, legs: tuple[int, ...]) -> Factor:
    """The factor on other legs; the very object where nothing changes."""
    return factor if factor.legs == legs else replace(factor, legs=legs)


def _number(legs: Iterable[int], numbers: dict[int, int]) -> tuple[int, ...]:
    return tuple(numbers.setdefault(leg, len(numbers)) for leg in legs)


def _dims(numbers: dict[int, int], dims: Mapping[int, Dim] | Sequence[Dim]) -> tuple[Dim, ...]:
    return tuple(dims[leg] for leg in numbers)


def _names(numbers: dict[int, int], names: Mapping[int, str] | Sequence[str]) -> tuple[str, ...]:
    return tuple(names[leg] for leg in numbers) if names else ()


def used_tensors(statement: Statement) -> tuple[str, ...]:
    """The tensors that a statement reads, one entry a use, in the order written."""
    match statement:
        case Contract():
            return tuple(factor.tensor for factor in statement.factors if isinstance(factor, Use))
        case Sum():
            return tuple(term.use.tensor for term in statement.terms)
        case Pointwise():
            return statement.arguments
        case Normalize() | View():
            return (statement.argument,)
        case _:
            assert_never(statement)


def rename_tensors(statement: Statement, names: Mapping[str, str]) -> Statement:
    """The statement reading ``names[t]`` wherever it read ``t``; the very object where nothing changes."""
    if not any(tensor in names for tensor in used_tensors(statement)):
        return statement
    match statement:
        case Contract():
            return replace(statement, factors=tuple(_renamed(factor, names) for factor in statement.factors))
        case Sum():
            return replace(
                statement,
                terms=tuple(Term(term.coefficient, _renamed_use(term.use, names)) for term in statement.terms),
            )
        case Pointwise():
            return replace(statement, arguments=tuple(names.get(tensor, tensor) for tensor in statement.arguments))
        case Normalize() | View():
            return replace(statement, argument=names.get(statement.argument, statement.argument))
        case _:
            assert_never(statement)


def _renamed(factor: Factor, names: Mapping[str, str]) -> Factor:
    match factor:
        case Use():
            return _renamed_use(factor, names)
        case Delta() | Ones():
            return factor
        case _:
            assert_never(factor)


def _renamed_use(use: Use, names: Mapping[str, str]) -> Use:
    return replace(use, tensor=names[use.tensor]) if use.tensor in names else use
