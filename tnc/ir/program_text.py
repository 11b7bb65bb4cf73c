"""A Program as a flat ``.tn`` file, which parses back to an equal Program: what ``tnc expand`` prints.

One line a declaration, one definition a statement, names written canonically (``t[0].iso[1, 0]``). The canonical
text (``canonical=True``) is a function of what takes part in equality alone, so that it can be hashed: legs and
functions are numbered there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import assert_never

from tnc.ir.activations import ACTIVATIONS, FUNCTIONS
from tnc.ir.legs import tied
from tnc.ir.program import (
    Apply,
    Argument,
    Auto,
    Constant,
    Contract,
    Crop,
    Delta,
    Dim,
    Entries,
    Factor,
    FlatCrop,
    Glorot,
    He,
    Identity,
    Index,
    Init,
    Input,
    Literal,
    Normal,
    Normalize,
    Numbers,
    OneHot,
    Ones,
    Orthogonal,
    Output,
    Parameter,
    Pointwise,
    Program,
    Requirement,
    Reshape,
    Scalar,
    Select,
    Statement,
    Sum,
    Uniform,
    Use,
    View,
)
from tnc.ir.scalar import is_builtin, number_text, scalar_text

RESERVED = frozenset(
    {"network", "core", "input", "let", "output", "fn", "in", "for", "by", "if", "then", "else", "def", "import", "as"}
    | {"assert", "require", "and", "or", "not", "true", "false", "complex", "init", "frozen", "std", "reshape"}
    | {"one_hot", "index", "seed"}
)
"""The words of the language that name nothing."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_LEG = re.compile(r"([A-Za-z_]\w*)('*)(\[-?\d+(?:, -?\d+)*\])?", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
TAKEN = (
    RESERVED.union(ACTIVATIONS, FUNCTIONS)
    | {"prelu", "identity", "rms", "conj", "delta", "ones", "prod", "sum", "min", "max", "abs", "sqrt"}
    | {"len", "ceil", "floor", "log2", "ceil_div", "range", "reversed", "interleave", "factors", "smooth"}
)
"""What nothing at the level of a network can be called: the words and the built-in names of the language."""


def program_text(program: Program, *, canonical: bool = False) -> str:
    """The flat file. ``canonical`` ignores how the author called legs and functions."""
    return _Printer(program, canonical).text()


def statement_printer(program: Program) -> Callable[[Statement], str]:
    """A function from a statement of the Program to its line in the flat file, for reports and comments."""
    return _Printer(program, canonical=False).statement


class _Printer:
    """The text of one Program; what is kept is the shapes and the names given to functions."""

    def __init__(self, program: Program, canonical: bool) -> None:
        self._program = program
        self._canonical = canonical
        self._shapes = program.shapes()
        self._functions = _function_names(program, canonical)

    def text(self) -> str:
        program = self._program
        lines = [_function_declaration(name, function) for function, name in self._functions.items()]
        if lines:
            lines.append("")
        lines.append(f"network {program.name}() {{")
        sections = (
            [_parameter(parameter) for parameter in program.parameters],
            [_input(given) for given in program.inputs],
            [self.statement(statement) for statement in program.statements],
            [_requirement(requirement) for requirement in program.requirements],
            [_output(output, len(self._shapes[output.tensor])) for output in program.outputs],
        )
        written = ["\n".join(f"  {line}" for line in section) for section in sections if section]
        lines.append("\n\n".join(written))
        lines.append("}\n")
        return "\n".join(lines)

    def statement(self, statement: Statement) -> str:
        match statement:
            case Contract():
                return _contract(statement, self._legs(statement.leg_names, len(statement.dims)))
            case Sum():
                return _sum(statement, self._legs(statement.leg_names, len(statement.dims)))
            case Pointwise():
                return self._pointwise(statement)
            case Normalize(name=name, argument=argument):
                legs = self._axes(argument)
                return f"{name}({legs}) = rms({argument}({legs}))"
            case View():
                return _view(statement, self._shapes[statement.argument])
            case _:
                assert_never(statement)

    def _legs(self, given: tuple[str, ...], count: int) -> tuple[str, ...]:
        return _leg_names(() if self._canonical else given, count)

    def _axes(self, tensor: str) -> str:
        return ", ".join(_canonical_legs(len(self._shapes[tensor])))

    def _pointwise(self, statement: Pointwise) -> str:
        legs = self._axes(statement.arguments[0])
        function, tensors = statement.function, statement.arguments
        tensor = f"{tensors[0]}({legs})"
        if function in self._functions:
            called = self._functions[function]
            operands = [tensor, *(f"{scalar}()" for scalar in tensors[1:])]
        else:
            assert isinstance(function, Apply)
            called = function.operator
            names = [tensor, *(f"{scalar}()" for scalar in tensors[1:])]
            operands = [scalar_text(operand, names) for operand in function.operands]
        return f"{statement.name}({legs}) = {called}({', '.join(operands)})"


# -- names -------------------------------------------------------------------------------------


def _canonical_legs(count: int) -> tuple[str, ...]:
    if count <= 26:
        return tuple("abcdefghijklmnopqrstuvwxyz"[:count])
    return tuple(f"i{number}" for number in range(count))


def _leg_names(given: tuple[str, ...], count: int) -> tuple[str, ...]:
    """The author's names where they can be told apart, without primes if possible; else letters."""
    if len(given) == count:
        matches = [_LEG.fullmatch(name) for name in given]
        spelled = [match for match in matches if match is not None and match[1] not in RESERVED]
        bare = tuple(f"{match[1]}{match[3] or ''}" for match in spelled)
        if len(set(bare)) == count:
            return bare
    return _canonical_legs(count)


def _function_names(program: Program, canonical: bool) -> dict[Scalar, str]:
    """A name for every pointwise function that is not a built-in, in order of first use."""
    taken = _heads(program)
    names: dict[Scalar, str] = {}
    for statement in program.statements:
        if not isinstance(statement, Pointwise) or statement.function in names or _prints_as_itself(statement):
            continue
        wanted = f"f{len(names) + 1}" if canonical else statement.function_name
        if not _IDENTIFIER.fullmatch(wanted) or wanted in TAKEN:
            wanted = f"f{len(names) + 1}"
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted}_{number}", number + 1
        taken.add(name)
        names[statement.function] = name
    return names


