"""Lists of legs: names, spreads, groups, picks, interleaved and reversed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NoReturn, TypeAlias

from tnc.diagnostics import Diagnostic, Label
from tnc.diagnostics.suggest import plural
from tnc.sema.names.scope import Bound, Family, Scope, Tensor
from tnc.sema.names.walk import unwrapped
from tnc.sema.problem import fail
from tnc.sema.tensors.references import family_of, refer
from tnc.sema.tensors.resolved import Axis, Leg, LegName, Lookup, Pick
from tnc.sema.values.builtins import interleave, range_length
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Span
from tnc.syntax import tree

Entry: TypeAlias = Axis | Pick | Lookup


@dataclass(slots=True)
class LegReader:
    """Reads the legs of one statement, counting them."""

    evaluator: Evaluator
    lint: bool
    count: int = 0
    rows: int = 0

    def axes(self, exprs: Sequence[tree.Expr], scope: Scope) -> list[Entry]:
        """The axes that a list of legs stands for."""
        return [axis for axes in self.evaluator.meter.each(exprs, lambda e: self._axes(e, scope)) for axis in axes]

    def legs(self, exprs: Sequence[tree.Expr], scope: Scope, where: str) -> list[Leg]:
        """A list of plain legs, as `delta` takes them."""
        result: list[Leg] = []
        for axis in self.axes(exprs, scope):
            if not isinstance(axis, Axis) or axis.grouped:
                fail("TN233", f"{where} takes plain legs, no groups and no `[k]`", axis.span)
            result.extend(axis.legs)
        return result

    def _axes(self, expr: tree.Expr, scope: Scope) -> list[Entry]:
        self.evaluator.meter.enter(expr.span)
        result = self._entries(expr, scope)
        self.evaluator.meter.depth -= 1
        return result

    def _entries(self, expr: tree.Expr, scope: Scope) -> list[Entry]:
        match expr:
            case tree.Name():
                return [self._single(self._leg(expr, None, expr.span, scope))]
            case tree.Subscript(base=tree.Name() as base, items=items):
                return [self._single(leg) for leg in self._spread(base, items, expr.span, scope)]
            case tree.Group(items=items):
                return [Axis(tuple(self._group(items, scope)), True, expr.span)]
            case tree.List(items=items):
                return [self._pick(items, expr.span, scope)]
            case tree.Call(function=tree.Name(text="interleave"), arguments=arguments):
                lists = [self._axes(a.value, scope) for a in self._plain(arguments)]
                return interleave(lists)
            case tree.Call(function=tree.Name(text="reversed"), arguments=arguments):
                if len(arguments) != 1:
                    fail("TN218", f"`reversed` takes 1 argument, not {len(arguments)}", expr.span)
                return self._axes(self._plain(arguments)[0].value, scope)[::-1]
            case tree.Conditional(condition=condition, value=value, otherwise=otherwise):
                return self._axes(value if self.evaluator.condition(condition, scope) else otherwise, scope)
            case _:
                self._not_a_leg(expr)

    def _not_a_leg(self, expr: tree.Expr) -> NoReturn:
        hint = "legs are names: `i`, `x[k]`, `x[0..n]`, `(i, j)`; `[k]` picks entry k of an axis"
        match expr:
            case tree.Number(text=text):
                message, hint = "a number is not a leg", f"`[{text}]` picks entry {text} of this axis"
            case tree.Call(function=tree.Name(text=name)):
                message = f"`{name}(…)` is not a leg"
                hint = "a whole tensor is bound to an input by name: `x = h`" if name not in ("delta", "ones") else hint
            case tree.Arithmetic() | tree.Power() | tree.Unary():
                message, hint = (
                    "an expression is not a leg",
                    f"`[{expr.span.text}]` picks an entry, `x[{expr.span.text}]` is a leg",
                )
            case tree.Comprehension():
                message, hint = "a list is not a leg", "a spread is written `x[0..n]` or `x[0..n by 2]`"
            case tree.Range():
                message, hint = "a range is not a leg", "a spread is written `x[0..n]`"
            case _:
                message = "this is not a leg"
        fail("TN233", message, expr.span, help=hint)

    def _plain(self, arguments: Sequence[tree.Argument]) -> Sequence[tree.Argument]:
        for argument in arguments:
            if argument.name is not None or argument.crop is not None:
                fail("TN233", "a name cannot stand here", argument.span)
        return arguments

    def _single(self, leg: Leg) -> Axis:
        return Axis((leg,), False, leg.span)

    def _group(self, items: Sequence[tree.Expr], scope: Scope) -> Iterator[Leg]:
        for axis in self.axes(items, scope):
            if not isinstance(axis, Axis):
                fail("TN233", "`[k]` stands as an axis of its own, not in a group", axis.span)
            yield from axis.legs

    def _pick(self, items: Sequence[tree.Expr], span: Span, scope: Scope) -> Pick | Lookup:
        if len(items) != 1:
            fail(
                "TN233",
                "`[k]` picks one entry of one axis",
                span,
                help="one pair of brackets for each axis: `[0], [1]`",
            )
        item = unwrapped(items[0])
        if isinstance(item, tree.Call) and isinstance(family_of(item.function, scope), Family):
            return self._lookup(item, span, scope)
        if isinstance(item, tree.Name) and isinstance(scope.find(item.text), Family):
            shown = item.text
            fail("TN236", f"`{shown}` is used without legs", item.span, help=f"integers pick by `[{shown}(b)]`")
        index = self.evaluator.integer(item, scope, "a picked entry")
        if index < 0:
            fail("TN225", f"entry {index} is negative", span, help="entries are counted from 0")
        self._take(1, span)
        return Pick(index, span)

    def _lookup(self, call: tree.Call, span: Span, scope: Scope) -> Lookup:
        index = refer(call.function, scope, self.evaluator)
        if not isinstance(index, Tensor) or not index.is_index:
            shown = call.function.span.text
            hint = f"only integers pick: `input {shown}(batch?) index(n)`"
            fail("TN233", f"`{shown}` is not an index", call.span, help=hint)
        axes: list[Axis | Pick] = []
        for axis in self.axes([argument.value for argument in self._plain(call.arguments)], scope):
            if isinstance(axis, Lookup):
                fail("TN233", "an index is not picked by another one", axis.span)
            axes.append(axis)
        if len(axes) != len(index.shape) - 1:
            fail(
                "TN238",
                f"`{index.shown}` has {plural(len(index.shape) - 1, 'axis', 'axes')}, but is used with {len(axes)}",
                call.span,
                labels=(Label(index.span, "the index"),),
            )
        return Lookup(index.name, index.shape, tuple(axes), span, index.span, index.shown)

    def hidden(self, span: Span) -> Axis:
        """An axis with a leg that no author wrote."""
        self._take(1, span)
        self.rows += 1
        return Axis((Leg(LegName(f"#{self.rows}"), span),), False, span)

    def _take(self, number: int, span: Span) -> None:
        self.count += number
        limit = self.evaluator.meter.limits.legs
        if self.count > limit:
            self.count -= number
            fail(
                "TN234",
                f"this statement uses more than {limit:,} legs",
                span,
                help=self.evaluator.meter.setting("legs"),
            )

    def _leg(self, base: tree.Name, subscripts: tuple[int, ...] | None, span: Span, scope: Scope) -> Leg:
        name = base.text.rstrip("'")
        self._take(1, span)
        if self.lint:
            self._same_name(name, base.span, scope)
        return Leg(LegName(name, len(base.text) - len(name), subscripts), span)

    def _same_name(self, name: str, span: Span, scope: Scope) -> None:
        entry = scope.find(name)
        if isinstance(entry, Bound) and entry.kind in ("parameter", "let", "loop") and entry.span is not None:
            self.evaluator.sink.report(
                Diagnostic(
                    "TN810",
                    f"the leg `{name}` has the name of a compile-time value",
                    span,
                    "a leg, whatever the value is",
                    (Label(entry.span, "the value is declared here"),),
                    f"`[{name}]` picks an entry, `x[{name}]` is a leg; or give the leg another name",
                )
            )

    def _spread(self, base: tree.Name, items: Sequence[tree.Expr], span: Span, scope: Scope) -> list[Leg]:
        axes: list[range] = []
        total = 1
        for item in items:
            if isinstance(item, tree.Range):
                numbers = self.evaluator.range_of(item, scope)
            else:
                index = self.evaluator.integer(item, scope, "a subscript")
                numbers = range(index, index + 1)
            axes.append(numbers)
            total *= range_length(numbers)
        if total == 0:
            return []  # before `product`, which would list the other ranges
        self._take(total, span)
        self.count -= total
        return [self._leg(base, subscripts, span, scope) for subscripts in product(*axes)]
