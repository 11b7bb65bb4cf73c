"""Walks over trees: the children of an expression, the names in it, the statements of a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from tnc.syntax import tree


def children(expr: tree.Expr) -> tuple[tree.Expr, ...]:
    """The expressions directly inside an expression, in order of place."""
    match expr:
        case tree.Number() | tree.String() | tree.Boolean() | tree.Name():
            return ()
        case tree.Attribute(base=base):
            return (base,)
        case tree.Subscript(base=base, items=items):
            return (base, *items)
        case tree.Call(function=function, arguments=arguments):
            return (function, *(part for a in arguments for part in (a.crop, a.value) if part is not None))
        case tree.List(items=items) | tree.Group(items=items):
            return items
        case tree.Comprehension(element=element, binders=binders, condition=condition):
            return (element, *(b.iterable for b in binders), *(() if condition is None else (condition,)))
        case tree.Unary(operand=operand):
            return (operand,)
        case tree.Arithmetic(operands=operands) | tree.Comparison(operands=operands) | tree.Logical(operands=operands):
            return operands
        case tree.Power(base=base, exponent=exponent):
            return (base, exponent)
        case tree.Conditional(condition=condition, value=value, otherwise=otherwise):
            return (condition, value, otherwise)
        case tree.Fold(binders=binders, body=body):
            return (*(b.iterable for b in binders), body)
        case tree.Range(start=start, stop=stop, step=step):
            return (start, stop) if step is None else (start, stop, step)
        case _:
            assert_never(expr)


def names(expr: tree.Expr) -> Iterator[tree.Name]:
    """Every name in an expression."""
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, tree.Name):
            yield node
        else:
            stack.extend(reversed(children(node)))


def unwrapped(expr: tree.Expr) -> tree.Expr:
    """The expression without parentheses around it."""
    while isinstance(expr, tree.Group) and len(expr.items) == 1:
        expr = expr.items[0]
    return expr


def statements_in(body: Iterable[tree.Statement]) -> Iterator[tree.Statement]:
    """All statements of a block, at any depth."""
    stack = [iter(body)]
    while stack:
        statement = next(stack[-1], None)
        if statement is None:
            stack.pop()
            continue
        yield statement
        match statement:
            case tree.For(body=inner):
                stack.append(iter(inner))
            case tree.If(branches=branches, otherwise=otherwise):
                blocks = [*(branch.body for branch in branches), otherwise or ()]
                stack.append(inner for block in blocks for inner in block)
            case _:
                pass