def _prints_as_itself(statement: Pointwise) -> bool:
    """Whether a call of a built-in says it all: it must name every argument once, in order."""
    function = statement.function
    if not is_builtin(function) or not isinstance(function, Apply):
        return False
    used = [operand.index for operand in function.operands if isinstance(operand, Argument)]
    return used == list(range(len(statement.arguments)))


def _heads(program: Program) -> set[str]:
    """The first identifiers of all tensors' names: what a function at the level of the file must not be called."""
    names = [program.name, *(str(parameter.name) for parameter in program.parameters)]
    names += [given.name for given in program.inputs]
    names += [statement.name for statement in program.statements]
    names += [output.name for output in program.outputs]
    return {re.split(r"[.\[]", name, maxsplit=1)[0] for name in names}


# -- declarations ------------------------------------------------------------------------------


def _function_declaration(name: str, function: Scalar) -> str:
    count = max(_argument_indices(function), default=0) + 1
    names = ("t", *(f"p{number}" for number in range(1, count)))
    return f"fn {name}({', '.join(names)}) = {scalar_text(function, names)}"


def _argument_indices(function: Scalar) -> list[int]:
    match function:
        case Argument(index=index):
            return [index]
        case Literal():
            return []
        case Apply(operands=operands):
            return [index for operand in operands for index in _argument_indices(operand)]
        case _:
            assert_never(function)


def _parameter(parameter: Parameter) -> str:
    dims, inputs = [str(dim) for dim in parameter.shape], parameter.inputs
    default = max(1, len(dims) // 2) if dims else 0
    if inputs != default or (dims and isinstance(parameter.init, Orthogonal | Identity | Glorot | He)):
        shape = f"{', '.join(dims[:inputs])} -> {', '.join(dims[inputs:])}".strip()
    else:
        shape = ", ".join(dims)
    init = "" if isinstance(parameter.init, Auto) else f" init {init_text(parameter.init)}"
    is_complex = " complex" if parameter.is_complex else ""
    seed = "" if parameter.seed is None else f" seed {parameter.seed}"
    frozen = " frozen" if parameter.frozen else ""
    return f"core {parameter.name}({shape}){is_complex}{init}{seed}{frozen}"


def init_text(init: Init) -> str:
    """An initialisation as a file writes it after ``init``."""
    match init:
        case Normal(std=std):
            return f"normal({number_text(std)})"
        case Uniform(low=low, high=high):
            return f"uniform({number_text(low)}, {number_text(high)})"
        case Orthogonal(gain=gain):
            return f"orthogonal({number_text(gain)})"
        case Identity(noise=noise):
            return f"identity({number_text(noise)})"
        case Constant(value=value):
            return number_text(value)
        case Entries(values=values):
            return f"[{', '.join(map(number_text, values))}]"
        case Glorot():
            return "glorot"
        case He():
            return "he"
        case Auto():
            return "auto"
        case _:
            assert_never(init)


def _input(given: Input) -> str:
    dims = ", ".join(f"{dim}?" if isinstance(dim, str) else str(dim) for dim in given.data_shape)
    return f"input {given.name}({dims}){_values_text(given)}"


def _values_text(given: Input) -> str:
    match given.values:
        case Numbers(std=std):
            return "" if std == 1 else f" std {number_text(std)}"
        case OneHot():
            return " one_hot"
        case Index():
            return f" index({given.shape[-1]})"
        case _:
            assert_never(given.values)


def _output(output: Output, axes: int) -> str:
    legs = _canonical_legs(axes)
    left = ", ".join(leg if axis is None else f"{axis} = {leg}" for axis, leg in zip(output.axes, legs, strict=True))
    std = "" if output.std is None else f" std {number_text(output.std)}"
    return f"output {output.name}({left}){std} = {output.tensor}({', '.join(legs)})"


def _requirement(requirement: Requirement) -> str:
    metric = requirement.metric
    if requirement.device is not None:
        sizes = "".join(f", {name} = {size}" for name, size in requirement.sizes)
        metric = f"{metric}({_string(requirement.device)}{sizes})"
    message = "" if requirement.message is None else f", {_string(requirement.message)}"
    return f"require {metric} {requirement.relation} {number_text(requirement.bound)}{message}"


def _string(text: str) -> str:
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    )
    return f'"{escaped}"'


