"""Patterns of layer names: which layers of a model each of them selects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import did_you_mean, listed

REGULAR: Final = "re:"
"""The prefix of a pattern that is a regular expression for the whole name."""

_WILD: Final = frozenset("*?[")


def select(
    patterns: Sequence[str], names: Sequence[str], others: Mapping[str, str] | None = None, separator: str = "."
) -> dict[str, str]:
    """The pattern that selects each name, in the order of ``names``; names that none selects are left out.

    A pattern is an exact name, a glob, or ``re:`` and a regular expression for the whole name. Globs of dotted names
    are those of ``fnmatch``, whose ``*`` matches dots, too; globs of paths (``separator="/"``) are matched part by
    part, and a part ``**`` matches any number of parts.

    Args:
        patterns: the patterns, each once.
        names: what can be selected.
        others: what cannot, with the reason as a message continues it, such as ``"is a `BatchNorm2d`"``.
        separator: what separates the parts of a name: ``"."`` or ``"/"``.

    Raises:
        CompileError: TN045 for each pattern without a match, TN046 for each name that two patterns select, TN047 for
            an exact name of ``others``.
    """
    found, wrong = try_select(patterns, names, others, separator)
    if wrong:
        raise CompileError(wrong)
    return found


def try_select(
    patterns: Sequence[str], names: Sequence[str], others: Mapping[str, str] | None = None, separator: str = "."
) -> tuple[dict[str, str], list[Diagnostic]]:
    """What :func:`select` returns for the patterns that are right, and what is wrong with the others."""
    others = others or {}
    found: dict[str, list[str]] = {name: [] for name in names}
    wrong: list[Diagnostic] = []
    for pattern in patterns:
        try:
            matched = _matches(pattern, names, separator)
        except re.error as error:
            wrong.append(_malformed(pattern, error))
            continue
        for name in matched:
            found[name].append(pattern)
        if not matched:
            wrong.append(_nothing(pattern, names, others, separator))
    wrong += [_twice(name, chosen) for name, chosen in found.items() if len(chosen) > 1]
    return {name: chosen[0] for name, chosen in found.items() if chosen}, wrong


def _matches(pattern: str, names: Iterable[str], separator: str) -> list[str]:
    """The names that a pattern selects.

    Raises:
        re.error: for a regular expression that is malformed.
    """
    if pattern in names:
        return [pattern]
    if pattern.startswith(REGULAR):
        expression = re.compile(pattern.removeprefix(REGULAR))
        return [name for name in names if expression.fullmatch(name)]
    if _WILD.isdisjoint(pattern):
        return []
    if separator == "/":
        parts = pattern.split("/")
        return [name for name in names if _is_path(name.split("/"), parts)]
    return [name for name in names if fnmatchcase(name, pattern)]


def _is_path(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a glob matches a path, both in parts."""
    reached = {0}  # the parts of the path that the pattern so far may have matched
    for each in pattern:
        if each == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {number + 1 for number in reached if number < len(parts) and fnmatchcase(parts[number], each)}
        if not reached:
            return False
    return len(parts) in reached


def _malformed(pattern: str, error: re.error) -> Diagnostic:
    where = "" if error.pos is None else f" at position {error.pos + len(REGULAR)}"
    advice = "after `re:` comes a regular expression of Python, which matches the whole name"
    return Diagnostic("TN045", f"malformed pattern `{pattern}`: {error.msg}{where}", help=advice)


def _nothing(pattern: str, names: Sequence[str], others: Mapping[str, str], separator: str) -> Diagnostic:
    if pattern in others:
        return Diagnostic("TN047", f"`{pattern}` {others[pattern]}", help=_known(names))
    try:
        beside = _matches(pattern, tuple(others), separator)
    except re.error:
        beside = []
    if beside:
        shown = listed((f"{name}" for name in beside), most=4)
        message = f"pattern `{pattern}` selects no layer that can be generated, only {shown}"
        return Diagnostic("TN045", message, help=f"`{beside[0]}` {others[beside[0]]}")
    above, below = f"{pattern}{separator}", f"{separator}{pattern}"
    prefixed = [name for name in names if name.endswith(below) or name.startswith(above)]
    if prefixed:
        wild = "**" if separator == "/" else "*"
        near = f"{wild}{below}" if prefixed[0].endswith(below) else f"{above}{wild}"
        return Diagnostic("TN045", f"pattern `{pattern}` selects no layer", help=f"did you mean `{near}`?")
    return Diagnostic(
        "TN045", f"pattern `{pattern}` selects no layer", help=did_you_mean(pattern, names) or _known(names)
    )


def _known(names: Sequence[str]) -> str:
    if not names:
        return "the model has no layer that can be generated"
    return f"layers that can be generated: {listed(names, most=8)}"


def _twice(name: str, patterns: Sequence[str]) -> Diagnostic:
    message = f"layer `{name}` is selected by {len(patterns)} patterns: {listed(patterns)}"
    return Diagnostic("TN046", message, help="make all patterns but one more specific")
