"""Adjacent contractions become one: the largest multilinear regions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from tnc.ir.legs import contract, replace_legs
from tnc.ir.program import Contract, Dim, Factor, Program, Statement, Use
from tnc.passes.uses import is_tame, rebuilt, use_counts


@dataclass(frozen=True, slots=True)
class MergeContractions:
    """Put a Contract that is used once, as a factor of another Contract, in its place there.

    Needs: nothing; more is merged after ``fold_constants``, ``fold_views`` and ``drop_dead``. Guarantees: no Contract
    is used just once, by a Contract (unless their scales together would leave the range of float32). Barriers, views
    and sums stay where they are, and so does what is used several times, since merging that would compute it several
    times. Why: within a region the planner may contract in any order, so regions should be as large as the
    activations allow.
    """

    name: ClassVar[str] = "merge_contractions"

    def run(self, program: Program) -> Program:
        """The Program after the pass."""
        counts = use_counts(program)
        once = frozenset(use for use in inner_uses(program) if counts[use.tensor] == 1)
        return _merged(program, once, frozenset(use.tensor for use in once))


@dataclass(frozen=True, slots=True)
class MergeShared:
    """Put Contracts that are used several times in the place of the uses that are given.

    Needs: the uses are among ``inner_uses``. Guarantees: those Contracts are computed once a use, unless scales
    together would leave the range of float32; what nothing else needs any more is left to ``drop_dead``. Why: a square
    costs much less than the tensor in it. The planner chooses the uses (``tnc.sharing``), so no standard round has this
    pass.
    """

    name: ClassVar[str] = "merge_shared"

    uses: frozenset[InnerUse]

    def run(self, program: Program) -> Program:
        """The Program after the pass."""
        return _merged(program, self.uses, frozenset())


@dataclass(frozen=True, slots=True, order=True)
class InnerUse:
    """A Contract among the factors of another one, the user; all factors that are the same tensor are one use."""

    tensor: str
    user: str


def inner_uses(program: Program) -> tuple[InnerUse, ...]:
    """All uses of Contracts by Contracts, in the order written."""
    contracts = {statement.name: statement for statement in program.statements if isinstance(statement, Contract)}
    uses = (
        InnerUse(factor.tensor, statement.name)
        for statement in contracts.values()
        for factor in statement.factors
        if isinstance(factor, Use) and factor.tensor in contracts
    )
    return tuple(dict.fromkeys(uses))


def _merged(program: Program, uses: frozenset[InnerUse], vanishing: frozenset[str]) -> Program:
    """The Program with a Contract in the place of each of these uses, and without the ``vanishing`` Contracts."""
    merger = _Merger(program, uses, vanishing)
    # Users before what they use: a Contract that its only user had to refuse is then merged into for itself.
    merged = [merger.merge(statement) for statement in reversed(program.statements)]
    return rebuilt(program, [s for s in reversed(merged) if s.name not in merger.vanishing], {})


class _Merger:
    """Takes every Contract apart once a use, so that the whole is linear in the number of factors of the result.

    ``vanishing`` are the Contracts that are left nowhere else.
    """

    def __init__(self, program: Program, uses: frozenset[InnerUse], vanishing: frozenset[str]) -> None:
        self._contracts = {s.name: s for s in program.statements if isinstance(s, Contract)}
        self._uses = uses
        self.vanishing = set(vanishing)

    def merge(self, statement: Statement) -> Statement:
        if not isinstance(statement, Contract) or statement.name in self.vanishing:
            return statement
        if not any(InnerUse(factor.tensor, statement.name) in self._uses for factor in _uses_of(statement)):
            return statement
        legs = _Legs(statement)
        scale = statement.scale
        factors: list[Factor] = []
        pending: list[tuple[Factor, str]] = [(factor, statement.name) for factor in reversed(statement.factors)]
        while pending:
            factor, user = pending.pop()
            if not isinstance(factor, Use) or InnerUse(factor.tensor, user) not in self._uses:
                factors.append(factor)
                continue
            within = self._contracts[factor.tensor]
            if not is_tame(scale * within.scale):
                self.vanishing.discard(within.name)
                factors.append(factor)
                continue
            scale *= within.scale
            pending.extend((each, within.name) for each in reversed(list(_inlined(within, factor, legs))))
        merged = contract(
            statement.name,
            factors,
            statement.legs,
            legs.dims,
            scale=scale,
            leg_names=legs.names if legs.named else (),
        )
        return replace(merged, span=statement.span)


def _uses_of(statement: Contract) -> Iterator[Use]:
    return (factor for factor in statement.factors if isinstance(factor, Use))


def _inlined(within: Contract, use: Use, legs: _Legs) -> Iterator[Factor]:
    """The factors of a Contract on the legs of the one that uses it, conjugated if the use is."""
    numbers = dict(zip(within.legs, use.legs, strict=True))
    for leg, dim in enumerate(within.dims):
        if leg not in numbers:
            numbers[leg] = legs.fresh(dim, within.leg_names[leg] if within.leg_names else "i")
    for factor in within.factors:
        moved = replace_legs(factor, tuple(numbers[leg] for leg in factor.legs))
        if isinstance(moved, Use) and use.conjugate:
            moved = replace(moved, conjugate=not moved.conjugate)
        yield moved


class _Legs:
    """The legs of a region that grows."""

    def __init__(self, statement: Contract) -> None:
        self.dims: list[Dim] = list(statement.dims)
        self.names = list(statement.leg_names)
        self.named = bool(statement.leg_names)
        self._taken = set(self.names)
        self._counts: dict[str, int] = {}

    def fresh(self, dim: Dim, name: str) -> int:
        """A new leg; its name gets a number if the region has one of that name already: ``x_2[0]``."""
        self.dims.append(dim)
        base = name.partition("[")[0].rstrip("'")
        unique = name
        while unique in self._taken:
            number = self._counts.get(name, 1) + 1
            self._counts[name] = number
            unique = f"{base}_{number}{name[len(base) :]}"
        self._taken.add(unique)
        self.names.append(unique)
        return len(self.dims) - 1