# -- statements --------------------------------------------------------------------------------


def _contract(contract: Contract, names: tuple[str, ...]) -> str:
    factors = [_factor(factor, names) for factor in contract.factors]
    # A leg on one factor and not on the left must say that it is summed on purpose.
    uses = [leg for factor in contract.factors for leg in factor.legs]
    counts = [0] * len(contract.dims)
    for leg in (*uses, *contract.legs):
        counts[leg] += 1
    lonely = [names[leg] for leg, count in enumerate(counts) if count == 1]
    if lonely:
        factors.append(f"ones({', '.join(lonely)})")
    if contract.scale != 1 or not factors:
        factors.insert(0, number_text(contract.scale))
    bare = _bare_legs(contract)
    left = [f"d{leg}: {contract.dims[leg]} = {names[leg]}" if leg in bare else names[leg] for leg in contract.legs]
    return f"{contract.name}({', '.join(left)}) = {' * '.join(factors)}"


def _bare_legs(contract: Contract) -> set[int]:
    """A leg of the result for each dimension that no tensor tells, since only `delta` and `ones` hold it."""
    leader = tied(contract)
    known = {leader[leg] for factor in contract.factors if isinstance(factor, Use) for leg in factor.legs}
    bare: set[int] = set()
    for leg in contract.legs:
        if leader[leg] not in known:
            bare.add(leg)
            known.add(leader[leg])
    return bare


def _factor(factor: Factor, names: Sequence[str]) -> str:
    legs = _listed(factor.legs, names)
    match factor:
        case Use(tensor=tensor, conjugate=conjugate):
            return f"conj({tensor}({legs}))" if conjugate else f"{tensor}({legs})"
        case Delta():
            return f"delta({legs})"
        case Ones():
            return f"ones({legs})"
        case _:
            assert_never(factor)


def _sum(total: Sum, names: tuple[str, ...]) -> str:
    text = ""
    for term in total.terms:
        size = abs(term.coefficient)
        sign = "-" if term.coefficient < 0 else "+"
        factor = _factor(term.use, names)
        written = factor if size == 1 else f"{number_text(size)} * {factor}"
        if text:
            text += f" {sign} {written}"
        else:
            text = written if sign == "+" else f"-{written}"
    return f"{total.name}({_listed(total.legs, names)}) = {text or '0'}"


def _listed(legs: tuple[int, ...], names: Sequence[str]) -> str:
    return ", ".join([names[leg] for leg in legs])


def _view(view: View, old: tuple[Dim, ...]) -> str:
    legs = _canonical_legs(max(len(old), len(view.shape)))
    source = legs[: len(old)]
    left, reshape, right = list(legs[: len(view.shape)]), "", list(source)
    match view.kind:
        case Reshape():
            groups = _merged(old, view.shape)
            if groups is not None:
                left = [source[start] if stop == start + 1 else _group(source[start:stop]) for start, stop in groups]
            elif not view.shape:
                right = ["()"] * len(old)
            else:
                reshape = f" reshape({', '.join(map(str, view.shape))})"
                left = list(source)
        case FlatCrop():
            reshape = f" reshape({', '.join(map(str, view.shape))})"
            left = list(source)
        case Crop():
            left = [
                leg if kept == dim else f"{leg}: {kept} = {leg}"
                for leg, dim, kept in zip(legs, old, view.shape, strict=True)
            ]
        case Select(axis=axis, index=index):
            right = [*left[:axis], f"[{index}]", *left[axis:]]
        case _:
            assert_never(view.kind)
    return f"{view.name}({', '.join(left)}){reshape} = {view.argument}({', '.join(right)})"


def _group(legs: Sequence[str]) -> str:
    return f"({', '.join(legs)})"


def _merged(old: tuple[Dim, ...], new: tuple[Dim, ...]) -> list[tuple[int, int]] | None:
    """The axes (start, stop) that each new axis is made of, if every new one is a product of old ones; else None."""
    groups: list[tuple[int, int]] = []
    start = 0
    for index, dim in enumerate(new):
        stop = _take(old, start, dim, last=index + 1 == len(new))
        if stop is None:
            return None
        groups.append((start, stop))
        start = stop
    return groups if start == len(old) else None


def _take(old: tuple[Dim, ...], start: int, wanted: Dim, last: bool) -> int | None:
    """Where the axes from ``start`` end whose product is ``wanted``; the last axis takes all that is left."""
    if isinstance(wanted, str):
        return start + 1 if old[start : start + 1] == (wanted,) else None
    stop, product = start, 1
    while stop < len(old) and (product < wanted or last):
        dim = old[stop]
        if isinstance(dim, str):
            return None
        product *= dim
        stop += 1
    return stop if product == wanted else None
