"""The whole compiler as straight functions; the Python API and the command line stand on this module.

::

    source ──load──▶ Library ──elaborate──▶ Program ──passes──▶ Program ──plan──▶ Plan ──emit──▶ text of a module

Stages are imported where they are called, so that ``tnc check`` loads no planner and ``tnc --help`` no parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from tnc.diagnostics import (
    LINTS,
    Allowance,
    CompileError,
    Diagnostic,
    InternalError,
    LintLevels,
    Severity,
    without_consequences,
)
from tnc.diagnostics.suggest import did_you_mean, nearest
from tnc.limits import Limits
from tnc.source import Source

if TYPE_CHECKING:
    from tnc.init import Initialisation
    from tnc.ir.program import Program
    from tnc.ir.schedule import Plan
    from tnc.order import Decision, Objective, PlanOptions
    from tnc.report import NetworkExplanation, NetworkReport
    from tnc.sema import Library


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of the compiler.

    ``arguments`` are for the parameters of networks: a :class:`Source` is an expression of the language, anything
    else a Python value. ``sizes`` are those of dynamic dimensions, ``lints`` which warnings are told. A plan has the
    least of ``objective`` (time, flops or memory) that was found, on ``device``: a name, the path of a profile, or
    None for a generic processor. ``input_grads`` says whether inputs need gradients.
    ``neighbours`` are names that a misspelt argument could have meant instead: options
    of Python's functions or of the command line.
    """

    network: str | None = None
    arguments: tuple[tuple[str, object], ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()
    dtype: str = "float32"
    limits: Limits = field(default_factory=Limits)
    lints: LintLevels = field(default_factory=LintLevels)
    device: str | None = None
    objective: str = "time"
    forward_only: bool = False
    neighbours: tuple[str, ...] = ()
    input_grads: bool = True


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong, or unwise, with a file, and the networks that were looked at with arguments."""

    diagnostics: tuple[Diagnostic, ...]
    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Initialised:
    """A network as a Program, and how its cores start."""

    program: Program
    initialisation: Initialisation


@dataclass(frozen=True, slots=True)
class Elaborated:
    """The chosen networks of a file, and the warnings met on the way."""

    networks: tuple[Initialised, ...]
    warnings: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A network with its plan and the report on it.

    ``broken`` are the budgets that the plan does not meet, ``decisions`` what was tried for every region.
    """

    program: Program
    plan: Plan
    report: NetworkReport
    broken: tuple[Diagnostic, ...]
    decisions: tuple[Decision, ...]


DTYPES: Final = ("float32", "float64", "bfloat16", "float16", "complex64", "complex128")

_ENDLESS: Final = {"TN240": 1, "TN242": 2}
"""How far a limit on work shows that a network has no end: once out of steps, or twice too deep."""


# -- the pipeline ------------------------------------------------------------------------------


def check(source: Source, options: Options) -> Checked:
    """All that is wrong, or unwise, with a file and those of its networks that lack no argument."""
    _, networks, diagnostics = _front(source, options)
    return Checked(diagnostics, tuple(network.program.name for network in networks))


def format_source(source: Source, limits: Limits) -> str:
    """The text in canonical form.

    Raises:
        CompileError: if the text does not parse.
        InternalError: if the new text would not mean the same.
    """
    from tnc import syntax
    from tnc.syntax.recursion import deep_recursion

    with deep_recursion():
        file, diagnostics = syntax.parse(source, limits)
        if has_errors(diagnostics):
            raise CompileError(diagnostics)
        text = syntax.format_file(file)
        again, diagnostics = syntax.parse(Source(source.name, text), limits)
        if diagnostics or again != file or len(again.comments) != len(file.comments):
            raise InternalError(f"the formatted text of `{source.name}` would not mean the same")
    return text


def elaborate(source: Source, options: Options) -> Elaborated:
    """The chosen networks of a file: the one that is named, else all that lack no argument.

    Raises:
        CompileError: with everything that is wrong, warnings included; and where there is nothing to choose.
    """
    library, networks, diagnostics = _front(source, options)
    if has_errors(diagnostics):
        raise CompileError(diagnostics)
    if not networks:
        raise CompileError((*diagnostics, _nothing_to_compile(library)))
    return Elaborated(networks, diagnostics)


def plan(network: Initialised, options: Options) -> Planned:
    """From a Program to the steps of a module and what they cost.

    This is the compiler in one place: each line is a stage, and each stage looks at nothing but its arguments.
    """
    from tnc import cost, ir, order, passes, report

    program = network.program
    stacks = ir.stacks(program, network.initialisation.inits)
    optimised = passes.run_passes(program)
    plan_options = _plan_options(options)
    plan, decisions = order.decide(optimised, stacks, ir.digest(program), plan_options)
    totals = cost.totals(plan.schedule, options.dtype)
    network_report = report.report_network(program, plan, totals, network.initialisation)
    step_times = report.step_times(program, lambda asked: order.plan(optimised, stacks, "", asked), plan_options)
    return Planned(program, plan, network_report, report.broken_budgets(program, network_report, step_times), decisions)


def explain(planned: Planned, options: Options) -> NetworkExplanation:
    """What was tried for the regions of a network, and why the plan is as it is."""
    from tnc import report

    asked = _plan_options(options)
    sizes = planned.plan.schedule.sizes
    return report.NetworkExplanation(
        planned.program.name,
        sizes,
        asked.device.label,
        asked.objective,
        asked.forward_only,
        any(given.grad for given in planned.plan.schedule.inputs),
        planned.decisions,
    )


def _plan_options(options: Options) -> PlanOptions:
    """What the planner is asked for.

    Raises:
        CompileError: if there is no such objective or device, or the device has no rates for the dtype.
    """
    from tnc import order
    from tnc.cost.device_file import find_profile

    objectives: dict[str, Objective] = {str(objective): objective for objective in order.OBJECTIVES}
    if options.objective not in objectives:
        hint = did_you_mean(options.objective, objectives) or f"there are {listed(objectives)}"
        raise CompileError((Diagnostic("TN026", f"`{options.objective}` is no objective", help=hint),))
    return order.PlanOptions(
        sizes=options.sizes,
        dtype=options.dtype,
        device=find_profile(options.device),
        objective=objectives[options.objective],
        forward_only=options.forward_only,
        input_grads=options.input_grads,
    )


def emit(planned: Planned, backend: str) -> str:
    """The text of a stand-alone module.

    Raises:
        CompileError: if a budget is broken, the backend is unknown or cannot express the network.
    """
    from tnc import codegen

    if planned.broken:
        raise CompileError(planned.broken)
    return codegen.emitter(backend).emit(planned.plan)


def emit_all(planned: Iterable[Planned], backend: str) -> tuple[str, ...]:
    """The texts of several modules.

    Raises:
        CompileError: with what is wrong with any of them.
    """
    texts: list[str] = []
    found: dict[Diagnostic, None] = {}
    for each in planned:
        try:
            texts.append(emit(each, backend))
        except CompileError as error:
            found.update(dict.fromkeys(error.diagnostics))
    if found:
        raise CompileError(found)
    return tuple(texts)


def _front(source: Source, options: Options) -> tuple[Library, tuple[Initialised, ...], tuple[Diagnostic, ...]]:
    """Text to Programs, collecting everything that is wrong on the way."""
    from tnc import init, ir, sema

    if options.dtype not in DTYPES:
        hint = did_you_mean(options.dtype, DTYPES) or f"there are {listed(DTYPES)}"
        raise CompileError((Diagnostic("TN012", f"`{options.dtype}` is no dtype", help=hint),))
    library, found = sema.load(source, options.limits)
    chosen, misfits = choose(library, options)
    groups = [found]
    readable = not has_errors(found)
    if readable:
        groups.append(misfits)
    networks: list[Initialised] = []
    endless = 0
    for network in chosen:
        parameters = library.parameters(network)
        arguments = {name: value for name, value in options.arguments if name in parameters}
        program, found = sema.elaborate(library, network, arguments)
        groups.append(found)
        if program is not None and readable:
            ir.verify_program(program)
            initialisation = init.initialise(program, options.dtype)
            groups.append(initialisation.diagnostics)
            networks.append(Initialised(program, initialisation))
        endless += sum(_ENDLESS.get(diagnostic.code, 0) for diagnostic in found)
        if endless >= 2:
            break  # the file's other networks may be as hungry, most likely for one reason
    if len(networks) == len(chosen):
        groups.append(tuple(_unknown_sizes(networks, options)))
    allowances, unclear = library.allowances(LINTS)
    diagnostics = options.lints.apply(without_consequences(sema.merge(*groups, unclear)), allowances)
    return library, tuple(_reported(network, options.lints, allowances) for network in networks), diagnostics


def _reported(network: Initialised, lints: LintLevels, allowances: Sequence[Allowance]) -> Initialised:
    """The network without the warnings that are allowed: its report does not repeat them."""
    diagnostics = lints.apply(network.initialisation.diagnostics, allowances)
    return replace(network, initialisation=replace(network.initialisation, diagnostics=diagnostics))


def only(elaborated: Elaborated, *ways_out: str) -> Initialised:
    """The one network that is meant.

    Raises:
        CompileError: TN003 if there are several; ``ways_out`` are what could be written to choose.
    """
    if len(elaborated.networks) == 1:
        return elaborated.networks[0]
    names = listed(network.program.name for network in elaborated.networks)
    help_text = f"give {' or '.join(f'`{way}`' for way in ways_out)}"
    raise CompileError((Diagnostic("TN003", f"several networks could be meant: {names}", help=help_text),))


# -- what is meant -----------------------------------------------------------------------------


def choose(library: Library, options: Options) -> tuple[tuple[str, ...], tuple[Diagnostic, ...]]:
    """The networks that are meant, in source order, and what is wrong with the request.

    That is the network that is named, else every one all of whose parameters have a default or an argument.
    """
    given = [name for name, _ in options.arguments]
    if options.network is None:
        chosen = tuple(network for network in library.networks if not _missing(library, network, given))
    elif options.network not in library.networks:
        return (), (_unknown_network(library, options.network),)
    else:
        chosen = (options.network,)
        missing = _missing(library, options.network, given)
        if missing:
            known = [p.name for p in library.networks[options.network].parameters]
            strangers = (
                _stranger(library, name, known, (options.network,), options) for name in given if name not in known
            )
            return (), (_lacks_arguments(options.network, missing), *strangers)
    known = list(dict.fromkeys(name for network in chosen for name in library.parameters(network)))
    return chosen, tuple(_stranger(library, name, known, chosen, options) for name in given if name not in known)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any is worse than a warning."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


def listed(names: Iterable[str]) -> str:
    """```a`, `b` and `c```, or at most a dozen of them."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) > 12:
        return f"{', '.join(quoted[:12])} and {len(quoted) - 12} more"
    return " and ".join(filter(None, [", ".join(quoted[:-1]), *quoted[-1:]]))


def _missing(library: Library, network: str, given: list[str]) -> list[str]:
    parameters = library.networks[network].parameters
    return [p.name for p in parameters if p.default is None and p.name not in given]


def _unknown_network(library: Library, name: str) -> Diagnostic:
    message = f"`{library.source.name}` declares no network `{name}`"
    there = f"it declares {listed(library.networks)}" if library.networks else None
    return Diagnostic("TN002", message, help=did_you_mean(name, library.networks) or there)


def _lacks_arguments(network: str, missing: list[str]) -> Diagnostic:
    message = f"network `{network}` lacks {listed(missing)}, which {'has' if len(missing) == 1 else 'have'} no default"
    return Diagnostic("TN004", message, help=f"give {' '.join(f'`--set {name}=…`' for name in missing)}")


def _nothing_to_compile(library: Library) -> Diagnostic:
    name = library.source.name
    if not library.networks:
        return Diagnostic("TN152", f"`{name}` declares no network", help="declare one: `network layer() { … }`")
    network = next(iter(library.networks))
    lacking = " ".join(f"--set {name}=…" for name in _missing(library, network, []))
    message = f"every network of `{name}` needs arguments: {listed(library.networks)}"
    return Diagnostic("TN004", message, help=f"complete one, as in `--network {network} {lacking}`")


def _stranger(library: Library, name: str, known: list[str], chosen: tuple[str, ...], options: Options) -> Diagnostic:
    of = f"network `{chosen[0]}`" if len(chosen) == 1 else "the chosen networks"
    have = "has" if len(chosen) == 1 else "have"
    there = f"{of} {have} {listed(known) if known else 'no parameters'}"
    if (place := library.binding_place(chosen, name)) is not None:
        return Diagnostic("TN006", f"`{name}` is not a parameter of {of}", help=place)
    if (meant := nearest(name, (*known, *options.neighbours))) in options.neighbours and meant not in known:
        return Diagnostic("TN006", f"`{name}` is no parameter of {of}", help=f"did you mean the option `{meant}`?")
    help_text = did_you_mean(name, known) or there
    return Diagnostic("TN006", f"`{name}` is no parameter of {of}", help=help_text)


def _unknown_sizes(networks: list[Initialised], options: Options) -> Iterable[Diagnostic]:
    dynamic = {dim for n in networks for i in n.program.inputs for dim in i.shape if isinstance(dim, str)}
    for name, _ in options.sizes:
        if name not in dynamic:
            there = f"there is {listed(sorted(dynamic))}" if dynamic else "no network here has a dynamic dimension"
            message = f"`{name}` is no dynamic dimension of the chosen networks"
            yield Diagnostic("TN007", message, help=did_you_mean(name, dynamic) or there)
