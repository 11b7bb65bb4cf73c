"""A lint on columns of gates: each leg is for one gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tnc.diagnostics import Diagnostic, Label
from tnc.sema.legs.terms import Operand, Terms, monomials
from tnc.sema.tensors.resolved import LegName


def crowded_columns(value: Terms, left: Sequence[int], names: Sequence[LegName]) -> Iterator[Diagnostic]:
    """Pairs of gates that take the same leg to the same primed leg of the left side.

    A gate on ``x`` is a tensor with both ``x`` and ``x'``. Two of them in one product multiply entry by entry, which is
    rarely what overlapping gates are meant to do: they act one after the other, in two statements.
    """
    primed = frozenset(leg for leg in left if names[leg].primes)
    if not primed:
        return
    for term in monomials(value):
        gates: dict[int, Operand] = {}
        for factor in term.factors:
            if not isinstance(factor, Operand):
                continue
            for leg in _acted(factor, primed, names):
                first = gates.setdefault(leg, factor)
                if first is not factor:
                    yield _crowded(first, factor, names[leg])
                    return


def _acted(gate: Operand, primed: frozenset[int], names: Sequence[LegName]) -> Iterator[int]:
    """Yield the primed legs of a tensor that also has the same leg with fewer primes: the legs that it acts on."""
    fewest: dict[tuple[str, tuple[int, ...] | None], int] = {}
    for leg in gate.legs:
        name = names[leg]
        key = name.base, name.subscripts
        fewest[key] = min(name.primes, fewest.get(key, name.primes))
    for leg in dict.fromkeys(gate.legs):
        name = names[leg]
        if leg in primed and fewest[name.base, name.subscripts] < name.primes:
            yield leg


def _crowded(first: Operand, second: Operand, leg: LegName) -> Diagnostic:
    one, other = first.use.shown or first.use.tensor, second.use.shown or second.use.tensor
    labels = () if first.use.span == second.use.span else (Label(first.use.span, f"`{one}` acts on it too"),)
    return Diagnostic(
        "TN808",
        f"`{one}` and `{other}`, two gates of one column, both act on the leg `{leg}`",
        second.use.span,
        labels=labels,
        help="gates that overlap act one after the other: put the second into a statement of its own",
    )
