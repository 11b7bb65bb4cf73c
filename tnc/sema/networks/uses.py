"""Making instances of networks, and using them."""

from __future__ import annotations

from collections.abc import Sequence

from tnc.diagnostics import Label
from tnc.diagnostics.suggest import known_names
from tnc.sema.names.instances import Instance
from tnc.sema.names.scope import Family, Instances, Scope, Tensor
from tnc.sema.names.values import NetworkValue
from tnc.sema.networks.frame import Frame, declares
from tnc.sema.problem import Abandoned, Poisoned, fail
from tnc.sema.tensors.references import InstanceOutput, refer, subscript_text
from tnc.sema.values.arguments import bind_parameters, read_arguments
from tnc.source import Span
from tnc.syntax import tree


def let_instance(
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
            frame.shared.execute(inner)
        except Abandoned:
            return None
        instance.results[key] = inner.outputs
        _check_bindings(inner, bindings)
    return instance.results[key]


def _check_bindings(inner: Frame, bindings: dict[str, tuple[Tensor, Span]]) -> None:
    """Complain about bindings of inputs that the network does not have."""
    families = [entry for entry in inner.scope.names.values() if isinstance(entry, Family)]
    inputs = [family.name for family in families if family.kind == "input"]
    for name, (_, place) in bindings.items():
        if name in inputs:
            continue
        hint = known_names("input", name, inputs) or "it has no inputs"
        fail("TN204", f"`{inner.instance.shown}` has no input `{name}`", place, help=hint)


def use_instance(frame: Frame, use: InstanceOutput, named: Sequence[tree.Argument], scope: Scope, span: Span) -> Tensor:
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
    return _output_of(use, outputs, span)


def _output_of(use: InstanceOutput, outputs: dict[str, Tensor | None], span: Span) -> Tensor:
    instance = use.instance
    shown = ", ".join(f"`{instance.shown}.{name}`" for name in outputs)
    if use.output is None:
        if len(outputs) > 1:
            fail("TN265", f"`{instance.shown}` has {len(outputs)} outputs", use.span, help=f"pick one: {shown}")
        if not outputs:
            raise Poisoned
        tensor = next(iter(outputs.values()))
    else:
        if use.output not in outputs:
            hint = known_names("output", use.output, outputs)
            fail("TN203", f"`{instance.shown}` has no output `{use.output}`", use.span, help=hint)
        tensor = outputs[use.output]
    if tensor is None:
        raise Poisoned
    suffix = "" if use.output is None else f".{use.output}"
    return Tensor(tensor.name, tensor.shape, f"{instance.shown}{suffix}", tensor.span)


def _whole(frame: Frame, argument: tree.Argument, scope: Scope) -> tuple[Tensor, Span]:
    """The tensor that an input is bound to."""
    referent = None
    if isinstance(argument.value, tree.Name | tree.Subscript | tree.Attribute):
        referent = refer(argument.value, scope, frame.evaluator)
    if referent is None:
        hint = "an input is bound to a whole tensor, without legs: `x = h`"
        fail("TN263", f"input `{argument.name}` must be bound to a tensor", argument.value.span, help=hint)
    if isinstance(referent, InstanceOutput):
        return use_instance(frame, referent, [], scope, argument.value.span), argument.value.span
    return referent, argument.value.span
