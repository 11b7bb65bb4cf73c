"""The left side of a definition: its axes, crops and reshape; and the declared deviation of an output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tnc.diagnostics import Label
from tnc.ir.program import Dim
from tnc.sema.names.scope import Scope
from tnc.sema.networks.cores import dims
from tnc.sema.problem import fail
from tnc.sema.tensors.leg_lists import LegReader
from tnc.sema.tensors.resolved import LeftAxis, Lookup, Pick
from tnc.sema.values.arithmetic import as_float
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Span
from tnc.syntax import tree


@dataclass(frozen=True, slots=True)
class LeftSide:
    """Reads the left side of one definition; ``sizes`` are the dynamic sizes of its network."""

    evaluator: Evaluator
    legs: LegReader
    sizes: dict[str, Dim]

    def axes(self, arguments: Sequence[tree.Argument], scope: Scope) -> tuple[LeftAxis, ...]:
        """The axes with their names and crops."""
        _check_names(arguments)
        parts = self.evaluator.meter.each(arguments, lambda argument: self._axis(argument, scope))
        return tuple(axis for part in parts for axis in part)

    def _axis(self, argument: tree.Argument, scope: Scope) -> list[LeftAxis]:
        crop = self._crop(argument.crop, scope)
        result: list[LeftAxis] = []
        for axis in self.legs.axes([argument.value], scope):
            if isinstance(axis, Pick | Lookup):
                fail("TN233", "`[k]` stands on the right only", axis.span)
            result.append(LeftAxis(axis, argument.name, crop))
        if argument.name is not None and len(result) != 1:
            fail(
                "TN239",
                f"axis `{argument.name}` is given {len(result)} axes",
                argument.value.span,
                help=f"make them one axis by a group: `{argument.name} = ({argument.value.span.text})`"
                if result
                else None,
            )
        return result

    def _crop(self, value: tree.Expr | None, scope: Scope) -> Dim | None:
        if value is None:
            return None
        if isinstance(value, tree.Name) and value.text in self.sizes and scope.find(value.text) is None:
            return self.sizes[value.text]
        crop = self.evaluator.integer(value, scope, "a crop")
        if crop < 1:
            fail(
                "TN239",
                f"a crop must keep at least 1 entry, not {crop}",
                value.span,
                help="leave it out to keep them all",
            )
        return crop

    def reshape(
        self, arguments: Sequence[tree.Argument] | None, scope: Scope
    ) -> tuple[tuple[str | None, Dim], ...] | None:
        """The axes of the `reshape` clause."""
        if arguments is None:
            return None
        _check_names(arguments)
        parts = self.evaluator.meter.each(arguments, lambda argument: self._size(argument, scope))
        return tuple(size for part in parts for size in part)

    def _size(self, argument: tree.Argument, scope: Scope) -> list[tuple[str | None, Dim]]:
        value = argument.value
        if argument.crop is not None:
            fail(
                "TN239",
                "a crop stands among the legs, not in `reshape`",
                argument.span,
                help="`reshape` keeps the first entries by itself",
            )
        if isinstance(value, tree.Name) and value.text in self.sizes and scope.find(value.text) is None:
            return [(argument.name, self.sizes[value.text])]
        shape = dims(self.evaluator, value, scope)
        if argument.name is not None and len(shape) != 1:
            fail("TN239", f"axis `{argument.name}` is given {len(shape)} sizes", value.span)
        return [(argument.name, dim) for dim in shape]


def _check_names(arguments: Sequence[tree.Argument]) -> None:
    seen: dict[str, Span] = {}
    for argument in arguments:
        if argument.name is None:
            continue
        if argument.name in seen:
            fail(
                "TN239",
                f"two axes are named `{argument.name}`",
                argument.span,
                labels=(Label(seen[argument.name], "first named here"),),
                help="give each axis a name of its own, or none",
            )
        seen[argument.name] = argument.span


def output_std(
    expr: tree.Expr, shape: tuple[Dim, ...], axes: tuple[str | None, ...], scope: Scope, evaluator: Evaluator
) -> float:
    """The declared deviation: a number, or `he` or `glorot` of the axes named `out`, `in`, `kh`, `kw`."""
    if isinstance(expr, tree.Name) and expr.text in ("he", "glorot") and scope.find(expr.text) is None:
        return _fan_std(expr.text, expr.span, dict(zip(axes, shape, strict=True)))
    std = as_float(evaluator.evaluate(expr, scope), expr.span, "`std`")
    if std <= 0:
        fail("TN253", "`std` must be positive", expr.span)
    return std


def _fan_std(kind: str, span: Span, sizes: dict[str | None, Dim]) -> float:
    fans: dict[str, int] = {}
    for axis in ("in", "out", "kh", "kw"):
        size = sizes.get(axis, 1)
        if isinstance(size, str):
            fail("TN253", f"`std {kind}` cannot use the dynamic axis `{axis}`", span)
        fans[axis] = size
    for axis in ("in",) if kind == "he" else ("in", "out"):
        if axis not in sizes:
            fail(
                "TN253",
                f"`std {kind}` needs an axis named `{axis}`",
                span,
                help="name the axes of the output: `output weight(out = o, in = i) std he = …`",
            )
    area = fans["kh"] * fans["kw"]
    if kind == "he":
        return math.sqrt(2 / (fans["in"] * area))
    return math.sqrt(2 / ((fans["in"] + fans["out"]) * area))
