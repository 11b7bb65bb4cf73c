"""Inputs: data of the outermost network, tensors bound to those of an instance."""

from __future__ import annotations

import math
from typing import NoReturn, assert_never

from tnc.diagnostics import Label
from tnc.diagnostics.suggest import nearest
from tnc.ir.program import Dim, Index, Input, Numbers, OneHot, Values
from tnc.sema.names.places import name_span
from tnc.sema.names.scope import Family, Scope, Tensor
from tnc.sema.names.walk import statements_in
from tnc.sema.networks.cores import check_size, dims
from tnc.sema.networks.frame import Frame
from tnc.sema.problem import Poisoned, fail
from tnc.sema.tensors.resolve import shape_text
from tnc.sema.values.arithmetic import as_float
from tnc.source import Span
from tnc.syntax import tree


def declare_input(frame: Frame, node: tree.Input, scope: Scope) -> None:
    """Declare an input, or bind it."""
    span = name_span(node)
    scope.check_free(node.name, span)
    family = Family("input", node.name, span)
    frame.scope.names[node.name] = family
    family.members[None] = None
    if frame.bindings is None:
        shape = _shape(frame, node, scope)
        values, shape = _values(frame, node, shape, scope)
        tensor = Tensor(node.name, shape, node.name, span, isinstance(values, Index))
        frame.shared.builder.inputs.append(Input(node.name, shape, values, node.span))
        frame.shared.declared.tensors.append(("input", node.name, span, node.name))
    else:
        tensor = _bound(frame, node, frame.bindings, scope)
    family.members[None] = tensor


def _shape(frame: Frame, node: tree.Input, scope: Scope) -> tuple[Dim, ...]:
    shape: list[Dim] = []
    for dim in frame.evaluator.meter.each(node.dims, lambda d: _dims(frame, d, scope)):
        shape.extend(dim)
    check_size(frame.evaluator, shape, node.span)
    return tuple(shape)


def _dims(frame: Frame, dim: tree.Expr | tree.DynamicDim, scope: Scope) -> tuple[Dim, ...]:
    if isinstance(dim, tree.DynamicDim):
        frame.sizes.setdefault(dim.name, dim.name)
        return (dim.name,)
    return dims(frame.evaluator, dim, scope)


def _values(frame: Frame, node: tree.Input, shape: tuple[Dim, ...], scope: Scope) -> tuple[Values, tuple[Dim, ...]]:
    """What the author says about the data, and the shape of the tensor that they are."""
    match node.values:
        case None:
            return Numbers(), shape
        case tree.InputStd(value=value):
            std = as_float(frame.evaluator.evaluate(value, scope), value.span, "`std`")
            if not 0 < std < math.inf:
                fail("TN256", "`std` must be positive", value.span, help="it is the root mean square of the data")
            return Numbers(std), shape
        case tree.OneHot(span=span):
            if not shape or not isinstance(shape[-1], int):
                last = f"`{node.name}` has no axis" if not shape else f"the last axis of `{node.name}` is dynamic"
                hint = "one entry along the last axis is 1: give it a last axis of known size"
                fail("TN256", f"{last} and cannot be `one_hot`", span, help=hint)
            return OneHot(), shape
        case tree.Index():
            return Index(), (*shape, _count(frame, node.values, scope))
        case _:
            assert_never(node.values)


def _count(frame: Frame, node: tree.Index, scope: Scope) -> int:
    """How many values an index has."""
    count = frame.evaluator.integer(node.count, scope, "the number of values of an index")
    if count < 1:
        fail("TN256", f"an index has at least 1 value, not {count}", node.count.span)
    check_size(frame.evaluator, (count,), node.span)
    return count


def _bound(frame: Frame, node: tree.Input, bindings: dict[str, tuple[Tensor, Span]], scope: Scope) -> Tensor:
    """What an instance's input is bound to, checked against the declaration."""
    if node.name not in bindings:
        body = frame.instance.network.node.body
        inputs = {each.name for each in statements_in(body) if isinstance(each, tree.Input)}
        if nearest(node.name, [name for name in bindings if name not in inputs]):
            raise Poisoned  # its name was misspelt, which is reported
        fail(
            "TN263",
            f"input `{node.name}` of `{frame.instance.shown}` is not bound",
            frame.use_span,
            labels=(Label(name_span(node), "the input"),),
            help=f"bind it to a tensor: `{frame.instance.shown}(…, {node.name} = h)`",
        )
    tensor, span = bindings[node.name]
    declared = _declared_dims(frame, node, scope)
    if isinstance(node.values, tree.Index):
        declared.append(_count(frame, node.values, scope))
        if not tensor.is_index:
            _mismatch(frame, node, tensor, span, "its entries are not integers")
    if len(declared) != len(tensor.shape):
        _mismatch(frame, node, tensor, span, f"it has {len(declared)} axes, not {len(tensor.shape)}")
    for position, (dim, actual) in enumerate(zip(declared, tensor.shape, strict=True)):
        if isinstance(dim, tree.DynamicDim):
            expected = frame.sizes.setdefault(dim.name, actual)
            if expected != actual:
                _mismatch(
                    frame,
                    node,
                    tensor,
                    span,
                    f"`{dim.name}` is {_dim_text(expected)} there already, not {_dim_text(actual)}",
                )
        elif dim != actual:
            _mismatch(frame, node, tensor, span, f"its axis {position} is {dim}, not {_dim_text(actual)}")
    return Tensor(tensor.name, tensor.shape, tensor.shown, tensor.span, isinstance(node.values, tree.Index))


def _declared_dims(frame: Frame, node: tree.Input, scope: Scope) -> list[int | tree.DynamicDim]:
    result: list[int | tree.DynamicDim] = []
    for dim in node.dims:
        if isinstance(dim, tree.DynamicDim):
            result.append(dim)
        else:
            result.extend(dims(frame.evaluator, dim, scope))
    return result


def _mismatch(frame: Frame, node: tree.Input, tensor: Tensor, span: Span, why: str) -> NoReturn:
    fail(
        "TN210",
        f"`{tensor.shown}` does not fit input `{node.name}` of `{frame.instance.shown}`: {why}",
        span,
        label=f"its shape is {shape_text(tensor.shape)}",
        labels=(Label(node.span, "the input is declared here"),),
        help="bind a tensor of the input's shape, or make the shape a parameter of the network",
    )


def _dim_text(dim: Dim) -> str:
    return str(dim) if isinstance(dim, int) else f"dynamic (`{dim}?`)"
