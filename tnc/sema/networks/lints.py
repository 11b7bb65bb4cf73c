"""Warnings about an elaborated network: what it declares and never uses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator
from math import prod

from tnc.diagnostics import Diagnostic, Label
from tnc.diagnostics.suggest import listed
from tnc.ir.activations import ACTIVATIONS
from tnc.ir.entries import Sign
from tnc.ir.legs import used_tensors
from tnc.ir.program import Contract, Delta, Ones, Parameter, Pointwise, Use
from tnc.sema.networks.frame import Shared, Step
from tnc.sema.tensors.references import as_range
from tnc.source import Span

_CODES = {"core": "TN801", "tensor": "TN802", "input": "TN803"}
_UNUSED = {
    "core": "an unused core is neither trained nor counted",
    "tensor": "use it, or remove it",
    "input": "use it, or remove it; until then `forward` takes it and ignores it",
}
_MOST_PARTS = 100
"""How many tensors behind a definition are looked at: instances may hide thousands there."""

_MEMBER = re.compile(r"(.+)\[([0-9, -]+)\]")


def lints(shared: Shared) -> Iterator[Diagnostic]:
    """What is declared and never used, and what is legal but hardly meant."""
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
    yield from _bonds(shared)
    yield from _regions(shared)


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
            f"{kind}{'s' if len(names) > 1 else ''} {_members(names)} {plural} never used",
            spans[key],
            help=_UNUSED[kind],
        )


def _members(names: list[str]) -> str:
    """Names in backticks; members of one family as a range, where they make one."""
    found = [_MEMBER.fullmatch(name) for name in names]
    members = [(match[1], tuple(map(int, match[2].split(",")))) for match in found if match is not None]
    families = {name for name, _ in members}
    if 1 < len(members) == len(names) and len(families) == 1:
        range_ = as_range(families.pop(), [subscripts for _, subscripts in members])
        if range_ is not None:
            return f"`{range_}`"
    return listed(names, 4)


def _signs(shared: Shared) -> Iterator[Diagnostic]:
    """An activation on the result of a network that generates a weight bounds the signs of all its entries."""
    if shared.builder.inputs:
        return
    pointwise = {s.name: s for s in shared.builder.statements if isinstance(s, Pointwise)}
    for output in shared.builder.outputs:
        last = pointwise.get(output.tensor)
        entry = None if last is None or last.span is None else ACTIVATIONS.get(last.function_name)
        if last is None or entry is None or entry.sign is Sign.ANY:
            continue
        yield Diagnostic(
            "TN805",
            f"every entry of `{output.name}` is {entry.sign.value}, for `{last.function_name}` comes last",
            output.span,
            help="leave out the last activation, or take one that has both signs",
        )


def _bonds(shared: Shared) -> Iterator[Diagnostic]:
    """Bonds between two cores that are larger than all other legs of one of them together.

    The other core must be used nowhere else: then it could take up the first, and the bond would be smaller. Vectors
    are left out, since gates act on them, and so are the cores of the standard library.
    """
    statements = shared.builder.statements
    trained = {name: p for name, p in shared.builder.parameters.items() if not p.frozen}
    uses = Counter(tensor for statement in statements for tensor in used_tensors(statement))
    for statement in statements:
        if not isinstance(statement, Contract):
            continue
        for one, other, leg in _between_cores(statement, trained):
            for small, large in ((one, other), (other, one)):
                core = trained[small.tensor]
                dims = [statement.dims[each] for each in small.legs if each != leg]
                bond, rest = statement.dims[leg], prod(size for size in dims if isinstance(size, int))
                in_library = core.span is None or shared.is_library(core.span.source.name)
                if isinstance(bond, int) and bond > rest and uses[large.tensor] == 1 and not in_library:
                    yield _oversized(statement.leg_names[leg], bond, rest, core, statement.span)


def _between_cores(statement: Contract, trained: Container[str]) -> Iterator[tuple[Use, Use, int]]:
    """Pairs of trained cores, no vectors, with a leg that is summed between these two and nothing else."""
    holders: dict[int, list[Use | Delta | Ones]] = {}
    for factor in statement.factors:
        for leg in dict.fromkeys(factor.legs):
            holders.setdefault(leg, []).append(factor)
    for leg, factors in holders.items():
        match factors:
            case [Use(tensor=first) as one, Use(tensor=second) as other]:
                matrices = len(one.legs) > 1 and len(other.legs) > 1
                if matrices and leg not in statement.legs and first in trained and second in trained:
                    yield one, other, leg
            case _:
                pass


def _oversized(leg: str, bond: int, rest: int, core: Parameter, used: Span | None) -> Diagnostic:
    return Diagnostic(
        "TN807",
        f"the bond `{leg}` has dimension {bond}, but the other legs of `{core.name}` only {rest}",
        core.span,
        labels=() if used is None else (Label(used, "summed here"),),
        help=f"{rest} can represent the same: clip the bond, as in `min(chi, {rest})`",
    )


def _regions(shared: Shared) -> Iterator[Diagnostic]:
    """Products passed on without an activation, where most other definitions of the same tensor apply one.

    A definition that applies a function, be it ``identity``, is as the author wants it; so is the first one, which
    builds what the others act on.
    """
    steps = shared.declared.steps
    by_tensor = {step.tensor: step for step in steps}
    reads = {s.name: set(used_tensors(s)) for s in shared.builder.statements}
    linear = {s.name for s in shared.builder.statements if isinstance(s, Contract)}
    redefined = [(s, previous) for s in steps for previous in _previous(s, reads, by_tensor)]
    bare: dict[str, dict[Span, tuple[Step, Step]]] = {}
    for step, previous in redefined:
        if previous.again and previous.tensor in linear and not previous.applies:
            bare.setdefault(step.key, {}).setdefault(previous.span, (previous, step))
    for key, places in bare.items():
        applied = {step.span for step in steps if step.key == key and step.applies and step.again}
        if len(places) < len(applied):
            for previous, step in places.values():
                yield Diagnostic(
                    "TN811",
                    f"no activation stands between this `{key}` and the next, unlike elsewhere",
                    previous.span,
                    "a product without an activation",
                    labels=() if step.span == previous.span else (Label(step.span, "used here"),),
                    help="apply one, as in `relu(…)`, or `identity(…)` if none is meant",
                )


def _previous(step: Step, reads: dict[str, set[str]], by_tensor: dict[str, Step]) -> Iterator[Step]:
    """The definitions of the same tensor that a definition reads, through the parts that it is computed in."""
    seen: set[str] = set()
    waiting = [step.tensor]
    while waiting and len(seen) < _MOST_PARTS:
        for tensor in reads.get(waiting.pop(), ()):
            if tensor in seen:
                continue
            seen.add(tensor)
            known = by_tensor.get(tensor)
            if known is None:
                waiting.append(tensor)
            elif known.key == step.key:
                yield known
