"""Declarations of cores: dims, the arrow, initialisation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from tnc.diagnostics import Label
from tnc.diagnostics.suggest import known_names
from tnc.ir.program import (
    LARGEST_SEEDED,
    SEEDS,
    Auto,
    Constant,
    Entries,
    Glorot,
    He,
    Identity,
    Init,
    Normal,
    Orthogonal,
    Uniform,
)
from tnc.sema.meter import integer
from tnc.sema.names.scope import Scope, Value
from tnc.sema.names.value_text import kind_of, short_text
from tnc.sema.names.walk import names, unwrapped
from tnc.sema.problem import fail
from tnc.sema.values.arithmetic import as_float, is_integer, is_number
from tnc.sema.values.builtins import INIT_KINDS
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Span
from tnc.syntax import tree

_ELSEWHERE = {"xavier": "Glorot", "kaiming": "He", "eye": "Identity", "gaussian": "Normal"}
"""What frameworks call some of them."""


@dataclass(frozen=True, slots=True)
class CoreReader:
    """Reads what stands after the name of a core."""

    evaluator: Evaluator

    def shape(self, node: tree.Core, scope: Scope) -> tuple[tuple[int, ...], int]:
        """The shape, and how many of its axes stand before the arrow."""
        exprs = node.dims if node.outputs is None else (*node.dims, *node.outputs)
        parts = self.evaluator.meter.each(exprs, lambda expr: dims(self.evaluator, expr, scope))
        shape = tuple(dim for part in parts for dim in part)
        check_size(self.evaluator, shape, node.span)
        if node.outputs is None:
            return shape, min(len(shape), max(1, len(shape) // 2))
        return shape, sum(len(part) for part in parts[: len(node.dims)])

    def init(self, expr: tree.Expr | None, shape: tuple[int, ...], scope: Scope) -> Init:
        """The initialisation; `auto` if none is written."""
        if expr is None:
            return Auto()
        expr = unwrapped(expr)
        match expr:
            case tree.Name(text=name) if name in INIT_KINDS:
                return self._kind(name, {}, expr.span)
            case tree.Call(function=tree.Name(text=name)) if name in INIT_KINDS:
                formal = [(parameter, default is not None) for parameter, default in INIT_KINDS[name]]
                return self._kind(name, self.evaluator.bind(expr, formal, f"`init {name}`", scope), expr.span)
            case tree.Call(function=tree.Name(text=name)) | tree.Name(text=name) if scope.find(name) is None:
                meant = _ELSEWHERE.get(name.lower().partition("_")[0], name)
                hint = known_names("initialisation", meant, INIT_KINDS)
                fail("TN250", f"unknown initialisation `{name}`", expr.span, help=hint)
            case tree.Conditional(condition=condition, value=value, otherwise=otherwise):
                return self.init(value if self.evaluator.condition(condition, scope) else otherwise, shape, scope)
            case _:
                return self._value(self.evaluator.evaluate(expr, scope), shape, expr.span)

    def seed(self, node: tree.Core, init: Init, shape: tuple[int, ...], scope: Scope) -> int | None:
        """The seed of a core whose entries are drawn from one."""
        if node.seed is None:
            return None
        place = node.seed.span
        if not node.frozen:
            fail(
                "TN255",
                "a core with a `seed` must be `frozen`",
                place,
                help="write `frozen` after it: the seed gives the entries again at any time, training would be lost",
            )
        value = self.evaluator.evaluate(node.seed, scope)
        if not is_integer(value):
            fail("TN255", f"a seed must be an integer, not {kind_of(value)}", place, label=short_text(value))
        if not 0 <= value < SEEDS:
            fail("TN255", f"the seed {short_text(value)} is out of range", place, help="a seed is from 0 to 2^64 - 1")
        if math.prod(shape) > LARGEST_SEEDED:
            fail("TN255", "a core of more than 2^32 entries cannot be drawn from a seed", node.span)
        where = place if node.init is None else node.init.span
        match init:
            case Auto() | Orthogonal():
                message = "a random isometry cannot be drawn from a seed: frameworks round it differently"
                fail("TN255", message, where, help="write `init normal(s)` or `init uniform(a, b)`")
            case Constant() | Entries():
                fail("TN255", "nothing of this core is random", where, help="leave out the `seed`")
            case _:
                return value

    def _kind(self, name: str, given: dict[str, tuple[Value, Span]], span: Span) -> Init:
        numbers: list[float] = []
        for parameter, default in INIT_KINDS[name]:
            if parameter in given:
                value, place = given[parameter]
                numbers.append(as_float(value, place, f"`{parameter}` of `init {name}`"))
            elif default is None:
                fail("TN250", f"`init {name}` needs `{parameter}`", span, help=f"write {_example(name)}")
            else:
                numbers.append(default)
        match name, numbers:
            case "normal", [std]:
                return Normal(_not_negative(std, "the standard deviation", span))
            case "uniform", [low, high]:
                if low > high:
                    fail(
                        "TN250",
                        "the lower bound of `init uniform` is larger than the upper",
                        span,
                        help="write `uniform(low, high)`",
                    )
                return Uniform(low, high)
            case "orthogonal", [gain]:
                return Orthogonal(gain)
            case "identity", [noise]:
                return Identity(_not_negative(noise, "the noise", span))
            case "zeros", _:
                return Constant(0.0)
            case "ones", _:
                return Constant(1.0)
            case "glorot", _:
                return Glorot()
            case "he", _:
                return He()
            case _:
                return Auto()

    def _value(self, value: Value, shape: tuple[int, ...], span: Span) -> Init:
        if is_number(value):
            return Constant(as_float(value, span, "an entry"))
        if not isinstance(value, tuple):
            fail(
                "TN250",
                f"a core cannot start as {kind_of(value)}",
                span,
                help="give a number, a list of entries or a kind like `normal(0.02)`",
            )
        elements = math.prod(shape)
        if any(isinstance(entry, tuple) for entry in value):
            fail("TN250", "the entries of a core are one flat list", span, help="write them row-major: `[1, 0, 0, 1]`")
        if len(value) != elements:
            fail(
                "TN250",
                f"{len(value)} entries are given for a core of {integer(elements)}",
                span,
                label=f"the shape is ({', '.join(map(str, shape))})",
                help="give every entry, row by row, or one number for all",
            )
        return Entries(tuple(as_float(entry, span, "an entry") for entry in value))


def _example(name: str) -> str:
    return {"normal": "`init normal(0.02)`", "uniform": "`init uniform(-0.1, 0.1)`"}.get(name, f"`init {name}`")


def _not_negative(number: float, what: str, span: Span) -> float:
    if number < 0:
        fail("TN250", f"{what} is negative", span, help="it is at least 0")
    return number


def dims(evaluator: Evaluator, expr: tree.Expr, scope: Scope) -> tuple[int, ...]:
    """A dimension, or the dimensions of a list that is spliced in."""
    value = evaluator.evaluate(expr, scope)
    if isinstance(value, tuple):
        evaluator.meter.pay(len(value) // 4, expr.span)
        return tuple(_dim(entry, expr, scope, listed=True) for entry in value)
    return (_dim(value, expr, scope),)


def _dim(value: Value, expr: tree.Expr, scope: Scope, *, listed: bool = False) -> int:
    """A dimension: the value of an expression, or ``listed`` in it."""
    span = expr.span
    if not is_integer(value):
        hint = None
        if isinstance(expr, tree.Arithmetic) and expr.operators == ("/",):
            hint = f"`/` makes floats; write `{expr.operands[0].span.text} // {expr.operands[1].span.text}`"
        elif isinstance(value, float):
            hint = "`//` divides integers; `floor` and `ceil` make integers of floats"
        fail("TN251", f"a dimension must be an integer, not {kind_of(value)}", span, label=short_text(value), help=hint)
    if value < 1:
        found = [(name.text, scope.find(name.text)) for name in names(expr)]
        labels = tuple(
            Label(entry.span, f"`{name}` is declared here") for name, entry in found[:1] if entry and entry.span
        )
        hint = None
        if value == -1:
            hint = "nothing is inferred from -1; a dimension of an `input` that is known at run time only is `batch?`"
        if found and not listed:
            hint = f"where it may be too small, write `max(1, {span.text})`"
        fail("TN251", f"a dimension must be at least 1, not {integer(value)}", span, labels=labels, help=hint)
    return value


def check_size(evaluator: Evaluator, shape: Sequence[int | str], span: Span) -> None:
    """Check the axes and entries of a tensor that will exist against the limits."""
    limits = evaluator.meter.limits
    if len(shape) > limits.axes:
        fail(
            "TN252",
            f"a tensor of {len(shape):,} axes: the limit is {limits.axes:,}",
            span,
            help=evaluator.meter.setting("axes"),
        )
    elements = 1
    for dim in shape:
        elements *= dim if isinstance(dim, int) else 1
        if elements > limits.elements:
            _too_large(shape, span, evaluator)


def _too_large(shape: Sequence[int | str], span: Span, evaluator: Evaluator) -> NoReturn:
    shown = ", ".join(integer(d) if isinstance(d, int) else f"{d}?" for d in shape[:8])
    more = ", …" if len(shape) > 8 else ""
    fail(
        "TN252",
        f"a tensor of the shape ({shown}{more}) has more than {evaluator.meter.limits.elements:,} entries",
        span,
        help=evaluator.meter.setting("elements"),
    )
