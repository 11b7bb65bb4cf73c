"""Which lints are told: those that a file allows are silent, and the command line allows or denies the rest."""

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
    """A stretch of a file in which some lints are silent."""

    span: Span
    codes: frozenset[str]

    def covers(self, diagnostic: Diagnostic) -> bool:
        """Whether a lint arises in it."""
        place = diagnostic.span
        return (
            diagnostic.code in self.codes
            and place is not None
            and place.source.name == self.span.source.name
            and self.span.start <= place.start < max(self.span.end, self.span.start + 1)
        )


@dataclass(frozen=True, slots=True)
class LintLevels:
    """What the command line says of lints: ``allow`` wins over ``deny``, and what a file allows over both."""

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
