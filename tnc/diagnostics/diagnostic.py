"""Diagnostics as values, and the two exceptions that carry them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tnc.source import Span


class Severity(StrEnum):
    """How bad a diagnostic is: errors stop the compiler, warnings do not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that belongs to a diagnostic, with what is to be seen there."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong: what, where, what else to look at, and what to do.

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


class CompileError(Exception):
    """The program is wrong. All that was found is in ``diagnostics``."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__("\n".join(f"{d.severity}[{d.code}]: {d.message}" for d in diagnostics))


class InternalError(Exception):
    """The compiler is wrong: a verifier found an ill-formed Program or Schedule."""
