"""Diagnostics as SARIF 2.1.0, the format that code-scanning services and editors read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypedDict
from urllib.parse import quote

from tnc.diagnostics.catalogue import CATALOGUE
from tnc.diagnostics.diagnostic import Diagnostic, Severity
from tnc.source import Span

SARIF_VERSION: Final = "2.1.0"
SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class SarifText(TypedDict):
    """A message."""

    text: str


class SarifRegion(TypedDict):
    """A place in a file, from 1, its end just after its last character; columns count code points."""

    startLine: int
    startColumn: int
    endLine: int
    endColumn: int


class SarifArtifact(TypedDict):
    """A file, by a relative URI."""

    uri: str


class SarifPhysicalLocation(TypedDict):
    """A region of a file."""

    artifactLocation: SarifArtifact
    region: SarifRegion


class SarifLocation(TypedDict):
    """A place; ``message`` is empty for the place itself."""

    physicalLocation: SarifPhysicalLocation
    message: SarifText


class SarifResult(TypedDict):
    """One diagnostic."""

    ruleId: str
    ruleIndex: int
    level: str
    message: SarifText
    locations: list[SarifLocation]
    relatedLocations: list[SarifLocation]


class SarifRule(TypedDict):
    """One code."""

    id: str
    shortDescription: SarifText
    help: SarifText


class SarifDriver(TypedDict):
    """The compiler."""

    name: str
    version: str
    rules: list[SarifRule]


class SarifTool(TypedDict):
    """What ran."""

    driver: SarifDriver


class SarifInvocation(TypedDict):
    """How it ended."""

    executionSuccessful: bool


class SarifRun(TypedDict):
    """One run of the compiler."""

    tool: SarifTool
    invocations: list[SarifInvocation]
    columnKind: str
    results: list[SarifResult]


SarifLog = TypedDict("SarifLog", {"$schema": str, "version": str, "runs": list[SarifRun]})


def diagnostics_to_sarif(diagnostics: Sequence[Diagnostic], version: str) -> SarifLog:
    """All diagnostics as one run; ``version`` is the compiler's. Rules are the codes that occur, ascending."""
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    rules = [_rule(code) for code in codes]
    return {
        "$schema": SARIF_SCHEMA,
        "version": SARIF_VERSION,
        "runs": [
            {
                "tool": {"driver": {"name": "tnc", "version": version, "rules": rules}},
                "invocations": [{"executionSuccessful": True}],
                "columnKind": "unicodeCodePoints",
                "results": [_result(diagnostic, codes.index(diagnostic.code)) for diagnostic in diagnostics],
            }
        ],
    }


def _rule(code: str) -> SarifRule:
    return {
        "id": code,
        "shortDescription": {"text": CATALOGUE[code]},
        "help": {"text": f"`tnc help {code}` explains it"},
    }


def _result(diagnostic: Diagnostic, rule: int) -> SarifResult:
    advice = f"\n{diagnostic.help}" if diagnostic.help else ""
    places = [] if diagnostic.span is None else [(diagnostic.span, diagnostic.label)]
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": "error" if diagnostic.severity is Severity.ERROR else "warning",
        "message": {"text": diagnostic.message + advice},
        "locations": _locations(places),
        "relatedLocations": _locations((label.span, label.message) for label in diagnostic.labels),
    }


def _locations(places: Iterable[tuple[Span, str]]) -> list[SarifLocation]:
    return [_location(span, message) for span, message in places]


def _location(span: Span, message: str) -> SarifLocation:
    start, end = span.source.position(span.start), span.source.position(span.end)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(span.source.name)},
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        },
        "message": {"text": message},
    }


def _uri(name: str) -> str:
    """A source's name as a URI: relative to where the compiler ran, unless it is absolute."""
    path = Path(name)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))
