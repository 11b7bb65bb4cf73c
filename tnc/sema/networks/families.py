"""Declarations of cores and their families."""

from __future__ import annotations

from tnc.ir.program import CoreName, Init, Parameter
from tnc.sema.names.scope import Family, Scope, Tensor
from tnc.sema.networks.cores import CoreReader
from tnc.sema.networks.frame import Frame
from tnc.sema.problem import Failed
from tnc.syntax import tree


def declare_core(frame: Frame, node: tree.Core, scope: Scope) -> None:
    """Declare a core, or all members of a family that binders run over."""
    prefix, last = frame.prefix(node.path, scope)
    key = ".".join([*prefix, last.name])
    family = frame.family(key, "core", node.path.span, scope)
    subscripts = last.subscripts
    binders = [item for item in subscripts or () if isinstance(item, tree.Binder)]
    path = frame.join(prefix)
    mark = frame.evaluator.meter.mark()
    failed = False
    for inner in frame.evaluator.loop(binders, scope):
        inside = frame.evaluator.meter.mark()
        try:
            _member(frame, node, family, path, last, inner, scope)
        except Failed as failure:
            frame.evaluator.meter.recover(failure, inside)
            failed = True
    frame.evaluator.meter.restore(mark)
    if failed:
        family.poisoned = True


def _member(
    frame: Frame, node: tree.Core, family: Family, path: str, last: tree.PathPart, inner: Scope, scope: Scope
) -> None:
    member = frame.subscripts(last, inner)
    frame.check_new(family.name, family.members, family.places, member, node, scope)
    family.members[member] = None
    family.places[member] = node.path.span
    reader = CoreReader(frame.evaluator)
    shape, inputs = reader.shape(node, inner)
    name = CoreName(path, last.name, member)
    canonical = str(name)
    tensor = frame.instance.cores.get(canonical)
    if tensor is None:
        init = reader.init(node.init, shape, inner)
        seed = reader.seed(node, init, shape, inner)
        tensor = Tensor(canonical, shape, canonical, node.path.span)
        frame.instance.cores[canonical] = tensor
        frame.shared.builder.add_core(_parameter(node, name, shape, inputs, init, seed), node.span)
        if frame.bindings is None:
            frame.shared.declared.tensors.append(("core", canonical, node.path.span, canonical))
    family.members[member] = tensor


def _parameter(
    node: tree.Core, name: CoreName, shape: tuple[int, ...], inputs: int, init: Init, seed: int | None
) -> Parameter:
    return Parameter(name, shape, inputs, init, node.frozen, node.complex, seed, node.span)
