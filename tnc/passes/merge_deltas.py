"""Make ``delta`` and ``ones`` cost nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from tnc.ir.legs import contract, replace_legs, tied
from tnc.ir.program import Contract, Delta, Dim, Factor, Ones, Program, Use
from tnc.passes.uses import is_tame, rebuilt


@dataclass(frozen=True, slots=True)
class MergeDeltas:
    """Give the legs of a ``delta`` one number, and drop the ``ones`` on legs that something else holds.

    Needs: nothing. Guarantees: a ``delta`` is left only where several of its legs are on the result (a diagonal is
    embedded), holding just those; ``ones`` only where nothing else holds a leg of the result, or where a dynamic leg
    is summed alone (its size is known at run time only). A static leg that is summed alone becomes a number. Why:
    what remains is a plain product of tensors, which is what contraction orders are searched for.
    """

    name: ClassVar[str] = "merge_deltas"

    def run(self, program: Program) -> Program:
        """The Program after the pass."""
        statements = [
            _merged(statement)
            if isinstance(statement, Contract) and any(not isinstance(factor, Use) for factor in statement.factors)
            else statement
            for statement in program.statements
        ]
        return rebuilt(program, statements, {})


def _merged(statement: Contract) -> Contract:
    leader = tied(statement, statement.legs)
    uses = [
        replace_legs(factor, tuple(leader[leg] for leg in factor.legs))
        for factor in statement.factors
        if isinstance(factor, Use)
    ]
    held = {leg for use in uses for leg in use.legs}
    shown: dict[int, list[int]] = {}
    for leg in statement.legs:
        shown.setdefault(leader[leg], []).append(leg)
    kept: list[Factor] = list(uses)
    lonely: list[int] = []
    scale = statement.scale
    for leg in dict.fromkeys(leader[leg] for factor in statement.factors for leg in factor.legs):
        ends = shown.get(leg, [])
        if len(ends) > 1:
            kept.append(Delta(tuple(ends)))
        elif ends and leg not in held:
            lonely.append(ends[0])
        elif leg not in held:
            product = _times(scale, statement.dims[leg])
            if product is None:
                lonely.append(leg)
            else:
                scale = product
    if lonely:
        kept.append(Ones(tuple(lonely)))
    merged = contract(statement.name, kept, statement.legs, statement.dims, scale=scale, leg_names=statement.leg_names)
    return replace(merged, span=statement.span)


def _times(scale: float, dim: Dim) -> float | None:
    """The scale times a static dimension, where that is a number to be written down."""
    if isinstance(dim, str) or not is_tame(scale * dim):
        return None
    return scale * dim
