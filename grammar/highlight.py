"""A Pygments lexer: ``pygmentize net.tn``, and documentation that highlights ``.tn``.

Nothing of the compiler imports this module; Pygments finds it by its entry point.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

NAME = r"[A-Za-z_][A-Za-z0-9_]*"

DECLARATIONS = ("network", "core", "input", "output", "let", "fn", "def")
STATEMENTS = ("for", "in", "by", "if", "then", "else", "import", "as", "assert", "require")
MODIFIERS = ("complex", "init", "seed", "frozen", "reshape", "std", "one_hot", "index")
TYPES = ("int", "float", "bool", "str", "fn", "ints", "floats")


def _words(scope: str) -> tuple[str, ...]:
    """The built-in names that the TextMate grammar beside this file gives a scope."""
    grammar = json.loads(Path(__file__).with_name("tn.tmLanguage.json").read_text(encoding="utf-8"))
    (pattern,) = (p["match"] for p in grammar["repository"]["built-in"]["patterns"] if p["name"] == scope)
    return tuple(pattern.partition("(")[2].partition(")")[0].split("|"))


ACTIVATIONS = _words("support.function.activation.tn")
FUNCTIONS = (*_words("support.function.tn"), *_words("support.function.tensor.tn"))


class TnLexer(RegexLexer):
    """Tokens of the ``.tn`` language."""

    name = "tn"
    aliases: ClassVar[Sequence[str]] = ["tn"]
    filenames: ClassVar[Sequence[str]] = ["*.tn"]
    url = ""

    tokens: ClassVar[dict[str, Any]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"#+\s*tnc:[^\r\n]*", Comment.Special),
            (r"#[^\r\n]*", Comment.Single),
            (r'"([^"\\\r\n]|\\["\\nt])*"', String.Double),
            (r"(?<=:)(" + "|".join(TYPES) + r")\b", Keyword.Type),
            (r"(?<=: )(" + "|".join(TYPES) + r")\b", Keyword.Type),
            (words(DECLARATIONS, r"\b", r"\b"), Keyword.Declaration),
            (words(STATEMENTS, r"\b", r"\b"), Keyword),
            (r"\bstd\b(?=\s*\.)", Name.Namespace),
            (words(MODIFIERS, r"\b", r"\b"), Keyword.Pseudo),
            (r"\b(true|false)\b", Keyword.Constant),
            (r"\b(and|or|not)\b", Operator.Word),
            (
                r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?([KMGT]iB|[kMGT]?B|[kMGT]|us|ms|s)?(?!\.?[A-Za-z0-9_])",
                Number,
            ),
            (words(ACTIVATIONS, r"\b", r"\b(?!')"), Name.Builtin),
            (words(FUNCTIONS, r"\b", r"\b(?=\s*\()"), Name.Builtin),
            (NAME + r"'+", Name.Variable),
            (NAME + r"(?=\s*[(\[])", Name.Function),
            (NAME, Name.Variable),
            (r"->|\.\.|==|!=|<=|>=|//|[-+*/%^<>=?]", Operator),
            (r"[()\[\]{},:.]", Punctuation),
        ]
    }
