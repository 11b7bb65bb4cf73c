"""Names of tensors: ``h``, ``iso[1, k]``, ``t.q``, ``t[0].iso[1, 0]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import NoReturn, TypeAlias

from tnc.diagnostics import Label
from tnc.diagnostics.suggest import listed
from tnc.sema.names.scope import Bound, Family, Instance, Instances, Scope, Subscripts, Tensor
from tnc.sema.problem import Poisoned, fail
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Span
from tnc.syntax import tree


@dataclass(frozen=True, slots=True)
class InstanceOutput:
    """An instance, and which of its outputs: None if it was not said."""

    instance: Instance
    output: str | None
    span: Span = field(compare=False, repr=False)


Referent: TypeAlias = Tensor | InstanceOutput

_Part: TypeAlias = tuple[str, Sequence[tree.Expr] | None, Span]


def subscript_text(subscripts: Subscripts) -> str:
    """``[1, 0]``, or nothing."""
    return "" if subscripts is None else f"[{', '.join(map(str, subscripts))}]"


def _parts(expr: tree.Expr) -> list[_Part] | None:
    """``t[0].iso[1, k]`` taken apart; None for another expression."""
    parts: list[_Part] = []
    subscripts: Sequence[tree.Expr] | None = None
    while True:
        match expr:
            case tree.Subscript(base=base, items=items) if subscripts is None:
                subscripts = items
                expr = base
            case tree.Attribute(base=base, name=name):
                parts.append((name, subscripts, expr.span))
                subscripts = None
                expr = base
            case tree.Name(text=text):
                parts.append((text, subscripts, expr.span))
                return parts[::-1]
            case _:
                return None


def family_of(expr: tree.Expr, scope: Scope) -> Family | Instances | None:
    """The family or instances that an expression names, without looking at subscripts; None if it names no tensor."""
    while isinstance(expr, tree.Subscript | tree.Attribute):
        expr = expr.base
    if not isinstance(expr, tree.Name):
        return None
    entry = scope.find(expr.text)
    return None if isinstance(entry, Bound) else entry


def names_dotted_tensor(expr: tree.Expr, scope: Scope, evaluator: Evaluator) -> bool:
    """Whether an expression is the canonical dotted name of a tensor, as `expand` declares them."""
    parts = _parts(expr)
    return parts is not None and len(parts) > 1 and _dotted(parts, scope, evaluator) is not None


def refer(expr: tree.Expr, scope: Scope, evaluator: Evaluator) -> Referent | None:
    """What tensor an expression names; None if it names no tensor at all."""
    parts = _parts(expr)
    if parts is None:
        return None
    if len(parts) > 1:
        dotted = _dotted(parts, scope, evaluator)
        if dotted is not None:
            return dotted
    name, subscripts, _ = parts[0]
    entry = scope.find(name)
    match entry:
        case None:
            evaluator.undeclared(name, parts[0][2], scope)
        case Bound():
            return None
        case Family():
            if len(parts) > 1:
                fail("TN203", f"`{name}` is a tensor and has no `.{parts[1][0]}`", expr.span)
            loops = [known for known, each in scope.visible() if each.kind == "loop"]
            return tensor_member(entry, subscripts_of(subscripts, scope, evaluator), expr.span, loops)
        case Instances():
            instance = member(
                entry.name, entry.members, entry.places, subscripts_of(subscripts, scope, evaluator), expr.span, entry
            )
            if len(parts) == 1:
                return InstanceOutput(instance, None, expr.span)
            output, output_subscripts, _ = parts[1]
            if len(parts) > 2 or output_subscripts is not None:
                fail("TN203", "an output of an instance has neither subscripts nor members", expr.span)
            return InstanceOutput(instance, output, expr.span)


def _dotted(parts: list[_Part], scope: Scope, evaluator: Evaluator) -> Tensor | None:
    """A tensor that was declared under a canonical dotted name, as `expand` writes it."""
    root = scope.find(parts[0][0])
    if isinstance(root, Instances) or (isinstance(root, Bound) and root.kind != "network"):
        return None
    prefix = [f"{name}{subscript_text(subscripts_of(subs, scope, evaluator))}" for name, subs, _ in parts[:-1]]
    name, subscripts, span = parts[-1]
    entry = scope.find(".".join([*prefix, name]))
    if not isinstance(entry, Family):
        return None
    return tensor_member(entry, subscripts_of(subscripts, scope, evaluator), span)


def subscripts_of(items: Sequence[tree.Expr] | None, scope: Scope, evaluator: Evaluator) -> Subscripts:
    """The subscripts of a use, evaluated."""
    if items is None:
        return None
    for item in items:
        if isinstance(item, tree.Range):
            fail(
                "TN232",
                "a range picks no single member of a family",
                item.span,
                help="loop over it: `prod(k in a..b) g[k](…)`",
            )
    values = evaluator.each(items, scope)
    return tuple(
        evaluator.as_integer(value, item.span, "a subscript") for value, item in zip(values, items, strict=True)
    )


def tensor_member(family: Family, subscripts: Subscripts, span: Span, loops: Sequence[str] = ()) -> Tensor:
    """The tensor of a family under some subscripts."""
    if family.poisoned and subscripts not in family.members:
        raise Poisoned
    found = family.members.get(subscripts)
    if found is None:
        if subscripts in family.members:
            raise Poisoned
        _no_member(family.name, family.members, subscripts, span, family.span, loops)
    return found


def member(
    name: str,
    members: Mapping[Subscripts, Instance | None],
    places: Mapping[Subscripts, Span],
    subscripts: Subscripts,
    span: Span,
    family: Instances,
) -> Instance:
    """The instance of a family under some subscripts."""
    if family.poisoned and subscripts not in members:
        raise Poisoned
    found = members.get(subscripts)
    if found is None:
        if subscripts in members:
            raise Poisoned
        _no_member(name, members, subscripts, span, places.get(None, family.span))
    return found


def _no_member(
    name: str,
    members: Iterable[Subscripts],
    wanted: Subscripts,
    span: Span,
    declared: Span,
    loops: Sequence[str] = (),
) -> NoReturn:
    """Raise TN206 for a member that a family does not have; ``loops`` are the loop variables that could be meant."""
    labels = (Label(declared, "declared here"),)
    existing = list(members)
    if not existing:
        fail(
            "TN206",
            f"the family `{name}` has no members",
            span,
            labels=labels,
            help="its loop is empty for these arguments",
        )
    ranks = {None if s is None else len(s) for s in existing}
    rank = None if wanted is None else len(wanted)
    if rank in ranks:
        fail(
            "TN206",
            f"`{name}{subscript_text(wanted)}` does not exist",
            span,
            labels=labels,
            help=_extent(name, [s for s in existing if s is not None]),
        )
    if ranks == {None}:
        fail(
            "TN207", f"`{name}` has no subscripts", span, labels=labels, help=f"write `{name}` without square brackets"
        )
    expected = next(iter(sorted(r for r in ranks if r is not None)))
    plural = "s" if expected != 1 else ""
    example = subscript_text(next(s for s in existing if s is not None and len(s) == expected))
    if wanted is None:
        if len(loops) >= expected:
            example = f"[{', '.join(reversed(list(loops)[:expected]))}]"
        fail(
            "TN207",
            f"`{name}` is a family: pick a member with {expected} subscript{plural}",
            span,
            labels=labels,
            help=f"for example `{name}{example}`",
        )
    fail(
        "TN207",
        f"`{name}` takes {expected} subscript{plural}, not {rank}",
        span,
        labels=labels,
        help=f"for example `{name}{example}`",
    )


def _extent(name: str, existing: list[tuple[int, ...]]) -> str:
    """Which members there are: the ranges, if they fill a box; else a few of them."""
    range_ = as_range(name, existing)
    if range_ is None:
        return f"there are {listed(name + subscript_text(s) for s in existing)}"
    if len(existing) > 1:
        return f"there are `{range_}`, ranges half-open"
    only = existing[0]
    if len(only) == 1 and only[0] > 1:  # `core g[3](…)`, which is often meant as three of them
        return f"there is `{range_}` alone; a family of {only[0]} is `{name}[k in 0..{only[0]}]`"
    return f"there is `{range_}`"


def as_range(name: str, members: Sequence[tuple[int, ...]]) -> str | None:
    """``g[0, 1..4]`` for members that fill such a box; None for others."""
    columns = [sorted(set(column)) for column in zip(*members, strict=True)]
    contiguous = all(column[-1] - column[0] + 1 == len(column) for column in columns)
    if not members or not contiguous or prod(map(len, columns)) != len(set(members)):
        return None
    ranges = ", ".join(str(c[0]) if len(c) == 1 else f"{c[0]}..{c[-1] + 1}" for c in columns)
    return f"{name}[{ranges}]"
