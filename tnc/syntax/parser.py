"""From text to the syntax tree: tokens, brackets, grammar, checks."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from tnc.diagnostics import Diagnostic
from tnc.limits import Limits
from tnc.source import Source, Span
from tnc.syntax import tree
from tnc.syntax.checks import check
from tnc.syntax.grammar import Machine
from tnc.syntax.messages import Failure, explain
from tnc.syntax.recovery import Recovery
from tnc.syntax.scanner import Scan, scan, too_many
from tnc.syntax.structure import Lines, balance
from tnc.syntax.tokens import END, MOST_ERRORS

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes that it could not decode, as in a command's arguments."""


def parse_file(source: Source, limits: Limits) -> tuple[tree.File, tuple[Diagnostic, ...]]:
    """The tree of a text, as far as it could be read, and what is wrong with it, in order of place."""
    empty = tree.File(source, (), (), span=Span(source, 0, len(source.text)))
    if (unreadable := _unreadable(source, limits)) is not None:
        return empty, (unreadable,)
    scanned = scan(source, limits)
    if scanned.fatal is not None:
        return empty, _ordered([*scanned.diagnostics, scanned.fatal])
    structure = balance(scanned.tokens, [_place(diagnostic) for diagnostic in scanned.diagnostics])
    found = [*scanned.diagnostics, *structure.diagnostics]
    if len(found) >= MOST_ERRORS:
        return empty, _ordered([*sorted(found, key=_place)[:MOST_ERRORS], too_many(None)])
    recovery = Recovery(structure.tokens, found, limits)
    statements: tuple[tree.Statement, ...] = recovery.run() or ()
    found += recovery.diagnostics
    broken = list(recovery.broken)
    kept: list[tree.Statement] = []
    for statement in statements:
        wrong, shallow = check(statement, limits)
        found += wrong
        if shallow:
            kept.append(statement)
        else:
            broken.append(statement.span)
    file = replace(empty, statements=tuple(kept), comments=tuple(scanned.comments), broken=tuple(broken))
    return file, _ordered(found)


def parse_expression_text(source: Source, limits: Limits) -> tuple[tree.Expr | None, tuple[Diagnostic, ...]]:
    """The tree of a text that is one expression, or the first thing that is wrong with it."""
    if (unreadable := _unreadable(source, limits)) is not None:
        return None, (unreadable,)
    scanned = scan(source, limits)
    found = [*scanned.diagnostics, *([scanned.fatal] if scanned.fatal else [])]
    if not found:
        found = balance(scanned.tokens, []).diagnostics
    if not found:
        expression, found = _expression(scanned, limits)
        if not found:
            return expression, ()
    return None, _ordered(found)


def _expression(scanned: Scan, limits: Limits) -> tuple[tree.Expr | None, list[Diagnostic]]:
    """Parse one expression; None with a diagnostic if a token does not fit."""
    machine = Machine("expression")
    for index, token in enumerate(scanned.tokens):
        expected = machine
        if not machine.feed(token):
            expected = Machine("expression")
            for earlier in scanned.tokens[:index]:
                expected.feed(earlier)
            failure = Failure(scanned.tokens, Lines(scanned.tokens), 0, index, expected.expected(), in_network=False)
            return None, [explain(failure)[0]]
        if token.type == END:
            break
    expression: tree.Expr = machine.result
    wrong, _ = check(expression, limits)
    return expression, wrong


def _unreadable(source: Source, limits: Limits) -> Diagnostic | None:
    size = len(source.text)
    if size <= limits.file_bytes:
        size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > limits.file_bytes:
        message = f"the text has {size} bytes, more than the limit of {limits.file_bytes}"
        return Diagnostic("TN151", message, help="raise the limit `file_bytes` if it is meant")
    if (lone := _SURROGATE.search(source.text)) is not None:
        message = f"U+{ord(lone[0]):04X} is half a character: no UTF-8 file can hold it"
        return Diagnostic("TN150", message, Span(source, lone.start(), lone.end()), "here")
    return None


def _place(diagnostic: Diagnostic) -> int:
    return -1 if diagnostic.span is None else diagnostic.span.start


def _ordered(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By place; those that say that the rest was not read come last."""
    return tuple(sorted(diagnostics, key=lambda diagnostic: (diagnostic.code == "TN123", _place(diagnostic))))
