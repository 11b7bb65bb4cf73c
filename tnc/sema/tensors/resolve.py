"""Tensor expressions: every name looked up, every loop unrolled; legs are still names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import NoReturn, TypeAlias

from tnc.diagnostics import Label
from tnc.diagnostics.suggest import plural
from tnc.ir.program import Argument, Dim
from tnc.sema.meter import WORK_PER_TERM
from tnc.sema.names.scope import (
    Builtin,
    Family,
    FunctionValue,
    Helper,
    Instances,
    NetworkValue,
    Scope,
    Tensor,
    UserFunction,
)
from tnc.sema.names.value_text import kind_of, short_text
from tnc.sema.names.walk import names
from tnc.sema.problem import fail
from tnc.sema.tensors.functions import ENTRY, FunctionCompiler, Part, Scalars, formal_parameters
from tnc.sema.tensors.leg_lists import Entry, LegReader
from tnc.sema.tensors.references import InstanceOutput, family_of, names_dotted_tensor, refer
from tnc.sema.tensors.resolved import (
    Activation,
    Axis,
    Conjugated,
    DeltaUse,
    Expression,
    Lookup,
    NumberUse,
    OnesUse,
    Pick,
    Product,
    Rms,
    SumOf,
    TensorUse,
)
from tnc.sema.values.arithmetic import binary, is_number
from tnc.sema.values.builtins import ACTIVATION_PARAMETERS, COMPILE_TIME, SCALAR_FUNCTIONS
from tnc.sema.values.calls import match_arguments, positional
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Span
from tnc.syntax import tree

Resolved: TypeAlias = "Expression | int | float"
"""A tensor expression, or a number known at compile time."""

UseInstance: TypeAlias = Callable[[InstanceOutput, Sequence[tree.Argument], Scope, Span], Tensor]
"""Gives the tensor of an instance's output, its inputs bound by the named arguments."""


Define: TypeAlias = Callable[[Expression, Sequence[Axis], Span], Tensor]
"""Defines a tensor with these axes by an expression, before the definition that is read."""


