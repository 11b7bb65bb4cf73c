"""The left side of a definition: from one axis a leg to the axes as written, by merging, cropping and reshaping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from tnc.diagnostics import Diagnostic
from tnc.ir.program import Crop, Dim, FlatCrop, Reshape, ViewKind
from tnc.sema.legs.dimensions import Dimensions, shown_count
from tnc.sema.tensors.resolved import Definition, LeftAxis
from tnc.source import Span


@dataclass(frozen=True, slots=True)
class PlannedView:
    """A view that is still to be made."""

    kind: ViewKind
    shape: tuple[Dim, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Finish:
    """The views that follow the value, and the shape and axis names that they lead to."""

    views: tuple[PlannedView, ...]
    shape: tuple[Dim, ...]
    axes: tuple[str | None, ...]
    lints: tuple[Diagnostic, ...] = ()


def finish(definition: Definition, left: Sequence[int], dimensions: Dimensions) -> Finish | tuple[Diagnostic, ...]:
    """The views that give the result of a definition its shape, or the errors in it.

    If a leg of the left side has no dimension or two, the result is empty: other checks report it.
    """
    if any(dimensions.dims[leg] is None or leg in dimensions.faulty for leg in left):
        return ()
    dims = tuple(dim for leg in left if (dim := dimensions.dims[leg]) is not None)
    merged, diagnostics = _merge(definition.left, dims)
    cropped, crop_diagnostics = _crop(definition.left, merged)
    diagnostics = (*diagnostics, *crop_diagnostics)
    if diagnostics:
        return diagnostics
    views: list[PlannedView] = []
    reshape = definition.reshape
    span = definition.span
    if merged != dims and (reshape is None or cropped != merged):
        views.append(PlannedView(Reshape(), merged, span))
    if cropped != merged:
        views.append(PlannedView(Crop(), cropped, span))
    lints = tuple(_dropped(definition.left, merged, cropped))
    if reshape is None:
        return Finish(tuple(views), cropped, tuple(axis.name for axis in definition.left), lints)
    place = definition.reshape_span or span
    shape = tuple(dim for _, dim in reshape)
    wrong = _check_reshape(cropped, shape, place)
    if wrong is not None:
        return (wrong,)
    if shape != (views[-1].shape if views else dims):
        whole = any(isinstance(dim, str) for dim in shape) or _elements(shape) == _elements(cropped)
        views.append(PlannedView(Reshape() if whole else FlatCrop(), shape, span))
        if not whole and 2 * _elements(shape) < _elements(cropped):
            lints = (*lints, _drops("`reshape`", _elements(shape), _elements(cropped), place))
    return Finish(tuple(views), shape, tuple(name for name, _ in reshape), lints)


def _merge(left: Sequence[LeftAxis], dims: Sequence[Dim]) -> tuple[tuple[Dim, ...], tuple[Diagnostic, ...]]:
    """The dimensions after the legs of every group became one axis."""
    merged: list[Dim] = []
    diagnostics: list[Diagnostic] = []
    position = 0
    for axis in left:
        legs = axis.axis.legs
        own = dims[position : position + len(legs)]
        position += len(legs)
        sizes = [dim for dim in own if isinstance(dim, int)]
        if len(own) == 1:
            merged.append(own[0])
        elif len(sizes) == len(own):
            merged.append(prod(sizes))
        else:
            dynamic = next(leg for leg, dim in zip(legs, own, strict=True) if isinstance(dim, str))
            message = f"the dynamic leg `{dynamic.name}` cannot be merged with others into one axis"
            diagnostics.append(
                Diagnostic("TN309", message, dynamic.span, "", help="give a dynamic leg an axis of its own")
            )
            merged.append(1)
    return tuple(merged), tuple(diagnostics)


def _crop(left: Sequence[LeftAxis], dims: Sequence[Dim]) -> tuple[tuple[Dim, ...], tuple[Diagnostic, ...]]:
    """The dimensions after cropping."""
    cropped: list[Dim] = []
    diagnostics: list[Diagnostic] = []
    for axis, dim in zip(left, dims, strict=True):
        shown = f"axis `{axis.name}`" if axis.name else "this axis"
        span = axis.axis.span
        if axis.crop is None or axis.crop == dim:
            cropped.append(dim)
        elif isinstance(dim, str):
            diagnostics.append(Diagnostic("TN311", f"{shown} is dynamic and cannot be cropped", span, f"`{dim}`"))
        elif isinstance(axis.crop, str):
            message = f"{shown} has {shown_count(dim)} entries and cannot be cropped to the dynamic size `{axis.crop}`"
            diagnostics.append(Diagnostic("TN311", message, span, f"{shown_count(dim)} entries"))
        elif not 0 < axis.crop <= dim:
            message = f"{shown} is cropped to {axis.crop}, but has {shown_count(dim)} entries"
            advice = "a crop keeps the first entries of an axis, at least one and at most all"
            diagnostics.append(Diagnostic("TN311", message, span, f"{shown_count(dim)} entries", help=advice))
        else:
            cropped.append(axis.crop)
    return tuple(cropped), tuple(diagnostics)


def _dropped(left: Sequence[LeftAxis], merged: Sequence[Dim], cropped: Sequence[Dim]) -> Iterator[Diagnostic]:
    """Crops that keep less than half of an axis: what is padded to the next power of two keeps more."""
    for axis, before, after in zip(left, merged, cropped, strict=True):
        if isinstance(before, int) and isinstance(after, int) and 2 * after < before:
            shown = f"the crop of axis `{axis.name}`" if axis.name else "this crop"
            yield _drops(shown, after, before, axis.axis.span)


def _drops(what: str, kept: int, of: int, span: Span) -> Diagnostic:
    message = f"{what} keeps {shown_count(kept)} of {shown_count(of)} entries and drops the rest"
    return Diagnostic(
        "TN809",
        message,
        span,
        f"{shown_count(of)} entries",
        help="smaller dimensions, or fewer legs, hold what is kept at less cost",
    )


def _check_reshape(before: tuple[Dim, ...], after: tuple[Dim, ...], span: Span) -> Diagnostic | None:
    """What is wrong with a reshape clause: dynamic axes stay as they are, the others must hold enough entries."""
    dynamic = tuple(dim for dim in before if isinstance(dim, str))
    if dynamic != tuple(dim for dim in after if isinstance(dim, str)):
        names = " and ".join(f"`{dim}`" for dim in dynamic) or "none"
        message = f"`reshape` must keep the dynamic axes as they are: the value has {names}"
        advice = "name each dynamic size in `reshape` where its axis stays, or leave `reshape` out"
        return Diagnostic("TN312", message, span, help=advice)
    if dynamic:
        if _runs(before) == _runs(after):
            return None
        message = "`reshape` moves entries across a dynamic axis, or drops some"
        advice = "before, between and behind dynamic axes the numbers of entries must stay the same"
        return Diagnostic("TN312", message, span, help=advice)
    if any(isinstance(dim, int) and dim < 1 for dim in after):
        return Diagnostic("TN313", "`reshape` has a size that is not positive", span)
    have, want = _elements(before), _elements(after)
    if want > have:
        message = f"`reshape` asks for {shown_count(want)} entries, but there are {shown_count(have)}"
        return Diagnostic("TN313", message, span, help="`reshape` keeps the first entries; it cannot make more")
    return None


def _runs(shape: tuple[Dim, ...]) -> list[int]:
    """The numbers of entries before, between and behind the dynamic axes."""
    runs = [1]
    for dim in shape:
        if isinstance(dim, str):
            runs.append(1)
        else:
            runs[-1] *= dim
    return runs


def _elements(shape: tuple[Dim, ...]) -> int:
    return prod(dim for dim in shape if isinstance(dim, int))
