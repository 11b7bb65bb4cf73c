"""One definition, from names of legs to statements.

In order: the value's normal form (:mod:`tnc.sema.legs.terms`), untouched legs under their primed names
(:mod:`tnc.sema.legs.primes`), dimensions (:mod:`tnc.sema.legs.dimensions`), legs that cannot be summed
(:mod:`tnc.sema.legs.summation`), the shape on the left (:mod:`tnc.sema.legs.finish`), and, if there is no error,
statements (:mod:`tnc.sema.legs.statements`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import isfinite, prod

from tnc.diagnostics import Diagnostic
from tnc.ir.legs import rename_tensors
from tnc.ir.program import Contract, Dim, Statement, Sum, View
from tnc.limits import Limits
from tnc.sema.legs.columns import crowded_columns
from tnc.sema.legs.dimensions import infer_dimensions, shown_count
from tnc.sema.legs.finish import Finish, finish
from tnc.sema.legs.primes import attach_primes
from tnc.sema.legs.statements import Emitter, placeholder
from tnc.sema.legs.summation import check_legs
from tnc.sema.legs.terms import LegTable, normalise
from tnc.sema.tensors.resolved import Definition
from tnc.source import Span


@dataclass(frozen=True, slots=True)
class Lowered:
    """What a definition became: statements, of which the last carries its name, and the tensor that it stands for.

    A definition that only gives a tensor another name has no statements; ``tensor`` is then the tensor itself.
    """

    statements: tuple[Statement, ...]
    tensor: str
    shape: tuple[Dim, ...]
    axes: tuple[str | None, ...]
    lints: tuple[Diagnostic, ...] = ()


def lower_definition(
    definition: Definition, fresh: Callable[[str], str], limits: Limits
) -> Lowered | tuple[Diagnostic, ...]:
    """The statements of a definition, or everything that is wrong with it.

    ``fresh`` makes a name for an intermediate result from a word that says what it is.
    """
    table = LegTable()
    value = normalise(definition.value, table)
    written = [leg for axis in definition.left for leg in axis.axis.legs]
    left = table.numbers(written)
    value = attach_primes(value, left, table.names)
    declared = [
        (table.numbers(axis.axis.legs)[0], axis.crop, axis.axis.span)
        for axis in definition.left
        if axis.crop is not None and len(axis.axis.legs) == 1
    ]
    dimensions = infer_dimensions(value, table.names, declared)
    left_spans = [leg.span for leg in written]
    diagnostics = [
        *dimensions.diagnostics,
        *check_legs(value, left, left_spans, table.names, dimensions),
    ]
    ending = finish(definition, left, dimensions)
    if not isinstance(ending, Finish):
        diagnostics.extend(ending)
    if diagnostics or not isinstance(ending, Finish):
        return _distinct(diagnostics)
    # A leg that became another one by a prime has no dimension and is nowhere.
    dims = tuple(1 if dim is None else dim for dim in dimensions.dims)
    emitter = Emitter(dims, tuple(map(str, table.names)))
    tensor = emitter.value(value, left)
    for view in ending.views:
        tensor = emitter.view(tensor, view.kind, view.shape, view.span)
    excess = _check_numbers(emitter.statements, definition.span) or _check_sizes(emitter, definition.span, limits)
    if excess:
        return excess
    statements = _named(emitter, definition, fresh)
    lints = (*crowded_columns(value, left, table.names), *ending.lints)
    return Lowered(statements, statements[-1].name if statements else tensor, ending.shape, ending.axes, lints)


def _named(emitter: Emitter, definition: Definition, fresh: Callable[[str], str]) -> tuple[Statement, ...]:
    """The statements under their final names, the last under the definition's."""
    last = len(emitter.parts) - 1
    names = {placeholder(number): fresh(part) for number, part in enumerate(emitter.parts[:-1])}
    names[placeholder(last)] = definition.name
    statements = [
        replace(rename_tensors(statement, names), name=names[statement.name]) for statement in emitter.statements
    ]
    if statements:
        statements[-1] = replace(statements[-1], span=definition.span)
    return tuple(statements)


def _check_numbers(statements: Iterable[Statement], span: Span) -> tuple[Diagnostic, ...]:
    """Whether every number in front of a term is one: products of numbers may overflow."""
    for statement in statements:
        match statement:
            case Contract(scale=scale):
                numbers = [scale]
            case Sum(terms=terms):
                numbers = [term.coefficient for term in terms]
            case _:
                numbers = []
        if not all(map(isfinite, numbers)):
            message = "the numbers of a term multiply to more than a float holds"
            return (Diagnostic("TN314", message, statement.span or span, help="floats end at about 1.8e308"),)
    return ()


def _check_sizes(emitter: Emitter, span: Span, limits: Limits) -> tuple[Diagnostic, ...]:
    """Whether every tensor that has to exist may.

    The result of a product need not exist: the compiler merges it with its neighbours, as in the norm of a long
    matrix product state, whose dense form is beyond all bounds.
    """
    for statement, shape in zip(emitter.statements, emitter.shapes, strict=True):
        if isinstance(statement, Contract):
            continue
        if len(shape) > limits.axes:
            message = f"an intermediate tensor has {len(shape)} axes, more than the limit of {limits.axes:,}"
            advice = "raise the limit with `--limit axes=…`"
            return (Diagnostic("TN316", message, statement.span or span, help=advice),)
        elements = prod(dim for dim in shape if isinstance(dim, int))
        if elements > limits.elements and not isinstance(statement, View):
            message = (
                f"an intermediate tensor has {shown_count(elements)} elements, over the limit of {limits.elements:,}"
            )
            advice = "a sum or an activation needs its tensor whole; raise the limit with `--limit elements=…`"
            return (Diagnostic("TN317", message, statement.span or span, help=advice),)
    return ()


def _distinct(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """One diagnostic of a kind at a place: a spread that is wrong is wrong in every leg."""
    first: dict[tuple[str, Span | None], Diagnostic] = {}
    for diagnostic in diagnostics:
        first.setdefault((diagnostic.code, diagnostic.span), diagnostic)
    return tuple(first.values())
