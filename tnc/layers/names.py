"""Patterns of layer names: which layers of a model each of them selects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from typing import Final

from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import did_you_mean, listed

REGULAR: Final = "re:"
"""The prefix of a pattern that is a regular expression for the whole name."""

_WILD: Final = frozenset("*?[")


def select(patterns: Sequence[str], names: Sequence[str], others: Mapping[str, str] | None = None) -> dict[str, str]:
    """The pattern that selects each name, in the order of ``names``; names that none selects are left out.

    A pattern is an exact name, a glob as in ``fnmatch`` (``*`` matches dots and slashes, too), or ``re:`` and a regular
    expression for the whole name.

    Args:
        patterns: the patterns, each once.
        names: what can be selected.
        others: what cannot, with the reason as a message continues it, such as ``"is a `BatchNorm2d`"``.

    Raises:
        CompileError: TN045 for each pattern without a match, TN046 for each name that two patterns select, TN047 for
            an exact name of ``others``.
    """
    found, wrong = try_select(patterns, names, others)
    if wrong:
        raise CompileError(wrong)
    return found


def try_select(
    patterns: Sequence[str], names: Sequence[str], others: Mapping[str, str] | None = None
) -> tuple[dict[str, str], list[Diagnostic]]:
    """What :func:`select` returns for the patterns that are right, and what is wrong with the others."""
    others = others or {}
    found: dict[str, list[str]] = {name: [] for name in names}
    wrong: list[Diagnostic] = []
    for pattern in patterns:
        try:
            matched = _matches(pattern, names)
        except re.error as error:
            wrong.append(_malformed(pattern, error))
            continue
        for name in matched:
            found[name].append(pattern)
        if not matched:
            wrong.append(_nothing(pattern, names, others))
    wrong += [_twice(name, chosen) for name, chosen in found.items() if len(chosen) > 1]
    return {name: chosen[0] for name, chosen in found.items() if chosen}, wrong


def _matches(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that a pattern selects.

    Raises:
        re.error: for a regular expression that is malformed.
    """
    if pattern in names:
        return [pattern]
    if pattern.startswith(REGULAR):
        expression = re.compile(pattern.removeprefix(REGULAR))
    elif _WILD.isdisjoint(pattern):
        return []
    else:
        expression = re.compile(translate(pattern))
    return [name for name in names if expression.fullmatch(name)]


def _malformed(pattern: str, error: re.error) -> Diagnostic:
    where = "" if error.pos is None else f" at position {error.pos + len(REGULAR)}"
    advice = "after `re:` comes a regular expression of Python, which matches the whole name"
    return Diagnostic("TN045", f"malformed pattern `{pattern}`: {error.msg}{where}", help=advice)


def _nothing(pattern: str, names: Sequence[str], others: Mapping[str, str]) -> Diagnostic:
    if pattern in others:
        return Diagnostic("TN047", f"`{pattern}` {others[pattern]}", help=_known(names))
    try:
        beside = _matches(pattern, tuple(others))
    except re.error:
        beside = []
    if beside:
        shown = listed((f"{name}" for name in beside), most=4)
        message = f"pattern `{pattern}` selects no layer that can be generated, only {shown}"
        return Diagnostic("TN045", message, help=f"`{beside[0]}` {others[beside[0]]}")
    prefixed = [name for name in names if name.endswith(f".{pattern}") or name.startswith(f"{pattern}.")]
    if prefixed:
        near = f"*.{pattern}" if prefixed[0].endswith(f".{pattern}") else f"{pattern}.*"
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
