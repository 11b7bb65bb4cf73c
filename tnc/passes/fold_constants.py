"""Numbers into scales and coefficients, renamed axes into those who read them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from tnc.ir.legs import contract, rename_tensors, sum_of
from tnc.ir.program import Contract, Factor, Program, Statement, Sum, Term, Use
from tnc.passes.uses import is_tame, rebuilt


@dataclass(frozen=True, slots=True)
class FoldConstants:
    """Fold numbers, scaled and permuted copies, and sums of one term into whatever uses them.

    Needs: nothing. Guarantees: no Contract multiplies by a tensor that is a number; no Contract and no Sum reads a
    tensor that is a number times another, its axes in some order; a tensor that is another one is that other
    everywhere; the terms of a Sum differ, and there are at least two. (Numbers whose product would leave the range of
    float32 stay apart.) Copies that lost their users are left to ``drop_dead``. Why: a factor in a scale is free,
    a pass over memory is not.
    """

    name: ClassVar[str] = "fold_constants"

    def run(self, program: Program) -> Program:
        """The Program after the pass."""
        folder = _Folder()
        statements = [folder.fold(statement) for statement in program.statements]
        return rebuilt(program, [s for s in statements if s.name not in folder.aliases], folder.aliases)


@dataclass(frozen=True, slots=True)
class _Copy:
    """``scale`` times a tensor, conjugated or not; axis ``a`` of it is axis ``order[a]`` of the copy."""

    use: Use
    order: tuple[int, ...]
    scale: float


@dataclass(slots=True)
class _Folder:
    """What is known of the statements seen so far."""

    numbers: dict[str, float] = field(default_factory=dict[str, float])
    copies: dict[str, _Copy] = field(default_factory=dict[str, _Copy])
    aliases: dict[str, str] = field(default_factory=dict[str, str])

    def fold(self, statement: Statement) -> Statement:
        statement = rename_tensors(statement, self.aliases)
        if isinstance(statement, Sum):
            statement = self._fold_sum(statement)
        if isinstance(statement, Contract):
            statement = self._fold_contract(statement)
            self._remember(statement)
        return statement

    def _fold_contract(self, statement: Contract) -> Contract:
        scale = statement.scale
        factors: list[Factor] = []
        for factor in statement.factors:
            if isinstance(factor, Use):
                number = self.numbers.get(factor.tensor)
                if number is not None and is_tame(scale * number):
                    scale *= number
                    continue
                copy = self.copies.get(factor.tensor)
                if copy is not None and is_tame(scale * copy.scale):
                    scale *= copy.scale
                    factor = _through(copy, factor)
            factors.append(factor)
        if scale == statement.scale and tuple(factors) == statement.factors:
            return statement
        return contract(
            statement.name,
            factors,
            statement.legs,
            statement.dims,
            scale=scale,
            leg_names=statement.leg_names,
            span=statement.span,
        )

    def _fold_sum(self, statement: Sum) -> Statement:
        coefficients: dict[Use, float] = {}
        for term in statement.terms:
            use, coefficient = term.use, term.coefficient
            copy = self.copies.get(use.tensor)
            if copy is not None and is_tame(coefficient * copy.scale):
                use, coefficient = _through(copy, use), coefficient * copy.scale
            coefficients[use] = coefficients.get(use, 0.0) + coefficient
        terms = [Term(coefficient, use) for use, coefficient in coefficients.items()]
        needed = [term for term in terms if term.coefficient != 0]
        if {leg for term in needed for leg in term.use.legs} == set(statement.legs) and needed:
            terms = needed
        if len(terms) == 1:
            only = terms[0]
            return contract(
                statement.name,
                (only.use,),
                statement.legs,
                statement.dims,
                scale=only.coefficient,
                leg_names=statement.leg_names,
                span=statement.span,
            )
        if tuple(terms) == statement.terms:
            return statement
        return sum_of(
            statement.name, terms, statement.legs, statement.dims, leg_names=statement.leg_names, span=statement.span
        )

    def _remember(self, statement: Contract) -> None:
        if not statement.factors:
            self.numbers[statement.name] = statement.scale
        if len(statement.factors) != 1:
            return
        (factor,) = statement.factors
        if not isinstance(factor, Use) or len(set(factor.legs)) < len(factor.legs):
            return
        if set(factor.legs) != set(statement.legs):
            return
        position = {leg: axis for axis, leg in enumerate(statement.legs)}
        order = tuple(position[leg] for leg in factor.legs)
        if statement.scale == 1 and not factor.conjugate and order == tuple(range(len(order))):
            self.aliases[statement.name] = factor.tensor
        else:
            self.copies[statement.name] = _Copy(factor, order, statement.scale)


def _through(copy: _Copy, use: Use) -> Use:
    """The use of the copied tensor that does what the use of the copy did."""
    legs = tuple(use.legs[axis] for axis in copy.order)
    return replace(copy.use, legs=legs, conjugate=copy.use.conjugate != use.conjugate)
