"""Which tensors are real and which complex, as far as that is known before a module runs.

A module runs in the dtype that its user chooses. Three kinds of tensors follow: those that are real in every dtype
(``abs(h)``), those of the module's own dtype, and those that are complex in every dtype because a core is declared so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import assert_never

from tnc.ir.activations import body_of, is_real_only, primitive
from tnc.ir.expansion import spell
from tnc.ir.program import (
    Apply,
    Argument,
    Contract,
    Index,
    Input,
    Literal,
    Normalize,
    Program,
    Scalar,
    Statement,
    Sum,
    Use,
    View,
)
from tnc.ir.program import Pointwise as PointwiseStatement
from tnc.ir.reads import reads
from tnc.ir.schedule import Loop, Operation, Pointwise, ScalarConstant, Schedule, Stack, Step


class NumberKind(IntEnum):
    """Ordered so that a sum or product of tensors has the largest of their kinds."""

    REAL = 0
    """Real whatever the dtype."""

    MODULE = 1
    """Of the dtype that the module runs in: cores that are not declared complex, and inputs."""

    COMPLEX = 2
    """Complex whatever the dtype."""


def function_kind(function: Scalar, arguments: Sequence[NumberKind]) -> NumberKind:
    """The kind of what a pointwise function computes from arguments of these kinds."""
    if not _reads_tensor(function):
        return max(arguments[0], _kind(function, arguments))  # emitted as a multiple of `ones_like` of the tensor
    return _kind(function, arguments)


def real_only_uses(function: Scalar, arguments: Sequence[NumberKind]) -> Iterator[tuple[str, Scalar]]:
    """The applications in a function that take real numbers only, each operand that may be complex with the name."""
    if not isinstance(function, Apply):
        return
    own = spell(function.operator, function.operands)
    for operand in own.operands:
        yield from real_only_uses(operand, arguments)
        if is_real_only(own.operator) and _kind(operand, arguments) is not NumberKind.REAL:
            yield own.operator, operand


def arguments_of(function: Scalar) -> frozenset[int]:
    """The indices of the arguments that a function reads."""
    match function:
        case Argument(index=index):
            return frozenset({index})
        case Literal():
            return frozenset()
        case Apply(operands=operands):
            return frozenset[int]().union(*map(arguments_of, operands))
        case _:
            assert_never(function)


def _kind(function: Scalar, arguments: Sequence[NumberKind]) -> NumberKind:
    match function:
        case Argument(index=index):
            return arguments[index]
        case Literal():
            return NumberKind.REAL
        case Apply(operator="where", operands=(_, Literal(), Literal())):
            return arguments[0]  # emitted as `full_like` of the tensor
        case Apply(operator="where", operands=(_, taken, otherwise)):
            return max(_kind(taken, arguments), _kind(otherwise, arguments))
        case Apply(operator=name, operands=operands):
            kinds = [_kind(operand, arguments) for operand in operands]
            body = body_of(name)
            if body is not None:
                return _kind(body, kinds)
            return NumberKind.REAL if primitive(name).real_valued else max(kinds)
        case _:
            assert_never(function)


def _reads_tensor(function: Scalar) -> bool:
    return 0 in arguments_of(function)


# -- Programs ----------------------------------------------------------------------------------


def program_kinds(program: Program) -> dict[str, NumberKind]:
    """The kind of every tensor of a Program by name."""
    kinds = {tensor.name: input_kind(tensor) for tensor in program.inputs}
    for parameter in program.parameters:
        kinds[str(parameter.name)] = NumberKind.COMPLEX if parameter.is_complex else NumberKind.MODULE
    for statement in program.statements:
        kinds[statement.name] = _statement_kind(statement, kinds)
    return kinds


def input_kind(given: Input) -> NumberKind:
    """The kind of an input's entries: what integers select is real."""
    return NumberKind.REAL if isinstance(given.values, Index) else NumberKind.MODULE


def _statement_kind(statement: Statement, kinds: Mapping[str, NumberKind]) -> NumberKind:
    match statement:
        case Contract(factors=factors):
            return _largest(kinds[factor.tensor] for factor in factors if isinstance(factor, Use))
        case Sum(terms=terms):
            return _largest(kinds[term.use.tensor] for term in terms)
        case PointwiseStatement(function=function, arguments=arguments):
            return function_kind(function, [kinds[name] for name in arguments])
        case Normalize(argument=argument) | View(argument=argument):
            return kinds[argument]
        case _:
            assert_never(statement)


def _largest(kinds: Iterable[NumberKind]) -> NumberKind:
    return max(kinds, default=NumberKind.MODULE)


# -- Schedules ---------------------------------------------------------------------------------


def stack_kind(stack: Stack) -> NumberKind:
    """The kind of a stack's entries."""
    return NumberKind.COMPLEX if stack.is_complex else NumberKind.MODULE


def operation_kind(operation: Operation, operands: Sequence[NumberKind]) -> NumberKind:
    """The kind of what an operation computes from operands of these kinds, in the order of ``reads``.

    The kind of a :class:`Loop` also depends on its body: see :func:`schedule_kinds`.
    """
    match operation:
        case ScalarConstant():
            return NumberKind.MODULE
        case Pointwise(function=function):
            return function_kind(function, operands)
        case _:
            return _largest(operands)


def source_kinds(schedule: Schedule) -> dict[str, NumberKind]:
    """The kinds of the inputs and stacks of a Schedule by name."""
    kinds = {given.name: NumberKind.MODULE for given in schedule.inputs}
    kinds.update((stack.key, stack_kind(stack)) for stack in schedule.stacks)
    return kinds


def schedule_kinds(schedule: Schedule) -> dict[str, NumberKind]:
    """The kind of every value of a Schedule by name, those inside loops included."""
    kinds = source_kinds(schedule)
    for step in schedule.steps:
        _follow(step, kinds)
    return kinds


def _follow(step: Step, kinds: dict[str, NumberKind]) -> None:
    operation = step.operation
    kind = operation_kind(operation, [kinds[read.source] for read in reads(operation)])
    if isinstance(operation, Loop):
        # What is carried becomes what the body makes of it; kinds only grow, so two rounds settle it.
        for _ in range(2):
            kinds[operation.carried] = kind
            for inner in operation.body:
                _follow(inner, kinds)
            kind = max(kind, kinds[operation.body[-1].name])
        kinds[operation.carried] = kind
    kinds[step.name] = kind
