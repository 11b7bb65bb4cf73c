"""How the output of a network depends on each core: linearly, affinely, or otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from tnc.ir.number_kinds import NumberKind, program_kinds
from tnc.ir.program import Contract, Normalize, Pointwise, Program, Statement, Sum, Term, Use, View


class Dependence(IntEnum):
    """Ordered: whatever is linear is also affine."""

    LINEAR = 0
    """A multiple of the core gives the same multiple of the tensor."""

    AFFINE = 1
    """Linear apart from a summand without the core."""

    OTHER = 2
    """Through an activation, a normalization, twice in one product, or conjugated."""


Dependences = dict[str, Dependence]
"""By the name of a core, for the cores that a tensor depends on."""


def dependences(program: Program, *, complex_dtype: bool = False) -> Dependences:
    """How the only output of a Program depends on each of its cores.

    ``complex_dtype`` says that the module runs in a complex dtype, where a conjugate is not linear.
    """
    kinds = program_kinds(program)
    real = NumberKind.REAL if complex_dtype else NumberKind.MODULE
    found: dict[str, Dependences] = {str(p.name): {str(p.name): Dependence.LINEAR} for p in program.parameters}
    found.update((given.name, {}) for given in program.inputs)
    for statement in program.statements:
        found[statement.name] = _of_statement(statement, found, {name for name, kind in kinds.items() if kind <= real})
    (output,) = program.outputs
    return found[output.tensor]


def _of_statement(statement: Statement, found: dict[str, Dependences], real: set[str]) -> Dependences:
    match statement:
        case Contract(factors=factors):
            return _product(_of_use(use, found, real) for use in factors if isinstance(use, Use))
        case Sum(terms=terms):
            return _sum([_of_term(term, found, real) for term in terms])
        case Pointwise(arguments=arguments):
            return _other(found[name] for name in arguments)
        case Normalize(argument=argument):
            return _other([found[argument]])
        case View(argument=argument):
            return found[argument]


def _of_use(use: Use, found: dict[str, Dependences], real: set[str]) -> Dependences:
    if use.conjugate and use.tensor not in real:
        return _other([found[use.tensor]])
    return found[use.tensor]


def _of_term(term: Term, found: dict[str, Dependences], real: set[str]) -> Dependences:
    return _of_use(term.use, found, real)


def _product(factors: Iterable[Dependences]) -> Dependences:
    result: Dependences = {}
    for factor in factors:
        for core, dependence in factor.items():
            result[core] = Dependence.OTHER if core in result else dependence
    return result


def _sum(terms: list[Dependences]) -> Dependences:
    cores = dict.fromkeys(core for term in terms for core in term)
    return {core: max(term.get(core, Dependence.AFFINE) for term in terms) for core in cores}


def _other(tensors: Iterable[Dependences]) -> Dependences:
    return {core: Dependence.OTHER for tensor in tensors for core in tensor}
