"""Declarations that a file and a network share: `let` of a value, `fn`, `def`."""

from __future__ import annotations

from tnc.diagnostics import Label
from tnc.sema.names.places import name_span
from tnc.sema.names.scope import (
    Bound,
    Builtin,
    Helper,
    Namespace,
    NetworkValue,
    Scope,
    StandardLibrary,
    UserFunction,
    Value,
)
from tnc.sema.names.value_text import kind_of
from tnc.sema.problem import fail
from tnc.sema.values.builtins import ACTIVATION_PARAMETERS
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Span
from tnc.syntax import tree


def declare_function(node: tree.Function | tree.Def, scope: Scope) -> None:
    """Bind a `fn` or a `def`; its body is checked when it is used."""
    span = name_span(node)
    scope.check_free(node.name, span)
    check_parameter_names(node, scope)
    if isinstance(node, tree.Def):
        scope.bind(node.name, Helper(node, scope), span, "def")
        return
    if not node.parameters:
        fail(
            "TN266",
            f"`{node.name}` needs a parameter: the entry it is applied to",
            span,
            help=f"write `fn {node.name}(t) = …`",
        )
    scope.bind(node.name, UserFunction(node, scope), span, "fn")


def check_parameter_names(node: tree.Function | tree.Def | tree.Network, scope: Scope) -> None:
    """Raise TN202 or TN266 for parameters that shadow a name, repeat one, or lack a default after one that has it."""
    seen: dict[str, Span] = {}
    optional: Span | None = None
    for parameter in node.parameters:
        if parameter.name in seen:
            fail(
                "TN202",
                f"parameter `{parameter.name}` is declared twice",
                parameter.span,
                labels=(Label(seen[parameter.name], "first declared here"),),
            )
        if parameter.name == node.name:
            fail("TN202", f"parameter `{parameter.name}` has the name of what it belongs to", parameter.span)
        seen[parameter.name] = parameter.span
        if parameter.default is not None:
            optional = parameter.span
        elif optional is not None and not isinstance(node, tree.Network):
            fail(
                "TN266",
                f"parameter `{parameter.name}` needs a default, since an earlier one has one",
                parameter.span,
                labels=(Label(optional, "this one has a default"),),
            )
        scope.check_free(parameter.name, parameter.span)


def let_value(evaluator: Evaluator, expr: tree.Expr, scope: Scope) -> Value:
    """The value of a `let` that does not make an instance."""
    value = evaluator.evaluate(expr, scope)
    match value:
        case NetworkValue(shown=shown):
            fail(
                "TN228",
                "a network is not a value",
                expr.span,
                help=f"an instance of it is made by a call: `{shown}(…)`",
            )
        case Namespace() | StandardLibrary() | Helper():
            fail("TN221", f"{kind_of(value)} cannot be given another name", expr.span)
        case Builtin(name=name) if name not in ACTIVATION_PARAMETERS:
            fail("TN221", f"`{name}` is built in and cannot be given another name", expr.span)
        case _:
            return value


def called_network(evaluator: Evaluator, expr: tree.Expr, scope: Scope) -> NetworkValue | None:
    """The network that an expression calls; None for another expression."""
    if not isinstance(expr, tree.Call):
        return None
    root = expr.function
    while isinstance(root, tree.Attribute):
        root = root.base
    entry = scope.find(root.text) if isinstance(root, tree.Name) else None
    if not isinstance(entry, Bound) or not isinstance(entry.value, NetworkValue | Namespace | StandardLibrary):
        return None
    function = evaluator.evaluate(expr.function, scope)
    return function if isinstance(function, NetworkValue) else None
