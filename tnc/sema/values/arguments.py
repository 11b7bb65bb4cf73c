"""Arguments of networks: matched with parameters, checked against their types."""

from __future__ import annotations

from collections.abc import Mapping

from tnc.diagnostics import Diagnostic, Label
from tnc.diagnostics.suggest import did_you_mean, known_names
from tnc.sema.names.places import name_span
from tnc.sema.names.scope import Bound, Builtin, FunctionValue, NetworkValue, Scope, UserFunction, Value
from tnc.sema.names.value_text import kind_of, short_text
from tnc.sema.problem import Failed, Poisoned, Problem, fail
from tnc.sema.values.arithmetic import as_float, is_integer, is_number
from tnc.sema.values.builtins import ACTIVATION_PARAMETERS, SCALAR_FUNCTIONS
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Span
from tnc.syntax import tree

_SOME_ACTIVATIONS = "activations are `relu`, `tanh`, `gelu` and the like, and what a `fn` declares"
_EXPECTED = {
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "str": "a string",
    "fn": "an activation",
    "ints": "a list of integers",
    "floats": "a list of numbers",
}


def read_arguments(
    call: tree.Call, network: NetworkValue, evaluator: Evaluator, scope: Scope, *, partial: bool = False
) -> dict[str, tuple[Value, Span]]:
    """The arguments of a call of a network by parameter; ``partial`` ones need not cover those without a default."""
    for argument in call.arguments:
        if argument.name is not None and argument.name in network.bound:
            raise Problem(no_parameter(network, argument.name, argument.span))
    formal = [(parameter.name, partial or parameter.default is not None) for parameter in network.parameters]
    return evaluator.bind(call, formal, f"`{network.shown}`", scope)


def no_parameter(network: NetworkValue, name: str, span: Span) -> Diagnostic:
    """The diagnostic for an argument that the network does not take: it has a value already, or there is none such."""
    message = f"`{network.shown}` has no parameter `{name}`"
    if name in network.bound:
        value, place = network.bound[name]
        label = Label(place, f"`{name}` is {short_text(value)} here")
        hint = f"`{network.node.name}` takes it: apply that network instead"
        return Diagnostic("TN204", message, span, labels=(label,), help=hint)
    names = [parameter.name for parameter in network.parameters]
    return Diagnostic("TN204", message, span, help=known_names("parameter", name, names) or "it has no parameters")


def apply(
    network: NetworkValue, node: tree.Application, call: tree.Call, evaluator: Evaluator, scope: Scope
) -> NetworkValue:
    """The network that an application declares: ``network`` with the values that the call gives to its parameters."""
    given = read_arguments(call, network, evaluator, scope, partial=True)
    types = {parameter.name: parameter for parameter in network.parameters}
    values = evaluator.meter.each(
        given.items(), lambda each: (each[0], convert(each[1][0], types[each[0]], each[1][1], scope, network))
    )
    bound = {**network.bound, **{name: (value, given[name][1]) for name, value in values}}
    return NetworkValue(node.name, network.node, network.scope, name_span(node), node.name, bound, call.span)


def bind_parameters(
    network: NetworkValue, given: Mapping[str, tuple[Value, Span]], evaluator: Evaluator, span: Span
) -> Scope:
    """The scope in which a network's body is executed: its parameters bound, defaults filled in."""
    scope = Scope(network.scope)
    given = {**network.bound, **given}
    failed = False
    for parameter in network.node.parameters:
        mark = evaluator.meter.mark()
        value: Value | None = None
        try:
            scope.check_free(parameter.name, parameter.span)
            if parameter.name in given:
                argument, place = given[parameter.name]
                value = convert(argument, parameter, place, scope, network)
            elif parameter.default is not None:
                default = evaluator.evaluate(parameter.default, scope)
                value = convert(default, parameter, parameter.default.span, scope, network)
            else:
                fail(
                    "TN205",
                    f"`{network.shown}` needs argument `{parameter.name}`",
                    span,
                    labels=(Label(network.place, "declared here"),),
                    help=f"give it: `{network.shown}({parameter.name} = …)`",
                )
        except Failed as failure:
            evaluator.meter.recover(failure, mark)
            failed = True
        scope.names[parameter.name] = Bound("parameter", value, parameter.span)
    if failed:
        raise Poisoned
    return scope


def convert(value: Value, parameter: tree.NetworkParameter, span: Span, scope: Scope, network: NetworkValue) -> Value:
    """The value converted to the type of its parameter: integers become floats where floats are expected.

    Raises:
        Problem: TN221 for a value of another type.
    """
    if parameter.type not in _EXPECTED:
        raise Poisoned  # an unknown type, which the parser has reported
    match parameter.type, value:
        case "int", _ if is_integer(value):
            return value
        case "float", _ if is_number(value):
            return as_float(value, span, "an argument")
        case ("bool", bool()) | ("str", str()):
            return value
        case "ints", tuple() if all(is_integer(item) for item in value):
            return value
        case "floats", tuple() if all(is_number(item) for item in value):
            return tuple(as_float(item, span, "an argument") for item in value)
        case "fn", _ if kind_of(value) == "a function":
            return as_function(value, span, scope)
        case _:
            wrong = f"not {kind_of(value)}"
            if isinstance(value, tuple) and parameter.type in ("ints", "floats"):
                first = next(item for item in value if not is_integer(item))
                wrong = f"but the list holds {kind_of(first)}"
            fail(
                "TN221",
                f"`{parameter.name}` of `{network.shown}` must be {_EXPECTED[parameter.type]}, {wrong}",
                span,
                label=short_text(value),
                labels=(Label(parameter.span, "the parameter is declared here"),),
                help=_hint(parameter.type, value),
            )


def _hint(wanted: str, value: Value) -> str | None:
    if wanted == "fn" and isinstance(value, str):
        return f"write the name without quotes: `{value}`"
    if wanted == "str" and kind_of(value) == "a function":
        return f'a string stands in quotes: `"{short_text(value)}"`'
    if wanted == "bool":
        return "write `true` or `false`"
    if wanted == "int" and isinstance(value, float):
        return "`floor`, `ceil` and `//` give integers"
    if wanted in ("ints", "floats") and is_number(value):
        return f"write a list: `[{short_text(value)}]`"
    if wanted == "ints" and isinstance(value, tuple) and any(isinstance(item, float) for item in value):
        return "write integers, `2` and not `2.0`; `floor`, `ceil` and `//` give integers"
    return None


def as_function(value: Value, span: Span, scope: Scope) -> FunctionValue:
    """A value that must be a pointwise function, or ``rms``."""
    match value:
        case UserFunction():
            return value
        case Builtin(name=name) if name in ACTIVATION_PARAMETERS:
            return value
        case Builtin(name=name):
            known = [n for n, _ in scope.visible() if n in ACTIVATION_PARAMETERS]
            hint = did_you_mean(name, known) or _SOME_ACTIVATIONS
            if name in SCALAR_FUNCTIONS:
                hint = f"make it one: `fn my_{name}(t) = {name}(t)`"
            fail("TN229", f"`{name}` is not an activation", span, help=hint)
        case _:
            fail("TN229", f"{kind_of(value)} is not an activation", span, help=_SOME_ACTIVATIONS)
