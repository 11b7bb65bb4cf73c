"""Instances of networks: their names, the bindings of their inputs, and which output is meant."""

from __future__ import annotations

from tnc.diagnostics.suggest import known_names
from tnc.sema.names.scope import Family, Tensor
from tnc.sema.networks.frame import Frame
from tnc.sema.problem import Poisoned, fail
from tnc.sema.tensors.references import InstanceOutput
from tnc.source import Span


def check_bindings(inner: Frame, bindings: dict[str, tuple[Tensor, Span]]) -> None:
    """Raise TN204 if an input is bound that the network does not have."""
    families = [entry for entry in inner.scope.names.values() if isinstance(entry, Family)]
    inputs = [family.name for family in families if family.kind == "input"]
    for name, (_, place) in bindings.items():
        if name in inputs:
            continue
        hint = known_names("input", name, inputs) or "it has no inputs"
        fail("TN204", f"`{inner.instance.shown}` has no input `{name}`", place, help=hint)


def output_of(use: InstanceOutput, outputs: dict[str, Tensor | None], span: Span) -> Tensor:
    """The output that a use of an instance means: the one it names, or the only one."""
    instance = use.instance
    shown = ", ".join(f"`{instance.shown}.{name}`" for name in outputs)
    if use.output is None:
        if len(outputs) > 1:
            fail("TN265", f"`{instance.shown}` has {len(outputs)} outputs", use.span, help=f"pick one: {shown}")
        if not outputs:
            raise Poisoned
        tensor = next(iter(outputs.values()))
    else:
        if use.output not in outputs:
            hint = known_names("output", use.output, outputs)
            fail("TN203", f"`{instance.shown}` has no output `{use.output}`", use.span, help=hint)
        tensor = outputs[use.output]
    if tensor is None:
        raise Poisoned
    suffix = "" if use.output is None else f".{use.output}"
    return Tensor(tensor.name, tensor.shape, f"{instance.shown}{suffix}", tensor.span)
