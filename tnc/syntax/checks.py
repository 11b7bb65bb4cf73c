"""What the grammar lets pass and the language does not: depth, types, primes in declared names, folds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Final, cast

from tnc.diagnostics import Diagnostic
from tnc.diagnostics.suggest import nearest
from tnc.limits import Limits
from tnc.syntax import tree
from tnc.syntax.scanner import too_deep
from tnc.syntax.tokens import clip

PARAMETER_TYPES: Final = ("int", "float", "bool", "str", "fn", "ints", "floats")

_TYPE_SLIPS: Final = {
    "integer": "int",
    "i32": "int",
    "i64": "int",
    "double": "float",
    "real": "float",
    "number": "float",
    "boolean": "bool",
    "string": "str",
    "text": "str",
    "function": "fn",
    "activation": "fn",
    "callable": "fn",
    "list": "ints",
    "dims": "ints",
    "shape": "ints",
    "tuple": "ints",
}


def children(node: tree.Node) -> Iterator[tree.Node]:
    """The nodes right under a node, in order of place."""
    for value in _parts(cast(type, type(node)))(node):
        if isinstance(value, tree.Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in cast(tuple[object, ...], value) if isinstance(item, tree.Node))


@cache
def _parts(kind: type) -> Callable[[tree.Node], tuple[object, ...]]:
    names = [field.name for field in fields(kind) if field.name not in ("span", "source", "comments", "broken")]
    if len(names) == 1:
        single = attrgetter(names[0])
        return lambda node: (single(node),)
    return attrgetter(*names) if names else lambda _: ()


def check(root: tree.Statement | tree.Expr, limits: Limits) -> tuple[list[Diagnostic], bool]:
    """What is wrong with a statement or an expression, and whether it is shallow enough for recursive walks."""
    diagnostics: list[Diagnostic] = []
    waiting: list[tuple[tree.Node, int]] = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > limits.nesting:
            return [*diagnostics, too_deep(node.span, limits)], False
        diagnostics.extend(_check_node(node))
        waiting.extend((child, depth + 1) for child in children(node))
    return diagnostics, True


def _check_node(node: tree.Node) -> Iterator[Diagnostic]:
    match node:
        case tree.NetworkParameter(name, type_):
            if type_ not in PARAMETER_TYPES:
                yield _unknown_type(node, type_)
            yield from _prime(node, name)
        case tree.Fold(operator):
            if operator not in ("prod", "sum"):
                message = f"`{clip(operator)}` does not fold: only `prod` and `sum` take `k in …`"
                yield Diagnostic(
                    "TN112", message, node.span, help="write `prod(k in a..b) e` or a comprehension `[e for k in a..b]`"
                )
        case (
            tree.Network(name)
            | tree.Application(name)
            | tree.Function(name)
            | tree.Def(name)
            | tree.Input(name)
            | tree.Output(name)
        ):
            yield from _prime(node, name)
        case tree.PathPart(name) | tree.FunctionParameter(name) | tree.DynamicDim(name) | tree.Binder(name):
            yield from _prime(node, name)
        case tree.Attribute(_, name):
            yield from _prime(node, name)
        case tree.Argument(_, str(name)):
            yield from _prime(node, name)
        case tree.Import(_, str(alias)):
            yield from _prime(node, alias)
        case _:
            pass


def _unknown_type(node: tree.Node, type_: str) -> Diagnostic:
    close = _TYPE_SLIPS.get(type_.lower()) or nearest(type_, PARAMETER_TYPES)
    advice = f"the types are {', '.join(f'`{name}`' for name in PARAMETER_TYPES)}"
    return Diagnostic(
        "TN110", f"there is no type `{clip(type_)}`", node.span, help=f"write `{close}`: {advice}" if close else advice
    )


def _prime(node: tree.Node, name: str) -> Iterator[Diagnostic]:
    if name.endswith("'"):
        plain = clip(name.rstrip("'"))
        yield Diagnostic(
            "TN111",
            f"the name `{clip(name)}` has a prime: only legs can",
            node.span,
            help=f"write `{plain}`, or `{plain}_new`",
        )
