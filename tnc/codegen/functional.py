"""Modules of functions: ``init``, ``apply``, ``cores``, ``params_from_cores``. JAX and NumPy differ only in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from tnc.codegen import seeded
from tnc.codegen.axes import AxisLimit
from tnc.codegen.body import Body
from tnc.codegen.cores import write_cores
from tnc.codegen.dialect import Dialect, Shared
from tnc.codegen.documents import Doc, Group, Terms, call, prefixed
from tnc.codegen.fills import Run, numbers, runs, shape_text
from tnc.codegen.header import docstring
from tnc.codegen.imports import SAME, Import, write_imports
from tnc.codegen.names import class_name, field_names
from tnc.codegen.results import write_result_type, write_return
from tnc.codegen.scalars import Functions, number_text
from tnc.codegen.unsupported import real_only, refuse
from tnc.codegen.writer import Writer
from tnc.diagnostics import InternalError
from tnc.ir.program import Constant, Entries, Identity, Normal, Orthogonal, Uniform
from tnc.ir.schedule import Plan, Schedule, Stack, has_complex_cores

CHECK_CORES = """
    def _check_cores(cores: Mapping[str, ARRAY]) -> None:
        missing = [name for name in CORES if name not in cores]
        unknown = [name for name in cores if name not in CORES]
        if missing or unknown:
            raise ValueError(f"missing cores: {missing[:9]}; unknown: {unknown[:9]}")
        for name, (_, _, shape) in CORES.items():
            given = MODULE.shape(cores[name])
            if given not in (shape, shape or (1,)):
                raise ValueError(f"core {name} has shape {shape}, not {given}")
"""

CORES = '''
    def cores(params: Mapping[str, ARRAY]) -> dict[str, ARRAY]:
        """Every core under its name in the source."""
        found: dict[str, ARRAY] = {}
        for name, (key, position, shape) in CORES.items():
            array = params[key]
            found[name] = (array if position is None else array[position]).reshape(shape)
        return found


    def params_from_cores(cores: Mapping[str, ARRAY]) -> dict[str, ARRAY]:
        """The parameters with these cores: the inverse of `cores`."""
        _check_cores(cores)
        params: dict[str, ARRAY] = {}
        stacks: dict[str, list[ARRAY]] = {}
        for name, (key, position, shape) in CORES.items():
            core = MODULE.asarray(cores[name])
            if position is None:
                params[key] = core.reshape(shape or (1,))
            else:
                stacks.setdefault(key, []).append(core.reshape(shape))
        params.update((key, MODULE.stack(members)) for key, members in stacks.items())
        return params
'''

_RETURN_COMPLEX = """
        params.update({key: params[key] + 0j for key in COMPLEX})
        return params
"""


_STANDARD_IMPORTS = (
    Import("hashlib"),
    Import("math"),
    Import("collections.abc", ("Mapping",)),
    Import("contextlib", ("suppress",)),
    Import("functools", ("lru_cache",)),
    Import("statistics", ("NormalDist",)),
    Import("typing", ("NamedTuple",)),
)


@dataclass(frozen=True, slots=True)
class ArrayDialect:
    """What the dialects of frameworks of functions share: the methods of NumPy's arrays, and its names for the rest."""

    functions: Functions
    reserved: frozenset[str]
    permute: str = "transpose"
    walks_members: bool = False

    def along(self, tensor: str, axis: int) -> str:
        """Loops walk along the first axis."""
        return f"{self.functions.namespace}.moveaxis({tensor}, {axis}, 0)" if axis else tensor

    def number(self, value: str, reference: str | None) -> Doc:
        """A scalar of the reference's dtype."""
        dtype = "" if reference is None else f", {reference}.dtype"
        return f"{self.functions.namespace}.asarray({value}{dtype})"

    @property
    def kron(self) -> str:
        """As in NumPy."""
        return f"{self.functions.namespace}.kron"

    def eye(self, size: int, reference: str | None) -> Doc:
        """An identity of the reference's dtype."""
        dtype = "" if reference is None else f", dtype={reference}.dtype"
        return f"{self.functions.namespace}.eye({size}{dtype})"

    def gather(self, matrix: str, index: str) -> Doc:
        """Indexing."""
        return f"{matrix}[{index}]"

    def check_index(self, index: str, values: int) -> Sequence[tuple[str, str, str]]:
        """Of what can be seen without the values, which a compiled function has not: the dtype."""
        namespace = self.functions.namespace
        message = f"{index} has dtype {{{index}.dtype}}, not one of integers"
        return ((f"not {namespace}.issubdtype({index}.dtype, {namespace}.integer)", "TypeError", message),)

    def shared(self, left: str, right: str, shared: Shared) -> Doc:
        """`@` broadcasts the batch."""
        return Terms("", shared.matrix, (("@", right),)) if shared.left else Terms("", left, (("@", shared.matrix),))

    def converted(self, operand: str, like: str) -> str:
        """Products convert by themselves."""
        return operand

    def conjugate(self, operand: str) -> str:
        """A method."""
        return f"{operand}.conj()"

    def embed(self, operand: str, rank: int) -> Doc:
        """A helper fills the diagonal in."""
        return f"embed({operand})"


