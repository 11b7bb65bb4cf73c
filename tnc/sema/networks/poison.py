"""The names of failed statements are poisoned, so that their uses are not reported as errors."""

from __future__ import annotations

from tnc.sema.names.scope import POISON, Bound, Family, Instances, Namespace, NetworkValue, Scope, StandardLibrary
from tnc.sema.names.walk import unwrapped
from tnc.sema.networks.frame import Frame
from tnc.source import Span
from tnc.syntax import tree


def poison(frame: Frame, statement: tree.Statement, scope: Scope) -> None:
    """Poison the names that a failed statement would have declared."""
    match statement:
        case tree.Core(path=path):
            _poison_family(frame, path, "core")
        case tree.Definition(path=path):
            _poison_family(frame, path, "intermediate")
        case tree.Input(name=name, span=span):
            _poison_name(frame, name, "input", span)
        case tree.Output(name=name):
            frame.outputs[name] = None
        case tree.Let(path=path):
            _poison_let(frame, statement, path, scope)
        case tree.Function(name=name, span=span) | tree.Def(name=name, span=span):
            scope.names.setdefault(name, Bound(POISON, None, span))
        case tree.For(body=body):
            for inner in body:
                poison(frame, inner, Scope(scope))
        case tree.If(branches=branches, otherwise=otherwise):
            for block in [*(branch.body for branch in branches), otherwise or ()]:
                for inner in block:
                    poison(frame, inner, Scope(scope))
        case _:
            pass


def _poison_let(frame: Frame, statement: tree.Let, path: tree.Path, scope: Scope) -> None:
    name = path.parts[0].name
    entry = scope.find_declared(name)
    if isinstance(entry, Instances):
        entry.poisoned = True
    elif entry is None:
        # An instance, and what has subscripts was meant to be one, would have been seen by the whole network.
        of_network = path.parts[0].subscripts is not None or _may_be_instance(statement.value, scope)
        place = frame.scope if of_network else scope
        place.names[name] = Bound(POISON, None, statement.span)


def _may_be_instance(expr: tree.Expr, scope: Scope) -> bool:
    stack = [expr]
    while stack:
        expr = unwrapped(stack.pop())
        if isinstance(expr, tree.Conditional):
            stack.extend((expr.value, expr.otherwise))
        elif isinstance(expr, tree.Call):
            root = expr.function
            while isinstance(root, tree.Attribute):
                root = root.base
            entry = scope.find(root.text) if isinstance(root, tree.Name) else None
            if entry is None or (isinstance(entry, Bound) and _leads_to_network(entry)):
                return True
    return False


def _leads_to_network(entry: Bound) -> bool:
    return entry.value is None or isinstance(entry.value, NetworkValue | Namespace | StandardLibrary)


def _poison_family(frame: Frame, path: tree.Path, kind: str) -> None:
    if len(path.parts) == 1:
        _poison_name(frame, path.parts[0].name, kind, path.span)


def _poison_name(frame: Frame, name: str, kind: str, span: Span) -> None:
    entry = frame.scope.find_declared(name)
    if entry is None:
        entry = frame.scope.names[name] = Family(kind, name, span)
    if isinstance(entry, Family) and entry.kind == kind:
        entry.poisoned = True
        if kind == "intermediate":
            entry.members.clear()
