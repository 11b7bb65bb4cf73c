"""Diagnostics as values, and the two exceptions that carry them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tnc.source import Span


class Severity(StrEnum):
    """How bad a diagnostic is: errors stop the compiler, warnings do not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Label:
    """A second place of a diagnostic, with a note on it."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or a warning: what is wrong, where, related places, and what to do.

    ``message`` stands alone; ``label`` may be terser, since it points at ``span``. A diagnostic
    without a span concerns the command line or a file as a whole. TN8xx codes are warnings, unless ``denied``.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    labels: tuple[Label, ...] = ()
    help: str | None = None
    denied: bool = False

    @property
    def severity(self) -> Severity:
        """A warning for the lints (TN8xx) that are not denied, an error for all else."""
        return Severity.WARNING if self.code.startswith("TN8") and not self.denied else Severity.ERROR


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any diagnostic is an error, not a warning."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


class CompileError(Exception):
    """The program has errors. ``diagnostics`` has all of them, and the warnings.

    ``str()`` is what the command line prints, without colour: every message with its excerpt and its help.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)  # what copies and pickles are made from

    def __str__(self) -> str:
        from tnc.diagnostics.render_text import render

        return render(self.diagnostics)


CompileError.__module__ = "tnc"  # the public name, which tracebacks show


class InternalError(Exception):
    """The compiler is wrong: a verifier found an ill-formed Program or Schedule."""