@dataclass(frozen=True, slots=True)
class Words:
    """How a framework of functions spells a module: its name, imports, type of arrays, and initialisation.

    ``draw`` is the source of randomness handed to each initialiser, and ``init_lines`` what makes it (``COUNT`` stands
    for the number of draws); ``fills`` are helpers with the kinds of initialisation that want them; ``imports`` are
    what its modules may use; ``write_registration`` writes what a named tuple of results needs for export;
    ``compiled`` decorates helpers of many small operations.
    """

    framework: str
    namespace: str
    array: str
    imports: tuple[Import, ...]
    init_parameters: tuple[str, ...]
    init_lines: str
    draw: str
    is_complex: str
    lists_frozen: bool
    seed: str
    fills: tuple[tuple[frozenset[str], str], ...]
    axes: AxisLimit | None = None
    compiled: str = ""
    write_registration: Callable[[Writer, str], None] | None = None


def emit_functions(plan: Plan, dialect: Dialect, words: Words, convert_input: str | None) -> str:
    """The text of a module of functions; ``convert_input`` is what makes an array of an input (``{0}``)."""
    refuse(plan, words.axes)
    schedule = plan.schedule
    output = f"{class_name(schedule.name, dialect.reserved)}Output"
    body = Body(plan, dialect, depth=1, reserved=(output,))
    _open_body(body, words, convert_input)
    results = body.write()
    result_type = write_return(body, results, output, words.array)
    complex_keys = tuple(f'"{stack.key}"' for stack in schedule.stacks if stack.is_complex)

    rest = Writer()
    seeded_keys = tuple(f'"{stack.key}"' for stack in schedule.stacks if stack.seeded)
    constants = ["CORES", *(["COMPLEX"] if complex_keys else []), *(["FROZEN"] if words.lists_frozen else [])]
    constants += ["SEEDED"] if seeded_keys else []
    classes = [output] if result_type == output else []
    functions = ["apply", "cores", "init", "params_from_cores", *(["seeded"] if seeded_keys else [])]
    exported = [f'"{name}"' for name in (*sorted(constants), *classes, *functions)]
    rest.line(Group("__all__ = [", tuple(exported), "]", display=True))
    rest.blank()
    write_cores(rest, schedule.stacks)
    if words.lists_frozen:
        frozen = tuple(f'"{stack.key}"' for stack in schedule.stacks if stack.frozen)
        tail = ",)" if len(frozen) == 1 else ")"
        rest.blank()
        rest.line("# Parameters that receive no gradient.")
        rest.line(Group("FROZEN: tuple[str, ...] = (", frozen, tail, display=True))
    if complex_keys:
        rest.blank()
        rest.line("# Parameters that are complex whatever the dtype.")
        tail = ",)" if len(complex_keys) == 1 else ")"
        rest.line(Group("COMPLEX = (", complex_keys, tail, display=True))
    if seeded_keys:
        rest.blank()
        rest.line("# Parameters that `seeded` draws, so that a file need not have them.")
        rest.line(Group("SEEDED = (", seeded_keys, ",)" if len(seeded_keys) == 1 else ")", display=True))
    kinds = {type(run.fill).__name__ for stack in schedule.stacks if not stack.seeded for run in runs(stack)}
    fillers = [text for wanted_by, text in words.fills if wanted_by & kinds]
    from_seeds = {type(run.fill).__name__ for stack in schedule.stacks if stack.seeded for run in runs(stack)}
    dtype = words.init_parameters[-1].partition(" = ")[0]
    fillers += seeded.helpers(from_seeds, torch=False, compiled=words.compiled, dtype=dtype)
    for helper in body.scalars.definitions():
        rest.blank(2)
        rest.text(helper)
    rest.blank(2)
    if result_type == output:
        write_result_type(rest, output, schedule, words.array)
        if words.write_registration is not None:
            rest.blank(2)
            words.write_registration(rest, output)
        rest.blank(2)
    parameters = [f"{text}: {words.array}" for text in body.inputs.values()]
    first = f"params: Mapping[str, {words.array}]"
    with rest.block(Group("def apply(", (first, *parameters), f") -> {result_type}:")):
        summary = ", ".join(f"`{result.name}`" for result in schedule.results)
        rest.line(f'"""Compute {summary}."""')
        rest.include(body.writer)
    rest.blank(2)
    _write_init(rest, schedule, words)
    cores = CORES.replace("\n        return params\n", _RETURN_COMPLEX) if complex_keys else CORES
    rest.blank(2)
    rest.line(SAME)
    for text in (cores, CHECK_CORES, *fillers):
        rest.blank(2)
        rest.text(text.replace("ARRAY", words.array).replace("MODULE", words.namespace))

    writer = Writer()
    writer.text(docstring(plan, words.framework, _usage(schedule, words)))
    write_imports(writer, (_STANDARD_IMPORTS, words.imports), rest.finish())
    writer.blank()
    writer.include(rest)
    return writer.finish()


