"""Errors that only follow from a syntax error are dropped: one cause, one diagnostic."""

from __future__ import annotations

from collections.abc import Iterable

from tnc.diagnostics.diagnostic import Diagnostic
from tnc.diagnostics.levels import LINTS

_SYNTAX = "TN1"


def without_consequences(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics without those that may only follow from others.

    After a syntax error the parser continues with a guess. Errors of meaning on the same line are dropped, and so are
    all lints, since the unread text may use what seems unused.
    """
    found = tuple(diagnostics)
    lines = {_line(each) for each in found if each.code.startswith(_SYNTAX) and each.span is not None}
    if not lines:
        return found
    return tuple(
        each
        for each in found
        if each.code.startswith(_SYNTAX) or (each.code not in LINTS and (each.span is None or _line(each) not in lines))
    )


def _line(diagnostic: Diagnostic) -> tuple[str, int]:
    """The line that a diagnostic points at."""
    span = diagnostic.span
    assert span is not None
    return span.source.name, span.source.position(span.start).line