def shape_text(shape: tuple[Dim, ...]) -> str:
    """``(2, batch?, 3)``."""
    return f"({', '.join(str(d) if isinstance(d, int) else f'{d}?' for d in shape)})"


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves the right side of one definition."""

    evaluator: Evaluator
    legs: LegReader
    use_instance: UseInstance
    define: Define

    def expression(self, expr: tree.Expr, scope: Scope) -> Expression:
        """The whole right side."""
        return self._tensor(self._resolve(expr, scope), expr.span)

    def _tensor(self, value: Resolved, span: Span) -> Expression:
        if not isinstance(value, int | float):
            return value
        try:
            return NumberUse(float(value), span)
        except OverflowError:
            fail("TN213", "this number is too large for a float", span)

    def _resolve(self, expr: tree.Expr, scope: Scope) -> Resolved:
        self.evaluator.meter.enter(expr.span)
        result = self._node(expr, scope)
        self.evaluator.meter.depth -= 1
        return result

    def _node(self, expr: tree.Expr, scope: Scope) -> Resolved:
        match expr:
            case tree.Call():
                return self._call(expr, scope)
            case tree.Arithmetic(operators=("+" | "-", *_)):
                return self._sum(expr, scope)
            case tree.Arithmetic():
                return self._product(expr, scope)
            case tree.Fold():
                return self._fold(expr, scope)
            case tree.Group(items=(inner,)):
                return self._resolve(inner, scope)
            case tree.Number(value=value):
                return value
            case tree.Name() | tree.Subscript() | tree.Attribute():
                return self._without_legs(expr, scope)
            case tree.Unary(operator="-", operand=operand):
                resolved = self._resolve(operand, scope)
                return -resolved if isinstance(resolved, int | float) else SumOf(_signed(-1, resolved), expr.span)
            case tree.Conditional(condition=condition, value=value, otherwise=otherwise):
                return self._resolve(value if self.evaluator.condition(condition, scope) else otherwise, scope)
            case tree.Power(base=base, exponent=exponent):
                return self._power(expr, base, exponent, scope)
            case _:
                return self._number(expr, scope)

    def _number(self, expr: tree.Expr, scope: Scope) -> int | float:
        """A compile-time expression, which must be a number."""
        value = self.evaluator.evaluate(expr, scope)
        if is_number(value):
            return value
        hint = (
            "tensors are used with legs; a function is applied: `f(A(i, j))`"
            if isinstance(value, Builtin | UserFunction)
            else None
        )
        fail(
            "TN235",
            f"{kind_of(value)} cannot stand in a tensor expression",
            expr.span,
            label=short_text(value),
            help=hint,
        )

    def _without_legs(self, expr: tree.Expr, scope: Scope) -> int | float:
        family = family_of(expr, scope)
        if family is None and refer(expr, scope, self.evaluator) is None:
            return self._number(expr, scope)
        referent = refer(expr, scope, self.evaluator)
        shown = expr.span.text
        if isinstance(referent, Tensor):
            axes = ", ".join("ijklmnopq"[k] if k < 9 else f"i{k}" for k in range(len(referent.shape)))
            fail(
                "TN236",
                f"`{shown}` is used without legs",
                expr.span,
                labels=(Label(referent.span, f"declared with the shape {shape_text(referent.shape)}"),),
                help=f"write `{shown}({axes})`"
                if len(referent.shape) < 12
                else f"write `{shown}(x[0..{len(referent.shape)}])`",
            )
        fail("TN236", f"`{shown}` is used without legs", expr.span, help=f"write `{shown}(i, …)`")

    # -- operators -----------------------------------------------------------------------------

    def _each(self, exprs: Iterable[tuple[tree.Expr, Scope]]) -> list[Resolved]:
        """Each expression in its scope."""
        return self.evaluator.meter.each(exprs, lambda item: self._resolve(*item), failure_at=lambda item: item[0].span)

    def _sum(self, expr: tree.Arithmetic, scope: Scope) -> Resolved:
        values = self._each((operand, scope) for operand in expr.operands)
        known: int | float | None = None
        terms: list[tuple[int, Expression]] = []
        for position, (operand, value) in enumerate(zip(expr.operands, values, strict=True)):
            sign = -1 if position and expr.operators[position - 1] == "-" else 1
            if isinstance(value, int | float) and not terms:
                known = value if known is None else self._combine("+" if sign > 0 else "-", known, value, expr.span)
                continue
            if known is not None:
                terms.append((1, self._tensor(known, expr.operands[0].span)))
                known = None
            terms.extend(_signed(sign, self._tensor(value, operand.span)))
        return SumOf(tuple(terms), expr.span) if known is None else known

    def _product(self, expr: tree.Arithmetic, scope: Scope) -> Resolved:
        values = self._each((operand, scope) for operand in expr.operands)
        known: int | float | None = values[0] if isinstance(values[0], int | float) else None
        factors: list[Expression] = [] if known is not None else list(_factors(self._tensor(values[0], expr.span)))
        for operator, operand, value in zip(expr.operators, expr.operands[1:], values[1:], strict=True):
            if known is not None and isinstance(value, int | float):
                known = self._combine(operator, known, value, expr.span)
                continue
            if known is not None:
                factors.append(self._tensor(known, expr.operands[0].span))
                known = None
            if operator == "*":
                factors.extend(_factors(self._tensor(value, operand.span)))
            elif operator == "/" and isinstance(value, int | float):
                factors.append(self._tensor(self._combine("/", 1, value, operand.span), operand.span))
            elif operator == "/":
                fail(
                    "TN235",
                    "a tensor expression can be divided by a number only",
                    operand.span,
                    help="entry by entry, apply a function: `fn inverse(t) = 1 / t`",
                )
            else:
                fail("TN235", f"`{operator}` takes compile-time values only", expr.span)
        return Product(tuple(factors), expr.span) if known is None else known

    def _combine(self, operator: str, left: int | float, right: int | float, span: Span) -> int | float:
        result = binary(operator, left, right, span, self.evaluator.meter)
        assert is_number(result)
        return result

    def _power(self, expr: tree.Power, base: tree.Expr, exponent: tree.Expr, scope: Scope) -> Resolved:
        left, right = self._each([(base, scope), (exponent, scope)])
        if isinstance(left, int | float) and isinstance(right, int | float):
            return self._combine("^", left, right, expr.span)
        fail(
            "TN235",
            "`^` takes compile-time values only",
            expr.span,
            help="entry by entry, apply a function: `fn square(t) = t^2`",
        )

    def _fold(self, expr: tree.Fold, scope: Scope) -> Resolved:
        span = expr.span

        def terms() -> Iterator[tuple[tree.Expr, Scope]]:
            for inner in self.evaluator.loop(expr.binders, scope):
                self.evaluator.meter.pay(WORK_PER_TERM, span)
                yield expr.body, inner

        results = self._each(terms())
        if all(isinstance(result, int | float) for result in results):
            total: int | float = 1 if expr.operator == "prod" else 0
            for result in results:
                assert isinstance(result, int | float)
                total = self._combine("*" if expr.operator == "prod" else "+", total, result, span)
            return total
        if expr.operator == "prod":
            return Product(tuple(f for r in results for f in _factors(self._tensor(r, span))), span)
        return SumOf(tuple(t for r in results for t in _signed(1, self._tensor(r, span))), span)

    # -- calls ---------------------------------------------------------------------------------

    def _call(self, expr: tree.Call, scope: Scope) -> Resolved:
        family = family_of(expr.function, scope)
        if family is not None or not self._is_value(expr.function, scope):
            return self._use(expr, scope)
        function = self.evaluator.evaluate(expr.function, scope)
        match function:
            case UserFunction():
                return self._apply(function, expr, scope)
            case Builtin(name="conj"):
                return Conjugated(self._tensor(self._resolve(self._only(expr), scope), expr.span), expr.span)
            case Builtin(name="delta"):
                legs = self.legs.legs(positional(expr, "`delta`"), scope, "`delta`")
                if not legs:
                    fail("TN237", "`delta` needs a leg", expr.span, help="it ties legs together: `delta(i, j)`")
                return DeltaUse(tuple(legs), expr.span)
            case Builtin(name="ones"):
                legs = self.legs.legs(positional(expr, "`ones`"), scope, "`ones`")
                return OnesUse(tuple(legs), expr.span) if legs else 1
            case Builtin(name=name) if name in ACTIVATION_PARAMETERS:
                return self._apply(function, expr, scope)
            case Builtin(name=name):
                self._not_on_tensors(name, expr, scope)
                return self._number(expr, scope)
            case Helper():
                self._no_tensors(function, expr, scope)
                return self._number(expr, scope)
            case NetworkValue():
                fail(
                    "TN228",
                    "an instance of a network needs a name of its own",
                    expr.span,
                    help=f"declare it first: `let t = {function.shown}(…)`, then write `t(…)` with legs",
                )
            case _:
                shown = expr.function.span.text
                hint = f"a product is written `{shown} * …`" if is_number(function) else None
                fail(
                    "TN227",
                    f"{kind_of(function)} cannot be applied",
                    expr.function.span,
                    label=short_text(function),
                    help=hint,
                )

    @staticmethod
    def _no_tensors(helper: Helper, call: tree.Call, scope: Scope) -> None:
        """Complain where a helper for compile-time values is applied to a tensor."""
        for argument in call.arguments:
            for name in names(argument.value):
                if isinstance(scope.find(name.text), Family | Instances):
                    fail(
                        "TN227",
                        f"`{helper.node.name}` is a `def`: it computes with compile-time values, not with tensors",
                        call.function.span,
                        labels=(Label(name.span, "a tensor"),),
                        help=f"a function of entries is declared with `fn`: `fn {helper.node.name}(t) = …`",
                    )

    def _is_value(self, function: tree.Expr, scope: Scope) -> bool:
        """Whether the function of a call is a compile-time value rather than a tensor under a dotted name."""
        root = function
        while isinstance(root, tree.Attribute | tree.Subscript):
            root = root.base
        if not isinstance(root, tree.Name):
            return True
        if root is function and scope.find(root.text) is None:
            self.evaluator.undeclared(root.text, root.span, scope, "tensor or function")
        return scope.find(root.text) is not None and not names_dotted_tensor(function, scope, self.evaluator)

    def _only(self, expr: tree.Call) -> tree.Expr:
        arguments = positional(expr, f"`{expr.function.span.text}`")
        if len(arguments) != 1:
            fail("TN218", f"`{expr.function.span.text}` takes 1 argument, not {len(arguments)}", expr.span)
        return arguments[0]

    def _not_on_tensors(self, name: str, expr: tree.Call, scope: Scope) -> None:
        tensors = [
            n for a in expr.arguments for n in names(a.value) if isinstance(scope.find(n.text), Family | Instances)
        ]
        if not tensors:
            return
        hint = None
        if name in SCALAR_FUNCTIONS:
            hint = f"apply it entry by entry with a function of your own: `fn my_{name}(t) = {name}(t)`"
        elif name in ("sum", "prod"):
            hint = f"expand at compile time with a binder: `{name}(k in 0..n) …`"
        what = "a compile-time function" if name in COMPILE_TIME else "not an activation"
        fail("TN235", f"`{name}` is {what}: it cannot be applied to a tensor", expr.span, help=hint)

    # -- activations ---------------------------------------------------------------------------

    def _apply(self, function: FunctionValue, expr: tree.Call, scope: Scope) -> Resolved:
        matched = match_arguments(expr, formal_parameters(function), f"`{function.name}`")
        entry_name = formal_parameters(function)[0][0]
        if entry_name not in matched:
            fail(
                "TN205",
                f"`{function.name}` needs something to be applied to",
                expr.span,
                help=f"write `{function.name}(a(i, j))`",
            )
        argument = self._tensor(self._resolve(matched.pop(entry_name).value, scope), expr.span)
        if isinstance(function, Builtin) and function.name == "identity":
            return argument
        if isinstance(function, Builtin) and function.name == "rms":
            return Rms(argument, expr.span)
        scalars = Scalars()
        compiler = FunctionCompiler(self.evaluator, scalars)
        further: dict[str, Part] = {name: compiler.part(given.value, scope, {}) for name, given in matched.items()}
        applied = compiler.complete(compiler.apply(function, ENTRY, further, expr.span), expr.span)
        if applied.scalar == Argument(0):
            return argument
        return Activation(applied.scalar, function.name, argument, tuple(scalars.names), expr.span)

    # -- tensors -------------------------------------------------------------------------------

    def _use(self, expr: tree.Call, scope: Scope) -> Expression:
        referent = refer(expr.function, scope, self.evaluator)
        if referent is None:
            fail("TN227", "this cannot be used with legs", expr.function.span)
        if isinstance(referent, InstanceOutput):
            tensor = self.use_instance(referent, [a for a in expr.arguments if a.name is not None], scope, expr.span)
        else:
            tensor = referent
        positional: list[tree.Expr] = []
        for argument in expr.arguments:
            if argument.name is not None and not isinstance(referent, InstanceOutput):
                fail(
                    "TN233",
                    "legs have no names on the right",
                    argument.span,
                    help=f"write `{argument.value.span.text}`",
                )
            if argument.name is None:
                positional.append(argument.value)
        entries = self.legs.axes(positional, scope)
        axes = [entry for entry in entries if not isinstance(entry, Lookup)]
        if len(axes) < len(entries):
            return self._rows(expr, tensor, entries)
        if len(axes) != len(tensor.shape):
            self._wrong_legs(expr, tensor, len(axes))
        return TensorUse(tensor.name, tensor.shape, tuple(axes), expr.span, tensor.span, tensor.shown)

    def _rows(self, expr: tree.Call, tensor: Tensor, entries: Sequence[Entry]) -> Expression:
        """The entries of a tensor that integers select: a product with the one-hot tensors of the integers.

        Where the tensor has more axes than legs are written, an index takes as many axes as its values need, and the
        last leg takes those that are left; a definition of its own makes them one axis.
        """
        spans = self._spans(expr, tensor, entries)
        axes: list[Axis | Pick] = []
        left: list[Axis] = []
        seen: list[Axis] = []
        factors: list[Expression] = []
        for entry, span in zip(entries, spans, strict=True):
            if isinstance(entry, Pick):
                axes.append(entry)
                continue
            own = (
                [entry]
                if isinstance(entry, Axis) and span == 1
                else [self.legs.hidden(entry.span) for _ in range(span)]
            )
            axes.extend(own)
            together = Axis(tuple(leg for axis in own for leg in axis.legs), span > 1, entry.span)
            if isinstance(entry, Axis):
                left.append(together)
                seen.append(entry)
                continue
            index = (*entry.axes, together)
            factors.append(TensorUse(entry.tensor, entry.shape, index, entry.span, entry.declared, entry.shown))
            kept = [axis for axis in entry.axes if isinstance(axis, Axis)]
            left.extend(kept)
            seen.extend(kept)
        use = TensorUse(tensor.name, tensor.shape, tuple(axes), expr.span, tensor.span, tensor.shown)
        product = Product((use, *factors), expr.span)
        if left == seen:
            return product
        rows = self.define(product, left, expr.span)
        return TensorUse(rows.name, rows.shape, tuple(seen), expr.span, tensor.span, tensor.shown)

    def _spans(self, expr: tree.Call, tensor: Tensor, entries: Sequence[Entry]) -> list[int]:
        """How many axes each entry takes."""
        spans: list[int] = []
        exact = len(entries) == len(tensor.shape)
        for number, entry in enumerate(entries):
            rest = tensor.shape[sum(spans) :]
            span = 1
            if isinstance(entry, Lookup):
                span = 1 if exact else _axes_of(entry.count, rest)
                found = rest[:span]
                if not found or any(isinstance(dim, str) for dim in found) or prod(map(int, found)) != entry.count:
                    self._wrong_count(entry, tensor, rest[:1])
            elif not exact and number + 1 == len(entries) and isinstance(entry, Axis) and not entry.grouped:
                span = max(1, len(rest))
            spans.append(span)
        if sum(spans) != len(tensor.shape):
            self._wrong_legs(expr, tensor, len(entries))
        return spans

    def _wrong_count(self, entry: Lookup, tensor: Tensor, found: Sequence[Dim]) -> NoReturn:
        size = f"an axis of {found[0]}" if found and isinstance(found[0], int) else "an axis without known size"
        fail(
            "TN318",
            f"`{entry.shown}` has {entry.count} values and does not pick from {size} of `{tensor.shown}`",
            entry.span,
            labels=tuple(Label(span, "declared here") for span in (entry.declared, tensor.span) if span is not None),
            help="an index picks from an axis, or from neighbouring axes, with as many entries as it has values",
        )

    def _wrong_legs(self, expr: tree.Call, tensor: Tensor, count: int) -> NoReturn:
        wanted = len(tensor.shape)
        are = "leg is" if wanted - count == 1 else "legs are"
        hint = f"{wanted - count} more {are} needed, or `[k]` to pick an entry"
        if wanted < count:
            hint = "several legs on one axis are a group: `(i, j)`"
        elif any(isinstance(a.value, tree.Group) for a in expr.arguments):
            hint = "a group `(i, j)` is one axis"
        fail(
            "TN238",
            f"`{tensor.shown}` has {plural(wanted, 'axis', 'axes')}, but is used with {count}",
            expr.span,
            label=f"{count} here",
            labels=(Label(tensor.span, f"its shape is {shape_text(tensor.shape)}"),),
            help=hint,
        )


def _axes_of(count: int, shape: Sequence[Dim]) -> int:
    """The number of leading axes that together have at least ``count`` entries."""
    entries = 1
    for number, dim in enumerate(shape, start=1):
        if isinstance(dim, str):
            return number
        entries *= dim
        if entries >= count:
            return number
    return len(shape)


def _factors(expression: Expression) -> tuple[Expression, ...]:
    return expression.factors if isinstance(expression, Product) else (expression,)


def _signed(sign: int, expression: Expression) -> tuple[tuple[int, Expression], ...]:
    if isinstance(expression, SumOf):
        return tuple((sign * inner, term) for inner, term in expression.terms)
    return ((sign, expression),)