def _usage(schedule: Schedule, words: Words) -> list[str]:
    arguments = ", ".join(["params", *field_names([given.name for given in schedule.inputs])])
    outputs = ", ".join(field_names([result.name for result in schedule.results]))
    return [f"params = init({words.seed})", f"{outputs} = apply({arguments})"]


def _open_body(body: Body, words: Words, convert_input: str | None) -> None:
    """Write what comes before the steps: inputs as arrays, and an error for complex numbers that have no meaning."""
    if convert_input is not None:
        for text in body.inputs.values():
            body.opening.line(f"{text} = {convert_input.format(text)}")
    real = real_only(body.schedule)
    keys = [stack.key for stack in body.schedule.stacks]
    found = [f'params["{key}"]' for key in keys if key in real.sources]
    found += [text for name, text in body.inputs.items() if name in real.sources]
    if not found:
        return
    if len(found) == 1:
        test = words.is_complex.format(found[0])
    else:
        given = [text for name, text in body.inputs.items() if name in real.sources]
        if len(found) - len(given) == len(keys) > 1:
            values = f"(*params.values(), {', '.join(given)})" if given else "params.values()"
        else:
            values = body.names.fresh("real")
            body.opening.line(Group(f"{values} = (", tuple(found), ")", display=True))
        test = f"any({words.is_complex.format('value')} for value in {values})"
    with body.opening.block(f"if {test}:"):
        body.opening.line(call("raise TypeError", f'"complex numbers have no {", ".join(real.functions)}"'))


def _write_init(writer: Writer, schedule: Schedule, words: Words) -> None:
    pieces = [(stack, run) for stack in schedule.stacks for run in runs(stack)]
    draws = sum(not isinstance(run.fill, Constant | Entries) and run.seed is None for _, run in pieces)
    from_seeds = [stack for stack in schedule.stacks if stack.seeded]
    if from_seeds:
        with writer.block(Group("def seeded(", words.init_parameters[1:], f") -> dict[str, {words.array}]:")):
            writer.line('"""The parameters that depend on nothing but their seeds, names and dtype."""')
            if has_complex_cores(from_seeds):
                writer.line(f"complex_dtype = {words.namespace}.promote_types(dtype, {words.namespace}.complex64)")
            items = [prefixed(f'"{stack.key}": ', _stack(stack, words)) for stack in from_seeds]
            writer.line(Group("return {", tuple(items), "}", display=True))
        writer.blank(2)
    with writer.block(Group("def init(", words.init_parameters, f") -> dict[str, {words.array}]:")):
        writer.line('"""Draw all parameters."""')
        if draws:
            writer.text(words.init_lines.replace("COUNT", str(draws)))
        if has_complex_cores(stack for stack in schedule.stacks if not stack.seeded):
            writer.line(f"complex_dtype = {words.namespace}.promote_types(dtype, {words.namespace}.complex64)")
        drawn = [stack for stack in schedule.stacks if not stack.seeded]
        items = [prefixed(f'"{stack.key}": ', _stack(stack, words)) for stack in drawn]
        items += ["**seeded(dtype)"] if from_seeds else []
        writer.line(Group("return {", tuple(items), "}", display=True))


def _stack(stack: Stack, words: Words) -> Doc:
    fills = [_fill(stack, run, words) for run in runs(stack)]
    if len(fills) == 1:
        return fills[0]
    return call(f"{words.namespace}.concatenate", Group("[", tuple(fills), "]", display=True))


def _fill(stack: Stack, run: Run, words: Words) -> Doc:
    shape = shape_text((run.stop - run.start, *stack.shape) if stack.stacked else stack.stored_shape)
    drawn = (words.draw, shape)
    sides = (str(run.rows), str(run.columns))
    dtype = "complex_dtype" if stack.is_complex else "dtype"
    if run.seed is not None:
        named = (seeded.names(stack, run), shape)
        match run.fill:
            case Normal(std):
                return call("_seeded_normal", *named, str(run.seed), number_text(std), dtype)
            case Uniform(low, high):
                bounds = number_text(low), number_text(high)
                return call("_seeded_uniform", *named, str(run.seed), *bounds, dtype)
            case Identity(noise):
                return call("_seeded_identity", *named, *sides, str(run.seed), number_text(noise), dtype)
            case _:
                raise InternalError(f"{run.fill} is not drawn from a seed")
    match run.fill:
        case Normal(std):
            return call("_normal", *drawn, number_text(std), dtype)
        case Uniform(low, high):
            return call("_uniform", *drawn, number_text(low), number_text(high), dtype)
        case Orthogonal(gain):
            return call("_orthogonal", *drawn, *sides, number_text(gain), dtype)
        case Identity(noise):
            return call("_identity", *drawn, *sides, number_text(noise), dtype)
        case Constant(value):
            return call(f"{words.namespace}.full", shape, number_text(value), dtype)
        case Entries(values):
            return call("_entries", shape, shape_text(stack.shape), numbers(values), dtype)
        case _:
            assert_never(run.fill)
