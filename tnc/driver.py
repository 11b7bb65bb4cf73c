"""The whole compiler as straight functions; the Python API and the command line stand on this module.

::

    source ──load──▶ Library ──elaborate──▶ Program ──passes──▶ Program ──plan──▶ Plan ──emit──▶ text of a module

Stages are imported where they are called, so that ``tnc check`` loads no planner and ``tnc --help`` no parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tnc.diagnostics import (
    LINTS,
    Allowance,
    CompileError,
    Diagnostic,
    InternalError,
    LintLevels,
    has_errors,
    without_consequences,
)
from tnc.diagnostics.suggest import unknown
from tnc.limits import Limits
from tnc.options import DTYPES
from tnc.options import Options as Options
from tnc.selection import choose, nothing_to_compile, several_networks, unknown_sizes
from tnc.source import Source

if TYPE_CHECKING:
    from tnc.init import Initialisation
    from tnc.ir.program import Program
    from tnc.ir.schedule import Plan
    from tnc.order import Decision, Objective, PlanOptions
    from tnc.report import NetworkExplanation, NetworkReport
    from tnc.sema import Library
    from tnc.sharing import SharingDecision


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

    ``asked`` is what was planned for, ``broken`` are the budgets that the plan does not meet, ``decisions`` the
    candidates for every region, and ``sharing`` the plans with shared tensors built and inlined, if there are any.
    """

    program: Program
    asked: PlanOptions
    plan: Plan
    report: NetworkReport
    broken: tuple[Diagnostic, ...]
    decisions: tuple[Decision, ...]
    sharing: SharingDecision | None = None


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
        raise CompileError((*diagnostics, nothing_to_compile(library)))
    return Elaborated(networks, diagnostics)


def plan(network: Initialised, options: Options, backend: str = "torch") -> Planned:
    """From a Program to the steps of a module of a backend, and what they cost.

    This is the compiler in one place: each line is a stage, and each stage looks at nothing but its arguments.
    """
    from tnc import ir, report, sharing

    program = network.program
    stacks = ir.stacks(program, network.initialisation.inits)
    optimised = network.initialisation.optimised
    asked = _plan_options(options, backend)
    given = optimised, stacks, ir.digest(program)
    choice = sharing.decide(*given, asked)
    plan = choice.plan
    network_report = report.report_network(program, plan, network.initialisation)
    step_times = report.step_times(program, partial(sharing.plan, *given), asked)
    broken = report.broken_budgets(program, network_report, step_times)
    return Planned(program, asked, plan, network_report, broken, choice.decisions, choice.sharing)


def explain(planned: Planned) -> NetworkExplanation:
    """The candidates for the regions of a network, and why the plan is as it is."""
    from tnc import report

    asked, plan = planned.asked, planned.plan
    return report.NetworkExplanation(
        planned.program.name,
        plan.schedule.sizes,
        asked.target.backend,
        plan.predicted.label,
        asked.objective,
        asked.forward_only or not plan.traits.saves,
        any(given.grad for given in plan.schedule.inputs),
        planned.decisions,
        planned.sharing,
    )


def _plan_options(options: Options, backend: str) -> PlanOptions:
    """What the planner is asked for.

    Raises:
        CompileError: if there is no such objective, backend or device.
    """
    from tnc import codegen, order

    objectives: dict[str, Objective] = {str(objective): objective for objective in order.OBJECTIVES}
    if options.objective not in objectives:
        raise CompileError((unknown("TN026", "objective", options.objective, objectives),))
    return order.PlanOptions(
        sizes=options.sizes,
        dtype=options.dtype,
        target=codegen.target(backend, options.device),
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
        raise CompileError((unknown("TN012", "dtype", options.dtype, DTYPES),))
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
        groups.append(tuple(unknown_sizes((network.program for network in networks), options)))
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
    first, *others = elaborated.networks
    if others:
        raise CompileError((several_networks((network.program.name for network in elaborated.networks), ways_out),))
    return first
