"""Compile-time expressions: from the syntax tree to values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias, assert_never

from tnc.diagnostics import InternalError, Label
from tnc.diagnostics.suggest import did_you_mean, listed
from tnc.sema.meter import Meter
from tnc.sema.names.broken import BrokenText
from tnc.sema.names.places import binder_span
from tnc.sema.names.scope import (
    Bound,
    Builtin,
    Entry,
    Family,
    Helper,
    Instances,
    Namespace,
    NetworkValue,
    Scope,
    StandardLibrary,
    UserFunction,
    Value,
)
from tnc.sema.names.value_text import kind_of, short_text
from tnc.sema.problem import Poisoned, Sink, fail
from tnc.sema.values.arithmetic import binary, compare, is_integer, is_number
from tnc.sema.values.builtins import ACTIVATION_PARAMETERS, BUILTIN_NAMES, COMPILE_TIME, call_compile_time, range_length
from tnc.sema.values.calls import match_arguments, ordered, parameters
from tnc.source import Span
from tnc.syntax import tree

Items: TypeAlias = range | tuple[Value, ...]
"""What a loop runs over."""


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates compile-time expressions in a scope, paying for its work.

    ``standard`` gives a network of the standard library; ``broken`` is text that could not be parsed, and may declare
    what seems unknown.
    """

    meter: Meter
    sink: Sink
    standard: Callable[[str, Span], NetworkValue]
    broken: BrokenText

    # -- expressions ---------------------------------------------------------------------------

    def evaluate(self, expr: tree.Expr, scope: Scope) -> Value:
        """The value of an expression; raises Failed."""
        meter = self.meter
        # Most nodes are leaves: they are dealt with here, on the short way.
        if isinstance(expr, tree.Number):
            meter.work += 1
            return expr.value
        if isinstance(expr, tree.Name):
            meter.work += 1
            entry = scope.find(expr.text)
            if isinstance(entry, Bound) and entry.value is not None:
                return entry.value
            return self.value_of(self.lookup(expr.text, expr.span, scope), expr)
        meter.enter(expr.span)
        value = self._evaluate(expr, scope)
        meter.depth -= 1
        return value

    def _evaluate(self, expr: tree.Expr, scope: Scope) -> Value:
        match expr:
            case tree.Arithmetic():
                return self._arithmetic(expr, scope)
            case tree.Subscript():
                return self._subscript(expr, scope)
            case tree.Call():
                return self._call(expr, scope)
            case tree.Group():
                return self._group(expr, scope)
            case tree.Comparison():
                return self._comparison(expr, scope)
            case tree.Conditional():
                chosen = expr.value if self.condition(expr.condition, scope) else expr.otherwise
                return self.evaluate(chosen, scope)
            case tree.Power(base=base, exponent=exponent):
                left, right = self.each([base, exponent], scope)
                return binary("^", left, right, expr.span, self.meter)
            case tree.List(items=items):
                self.meter.list_length(len(items), expr.span)
                return tuple(self.each(items, scope))
            case tree.Comprehension():
                return self._comprehension(expr, scope)
            case tree.String(value=text):
                return text
            case tree.Number() | tree.Name():
                return self.evaluate(expr, scope)
            case tree.Boolean(value=truth):
                return truth
            case tree.Unary():
                return self._unary(expr, scope)
            case tree.Logical():
                return self._logical(expr, scope)
            case tree.Attribute():
                return self._attribute(expr, scope)
            case tree.Fold():
                return self._fold(expr, scope)
            case tree.Range():
                raise InternalError("the parser lets ranges stand in subscripts and binders only")
            case _:
                assert_never(expr)

    def each(self, exprs: Iterable[tree.Expr], scope: Scope) -> list[Value]:
        """The values of several expressions; every error in them is reported."""
        return self.meter.each(exprs, lambda expr: self.evaluate(expr, scope))

    def condition(self, expr: tree.Expr, scope: Scope) -> bool:
        """The value of a condition, which must be a boolean."""
        value = self.evaluate(expr, scope)
        if not isinstance(value, bool):
            hint = f"write `{expr.span.text} != 0`" if is_number(value) and "\n" not in expr.span.text else None
            fail(
                "TN220",
                f"a condition must be a boolean, not {kind_of(value)}",
                expr.span,
                label=short_text(value),
                help=hint,
            )
        return value

    def integer(self, expr: tree.Expr, scope: Scope, what: str) -> int:
        """The value of an expression that must be an integer."""
        value = self.evaluate(expr, scope)
        return self.as_integer(value, expr.span, what)

    def as_integer(self, value: Value, span: Span, what: str) -> int:
        """A value that must be an integer."""
        if not is_integer(value):
            fail(
                "TN221",
                f"{what} must be an integer, not {kind_of(value)}",
                span,
                label=short_text(value),
                help="`//` divides integers; `floor` and `ceil` make integers of floats"
                if isinstance(value, float)
                else None,
            )
        return value

    # -- names ---------------------------------------------------------------------------------

    def lookup(self, name: str, span: Span, scope: Scope) -> Entry:
        """What a name stands for; it must be declared."""
        entry = scope.find(name)
        if entry is None:
            self.undeclared(name, span, scope)
        return entry

    def undeclared(self, name: str, span: Span, scope: Scope, what: str = "name") -> NoReturn:
        """Complain about a name that nothing declares."""
        if self.broken.mentions(name, span) or self.sink.is_reported("TN201", span):
            raise Poisoned
        if name.endswith("'"):
            fail("TN201", f"`{name}` is not declared: only legs have primes", span)
        visible = {known for known, _ in scope.visible()} | BUILTIN_NAMES
        fail("TN201", f"{what} `{name}` is not declared", span, label="not declared", help=did_you_mean(name, visible))

    def value_of(self, entry: Entry, expr: tree.Expr) -> Value:
        """The compile-time value under a name, which must have one."""
        if isinstance(entry, Bound):
            if entry.value is None:
                raise Poisoned
            return entry.value
        if isinstance(entry, Instances):
            fail(
                "TN222",
                f"`{entry.name}` is an instance of a network, not a compile-time value",
                expr.span,
                labels=(Label(entry.span, "made here"),),
                help=f"use it as a tensor, with legs: `{entry.name}(i, …)`",
            )
        what = {"core": "a core", "input": "an input"}.get(entry.kind, "a tensor")
        fail(
            "TN222",
            f"`{entry.name}` is {what}, not a compile-time value",
            expr.span,
            labels=(Label(entry.span, "declared here"),),
            help="tensors stand on the right of definitions and outputs, with legs: `h(i, j) = …`",
        )

    def _attribute(self, expr: tree.Attribute, scope: Scope) -> Value:
        if isinstance(expr.base, tree.Name):
            entry = scope.find(expr.base.text)
            if isinstance(entry, Instances | Family):
                return self.value_of(entry, expr)
        if isinstance(expr.base, tree.Call) and self._is_tensor(expr.base.function, scope):
            fail(
                "TN203",
                f"a tensor has no `.{expr.name}`",
                expr.span,
                help="axes have names: `b(j, i) = a(i, j)` is the transpose, and groups reshape: `b((i, j)) = a(i, j)`",
            )
        base = self.evaluate(expr.base, scope)
        return self.member(base, expr)

    @staticmethod
    def _is_tensor(expr: tree.Expr, scope: Scope) -> bool:
        return isinstance(expr, tree.Name) and isinstance(scope.find(expr.text), Family)

    def member(self, base: Value, expr: tree.Attribute) -> Value:
        """What a namespace exports under a name."""
        match base:
            case StandardLibrary():
                return self.standard(expr.name, expr.span)
            case Namespace(name=name, members=members):
                if expr.name not in members:
                    if not base.complete:
                        raise Poisoned
                    fail(
                        "TN203",
                        f"`{name}` has no `{expr.name}`",
                        expr.span,
                        help=did_you_mean(expr.name, members) or exports(name, members),
                    )
                return members[expr.name]
            case _:
                fail("TN203", f"{kind_of(base)} has no members", expr.span, label=f"`.{expr.name}` of {kind_of(base)}")

    # -- operators -----------------------------------------------------------------------------

    def _arithmetic(self, expr: tree.Arithmetic, scope: Scope) -> Value:
        values = self.each(expr.operands, scope)
        result = values[0]
        start = expr.operands[0].span
        for operator, operand, value in zip(expr.operators, expr.operands[1:], values[1:], strict=True):
            result = binary(operator, result, value, start.to(operand.span), self.meter)
        return result

    def _unary(self, expr: tree.Unary, scope: Scope) -> Value:
        if expr.operator == "not":
            return not self.condition(expr.operand, scope)
        value = self.evaluate(expr.operand, scope)
        if not is_number(value):
            fail("TN211", f"`-` cannot take {kind_of(value)}", expr.span)
        return -value

    def _comparison(self, expr: tree.Comparison, scope: Scope) -> Value:
        values = self.each(expr.operands, scope)
        results = [
            compare(operator, values[k], values[k + 1], expr.operands[k].span.to(expr.operands[k + 1].span), self.meter)
            for k, operator in enumerate(expr.operators)
        ]
        return all(results)

    def _logical(self, expr: tree.Logical, scope: Scope) -> Value:
        decisive = expr.operator == "or"
        for operand in expr.operands:
            if self.condition(operand, scope) == decisive:
                return decisive
        return not decisive

    def _group(self, expr: tree.Group, scope: Scope) -> Value:
        if len(expr.items) == 1:
            return self.evaluate(expr.items[0], scope)
        fail(
            "TN223",
            "a group `(i, j)` stands among legs only",
            expr.span,
            help="a list is written in square brackets: `[2, 3]`",
        )

    def _subscript(self, expr: tree.Subscript, scope: Scope) -> Value:
        base = self.evaluate(expr.base, scope)
        if not isinstance(base, tuple):
            hint = "a list is written `[2, 3]`"
            if isinstance(base, Helper | NetworkValue | Builtin):
                hint = "round brackets hold arguments"
            fail("TN224", f"{kind_of(base)} cannot be subscripted", expr.span, label=short_text(base), help=hint)
        if len(expr.items) != 1:
            fail(
                "TN224", "a list takes one subscript", expr.span, help="a list of lists is indexed twice: `rows[i][j]`"
            )
        item = expr.items[0]
        if isinstance(item, tree.Range):
            return self._slice(base, item, scope)
        index = self.integer(item, scope, "a subscript")
        if index < 0:
            fail(
                "TN225",
                f"subscript {index} is negative",
                item.span,
                help=f"count from the end with `len`: `{_one_line(expr.base)}[len({_one_line(expr.base)}) - {-index}]`",
            )
        if index >= len(base):
            fail(
                "TN225",
                f"subscript {index} is out of range for a list of {len(base)}",
                item.span,
                label=short_text(base),
            )
        return base[index]

    def _slice(self, base: tuple[Value, ...], item: tree.Range, scope: Scope) -> Value:
        numbers = self.range_of(item, scope)
        for bound, expr in ((numbers.start, item.start), (numbers.stop, item.stop)):
            if bound < 0:
                fail("TN225", f"bound {bound} of a slice is negative", expr.span, help="clip it: `max(0, …)`")
        if numbers.step < 0:
            fail(
                "TN217", "the step of a slice must be positive", item.span, help="turn the list around with `reversed`"
            )
        result = base[min(numbers.start, len(base)) : min(numbers.stop, len(base)) : min(numbers.step, len(base) + 1)]
        self.meter.list_length(len(result), item.span)
        return result

    # -- loops ---------------------------------------------------------------------------------

    def range_of(self, expr: tree.Range, scope: Scope) -> range:
        """The numbers of ``a..b by s``; they may be very many."""
        start = self.integer(expr.start, scope, "the start of a range")
        stop = self.integer(expr.stop, scope, "the end of a range")
        step = 1 if expr.step is None else self.integer(expr.step, scope, "the step of a range")
        if step == 0:
            fail("TN217", "the step of a range must not be zero", expr.span, help="a range counts up by 1 or more")
        return range(start, stop, step)

    def items(self, expr: tree.Expr, scope: Scope) -> Items:
        """The values that a binder runs over. Each counts as one step."""
        inner = expr
        while isinstance(inner, tree.Group) and len(inner.items) == 1:
            inner = inner.items[0]
        if isinstance(inner, tree.Range):
            numbers = self.range_of(inner, scope)
            self.meter.step(range_length(numbers), inner.span)
            return numbers
        value = self.evaluate(expr, scope)
        if not isinstance(value, tuple):
            hint = f"count with a range: `0..{_one_line(expr)}`" if is_integer(value) else None
            fail("TN226", f"a loop runs over a range or a list, not {kind_of(value)}", expr.span, help=hint)
        self.meter.step(len(value), expr.span)
        return value

    def loop(self, binders: Sequence[tree.Binder], scope: Scope) -> Iterator[Scope]:
        """The scopes of all iterations of nested binders; later binders see earlier ones.

        It is one scope, rebound at every turn: nothing may keep it.
        """
        if not binders:
            yield scope
            return
        inner = Scope(scope)
        first, *rest = binders
        bound = inner.bind(first.name, None, binder_span(first), "loop")
        self.meter.enter(first.span)
        for value in self.items(first.iterable, scope):
            bound.value = value
            if rest:
                yield from self.loop(rest, inner)
            else:
                yield inner
        self.meter.depth -= 1

    def _comprehension(self, expr: tree.Comprehension, scope: Scope) -> Value:
        result: list[Value] = []
        for inner in self.loop(expr.binders, scope):
            if expr.condition is None or self.condition(expr.condition, inner):
                result.append(self.evaluate(expr.element, inner))
                if len(result) > self.meter.limits.list_length:
                    self.meter.list_length(len(result), expr.span)
        return tuple(result)

    def _fold(self, expr: tree.Fold, scope: Scope) -> Value:
        operator, result = ("*", 1) if expr.operator == "prod" else ("+", 0)
        total: Value = result
        for inner in self.loop(expr.binders, scope):
            total = binary(operator, total, self.evaluate(expr.body, inner), expr.span, self.meter)
        return total

    # -- calls ---------------------------------------------------------------------------------

    def _call(self, expr: tree.Call, scope: Scope) -> Value:
        function = self.evaluate(expr.function, scope)
        match function:
            case Builtin(name=name) if name in COMPILE_TIME:
                arguments = self.each(ordered(expr, f"`{name}`", COMPILE_TIME[name].names), scope)
                return call_compile_time(name, tuple(arguments), expr.span, self.meter)
            case Helper(node=node):
                return self._call_helper(
                    function, self.bind(expr, parameters(node), f"`{node.name}`", scope), expr.span
                )
            case Builtin(name=name) if name in ACTIVATION_PARAMETERS:
                fail(
                    "TN227",
                    f"`{name}` is an activation: it applies to tensors, not to compile-time values",
                    expr.span,
                    help=f"a tensor is defined without `let` and with its legs: `h(i, j) = {name}(…)`",
                )
            case UserFunction(name=name):
                fail(
                    "TN227",
                    f"`{name}` is a `fn`: it applies to tensors, not to compile-time values",
                    expr.span,
                    help="a helper for compile-time values is declared with `def`",
                )
            case Builtin(name=name):
                fail("TN227", f"`{name}` cannot be called in a compile-time expression", expr.span)
            case NetworkValue(shown=shown):
                fail(
                    "TN228",
                    "an instance of a network needs a name of its own",
                    expr.span,
                    help=f"declare it first: `let t = {shown}(…)`, then use `t` with legs",
                )
            case _:
                fail("TN227", f"{kind_of(function)} cannot be called", expr.function.span, label=short_text(function))

    def bind(
        self, call: tree.Call, formal: Sequence[tuple[str, bool]], what: str, scope: Scope
    ) -> dict[str, tuple[Value, Span]]:
        """Match arguments with parameters, given as (name, whether it has a default), and evaluate them."""
        matched = match_arguments(call, formal, what)
        values = self.each([argument.value for argument in matched.values()], scope)
        return {
            name: (value, argument.value.span) for (name, argument), value in zip(matched.items(), values, strict=True)
        }

    def _call_helper(self, function: Helper, arguments: dict[str, tuple[Value, Span]], span: Span) -> Value:
        node = function.node
        meter = self.meter
        meter.enter_call(f"`{node.name}`", span)
        inner = Scope(function.scope)
        for parameter in node.parameters:
            if parameter.name in arguments:
                value = arguments[parameter.name][0]
            else:
                assert parameter.default is not None
                value = self.evaluate(parameter.default, inner)
            inner.names[parameter.name] = Bound("parameter", value, parameter.span)
        result = self.evaluate(node.body, inner)
        meter.leave_call()
        return result


def _one_line(expr: tree.Expr) -> str:
    text = expr.span.text
    return text if len(text) <= 30 and "\n" not in text else "list"


def exports(name: str, members: Collection[str]) -> str:
    """A help line that lists what a file exports."""
    return f"it exports {listed(members)}" if members else f"`{name}` exports nothing"
