"""Statements of a network, executed: every loop unrolled, every definition lowered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import assert_never

from tnc.diagnostics import Diagnostic, InternalError, Label
from tnc.ir.program import Origin, Output
from tnc.sema.legs.lower import Lowered, lower_definition
from tnc.sema.meter import WORK_PER_DEFINITION, WORK_PER_FAILURE, WORK_PER_STATEMENT
from tnc.sema.names.places import binder_span, name_span
from tnc.sema.names.scope import Bound, Instance, Instances, NetworkValue, Scope, Tensor
from tnc.sema.names.walk import unwrapped
from tnc.sema.networks.builder import TensorName
from tnc.sema.networks.cores import check_size
from tnc.sema.networks.families import declare_core
from tnc.sema.networks.frame import Frame, Step, check_rank, declares
from tnc.sema.networks.inputs import declare_input
from tnc.sema.networks.outputs import LeftSide, output_std
from tnc.sema.networks.poison import poison
from tnc.sema.networks.requirements import requirements
from tnc.sema.networks.uses import check_bindings, output_of
from tnc.sema.problem import Abandoned, Failed, Poisoned, Problem, fail
from tnc.sema.tensors.leg_lists import LegReader
from tnc.sema.tensors.references import InstanceOutput, refer, subscript_text
from tnc.sema.tensors.resolve import Resolver
from tnc.sema.tensors.resolved import Axis, Definition, Expression, LeftAxis
from tnc.sema.values.arguments import bind_parameters, read_arguments
from tnc.sema.values.declarations import called_network, declare_function, let_value
from tnc.source import Span
from tnc.syntax import tree


def execute(frame: Frame) -> None:
    """Execute the whole body."""
    network = frame.instance.network
    node = network.node
    run(frame, node.body, frame.scope)
    if not frame.outputs and node.name != "_" and not frame.evaluator.broken.inside(node.span):
        frame.sink.report(
            Diagnostic(
                "TN261",
                f"network `{network.name}` has no output"
                + (" for these arguments" if declares(node.body, tree.Output) else ""),
                network.place,
                help="add one: `output weight(i, j) = …`",
            )
        )


def run(frame: Frame, statements: Sequence[tree.Statement], scope: Scope) -> None:
    """Execute statements; one that fails poisons what it would have declared, and the next one is tried."""
    meter = frame.evaluator.meter
    for statement in statements:
        mark = meter.mark()
        try:
            meter.enter(statement.span)
            meter.pay(WORK_PER_STATEMENT, statement.span)
            _statement(frame, statement, scope)
        except Failed as failure:
            meter.recover(failure, mark)
            meter.pay(WORK_PER_FAILURE, statement.span)
            poison(frame, statement, scope)
        else:
            meter.restore(mark)


def _statement(frame: Frame, statement: tree.Statement, scope: Scope) -> None:
    match statement:
        case tree.Definition():
            _definition(frame, statement, scope)
        case tree.Core():
            declare_core(frame, statement, scope)
        case tree.Let():
            _let(frame, statement, scope)
        case tree.For():
            _for(frame, statement, scope)
        case tree.If():
            _if(frame, statement, scope)
        case tree.Input():
            declare_input(frame, statement, scope)
        case tree.Output():
            _output(frame, statement, scope)
        case tree.Function() | tree.Def():
            declare_function(statement, scope)
        case tree.Assert():
            _assert(frame, statement, scope)
        case tree.Require():
            if frame.bindings is None:
                frame.shared.builder.requirements.extend(requirements(statement, scope, frame.evaluator))
        case tree.Network() | tree.Application() | tree.Import():
            raise InternalError("the parser lets no network and no import into a network")
        case _:
            assert_never(statement)


def _for(frame: Frame, node: tree.For, scope: Scope) -> None:
    binder = node.binder
    span = binder_span(binder)
    scope.check_free(binder.name, span)
    items = frame.evaluator.items(binder.iterable, scope)
    if not node.body:
        return
    for value in items:
        inner = Scope(scope)
        inner.names[binder.name] = Bound("loop", value, span)
        run(frame, node.body, inner)


def _if(frame: Frame, node: tree.If, scope: Scope) -> None:
    for branch in node.branches:
        if frame.evaluator.condition(branch.condition, scope):
            run(frame, branch.body, Scope(scope))
            return
    if node.otherwise is not None:
        run(frame, node.otherwise, Scope(scope))


def _assert(frame: Frame, node: tree.Assert, scope: Scope) -> None:
    if frame.evaluator.condition(node.condition, scope):
        return
    message = node.message or "this assertion does not hold"
    if not frame.sink.made:
        fail("TN260", message, node.span)
    diagnostic = Diagnostic("TN260", message, node.span)
    for made in reversed(frame.sink.made):
        if not frame.shared.is_library(made.span.source.name):
            diagnostic = Diagnostic("TN260", message, made.span, labels=(Label(node.span, "required here"),))
            break
    frame.sink.report(diagnostic)
    raise Abandoned


def _let(frame: Frame, node: tree.Let, scope: Scope) -> None:
    part, *more = node.path.parts
    if more:
        fail("TN264", "a `let` has a plain name", node.path.span)
    value = _chosen(frame, node.value, scope)
    network = called_network(frame.evaluator, value, scope)
    if network is not None:
        assert isinstance(value, tree.Call)
        _let_instance(frame, node, part, value, network, scope)
        return
    if part.subscripts is not None:
        fail(
            "TN264",
            "only an instance of a network can have subscripts",
            node.path.span,
            help=f"a list is made by a comprehension: `let {part.name} = [… for k in 0..n]`",
        )
    scope.check_free(part.name, node.path.span)
    scope.bind(part.name, let_value(frame.evaluator, value, scope), node.path.span, "let")


def _chosen(frame: Frame, expr: tree.Expr, scope: Scope) -> tree.Expr:
    """The expression that a chain of conditionals comes down to."""
    while True:
        expr = unwrapped(expr)
        if not isinstance(expr, tree.Conditional):
            return expr
        expr = expr.value if frame.evaluator.condition(expr.condition, scope) else expr.otherwise


def _let_instance(
    frame: Frame, node: tree.Let, part: tree.PathPart, call: tree.Call, network: NetworkValue, scope: Scope
) -> None:
    """Declare an instance; one without inputs is elaborated at once."""
    for item in part.subscripts or ():
        if isinstance(item, tree.Binder):
            fail(
                "TN232",
                "an instance is declared without binders",
                item.span,
                help="put it in a loop: `for k in 0..n { let t[k] = … }`",
            )
    member = frame.subscripts(part, scope)
    entry = scope.find(part.name)
    if not isinstance(entry, Instances):
        scope.check_free(part.name, node.path.span)
        entry = frame.scope.names[part.name] = Instances(part.name, node.path.span)
    frame.check_new(part.name, entry.members, entry.places, member, node, scope)
    entry.members[member] = None
    entry.places[member] = node.path.span
    shown = f"{part.name}{subscript_text(member)}"
    given = read_arguments(call, network, frame.evaluator, scope)
    frame.enter_instance(network, node.span)
    frame.sink.made.append(Label(call.span, f"in the instance `{shown}` made here"))
    try:
        inner = bind_parameters(network, given, frame.evaluator, call.span)
        instance = Instance(frame.join([shown]), shown, network, inner, node.span)
        if not declares(network.node.body, tree.Input):
            _results(frame, instance, {}, call.span)
    finally:
        frame.sink.made.pop()
        frame.leave_instance()
    entry.members[member] = instance
    if frame.bindings is None:
        frame.shared.declared.instances.append(instance)


def _results(
    frame: Frame, instance: Instance, bindings: dict[str, tuple[Tensor, Span]], span: Span
) -> dict[str, Tensor | None] | None:
    """The outputs of an instance for these bindings; None if that failed."""
    key = tuple(sorted((name, tensor.name) for name, (tensor, _) in bindings.items()))
    if key not in instance.results:
        instance.results[key] = None
        inner = Frame(frame.shared, instance, bindings, span)
        try:
            execute(inner)
        except Abandoned:
            return None
        instance.results[key] = inner.outputs
        check_bindings(inner, bindings)
    return instance.results[key]


def _use_instance(
    frame: Frame, use: InstanceOutput, named: Sequence[tree.Argument], scope: Scope, span: Span
) -> Tensor:
    """The tensor of an instance's output, its inputs bound to whole tensors."""
    instance = use.instance
    instance.used = True
    bindings = {argument.name or "": _whole(frame, argument, scope) for argument in named}
    frame.enter_instance(instance.network, span)
    frame.sink.made.append(Label(instance.span, f"in the instance `{instance.shown}` made here"))
    try:
        outputs = _results(frame, instance, bindings, span)
    finally:
        frame.sink.made.pop()
        frame.leave_instance()
    if outputs is None:
        raise Poisoned
    return output_of(use, outputs, span)


