"""The plan of a whole Program: statement by statement, regions through the search, then loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from tnc.cost import annotate, totals
from tnc.cost.predict import timed
from tnc.cost.run import run
from tnc.cost.time import Clock
from tnc.ir import schedule as ir
from tnc.ir.extent import Extent
from tnc.ir.in_place import overwrite
from tnc.ir.legs import used_tensors
from tnc.ir.number_kinds import input_kind, stack_kind
from tnc.ir.program import Contract, Input, Normalize, Output, Pointwise, Program, Statement, Sum, View
from tnc.ir.program_text import statement_printer
from tnc.ir.schedule_verify import verify_schedule
from tnc.order.builder import Builder
from tnc.order.candidate import Search
from tnc.order.contraction import Known, Planner
from tnc.order.evaluation import Chooser, Decision, Evaluation, choose, evaluate_schedule
from tnc.order.layout_constraints import demands
from tnc.order.lookup import Selection, one_hot, selection_view
from tnc.order.options import PlanOptions
from tnc.order.repeat import roll
from tnc.order.searches import SEARCHES
from tnc.order.statements import add, normalize, pointwise, view
from tnc.order.tensor_layout import Layout, member, whole


def plan(program: Program, stacks: tuple[ir.Stack, ...], digest: str, options: PlanOptions) -> ir.Plan:
    """The Schedule of an optimised Program, annotated and verified.

    ``stacks`` and ``digest`` are those of the Program as it was elaborated.
    """
    return decide(program, stacks, digest, options)[0]


def decide(
    program: Program,
    stacks: tuple[ir.Stack, ...],
    digest: str,
    options: PlanOptions,
    chooser: Chooser = choose,
    searches: Sequence[Search] = SEARCHES,
    known: Known | None = None,
) -> tuple[ir.Plan, tuple[Decision, ...]]:
    """Plan a Program. Return the plan, and for every region the decision between its candidates.

    ``searches`` find the candidates, and ``chooser`` takes one: the best, unless plans are compared with each other.
    ``known`` are regions that plans with the same options have searched already; this one adds its own.

    Raises:
        CompileError: TN404 if a region has no candidate.
    """
    sizes = nominal_sizes(program, options)
    flat, decisions = _schedule(program, stacks, sizes, options, chooser, searches, {} if known is None else known)
    schedule = overwrite(roll(flat))
    verify_schedule(schedule)
    return _costed(program, digest, schedule, options), decisions


def _costed(program: Program, digest: str, schedule: ir.Schedule, options: PlanOptions) -> ir.Plan:
    """The plan of a Schedule, with what it costs on the target."""
    target, dtype = options.target, options.dtype
    counted = schedule if target.traits.saves else _without_gradients(schedule)
    ran = run(counted, dtype, fuses=target.traits.fuses)
    times = timed(counted, Clock(target, dtype, complex_cores=ir.has_complex_cores(schedule.stacks)))
    time, device = times.seconds, target.device
    prediction = ir.Prediction(target.backend, device.name, device.digest, device.backend, time.forward, time.backward)
    return ir.Plan(
        program.name,
        digest,
        program.arguments,
        dtype,
        replace(annotate(counted, dtype, ran, times), stacks=schedule.stacks),
        totals(counted, dtype, ran),
        prediction,
        target.traits,
    )


def _without_gradients(schedule: ir.Schedule) -> ir.Schedule:
    """The same steps where nothing needs a gradient."""
    stacks = tuple(replace(stack, frozen=True) for stack in schedule.stacks)
    return replace(schedule, stacks=stacks, inputs=tuple(replace(given, grad=False) for given in schedule.inputs))


def evaluate_plan(name: str, plan: ir.Plan, options: PlanOptions) -> Evaluation:
    """What a whole plan takes, for comparison with other plans of the same network by what they are made for."""
    schedule, target = plan.schedule, options.target
    clock = Clock(
        target,
        options.dtype,
        forward_only=options.forward_only,
        complex_cores=ir.has_complex_cores(schedule.stacks),
    )
    return evaluate_schedule(name, schedule if target.traits.saves else _without_gradients(schedule), clock)


def nominal_sizes(program: Program, options: PlanOptions) -> tuple[tuple[str, int], ...]:
    """The dynamic sizes of this Program, in order of appearance, with their nominal values."""
    given = dict(options.sizes)
    names = dict.fromkeys(dim for tensor in program.inputs for dim in tensor.shape if isinstance(dim, str))
    return tuple((name, given.get(name, 1)) for name in names)


def _schedule(
    program: Program,
    stacks: tuple[ir.Stack, ...],
    sizes: tuple[tuple[str, int], ...],
    options: PlanOptions,
    chooser: Chooser,
    searches: Sequence[Search],
    known: Known,
) -> tuple[ir.Schedule, tuple[Decision, ...]]:
    sources = _sources(program, stacks)
    located: dict[str, Layout] = {}
    selections: dict[str, Selection] = {}
    for given in program.inputs:
        data = whole(sources[given.name], given.data_shape)
        if given.index_values is None:
            located[given.name] = data
        else:
            selections[given.name] = Selection(data, (given.index_values,))
    inputs = tuple(_input(given, sources[given.name], options) for given in program.inputs)
    trained = {given.name: given.grad for given in inputs}
    kinds = {sources[given.name]: input_kind(given) for given in program.inputs}
    for stack in stacks:
        trained[stack.key] = not stack.frozen
        kinds[stack.key] = stack_kind(stack)
        for core in stack.members:
            position = core.position
            located[core.name] = (
                whole(stack.key, stack.shape) if position is None else member(stack.key, stack.shape, position)
            )
    taken = {*located, *(stack.key for stack in stacks), *sources.values()}
    builder = Builder(dict(sizes), trained, kinds, _shapes(inputs, stacks), partial(_fresh, taken))
    planner = Planner(builder, options, chooser, searches, known, complex_cores=ir.has_complex_cores(stacks))
    wanted = demands(program)
    printed = statement_printer(program)
    regions: list[ir.Region] = []
    decisions: list[Decision] = []
    for statement in program.statements:
        start = len(builder.steps)
        builder.enter(statement.name, statement.name)
        how = ""
        if isinstance(statement, View) and statement.argument in selections:
            seen = selection_view(statement, selections[statement.argument], builder)
            if seen is not None:
                selections[statement.name] = seen
                continue
        if not isinstance(statement, Contract):
            for tensor in used_tensors(statement):
                _fill_in(tensor, located, selections, builder)
        match statement:
            case Contract():
                lowered, decision = planner.contract(statement, located, selections, wanted.get(statement.name))
                how = decision.winner.name
                decisions.append(decision)
            case Sum():
                lowered = add(statement, located, builder)
            case Pointwise():
                lowered = pointwise(statement, located, builder)
            case Normalize():
                lowered = normalize(statement, located, builder)
            case View():
                lowered = view(statement, located, builder)
            case _:
                assert_never(statement)
        if not isinstance(statement, View):
            regions.append(ir.Region(statement.name, printed(statement), _operands(statement), how, statement.span))
        located[statement.name] = _named(sources[statement.name], lowered, start, builder)
    computed = frozenset(region.name for region in regions)
    for output in program.outputs:
        builder.enter(output.tensor, output.tensor)
        _fill_in(output.tensor, located, selections, builder)
    results = tuple(_result(output, located, computed, builder) for output in program.outputs)
    schedule = ir.Schedule(
        program.name, stacks, inputs, tuple(builder.steps), results, sizes, tuple(regions), program.origins
    )
    return schedule, tuple(decisions)


def _input(given: Input, source: str, options: PlanOptions) -> ir.InputTensor:
    values = given.index_values
    grad = options.input_grads and values is None
    return ir.InputTensor(source, given.data_shape, grad, values, span=given.span)


def _fill_in(tensor: str, located: dict[str, Layout], selections: dict[str, Selection], builder: Builder) -> None:
    """Compute a one-hot tensor that is read as a whole."""
    if tensor in selections and tensor not in located:
        located[tensor] = one_hot(selections[tensor], builder)


def _operands(statement: Statement) -> int:
    """The number of tensors that a statement combines, copy tensors included."""
    return len(statement.factors) if isinstance(statement, Contract) else len(used_tensors(statement))


def _sources(program: Program, stacks: tuple[ir.Stack, ...]) -> dict[str, str]:
    """The name in the Schedule of every input and statement: its own, with `#` added if a parameter's key equals it.

    Keys are derived names (a core `lambda` has the key `lambda_`), and so are those of intermediate tensors: only here
    do all of them meet. No name of the language contains `#`, and emitters drop it.
    """
    keys = {stack.key for stack in stacks}
    names = (tensor.name for tensor in (*program.inputs, *program.statements))
    return {name: f"{name}#" if name in keys else name for name in names}


def _shapes(inputs: tuple[ir.InputTensor, ...], stacks: tuple[ir.Stack, ...]) -> dict[str, tuple[Extent, ...]]:
    """The shapes of inputs and parameters."""
    shapes: dict[str, tuple[Extent, ...]] = {given.name: given.shape for given in inputs}
    shapes.update((stack.key, stack.stored_shape) for stack in stacks)
    return shapes


def _fresh(taken: set[str], wish: str) -> str:
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f"{wish}_{number}"
    taken.add(name)
    return name


def _named(name: str, tensor: Layout, start: int, builder: Builder) -> Layout:
    """The last step of a statement gets the statement's name."""
    before = builder.finish(start, name)
    return replace(tensor, source=name) if before and tensor.source == before else tensor


def _result(output: Output, located: dict[str, Layout], computed: frozenset[str], builder: Builder) -> ir.Result:
    """An output; a copy that puts it in order belongs to no region, also where the tensor itself is one's result."""
    tensor = located[output.tensor]
    read = tensor.try_view(tensor.axes)
    if read is None:
        builder.enter(output.tensor, "" if output.tensor in computed else output.tensor)
        tensor = builder.row_major(tensor)
        located[output.tensor] = tensor
        read = tensor.view(tensor.axes)
    return ir.Result(output.name, read, output.axes, output.span)
