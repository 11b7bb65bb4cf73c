"""Operations as expressions, their operands already spelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from tnc.codegen.dialect import Dialect, Shared, WritesSweeps
from tnc.codegen.documents import Doc, Group, Terms, call, tuple_of
from tnc.codegen.scalars import ScalarWriter, number_text
from tnc.codegen.views import Views
from tnc.ir.extent import Extent
from tnc.ir.number_kinds import NumberKind
from tnc.ir.schedule import (
    Add,
    Broadcast,
    Conjugate,
    Contiguous,
    Diagonal,
    Embed,
    Eye,
    Gather,
    Index,
    Kron,
    Loop,
    Matmul,
    Multiply,
    NamedView,
    Normalize,
    Pointwise,
    Read,
    ReduceSum,
    ScalarConstant,
    Scale,
    Slice,
    Step,
    Sweep,
)
from tnc.ir.shared import is_light


class Expressions:
    """Spells operations in a backend's words."""

    def __init__(
        self,
        dialect: Dialect,
        scalars: ScalarWriter,
        views: Views,
        reference: str | None,
        sizes: Mapping[str, int],
        kinds: Mapping[str, NumberKind],
    ) -> None:
        self._dialect = dialect
        self._scalars = scalars
        self._views = views
        self._reference = reference
        self._sizes = sizes
        self._kinds = kinds

    def expression(self, step: Step, texts: Sequence[str]) -> Doc:
        """The right-hand side of a step's assignment; ``texts`` are its operands."""
        operation = step.operation
        match operation:
            case ScalarConstant(value):
                return self._dialect.number(number_text(value), self._reference)
            case Eye(size):
                return self._dialect.eye(size, self._reference)
            case Matmul():
                return self._matmul(operation, texts)
            case Multiply():
                return Terms("", texts[0], (("*", texts[1]),))
            case Kron():
                return call(self._dialect.kron, *texts)
            case Add(terms):
                return _sum([coefficient for coefficient, _ in terms], texts)
            case Scale(factor=factor):
                return f"{number_text(factor)} * {texts[0]}" if factor != -1 else f"-{texts[0]}"
            case ReduceSum(operand, axes):
                return _reduction(texts[0], axes, len(operand.seen))
            case Diagonal(operand):
                return self._diagonal(texts[0], len(operand.seen))
            case Embed(operand):
                if "embed" in self._dialect.functions.helpers:
                    self._scalars.need("embed")
                return self._dialect.embed(texts[0], len(operand.seen))
            case Broadcast():
                return self._dialect.broadcast(texts[0], self._views.dims(step.shape))
            case Contiguous():
                return texts[0] + self._dialect.solid
            case NamedView():
                return texts[0]
            case Slice(operand):
                return self._crop(texts[0], operand.seen, step.shape)
            case Conjugate():
                return self._dialect.conjugate(texts[0])
            case Pointwise(function=function, function_name=name, in_place=in_place):
                return self._scalars.apply(function, name, texts, in_place=in_place)
            case Normalize(axes=axes, epsilon=epsilon):
                self._scalars.need("rms")
                return call("rms", texts[0], tuple_of([str(axis) for axis in axes]), number_text(epsilon))
            case Gather():
                return self._gather(operation, texts)
            case Sweep(windows=windows) if isinstance(self._dialect, WritesSweeps):
                return self._dialect.sweep(texts[0], texts[1:], [window.front for window in windows])
            case Sweep() | Loop():
                raise AssertionError("a loop is not an expression, and sweeps are lowered")
            case _:
                assert_never(operation)

    def _gather(self, operation: Gather, texts: Sequence[str]) -> Doc:
        index = texts[1]
        if operation.divisor > 1:
            index += f" // {operation.divisor}"
        if not operation.leads:
            index += f" % {operation.operand.seen[0]}"
        return self._dialect.gather(texts[0], index)

    def _matmul(self, operation: Matmul, texts: Sequence[str]) -> Doc:
        texts = self._of_one_dtype(operation, texts)
        left, right = operation.left.seen[:-2], operation.right.seen[:-2]
        if left == right:
            return Terms("", texts[0], (("@", texts[1]),))
        shared_left = left == (1,)
        (batch,), shared = (right, operation.left) if shared_left else (left, operation.right)
        shape = self._views.dims((batch, *shared.seen[1:]))
        light = is_light(operation, self._sizes)
        return self._dialect.shared(
            texts[0], texts[1], Shared(shared_left, self._matrix(shared, texts[not shared_left]), tuple(shape), light)
        )

    def _matrix(self, read: Read, text: str) -> str:
        """A batch of one matrix as that matrix; ``text`` is the batch, which may be converted."""
        plain = self._views.read(read)
        if read.perm is not None and read.perm[0] != 0:
            return f"{text}[0]"
        perm = None if read.perm in (None, (0, 1, 2)) else tuple(axis - 1 for axis in read.perm[1:])
        return text.replace(plain, self._views.read(replace(read, shape=read.shape[1:], perm=perm)), 1)

    def _of_one_dtype(self, operation: Matmul, texts: Sequence[str]) -> Sequence[str]:
        """The operands of a product, a real one converted if the other one may be complex."""
        left, right = texts
        kinds = [self._kinds[read.source] for read in (operation.left, operation.right)]
        if kinds[0] < kinds[1]:
            left = self._dialect.converted(left, self._views.picked(operation.right))
        elif kinds[1] < kinds[0]:
            right = self._dialect.converted(right, self._views.picked(operation.left))
        return left, right

    def _diagonal(self, text: str, rank: int) -> str:
        """The new axis comes last in every framework, and must come first."""
        diagonal = f"{text}.diagonal()"
        if rank > 2:
            order = (rank - 2, *range(rank - 2))
            diagonal += f".{self._dialect.permute}({', '.join(map(str, order))})"
        return diagonal + self._dialect.solid

    def _crop(self, text: str, before: tuple[Extent, ...], after: tuple[Extent, ...]) -> Doc:
        """Slices for the axes up to the last that really loses entries."""
        slices = [":" if old == new else f":{self._views.size(new)}" for old, new in zip(before, after, strict=True)]
        while slices and slices[-1] == ":":
            slices.pop()
        return Group(f"{text}[", tuple(slices), "]") if slices else text


def slice_text(index: Index, count: int, length: Extent) -> str:
    """The subscript that takes ``count`` entries from ``index`` on; empty if these are all of them, in order."""
    start, step = index.start, index.step
    last = start + step * (count - 1)
    if step > 0:
        first = str(start) if start else ""
        stop = str(last + 1) if last + 1 != length else ""
    else:
        first = str(start) if start + 1 != length else ""
        stop = str(last - 1) if last else ""
    by = f":{step}" if step != 1 else ""
    return f"[{first}:{stop}{by}]" if first or stop or by else ""


def _sum(coefficients: Sequence[float], texts: Sequence[str]) -> Terms:
    parts: list[tuple[str, str]] = []
    for coefficient, text in zip(coefficients, texts, strict=True):
        size = abs(coefficient)
        parts.append(("-" if coefficient < 0 else "+", text if size == 1 else f"{number_text(size)} * {text}"))
    sign, first = parts[0]
    return Terms("", first if sign == "+" else f"-{first}", tuple(parts[1:]))


def _reduction(text: str, axes: tuple[int, ...], rank: int) -> Doc:
    if not axes:
        return text
    if len(axes) == rank:
        return f"{text}.sum()"
    if len(axes) == 1:
        return f"{text}.sum({axes[0]})"
    return call(f"{text}.sum", tuple_of([str(axis) for axis in axes]))
