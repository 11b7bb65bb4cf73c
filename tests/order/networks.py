"""Programs written by hand, and the shortest way from a Program to its Schedule."""

from __future__ import annotations

from collections.abc import Mapping

from tnc.ir import stacks
from tnc.ir.legs import contract
from tnc.ir.program import (
    Contract,
    CoreName,
    Dim,
    Factor,
    Input,
    Normal,
    Output,
    Parameter,
    Program,
    Select,
    Statement,
    Use,
    View,
)
from tnc.ir.schedule import Loop, Operation, Schedule, Step
from tnc.order import Decision, PlanOptions, decide, plan


def schedule_of(
    program: Program, sizes: Mapping[str, int] | None = None, dtype: str = "float32", *, input_grads: bool = False
) -> Schedule:
    """The planned Schedule; inputs need no gradients unless that is asked for."""
    options = PlanOptions(tuple((sizes or {}).items()), dtype, input_grads=input_grads)
    inits = {str(parameter.name): Normal(1.0) for parameter in program.parameters}
    return plan(program, stacks(program, inits), "0" * 64, options).schedule


def decisions_of(program: Program, options: PlanOptions | None = None) -> tuple[Decision, ...]:
    """The decision between the candidates of every region."""
    inits = {str(parameter.name): Normal(1.0) for parameter in program.parameters}
    return decide(program, stacks(program, inits), "0" * 64, options or PlanOptions())[1]


def operations(schedule: Schedule, kind: type[Operation]) -> list[Step]:
    """The steps of one kind, those in loops included."""
    found: list[Step] = []
    for step in schedule.steps:
        inner = step.operation.body if isinstance(step.operation, Loop) else ()
        found += [each for each in (step, *inner) if isinstance(each.operation, kind)]
    return found


def core(name: str, shape: tuple[int, ...], *subscripts: int, frozen: bool = False) -> Parameter:
    """A core with a plain start."""
    return Parameter(CoreName("", name, subscripts or None), shape, min(1, len(shape)), Normal(1.0), frozen)


def network(
    statements: list[Statement],
    parameters: list[Parameter],
    inputs: tuple[Input, ...] = (),
    outputs: tuple[str, ...] | None = None,
) -> Program:
    """A Program whose outputs are tensors of these names; the last statement, unless they are given."""
    program = Program("net", tuple(parameters), inputs, tuple(statements), ())
    shapes = program.shapes()
    names = outputs or (statements[-1].name,)
    given = tuple(Output(f"out_{name}", name, (None,) * len(shapes[name]), None) for name in names)
    return Program("net", tuple(parameters), inputs, tuple(statements), given)


def einsum(name: str, result: str, *factors: tuple[str, str], **dims: Dim) -> Contract:
    """A Contract in einsum's letters; a letter that ``dims`` lacks has dimension 2."""
    letters = list(dict.fromkeys("".join(legs for _, legs in factors) + result))
    uses: list[Factor] = [Use(tensor, tuple(letters.index(leg) for leg in legs)) for tensor, legs in factors]
    sizes: tuple[Dim, ...] = tuple(dims.get(letter, 2) for letter in letters)
    return contract(name, uses, tuple(letters.index(leg) for leg in result), sizes)


def chain(sites: int, bond: int, physical: int = 2) -> Program:
    """A matrix product state contracted with a batch of inputs, one entry of an axis a site."""
    parameters: list[Parameter] = []
    statements: list[Statement] = []
    factors: list[Factor] = []
    dims: list[Dim] = ["batch", *(bond,) * (sites - 1), *(physical,) * sites]
    for k in range(sites):
        left = () if k == 0 else (k,)
        right = () if k == sites - 1 else (k + 1,)
        shape = (*(bond,) * len(left), physical, *(bond,) * len(right))
        parameters.append(core("a", shape, k))
        factors.append(Use(f"a[{k}]", (*left, sites + k, *right)))
    for k in range(sites):
        statements.append(View(f"x[{k}]", "x", Select(1, k), ("batch", physical)))
        factors.append(Use(f"x[{k}]", (0, sites + k)))
    statements.append(contract("y", factors, (0,), dims))
    return network(statements, parameters, (Input("x", ("batch", sites, physical)),))


def column(legs: int, *firsts: int, apart: bool = False) -> Program:
    """A state of two-dimensional legs with columns of two-leg gates on (first, first + 1), … for each of ``firsts``.

    With ``apart`` the result has every other leg first, and then the rest.
    """
    factors: list[Factor] = [Use("state", tuple(range(legs)))]
    parameters = [core("state", (2,) * legs)]
    current = list(range(legs))
    fresh = legs
    for number, first in enumerate(firsts or (0,)):
        for leg in range(first, legs - 1, 2):
            parameters.append(core("g", (2, 2, 2, 2), number, leg))
            factors.append(Use(f"g[{number}, {leg}]", (current[leg], current[leg + 1], fresh, fresh + 1)))
            current[leg : leg + 2] = fresh, fresh + 1
            fresh += 2
    result = current[::2] + current[1::2] if apart else current
    return network([contract("h", factors, result, (2,) * fresh)], parameters)
