"""Functions that take real numbers only, applied to what is complex in every dtype."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tnc.diagnostics import Diagnostic, Label
from tnc.ir.number_kinds import NumberKind, arguments_of, program_kinds, real_only_uses
from tnc.ir.program import Contract, Normalize, Parameter, Pointwise, Program, Statement, Sum, Use, View


def check_real_functions(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for every statement in which such a function meets a complex core or what depends on one."""
    complex_cores = {str(p.name): p for p in program.parameters if p.is_complex}
    if not complex_cores:
        return
    kinds = program_kinds(program)
    made = {statement.name: statement for statement in program.statements}
    for statement in program.statements:
        if not isinstance(statement, Pointwise):
            continue
        arguments = [kinds[name] for name in statement.arguments]
        found: dict[str, str] = {}
        for name, operand in real_only_uses(statement.function, arguments):
            for index in sorted(arguments_of(operand)):
                if arguments[index] is NumberKind.COMPLEX:
                    found.setdefault(name, statement.arguments[index])
        if found:
            core = _origin(next(iter(found.values())), kinds, made, complex_cores)
            yield _meaningless(statement, list(found), core)


def _meaningless(statement: Pointwise, names: list[str], core: Parameter) -> Diagnostic:
    functions = ", ".join(f"`{name}`" for name in names)
    have = "has" if len(names) == 1 else "have"
    labels = () if core.span is None else (Label(core.span, "declared complex here"),)
    return Diagnostic(
        "TN501",
        f"{functions} {have} no meaning for complex numbers, and core `{core.name}` makes the argument complex",
        statement.span,
        labels=labels,
        help="choose an activation such as `tanh`, `sin` or `silu`, or apply it to a real function of the tensor: "
        "`fn magnitude(t) = abs(t)`",
    )


def _origin(
    name: str, kinds: Mapping[str, NumberKind], made: Mapping[str, Statement], cores: Mapping[str, Parameter]
) -> Parameter:
    """The first complex core that a tensor depends on."""
    while name not in cores:
        name = next(operand for operand in _operands(made[name]) if kinds[operand] is NumberKind.COMPLEX)
    return cores[name]


def _operands(statement: Statement) -> Iterator[str]:
    match statement:
        case Contract(factors=factors):
            yield from (factor.tensor for factor in factors if isinstance(factor, Use))
        case Sum(terms=terms):
            yield from (term.use.tensor for term in terms)
        case Pointwise(arguments=arguments):
            yield from arguments
        case Normalize(argument=argument) | View(argument=argument):
            yield argument
