"""Pointwise functions: from an author's ``fn`` to one expression over the entry and some scalars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeAlias

from tnc.diagnostics.suggest import plural
from tnc.ir.activations import COMPARISONS
from tnc.ir.program import Apply, Argument, Literal, Scalar
from tnc.ir.scalar import SYMBOLS, scalar_text
from tnc.ir.scalar import evaluate as evaluate_scalar
from tnc.sema.names.scope import Bound, Builtin, FunctionValue, Helper, Scope, Tensor, UserFunction, Value
from tnc.sema.names.value_text import kind_of
from tnc.sema.names.walk import names
from tnc.sema.problem import fail
from tnc.sema.tensors.references import InstanceOutput, family_of, names_dotted_tensor, refer
from tnc.sema.values.arithmetic import binary, compare, is_number
from tnc.sema.values.builtins import ACTIVATION_PARAMETERS, COMPILE_TIME, SCALAR_FUNCTIONS, call_compile_time
from tnc.sema.values.calls import match_arguments, parameters, positional
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Source, Span
from tnc.syntax import parse_expression, tree

_NAMES = {symbol: name for name, symbol in SYMBOLS.items() if name != "neg"}
_OPERATORS = {symbol: name for symbol, name in _NAMES.items() if name not in COMPARISONS}

_LEVELS_AROUND_BODY = 4
"""How deep the body of a function lies in a file, with some room."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a function known at run time only. ``condition`` if it is true or false rather than a number."""

    scalar: Scalar
    size: int = 1
    depth: int = 1
    condition: bool = False


Part: TypeAlias = "Piece | Value"
"""What a part of a function's body is: known at run time, or now."""

ENTRY = Piece(Argument(0))
"""The entry that a pointwise function is applied to."""


@dataclass(slots=True)
class Scalars:
    """The scalar tensors that a function needs beside its entry, in order of first use."""

    names: list[str] = field(default_factory=list[str])

    def piece(self, tensor: Tensor) -> Piece:
        """The argument under which the function sees a scalar tensor."""
        if tensor.name not in self.names:
            self.names.append(tensor.name)
        return Piece(Argument(self.names.index(tensor.name) + 1))


