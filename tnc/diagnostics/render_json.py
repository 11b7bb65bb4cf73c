"""Diagnostics as JSON values, in the shape that the public contract fixes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from tnc.diagnostics.diagnostic import Diagnostic, Label
from tnc.source import Span


class JsonPosition(TypedDict):
    """Line and column from 1; columns count code points."""

    line: int
    column: int


class JsonSpan(TypedDict):
    """``end`` is the place just after the last character."""

    start: JsonPosition
    end: JsonPosition


class JsonLabel(TypedDict):
    """A second place."""

    message: str
    file: str
    span: JsonSpan


class JsonDiagnostic(TypedDict):
    """One diagnostic; ``file`` and ``span`` are null where it concerns no place in a text."""

    severity: str
    code: str
    message: str
    help: str | None
    file: str | None
    span: JsonSpan | None
    labels: list[JsonLabel]


class JsonDiagnostics(TypedDict):
    """What ``check --json`` prints."""

    diagnostics: list[JsonDiagnostic]


def diagnostics_to_json(diagnostics: Iterable[Diagnostic]) -> JsonDiagnostics:
    """All diagnostics as one value that ``json.dumps`` takes."""
    return {"diagnostics": [_diagnostic(diagnostic) for diagnostic in diagnostics]}


def _diagnostic(diagnostic: Diagnostic) -> JsonDiagnostic:
    span = diagnostic.span
    return {
        "severity": str(diagnostic.severity),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "file": None if span is None else span.source.name,
        "span": None if span is None else _span(span),
        "labels": [_label(label) for label in diagnostic.labels],
    }


def _label(label: Label) -> JsonLabel:
    return {"message": label.message, "file": label.span.source.name, "span": _span(label.span)}


def _span(span: Span) -> JsonSpan:
    start, end = span.source.position(span.start), span.source.position(span.end)
    return {"start": {"line": start.line, "column": start.column}, "end": {"line": end.line, "column": end.column}}
