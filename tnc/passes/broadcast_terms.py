"""Sums broadcast: a term of a sum needs no legs that only ``ones`` give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tnc.ir.legs import sum_of
from tnc.ir.program import Contract, Ones, Program, Statement, Sum, Term, Use
from tnc.passes.uses import is_tame, rebuilt


@dataclass(frozen=True, slots=True)
class BroadcastTerms:
    """Make a sum read a tensor itself instead of its product with ``ones``.

    Needs: nothing. Guarantees: no term of a sum is one tensor times ``ones``, unless no other term has those legs. Why:
    a sum broadcasts, so nothing has to be repeated in memory before it.
    """

    name: ClassVar[str] = "broadcast_terms"

    def run(self, program: Program) -> Program:
        """The Program after the pass."""
        repeated: dict[str, Contract] = {}
        statements: list[Statement] = []
        for statement in program.statements:
            if isinstance(statement, Contract) and any(isinstance(factor, Ones) for factor in statement.factors):
                repeated[statement.name] = statement
            if isinstance(statement, Sum):
                statement = _broadcast(statement, repeated)
            statements.append(statement)
        return rebuilt(program, statements, {})


def _broadcast(statement: Sum, repeated: dict[str, Contract]) -> Sum:
    terms = list(statement.terms)
    for number, term in enumerate(terms):
        source = repeated.get(term.use.tensor)
        bare = _bare(term, source) if source is not None else None
        if bare is None:
            continue
        changed = [*terms[:number], bare, *terms[number + 1 :]]
        if {leg for other in changed for leg in other.use.legs} == set(statement.legs):
            terms = changed
    if tuple(terms) == statement.terms:
        return statement
    return sum_of(
        statement.name,
        terms,
        statement.legs,
        statement.dims,
        leg_names=statement.leg_names,
        span=statement.span,
    )


def _bare(term: Term, source: Contract) -> Term | None:
    """The term without the legs of ``ones``; None if its tensor is more than one tensor times ``ones``."""
    match [factor for factor in source.factors if not isinstance(factor, Ones)]:
        case [Use(tensor, legs, conjugate)]:
            pass
        case _:
            return None
    coefficient = term.coefficient * source.scale
    if len({*legs}) < len(legs) or not {*legs} <= {*source.legs} or not is_tame(coefficient):
        return None
    if any(leg not in source.legs for factor in source.factors for leg in factor.legs):
        return None
    place = {leg: term.use.legs[axis] for axis, leg in enumerate(source.legs)}
    own = tuple(place[leg] for leg in legs)
    return Term(coefficient, Use(tensor, own, conjugate != term.use.conjugate))
