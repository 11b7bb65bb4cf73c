"""From a network and its arguments to a Program."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from tnc.characters import UNSAFE, code_point
from tnc.diagnostics import Diagnostic, Label
from tnc.ir.program import Program
from tnc.sema.files.library import Library
from tnc.sema.files.loader import is_standard
from tnc.sema.names.scope import Bound, Instance, NetworkValue, Scope, Value
from tnc.sema.names.value_text import value_text
from tnc.sema.networks.builder import ProgramBuilder
from tnc.sema.networks.elaborate import execute
from tnc.sema.networks.frame import Declared, Frame, Shared
from tnc.sema.networks.lints import lints
from tnc.sema.networks.real_functions import check_real_functions
from tnc.sema.problem import Abandoned, Exhausted, Failed, Poisoned, Problem, Sink, fail
from tnc.sema.values.arguments import bind_parameters, no_parameter
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Source, Span
from tnc.syntax import parse_expression, tree
from tnc.syntax.recursion import deep_recursion

_DEEPEST_LIST = 10


def elaborate(
    library: Library, network: str, arguments: Mapping[str, object | Source] = {}
) -> tuple[Program | None, tuple[Diagnostic, ...]]:
    """The Program of a network of the file, and what was found on the way; None if there was an error.

    An argument that is a :class:`Source` is an expression of the language, evaluated in the file; anything else is a
    Python value: a number, a boolean, a string, a list; activations are given by name.
    """
    sink = Sink()
    with deep_recursion():
        try:
            program = _elaborate(library, network, arguments, sink)
        except Failed as failure:
            sink.report_failure(failure)
            program = None
        except (Abandoned, Exhausted):
            program = None
    return None if sink.failed else program, tuple(sink.found)


def _elaborate(library: Library, name: str, arguments: Mapping[str, object | Source], sink: Sink) -> Program | None:
    loader = library.loader
    evaluator = loader.evaluator(sink)
    entry = library.module.scope.names.get(name)
    if not isinstance(entry, Bound) or not isinstance(entry.value, NetworkValue):
        return None  # its declaration failed, which was reported
    network = entry.value
    given = _arguments(network, arguments, library.module.scope, evaluator)
    missing = [p.name for p in network.parameters if p.default is None and p.name not in given]
    if missing:
        settings = " ".join(f"--set {parameter}=…" for parameter in missing)
        fail(
            "TN205",
            f"network `{name}` needs {'argument' if len(missing) == 1 else 'arguments'} "
            + ", ".join(f"`{parameter}`" for parameter in missing),
            network.place,
            help=f"give them with `{settings}`, or give the parameters defaults",
        )
    if network.applied is not None:
        sink.made.append(Label(network.applied, f"in the network `{name}` applied here"))
    scope = bind_parameters(network, given, evaluator, network.place)
    builder = ProgramBuilder(evaluator.meter)
    shared = Shared(evaluator, builder, Declared(), is_standard)
    instance = Instance("", name, network, scope, network.place)
    execute(Frame(shared, instance, None, network.place))
    if sink.failed:
        return None
    for lint in lints(shared):
        sink.report(lint)
    texts = tuple((p.name, _argument_text(scope, p.name)) for p in network.parameters)
    program = builder.finish(name, _reserved(network.scope), texts)
    for diagnostic in check_real_functions(program):
        sink.report(diagnostic)
    return None if sink.failed else program


def _reserved(scope: Scope) -> list[str]:
    """The names of the file that a network cannot use again."""
    return [name for name, entry in scope.names.items() if entry.kind != "network"]


def _argument_text(scope: Scope, name: str) -> str:
    bound = scope.names[name]
    assert isinstance(bound, Bound)
    assert bound.value is not None
    return value_text(bound.value)


def _arguments(
    network: NetworkValue, arguments: Mapping[str, object | Source], scope: Scope, evaluator: Evaluator
) -> dict[str, tuple[Value, Span]]:
    """The arguments as values, each with a place to complain about."""
    types = {parameter.name: parameter.type for parameter in network.parameters}
    given: dict[str, tuple[Value, Span]] = {}
    failed = False
    for name, argument in arguments.items():
        mark = evaluator.meter.mark()
        try:
            if name not in types:
                raise Problem(no_parameter(network, name, _argument_span(name, argument)))
            given[name] = _argument(name, argument, types[name], scope, evaluator)
        except Failed as failure:
            evaluator.meter.recover(failure, mark)
            failed = True
    if failed:
        raise Poisoned
    return given


def _argument_span(name: str, argument: object | Source) -> Span:
    source = argument if isinstance(argument, Source) else Source(f"argument {name}", _shown(argument))
    return Span(source, 0, len(source.text))


def _shown(argument: object) -> str:
    """A Python value as a message shows it; some have no text, as integers of many thousand digits."""
    try:
        return repr(argument)[:200]
    except Exception:
        return f"<{type(argument).__name__}>"


def _argument(
    name: str, argument: object | Source, kind: str, scope: Scope, evaluator: Evaluator
) -> tuple[Value, Span]:
    span = _argument_span(name, argument)
    if isinstance(argument, Source):
        return _expression(argument, scope, evaluator, kind), span
    if kind == "fn" and isinstance(argument, str):
        return _expression(Source(span.source.name, argument), scope, evaluator), span
    return _python_value(argument, span), span


def _expression(source: Source, scope: Scope, evaluator: Evaluator, kind: str | None = None) -> Value:
    expr, diagnostics = parse_expression(source, evaluator.meter.limits)
    for diagnostic in diagnostics:
        evaluator.sink.report(diagnostic)
    if expr is None or diagnostics:
        raise Poisoned
    if kind == "str" and isinstance(expr, tree.Name) and scope.find(expr.text) is None:
        name = source.name.removeprefix("--set ")
        advice = f"a string has quotes of its own: `--set '{name}=\"{expr.text}\"'`"
        fail("TN201", f"name `{expr.text}` is not declared", expr.span, label="not declared", help=advice)
    return evaluator.evaluate(expr, scope)


def _python_value(value: object, span: Span, depth: int = 0) -> Value:
    """A Python value as one of the language; what can turn itself into lists (NumPy's arrays and scalars) may do so."""
    if depth > _DEEPEST_LIST:
        fail("TN013", "a list nested so deeply cannot be passed to a network", span)
    match value:
        case float() if not math.isfinite(value):
            fail("TN013", f"{value} cannot be passed to a network", span, help="numbers are finite")
        case str() if (unsafe := UNSAFE.search(value.replace("\n", "").replace("\t", ""))) is not None:
            message = f"a string with the control character {code_point(unsafe[0])} cannot be passed to a network"
            fail("TN013", message, span, help="remove it: strings hold visible characters, line breaks and tabs")
        case bool() | int() | float() | str():
            return value
        case list() | tuple():
            items = cast("list[object] | tuple[object, ...]", value)
            return tuple(_python_value(item, span, depth + 1) for item in items)
        case _:
            pass
    as_list: object = getattr(value, "tolist", None)
    if callable(as_list) and not isinstance(value, type):
        try:
            plain: object = as_list()
        except Exception as error:
            reason = " ".join(str(error).split())
            kind = type(value).__name__
            fail("TN013", f"the values of a `{kind}` cannot be passed to a network: {reason}", span)
        return _python_value(plain, span, depth + 1)
    fail(
        "TN013",
        f"a value of type `{type(value).__name__}` cannot be passed to a network",
        span,
        help="pass numbers, booleans, strings and lists",
    )
