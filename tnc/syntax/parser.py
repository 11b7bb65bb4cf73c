"""The parser: from text to the syntax tree, with all that is wrong with it."""

from __future__ import annotations

from typing import Any

from tnc.diagnostics import Diagnostic
from tnc.limits import Limits
from tnc.source import Source, Span
from tnc.syntax import tree
from tnc.syntax.grammar import Machine, Start
from tnc.syntax.scanner import scan


def parse_file(source: Source, limits: Limits) -> tuple[tree.File, tuple[Diagnostic, ...]]:
    """The tree of a text, as far as it could be read, and what is wrong with it."""
    found, comments, diagnostics = _run(source, "file")
    return tree.File(source, found or (), comments, span=Span(source, 0, len(source.text))), diagnostics


def parse_expression_text(source: Source, limits: Limits) -> tuple[tree.Expr | None, tuple[Diagnostic, ...]]:
    """The tree of a text that is one expression."""
    found, _, diagnostics = _run(source, "expression")
    return found, diagnostics


def _run(source: Source, start: Start) -> tuple[Any, tuple[tree.Comment, ...], tuple[Diagnostic, ...]]:
    tokens, comments, diagnostics = scan(source)
    machine = Machine(start)
    for token in tokens:
        if not machine.feed(token):
            diagnostics.append(Diagnostic("TN101", f"unexpected `{token.text}`", token.span))
            return None, tuple(comments), tuple(diagnostics)
    return machine.result, tuple(comments), tuple(diagnostics)
