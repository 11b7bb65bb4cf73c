"""Warnings about an elaborated network: what it declares and never uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tnc.diagnostics import Diagnostic
from tnc.ir.program import Pointwise
from tnc.sema.suggest import listed
from tnc.source import Span

if TYPE_CHECKING:
    from tnc.sema.frame import Shared

_CODES = {"core": "TN801", "tensor": "TN802", "input": "TN803"}
_ONE_SIGN = {"relu": "not negative", "sigmoid": "positive", "softplus": "positive"}


def lints(shared: Shared) -> Iterator[Diagnostic]:
    """What is declared by the outermost network and never used, and outputs whose sign is bound."""
    yield from _unused(shared)
    for instance in shared.declared.instances:
        if not instance.used:
            yield Diagnostic(
                "TN804",
                f"instance `{instance.shown}` is never used",
                instance.span,
                help="use it with legs, or remove it",
            )
    yield from _signs(shared)


def _unused(shared: Shared) -> Iterator[Diagnostic]:
    referenced = shared.builder.referenced()
    unused: dict[tuple[str, int, int], list[str]] = {}
    spans: dict[tuple[str, int, int], Span] = {}
    counts: dict[tuple[str, int, int], int] = {}
    for kind, tensor, span, shown in shared.declared.tensors:
        key = (kind, span.start, span.end)
        counts[key] = counts.get(key, 0) + 1
        spans[key] = span
        if tensor not in referenced:
            unused.setdefault(key, []).append(shown)
    for (kind, start, end), names in unused.items():
        key = (kind, start, end)
        if kind == "tensor" and len(names) < counts[key]:
            continue  # some of what a loop defines is used, and its last iteration need not be
        plural = "are" if len(names) > 1 else "is"
        yield Diagnostic(
            _CODES[kind],
            f"{kind}{'s' if len(names) > 1 else ''} {listed(names, 4)} {plural} never used",
            spans[key],
            help="an unused core is neither trained nor counted" if kind == "core" else None,
        )


def _signs(shared: Shared) -> Iterator[Diagnostic]:
    """An activation on the result of a network that generates a weight bounds the signs of all its entries."""
    if shared.builder.inputs:
        return
    pointwise = {s.name: s for s in shared.builder.statements if isinstance(s, Pointwise)}
    for output in shared.builder.outputs:
        last = pointwise.get(output.tensor)
        if last is None or last.span is None or last.function_name not in _ONE_SIGN:
            continue
        yield Diagnostic(
            "TN805",
            f"every entry of `{output.name}` is {_ONE_SIGN[last.function_name]}, for `{last.function_name}` comes last",
            output.span,
            help="leave out the last activation, or take one that has both signs",
        )
