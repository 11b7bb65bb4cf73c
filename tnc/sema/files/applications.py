"""Partial application: ``network b = a(chi = 4)``, resolved once everything that the file declares is known."""

from __future__ import annotations

from collections.abc import Sequence

from tnc.diagnostics import Diagnostic, Label
from tnc.sema.names.places import name_span
from tnc.sema.names.scope import Bound, NetworkValue, Scope, Value
from tnc.sema.names.value_text import kind_of
from tnc.sema.names.walk import unwrapped
from tnc.sema.problem import Failed, fail
from tnc.sema.values.arguments import apply
from tnc.sema.values.evaluate import Evaluator
from tnc.syntax import tree

_EXAMPLE = "the right side calls a network: `network small = layer(chi = 2)`"


def declared_network(node: tree.Network | tree.Application, scope: Scope) -> NetworkValue:
    """The network that a statement declares; that of an application has neither parameters nor a body yet."""
    body = node if isinstance(node, tree.Network) else tree.Network(node.name, (), (), span=node.span)
    return NetworkValue(node.name, body, scope, name_span(node), node.name)


def resolve_applications(statements: Sequence[tree.Statement], scope: Scope, evaluator: Evaluator) -> None:
    """Bind each application of a file to the network that it declares; networks may be declared in any order.

    One that fails is reported and poisoned.
    """
    waiting = {node.name: node for node in statements if isinstance(node, tree.Application) and _is_bound(node, scope)}
    for name in tuple(waiting):
        chain: dict[str, tree.Application] = {}  # each applies the next
        while name in waiting and name not in chain:
            chain[name] = waiting[name]
            name = _applied_name(waiting[name])
        if name in chain:
            names = list(chain)
            cycle = [chain[each] for each in names[names.index(name) :]]
            evaluator.sink.report(_cycle(cycle))
            for node in cycle:
                scope.names[node.name] = Bound("network", None, name_span(node))
                del waiting[node.name], chain[node.name]
        for node in reversed(chain.values()):
            del waiting[node.name]
            _resolve(node, scope, evaluator)


def _is_bound(node: tree.Application, scope: Scope) -> bool:
    """Whether the name stands for this application, not for an earlier statement that took it."""
    entry = scope.names.get(node.name)
    return isinstance(entry, Bound) and entry.span == name_span(node)


def _applied_name(node: tree.Application) -> str:
    """The name of the network that is applied, if it is one of this file."""
    value = unwrapped(node.value)
    function = unwrapped(value.function) if isinstance(value, tree.Call) else value
    return function.text if isinstance(function, tree.Name) else ""


def _cycle(nodes: Sequence[tree.Application]) -> Diagnostic:
    first, *others = nodes
    if not others:
        message = f"network `{first.name}` applies itself"
        return Diagnostic("TN272", message, first.value.span, help=_EXAMPLE)
    names = [f"`{node.name}`" for node in nodes]
    shown = " → ".join([*(names if len(names) <= 6 else [*names[:3], "…", *names[-2:]]), names[0]])
    labels = (Label(others[-1].value.span, f"`{others[-1].name}` applies `{first.name}`"),)
    advice = f"give one of them a body: `network {first.name}() {{ … }}`"
    return Diagnostic(
        "TN272", f"networks apply each other in a cycle: {shown}", first.value.span, labels=labels, help=advice
    )


def _resolve(node: tree.Application, scope: Scope, evaluator: Evaluator) -> None:
    mark = evaluator.meter.mark()
    value: Value | None = None
    try:
        value = _network(node, scope, evaluator)
    except Failed as failure:
        evaluator.meter.recover(failure, mark)
    scope.names[node.name] = Bound("network", value, name_span(node))


def _network(node: tree.Application, scope: Scope, evaluator: Evaluator) -> NetworkValue:
    value = unwrapped(node.value)
    callee = unwrapped(value.function) if isinstance(value, tree.Call) else value
    if not isinstance(callee, tree.Name | tree.Attribute):
        fail("TN221", "expected a call of a network", value.span, help=_EXAMPLE)
    network = evaluator.evaluate(callee, scope)
    if not isinstance(network, NetworkValue):
        fail("TN221", f"expected a network, found {kind_of(network)}", callee.span, help=_EXAMPLE)
    if not isinstance(value, tree.Call):
        advice = f"a call applies it: `network {node.name} = {network.shown}(…)`"
        fail("TN228", "a network is not a value", value.span, help=advice)
    return apply(network, node, value, evaluator, scope)