def _whole(frame: Frame, argument: tree.Argument, scope: Scope) -> tuple[Tensor, Span]:
    """The tensor that an input is bound to."""
    referent = None
    if isinstance(argument.value, tree.Name | tree.Subscript | tree.Attribute):
        referent = refer(argument.value, scope, frame.evaluator)
    if referent is None:
        hint = "an input is bound to a whole tensor, without legs: `x = h`"
        fail("TN263", f"input `{argument.name}` must be bound to a tensor", argument.value.span, help=hint)
    if isinstance(referent, InstanceOutput):
        return _use_instance(frame, referent, [], scope, argument.value.span), argument.value.span
    return referent, argument.value.span


def _definition(frame: Frame, node: tree.Definition, scope: Scope) -> None:
    prefix, last = frame.prefix(node.path, scope)
    for item in last.subscripts or ():
        if isinstance(item, tree.Binder):
            fail(
                "TN232",
                "a tensor is defined without binders",
                item.span,
                help="put it in a loop: `for k in 0..n { h[k](…) = … }`",
            )
    member = frame.subscripts(last, scope)
    key = ".".join([*prefix, last.name])
    existing = scope.find_declared(key)
    if existing is not None:
        family = frame.family(key, "intermediate", node.path.span, scope)
        check_rank(key, family.members, member, node.path.span, family.places)
    name = TensorName(frame.join(prefix), last.name, member)
    shown = f"{key}{subscript_text(member)}"
    try:
        lowered = _lower(frame, name, node, scope)
    except (Problem, Poisoned):
        if existing is not None or len(node.path.parts) > 1:
            frame.family(key, "intermediate", node.path.span, scope).members[member] = None
        raise
    family = frame.family(key, "intermediate", node.path.span, scope)
    family.members[member] = Tensor(lowered.tensor, lowered.shape, shown, node.path.span)
    family.places[member] = node.path.span
    if frame.bindings is None and lowered.statements:
        frame.shared.declared.tensors.append(("tensor", lowered.tensor, node.path.span, shown))
        frame.shared.declared.steps.append(
            Step(key, lowered.tensor, node.path.span, existing is not None, _applies(node.value))
        )