@dataclass(frozen=True, slots=True)
class FunctionCompiler:
    """Inlines functions into one :class:`Scalar`; ``scalars`` collects the tensors met on the way."""

    evaluator: Evaluator
    scalars: Scalars

    def apply(self, function: FunctionValue, entry: Part, further: dict[str, Part], span: Span) -> Part:
        """The function of an entry, further arguments given by name, defaults filled in."""
        match function:
            case Builtin(name="identity"):
                return entry
            case Builtin(name="rms"):
                fail(
                    "TN230",
                    "`rms` is not pointwise: it cannot stand inside a `fn`",
                    span,
                    help="apply it where the function is applied: `rms(f(e))`",
                )
            case Builtin(name=name):
                operands: list[Part] = [entry]
                for parameter, default in ACTIVATION_PARAMETERS[name]:
                    operand = further.get(parameter, default)
                    assert operand is not None
                    operands.append(operand)
                return self.operation(name, operands, span)
            case UserFunction():
                return self._inline(function, entry, further, span)

    def part(self, expr: tree.Expr, scope: Scope, local: dict[str, Part]) -> Part:
        """One expression of a function's body; ``local`` holds its parameters."""
        meter = self.evaluator.meter
        meter.enter(expr.span)
        result = self._part(expr, scope, local)
        meter.depth -= 1
        return result

    # -- nodes ---------------------------------------------------------------------------------

    def _part(self, expr: tree.Expr, scope: Scope, local: dict[str, Part]) -> Part:
        match expr:
            case tree.Name(text=text) if text in local:
                return local[text]
            case tree.Name() | tree.Attribute() | tree.Subscript():
                if self._is_tensor(expr, scope, local):
                    return self.scalar_tensor(expr, scope)
                return self._known(expr, scope, local)
            case tree.Group(items=(inner,)):
                return self.part(inner, scope, local)
            case tree.Arithmetic():
                return self._arithmetic(expr, scope, local)
            case tree.Power(base=base, exponent=exponent):
                left, right = self._each([base, exponent], scope, local)
                return self._binary("^", left, right, expr.span)
            case tree.Unary(operator="-", operand=operand):
                value = self.part(operand, scope, local)
                if isinstance(value, Piece):
                    return self.operation("neg", [value], expr.span)
                return self._binary("-", 0, value, expr.span) if not isinstance(value, float) else -value
            case tree.Comparison():
                return self._comparison(expr, scope, local)
            case tree.Conditional(condition=condition, value=value, otherwise=otherwise):
                self._must_be_known(condition, scope, local, "choose at run time with `where(condition, a, b)`")
                chosen = value if self.evaluator.condition(condition, scope) else otherwise
                return self.part(chosen, scope, local)
            case tree.Call():
                return self._call(expr, scope, local)
            case tree.Fold():
                return self._fold(expr, scope, local)
            case _:
                return self._known(expr, scope, local)

    def _known(self, expr: tree.Expr, scope: Scope, local: dict[str, Part]) -> Part:
        self._must_be_known(expr, scope, local, None)
        return self.evaluator.evaluate(expr, self._with_values(scope, local))

    def _with_values(self, scope: Scope, local: dict[str, Part]) -> Scope:
        """The scope with those parameters of the function that are known now."""
        known = {name: part for name, part in local.items() if not isinstance(part, Piece)}
        if not known:
            return scope
        inner = Scope(scope)
        for name, value in known.items():
            inner.names[name] = Bound("parameter", value, None)
        return inner

    def _must_be_known(self, expr: tree.Expr, scope: Scope, local: dict[str, Part], hint: str | None) -> None:
        for name in names(expr):
            if isinstance(local.get(name.text), Piece):
                fail(
                    "TN231",
                    f"`{name.text}` is known at run time only and cannot be used in this way",
                    name.span,
                    help=hint
                    or "a `fn` is made of + - * / ^, numbers, comparisons, activations and functions of scalars",
                )

    def _is_tensor(self, expr: tree.Expr, scope: Scope, local: dict[str, Part]) -> bool:
        root = expr
        while isinstance(root, tree.Attribute | tree.Subscript):
            root = root.base
        if isinstance(root, tree.Name) and root.text in local:
            return False
        return family_of(expr, scope) is not None or names_dotted_tensor(expr, scope, self.evaluator)

    def scalar_tensor(self, expr: tree.Expr, scope: Scope) -> Piece:
        """A scalar core, or another tensor without axes, as a further argument."""
        found = refer(expr, scope, self.evaluator)
        if isinstance(found, InstanceOutput) or found is None:
            fail(
                "TN231", "an instance cannot stand in a function", expr.span, help="define a scalar first: `s() = t()`"
            )
        if found.shape:
            fail(
                "TN231",
                f"`{found.shown}` has {plural(len(found.shape), 'axis', 'axes')}: only scalar tensors can stand here",
                expr.span,
                help=f"a scalar core is declared without dims: `core {found.shown}()`",
            )
        return self.scalars.piece(found)

    def _each(self, exprs: Iterable[tree.Expr], scope: Scope, local: dict[str, Part]) -> list[Part]:
        return self.evaluator.meter.each(exprs, lambda expr: self.part(expr, scope, local))

    def _arithmetic(self, expr: tree.Arithmetic, scope: Scope, local: dict[str, Part]) -> Part:
        parts = self._each(expr.operands, scope, local)
        result = parts[0]
        start = expr.operands[0].span
        for operator, operand, part in zip(expr.operators, expr.operands[1:], parts[1:], strict=True):
            result = self._binary(operator, result, part, start.to(operand.span))
        return result

    def _binary(self, operator: str, left: Part, right: Part, span: Span) -> Part:
        if not isinstance(left, Piece) and not isinstance(right, Piece):
            return binary(operator, left, right, span, self.evaluator.meter)
        if operator not in _OPERATORS:
            fail(
                "TN231",
                f"`{operator}` cannot be used on what is known at run time only",
                span,
                help="a `fn` has + - * / and ^",
            )
        return self.operation(_OPERATORS[operator], [left, right], span)

    def _comparison(self, expr: tree.Comparison, scope: Scope, local: dict[str, Part]) -> Part:
        parts = self._each(expr.operands, scope, local)
        if not any(isinstance(part, Piece) for part in parts):
            known = [part for part in parts if not isinstance(part, Piece)]
            results = [
                compare(op, known[k], known[k + 1], expr.span, self.evaluator.meter)
                for k, op in enumerate(expr.operators)
            ]
            return all(results)
        if len(parts) > 2:
            fail(
                "TN231",
                "a chained comparison cannot be decided at run time",
                expr.span,
                help="nest two choices: `where(a < t, where(t < b, x, y), y)`",
            )
        return self.operation(_NAMES[expr.operators[0]], parts, expr.span, condition=True)

    def _fold(self, expr: tree.Fold, scope: Scope, local: dict[str, Part]) -> Part:
        operator = "*" if expr.operator == "prod" else "+"
        result: Part | None = None
        for inner in self.evaluator.loop(expr.binders, self._with_values(scope, local)):
            part = self.part(expr.body, inner, local)
            result = part if result is None else self._binary(operator, result, part, expr.span)
        if result is None:
            return 1 if operator == "*" else 0
        return result

    # -- calls ---------------------------------------------------------------------------------

    def _call(self, expr: tree.Call, scope: Scope, local: dict[str, Part]) -> Part:
        if self._is_tensor(expr.function, scope, local):
            if expr.arguments:
                fail(
                    "TN231",
                    "a tensor with legs cannot stand in a function",
                    expr.span,
                    help="only scalar cores can: `a()`",
                )
            return self.scalar_tensor(expr.function, scope)
        function = self._known(expr.function, scope, local)
        assert not isinstance(function, Piece)
        match function:
            case Builtin(name=name) if name in SCALAR_FUNCTIONS and name != "where":
                return self._scalar_function(name, expr, scope, local)
            case Builtin(name="where"):
                return self._where(expr, scope, local)
            case UserFunction():
                return self._applied(function, expr, scope, local)
            case Builtin(name=name) if name in ACTIVATION_PARAMETERS:
                return self._applied(function, expr, scope, local)
            case Builtin(name=name) if name not in COMPILE_TIME:
                fail("TN231", f"`{name}` cannot stand in a function", expr.span)
            case Helper() | Builtin():
                return self._known(expr, scope, local)
            case _:
                fail("TN227", f"{kind_of(function)} cannot be called", expr.function.span)

    def _applied(self, function: FunctionValue, expr: tree.Call, scope: Scope, local: dict[str, Part]) -> Part:
        matched = match_arguments(expr, formal_parameters(function), f"`{function.name}`")
        values = self._each([argument.value for argument in matched.values()], scope, local)
        parts = dict(zip(matched, values, strict=True))
        entry = parts.pop(formal_parameters(function)[0][0])
        return self.apply(function, entry, parts, expr.span)

    def _scalar_function(self, name: str, expr: tree.Call, scope: Scope, local: dict[str, Part]) -> Part:
        parts = self._each(positional(expr, f"`{name}`"), scope, local)
        known = [part for part in parts if not isinstance(part, Piece)]
        if len(known) == len(parts) and name in COMPILE_TIME:
            return call_compile_time(name, tuple(known), expr.span, self.evaluator.meter)
        expected = SCALAR_FUNCTIONS[name]
        if expected is None:
            if len(parts) < 2:
                fail("TN218", f"`{name}` takes two or more arguments here, not {len(parts)}", expr.span)
            result = parts[0]
            for part in parts[1:]:
                result = self.operation(name, [result, part], expr.span)
            return result
        if len(parts) != expected:
            fail(
                "TN218", f"`{name}` takes {expected} argument{'s' if expected > 1 else ''}, not {len(parts)}", expr.span
            )
        return self.operation(name, parts, expr.span)

    def _where(self, expr: tree.Call, scope: Scope, local: dict[str, Part]) -> Part:
        parts = self._each(positional(expr, "`where`"), scope, local)
        if len(parts) != 3:
            fail("TN218", f"`where` takes 3 arguments, not {len(parts)}", expr.span, help="`where(t > 0, a, b)`")
        condition, value, otherwise = parts
        if isinstance(condition, bool):
            return value if condition else otherwise
        if not (isinstance(condition, Piece) and condition.condition):
            span = expr.arguments[0].span
            fail("TN231", "the first argument of `where` must be a comparison", span, help="`where(t > 0, a, b)`")
        return self.operation("where", parts, expr.span)

    def _inline(self, function: UserFunction, entry: Part, further: dict[str, Part], span: Span) -> Part:
        node = function.node
        meter = self.evaluator.meter
        meter.enter_call(f"`{node.name}`", span)
        local: dict[str, Part] = {}
        for position, parameter in enumerate(node.parameters):
            if position == 0:
                local[parameter.name] = entry
            elif parameter.name in further:
                local[parameter.name] = further[parameter.name]
            else:
                assert parameter.default is not None
                local[parameter.name] = self.part(parameter.default, function.scope, local)
        result = self.part(node.body, function.scope, local)
        meter.leave_call()
        return result

    # -- building ------------------------------------------------------------------------------

    @staticmethod
    def _too_deep(span: Span) -> NoReturn:
        message = "this function is nested too deeply once its parts are put in"
        fail("TN240", message, span, help="split sums with brackets")

    def operation(self, name: str, parts: Sequence[Part], span: Span, *, condition: bool = False) -> Part:
        """An operator or function of some parts; one of numbers alone is a number."""
        operands = [
            self.number(part, span) if name != "where" or position else _piece(part)
            for position, part in enumerate(parts)
        ]
        size = 1 + sum(operand.size for operand in operands)
        depth = 1 + max(operand.depth for operand in operands)
        limits = self.evaluator.meter.limits
        if depth > limits.nesting:
            self._too_deep(span)
        if size > limits.function_nodes:
            fail(
                "TN240",
                f"this function has more than {limits.function_nodes:,} operations once its parts are put in",
                span,
                help=self.evaluator.meter.setting("function_nodes"),
            )
        scalar = Apply(name, tuple(operand.scalar for operand in operands))
        if not condition and all(isinstance(operand.scalar, Literal) for operand in operands):
            value = evaluate_scalar(scalar, ())
            if not math.isfinite(value):
                fail("TN213", f"`{name}` of these numbers is not a finite number", span)
            return value
        return Piece(scalar, size, depth, condition)

    def complete(self, part: Part, span: Span) -> Piece:
        """A whole function. It can be written down: brackets that `expand` needs may nest deeper than what was read."""
        piece = self.number(part, span)
        limits = self.evaluator.meter.limits
        if piece.depth > limits.nesting // 3:
            names = [f"t{index}" for index in range(len(self.scalars.names) + 1)]
            within = replace(limits, nesting=limits.nesting - _LEVELS_AROUND_BODY)
            _, found = parse_expression(Source("", scalar_text(piece.scalar, names)), within)
            if found:
                self._too_deep(span)
        return piece

    def number(self, part: Part, span: Span) -> Piece:
        """A part as a number at run time; a comparison counts as 1 or 0."""
        if isinstance(part, Piece):
            if part.condition:
                chosen = Apply("where", (part.scalar, Literal(1.0), Literal(0.0)))
                return Piece(chosen, part.size + 3, part.depth + 1)
            return part
        if not is_number(part):
            fail("TN231", f"a function computes numbers, not {kind_of(part)}", span)
        try:
            return Piece(Literal(float(part)))
        except OverflowError:
            fail("TN213", "this number is too large for a float", span)


def _piece(part: Part) -> Piece:
    assert isinstance(part, Piece)
    return part


def formal_parameters(function: FunctionValue) -> list[tuple[str, bool]]:
    """The parameters of a function, the entry first: name, and whether there is a default."""
    match function:
        case Builtin(name=name):
            return [("e", False), *((n, default is not None) for n, default in ACTIVATION_PARAMETERS[name])]
        case UserFunction(node=node):
            return parameters(node)
