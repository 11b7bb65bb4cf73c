"""Directives in comments: ``# tnc: allow TN805`` turns a lint off where it stands.

Behind code, it is for the statement that begins last before it; alone on its line, for the statement that follows,
with all that is in it. ``# tnc: allow-file TN805`` is for the whole file, wherever it stands. A reason may follow
behind a colon.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence

from tnc.diagnostics import Allowance, Diagnostic
from tnc.diagnostics.suggest import did_you_mean
from tnc.source import Span
from tnc.syntax import tree

_SPEAKS = re.compile(r"#+\s*tnc:\s*(?P<rest>.*)")
_ALLOW = re.compile(r"(?P<verb>[\w-]+)(?:\s+(?P<codes>\w+(?:\s*,\s*\w+)*))?\s*(?::.*)?")
_VERBS = ("allow", "allow-file")


def allowances(file: tree.File, lints: Container[str]) -> tuple[tuple[Allowance, ...], tuple[Diagnostic, ...]]:
    """What the comments of a file turn off, and which of them cannot be understood; ``lints`` are all codes."""
    found: list[Allowance] = []
    wrong: list[Diagnostic] = []
    for comment in file.comments:
        speaks = _SPEAKS.fullmatch(comment.text)
        if speaks is None:
            continue
        read = _read(comment, speaks["rest"], file, lints)
        if isinstance(read, Allowance):
            found.append(read)
        else:
            wrong.append(read)
    return tuple(found), tuple(wrong)


def _read(comment: tree.Comment, text: str, file: tree.File, lints: Container[str]) -> Allowance | Diagnostic:
    written = _ALLOW.fullmatch(text)
    example = "write `# tnc: allow TN805`, or `# tnc: allow-file TN805` for the whole file"
    if written is None or written["verb"] not in _VERBS:
        hint = None if written is None else did_you_mean(written["verb"], _VERBS)
        return _wrong(comment, "this comment to the compiler is not understood", hint or example)
    codes = [code.strip() for code in (written["codes"] or "").split(",") if code.strip()]
    if not codes:
        return _wrong(comment, f"`{written['verb']}` names no lint", example)
    for code in codes:
        if code not in lints:
            return _wrong(comment, f"`{code}` is not a lint and cannot be turned off", "`tnc help` lists the lints")
    place = file.span if written["verb"] == "allow-file" else _place(comment, file)
    if place is None:
        return _wrong(comment, "no statement follows this comment", "put it before a statement, or at its end")
    return Allowance(place, frozenset(codes))


def _wrong(comment: tree.Comment, message: str, advice: str) -> Diagnostic:
    return Diagnostic("TN812", message, comment.span, help=advice)


def _place(comment: tree.Comment, file: tree.File) -> Span | None:
    """The statement that a comment is for."""
    at = comment.span.start
    line_start = file.source.text.rfind("\n", 0, at) + 1
    around: Span | None = None  # the innermost statement that the comment is in, or behind in its line
    nested = False
    follows: Span | None = None
    for statement, has_block in _statements(file.statements):
        if statement.span.start > at:
            follows = follows or statement.span
        elif statement.span.end >= (at if comment.own_line else line_start):
            around, nested = statement.span, has_block
    if around is not None and not (comment.own_line and nested):
        return around
    if follows is not None and (around is None or follows.start < around.end):
        return follows
    return None


def _statements(statements: Sequence[tree.Statement]) -> Iterator[tuple[tree.Statement, bool]]:
    """All statements in order of place, blocks before what is in them; and whether they are blocks."""
    waiting = [iter(statements)]
    while waiting:
        statement = next(waiting[-1], None)
        if statement is None:
            waiting.pop()
            continue
        inner = _body(statement)
        yield statement, inner is not None
        if inner:
            waiting.append(iter(inner))


def _body(statement: tree.Statement) -> Sequence[tree.Statement] | None:
    match statement:
        case tree.Network(body=body) | tree.For(body=body):
            return body
        case tree.If(branches=branches, otherwise=otherwise):
            return [*(each for branch in branches for each in branch.body), *(otherwise or ())]
        case _:
            return None