def _applies(value: tree.Expr) -> bool:
    """Whether a definition says what is applied to its result, be it `identity`."""
    return isinstance(unwrapped(value), tree.Call)


def _lower(
    frame: Frame,
    name: TensorName,
    node: tree.Definition | tree.Output,
    scope: Scope,
) -> Lowered:
    """The statements of a definition, added to the Program."""
    evaluator = frame.evaluator
    legs = LegReader(evaluator, frame.lint)
    side = LeftSide(evaluator, legs, frame.sizes)
    resolver = Resolver(evaluator, legs, partial(_use_instance, frame), partial(_define_rows, frame, name, scope))
    failed = False
    mark = evaluator.meter.mark()
    try:
        axes, shape = side.axes(node.legs, scope), side.reshape(node.reshape, scope)
    except Failed as failure:
        evaluator.meter.recover(failure, mark)
        axes, shape, failed = (), None, True
    expression = resolver.expression(node.value, scope)
    if failed:
        raise Poisoned
    evaluator.meter.pay(WORK_PER_DEFINITION, node.span)
    provisional = frame.shared.builder.provisional(name)
    place = node.reshape[0].span.to(node.reshape[-1].span) if node.reshape else None
    definition = Definition(provisional, axes, shape, expression, node.span, place)
    lowered = lower_definition(definition, frame.shared.builder.fresh(name), evaluator.meter.limits)
    if not isinstance(lowered, Lowered):
        for diagnostic in lowered:
            frame.sink.report(diagnostic)
        raise Poisoned
    if frame.lint:
        for lint in lowered.lints:
            frame.sink.report(lint)
    origin = Origin(frame.instance.path, name.local, node.span, _loop_values(scope))
    frame.shared.builder.add_statements(lowered.statements, origin)
    return lowered


def _define_rows(
    frame: Frame, name: TensorName, scope: Scope, value: Expression, axes: Sequence[Axis], span: Span
) -> Tensor:
    """The rows that an index selects, as a tensor of its own: an author wrote fewer legs than they have axes."""
    rows = name.with_suffix("rows")
    provisional = frame.shared.builder.provisional(rows)
    definition = Definition(provisional, tuple(LeftAxis(axis, None, None) for axis in axes), None, value, span)
    limits = frame.evaluator.meter.limits
    lowered = lower_definition(definition, frame.shared.builder.fresh(rows), limits)
    if not isinstance(lowered, Lowered):
        for diagnostic in lowered:
            frame.sink.report(diagnostic)
        raise Poisoned
    origin = Origin(frame.instance.path, rows.local, span, _loop_values(scope))
    frame.shared.builder.add_statements(lowered.statements, origin)
    return Tensor(lowered.tensor, lowered.shape, rows.local, span)


def _loop_values(scope: Scope) -> tuple[tuple[str, int], ...]:
    """The variables of the loops around a statement with their values, outermost first."""
    found = [
        (name, entry.value) for name, entry in scope.visible() if isinstance(entry, Bound) and entry.kind == "loop"
    ]
    return tuple((name, value) for name, value in reversed(found) if isinstance(value, int))


def _output(frame: Frame, node: tree.Output, scope: Scope) -> None:
    span = name_span(node)
    if node.name in frame.output_spans:
        fail(
            "TN209",
            f"output `{node.name}` is declared twice",
            span,
            labels=(Label(frame.output_spans[node.name], "first declared here"),)
            if frame.output_spans[node.name] != span
            else (),
            help="outputs have no subscripts; give each a name of its own",
        )
    frame.output_spans[node.name] = span
    name = TensorName(frame.instance.path, node.name)
    lowered = _lower(frame, name, node, scope)
    frame.outputs[node.name] = Tensor(lowered.tensor, lowered.shape, node.name, span)
    if frame.bindings is None:
        # The output of an instance need not exist as a whole: think of the norm of a long matrix product state.
        check_size(frame.evaluator, lowered.shape, node.span)
        std = None if node.std is None else output_std(node.std, lowered.shape, lowered.axes, scope, frame.evaluator)
        frame.shared.builder.outputs.append(Output(node.name, lowered.tensor, lowered.axes, std, node.span))
