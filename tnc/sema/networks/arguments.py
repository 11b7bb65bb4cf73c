"""Arguments of networks: matched with parameters, checked against their types."""

from __future__ import annotations

from collections.abc import Mapping

from tnc.diagnostics import Label
from tnc.sema.names.places import name_span
from tnc.sema.names.scope import Bound, Scope
from tnc.sema.names.values import NetworkValue, Value, kind_of, short_text
from tnc.sema.networks.cores import as_float
from tnc.sema.problem import Failed, Poisoned, fail
from tnc.sema.tensors.functions import as_function
from tnc.sema.values.arithmetic import is_integer, is_number
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Span
from tnc.syntax import tree

_EXPECTED = {
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "str": "a string",
    "fn": "an activation",
    "ints": "a list of integers",
    "floats": "a list of numbers",
}


def bind_parameters(
    network: NetworkValue, given: Mapping[str, tuple[Value, Span]], evaluator: Evaluator, span: Span
) -> Scope:
    """The scope in which a network's body is executed: its parameters bound, defaults filled in."""
    scope = Scope(network.scope)
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
                    labels=(Label(name_span(network.node), "declared here"),),
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
    """The value as its parameter takes it: integers become floats where floats are wanted, nothing else changes."""
    if parameter.type not in _EXPECTED:
        raise Poisoned  # there is no such type, which the parser has told
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
