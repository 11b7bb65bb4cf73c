"""Text to syntax tree and back: the parser and the formatter."""

from __future__ import annotations

from tnc.diagnostics import Diagnostic
from tnc.limits import Limits
from tnc.source import Source
from tnc.syntax import tree
from tnc.syntax.switches import allowances as allowances


def parse(source: Source, limits: Limits) -> tuple[tree.File, tuple[Diagnostic, ...]]:
    """The tree of a file, as far as it could be read, and everything that is wrong with its syntax."""
    from tnc.syntax.parser import parse_file

    return parse_file(source, limits)


def parse_expression(source: Source, limits: Limits) -> tuple[tree.Expr | None, tuple[Diagnostic, ...]]:
    """The tree of one expression (``--set chi=2*3``); None only together with a diagnostic."""
    from tnc.syntax.parser import parse_expression_text

    return parse_expression_text(source, limits)


def format_file(file: tree.File) -> str:
    """The canonical text of a file that was parsed without errors; comments and single blank lines are kept."""
    from tnc.syntax.formatter import format_tree

    return format_tree(file)
