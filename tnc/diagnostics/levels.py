"""Which lints are reported: a file allows some, the command line allows or denies the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tnc.diagnostics.catalogue import CATALOGUE
from tnc.diagnostics.diagnostic import Diagnostic
from tnc.source import Span

LINTS: Final = frozenset(code for code in CATALOGUE if code.startswith("TN8"))


@dataclass(frozen=True, slots=True)
class Allowance:
    """A part of a file in which some lints are not reported."""

    span: Span
    codes: frozenset[str]

    def covers(self, diagnostic: Diagnostic) -> bool:
        """Whether it allows this diagnostic."""
        place = diagnostic.span
        return (
            diagnostic.code in self.codes
            and place is not None
            and place.source.name == self.span.source.name
            and self.span.start <= place.start < max(self.span.end, self.span.start + 1)
        )


@dataclass(frozen=True, slots=True)
class LintLevels:
    """The lints that the command line allows and denies. ``allow`` wins over ``deny``, a file over both."""

    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()

    def apply(self, diagnostics: Iterable[Diagnostic], allowances: Sequence[Allowance]) -> tuple[Diagnostic, ...]:
        """The diagnostics without those that are allowed, the denied ones as errors."""
        kept: list[Diagnostic] = []
        for diagnostic in diagnostics:
            if diagnostic.code not in LINTS:
                kept.append(diagnostic)
            elif diagnostic.code not in self.allow and not any(each.covers(diagnostic) for each in allowances):
                kept.append(replace(diagnostic, denied=True) if diagnostic.code in self.deny else diagnostic)
        return tuple(kept)
