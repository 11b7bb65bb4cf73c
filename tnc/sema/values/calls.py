"""Arguments of a call, matched with parameters."""

from __future__ import annotations

from collections.abc import Sequence

from tnc.diagnostics import Label
from tnc.diagnostics.suggest import known_names, listed
from tnc.sema.problem import fail
from tnc.syntax import tree


def positional(call: tree.Call, what: str) -> list[tree.Expr]:
    """The arguments of a call that takes no names."""
    for argument in call.arguments:
        if argument.name is not None or argument.crop is not None:
            fail("TN218", f"{what} takes no named arguments", argument.span)
    return [argument.value for argument in call.arguments]


def ordered(call: tree.Call, what: str, names: Sequence[str]) -> list[tree.Expr]:
    """The arguments of a call by place, for a function whose first parameter has no default; names may be none."""
    if not names or all(argument.name is None for argument in call.arguments):
        return positional(call, what)
    matched = match_arguments(call, [(name, k > 0) for k, name in enumerate(names)], what)
    return [matched[name].value for name in names if name in matched]


def match_arguments(call: tree.Call, formal: Sequence[tuple[str, bool]], what: str) -> dict[str, tree.Argument]:
    """Match arguments with parameters: positional ones first, then named ones."""
    names = [name for name, _ in formal]
    matched: dict[str, tree.Argument] = {}
    for position, argument in enumerate(call.arguments):
        if argument.crop is not None:
            fail("TN218", "a crop stands on the left of a definition only", argument.span)
        if argument.name is None:
            if position and call.arguments[position - 1].name is not None:
                fail("TN218", "a positional argument follows a named one", argument.span)
            if position >= len(names):
                count = sum(1 for a in call.arguments if a.name is None)
                fail(
                    "TN218",
                    f"{what} takes {len(names)} argument{'s' if len(names) != 1 else ''}, not {count}",
                    argument.span.to(call.arguments[count - 1].span),
                    help=f"its parameters are {listed(names)}" if names else None,
                )
            matched[names[position]] = argument
        elif argument.name not in names:
            hint = known_names("parameter", argument.name, names)
            fail("TN204", f"{what} has no parameter `{argument.name}`", argument.span, help=hint)
        elif argument.name in matched:
            fail(
                "TN218",
                f"parameter `{argument.name}` is given twice",
                argument.span,
                labels=(Label(matched[argument.name].span, "given here already"),),
            )
        else:
            matched[argument.name] = argument
    missing = [name for name, optional in formal if not optional and name not in matched]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        fail(
            "TN205",
            f"{what} needs argument{plural} {listed(missing)}",
            call.span,
            help=f"give {'them' if plural else 'it'} by place, or by name: `{missing[0]} = …`",
        )
    return matched


def parameters(node: tree.Function | tree.Def) -> list[tuple[str, bool]]:
    """The parameters of a declaration: name, and whether there is a default."""
    return [(parameter.name, parameter.default is not None) for parameter in node.parameters]
