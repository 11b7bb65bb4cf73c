"""How elaboration fails: one statement at a time, each cause reported once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NoReturn, TypeVar

from tnc.diagnostics import Diagnostic, Label, Severity
from tnc.source import Span

T = TypeVar("T")
R = TypeVar("R")


class Failed(Exception):  # noqa: N818 — a mistake of the user, not of the compiler
    """Elaboration of one statement failed. The handler reports it and continues with the next statement."""


class Problem(Failed):
    """A failure with a diagnostic that is not reported yet."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(diagnostic.message)


class Poisoned(Failed):
    """A failure that follows from one that has been reported."""


class Abandoned(Exception):  # noqa: N818
    """An assertion of a network failed for given arguments: the rest of the network is skipped."""


class Exhausted(Exception):  # noqa: N818
    """A limit on the whole elaboration is reached, which has been reported: elaboration stops."""


def fail(
    code: str,
    message: str,
    span: Span,
    *,
    label: str = "",
    labels: tuple[Label, ...] = (),
    help: str | None = None,
) -> NoReturn:
    """Raise a :class:`Problem`."""
    raise Problem(Diagnostic(code, message, span, label, labels, help))


class Sink:
    """Collects diagnostics. One that was reported already (same code, same place) is dropped.

    ``made`` is the chain of instances being elaborated, outermost first: an error inside a network of
    another file is labelled with the place that made the instance.
    """

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.made: list[Label] = []
        self._seen: set[tuple[str, str, int, int, int]] = set()

    def report(self, diagnostic: Diagnostic) -> None:
        """Add a diagnostic, labelled with the instance in which it occurs."""
        span = diagnostic.span
        if span is not None:
            if self.is_reported(diagnostic.code, span):
                return
            made = self._maker(span)
            self._seen.add(self._key(diagnostic.code, span))
            if made is not None:
                diagnostic = replace(diagnostic, labels=(*diagnostic.labels, made))
        self.found.append(diagnostic)

    def report_failure(self, failure: Failed) -> None:
        """Report the diagnostic of a failure, if it has one."""
        if isinstance(failure, Problem):
            self.report(failure.diagnostic)

    def is_reported(self, code: str, span: Span) -> bool:
        """Whether this would be dropped. Call before building an expensive diagnostic, as in a loop."""
        return self._key(code, span) in self._seen

    def _key(self, code: str, span: Span) -> tuple[str, str, int, int, int]:
        made = self._maker(span)
        return code, span.source.name, span.start, span.end, -1 if made is None else made.span.start

    def _maker(self, span: Span) -> Label | None:
        """The place that made the instance, if it is in another file."""
        return self.made[-1] if self.made and self.made[-1].span.source.name != span.source.name else None

    @property
    def failed(self) -> bool:
        """Whether an error was reported; warnings do not count."""
        return any(diagnostic.severity is Severity.ERROR for diagnostic in self.found)


def merge(*groups: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """All the diagnostics, those without a place first, then file by file in order of place, each once."""
    unique: dict[tuple[str, str, int, int, str], Diagnostic] = {}
    sources: dict[str, int] = {"": -1}
    for group in groups:
        for diagnostic in group:
            span = diagnostic.span
            if span is None:
                unique.setdefault((diagnostic.code, "", 0, 0, diagnostic.message), diagnostic)
            else:
                sources.setdefault(span.source.name, len(sources))
                unique.setdefault((diagnostic.code, span.source.name, span.start, span.end, ""), diagnostic)
    return tuple(unique[key] for key in sorted(unique, key=lambda k: (sources[k[1]], k[2], k[3], k[0], k[4])))
