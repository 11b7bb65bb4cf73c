"""Rules for what stands in the wrong place, or comes from another language."""

from __future__ import annotations

from typing import Final

from tnc.diagnostics import Diagnostic
from tnc.source import Span
from tnc.syntax.messages.failure import Explanation, Failure, Repair
from tnc.syntax.messages.wording import say_at_token
from tnc.syntax.structure import STATEMENT_WORDS

_FOREIGN: Final = {
    "elif": "write `else if`",
    "elseif": "write `else if`",
    "elsif": "write `else if`",
    "while": "loops are `for k in a..b { … }`",
    "loop": "loops are `for k in a..b { … }`",
    "repeat": "loops are `for k in a..b { … }`",
    "return": "what a network gives is declared with `output`; a `def` is one expression: `def f(a) = …`",
    "var": "write `let`",
    "const": "write `let`, or `core … frozen` for a tensor that is not trained",
    "val": "write `let`",
    "set": "write `let`",
    "function": "write `fn` for an activation, `def` for a compile-time helper",
    "func": "write `fn` for an activation, `def` for a compile-time helper",
    "fun": "write `fn` for an activation, `def` for a compile-time helper",
    "tensor": "write `core` for a trainable tensor, `input` for data",
    "param": "write `core` for a trainable tensor",
    "parameter": "write `core` for a trainable tensor",
    "parameters": "write `core` for a trainable tensor",
    "weight": "write `core` for a trainable tensor",
    "model": "write `network`",
    "module": "write `network`",
    "class": "write `network`",
    "net": "write `network`",
    "from": 'write `import "file.tn"`',
    "use": 'write `import "file.tn"`',
    "include": 'write `import "file.tn"`',
    "out": "write `output`",
    "outputs": "write `output`",
    "inputs": "write `input`",
    "cores": "write `core`",
    "else": "`else` follows the `}` of its `if`",
}

_YOUNG_KEYWORDS: Final = {
    "complex": "`complex` became a keyword with complex cores",
    "seed": "`seed` became a keyword with seeded constants",
}
"""Keywords that were names in an earlier version of the language, and why they no longer are."""

_WORDS_OF_A_COMMENT: Final = 30


def slash_comment(failure: Failure) -> Explanation | None:
    """``// text``: somebody's comment, where it cannot be a division."""
    tokens, source = failure.tokens, failure.token.source
    last = failure.index if failure.index == failure.start or not failure.starts_line else failure.index - 1
    for index in range(last, max(-1, last - _WORDS_OF_A_COMMENT), -1):
        token = tokens[index]
        if token.text == "//":
            newline = source.text.find("\n", token.start)
            span = Span(source, token.start, len(source.text) if newline < 0 else newline)
            message = "a comment starts with `#`; `//` is integer division"
            return Diagnostic("TN104", message, span, help="write `#`"), None
        if failure.lines.starts(index):
            break
    return None


def misplaced(failure: Failure) -> Explanation | None:
    """A network in a network, or a statement outside of one."""
    token = failure.token
    if token.text == "if" and failure.has_operand and not failure.starts_line:
        advice = "`a if c else b` is written `(if c then a else b)`"
        return say_at_token(failure, "a conditional value begins with its condition", advice, None, "", "TN104")
    if token.text in failure.expected or (failure.index != failure.start and "let" not in failure.expected):
        return None
    if failure.in_network and token.text in ("network", "import"):
        message = f"`{token.text}` belongs at the top of a file, not in a network"
        advice = "move it out of the braces"
        return say_at_token(failure, message, advice, None, "cannot stand in a network", "TN108")
    known = token.text in STATEMENT_WORDS | {"for", "if"} or (
        token.type == "NAME" and failure.after.text in ("(", "[", ".")
    )
    if not failure.in_network and known and token.text not in _FOREIGN:
        shown = f"`{token.text}`" if failure.keyword else "a definition"
        message = f"{shown} belongs in a network"
        advice = "put it into `network name() { … }`"
        return say_at_token(failure, message, advice, None, "cannot stand outside a network", "TN108")
    return None


def foreign_word(failure: Failure) -> Explanation | None:
    """``return``, ``while``, ``var``: words of other languages at the head of a statement."""
    first = failure.tokens[failure.start]
    advice = _FOREIGN.get(first.text)
    if advice is None or failure.index > failure.start + 2 or (first.text != "else" and first.type != "NAME"):
        return None
    if first.text == "else" and failure.index != failure.start:
        return None
    message = "`else` without `if`" if first.text == "else" else f"there is no statement `{first.text}`"
    return Diagnostic("TN104", message, first.span, help=advice), None


def keyword_as_name(failure: Failure) -> Explanation | None:
    """A keyword where a name must stand: taken as the name that it was meant to be."""
    token = failure.token
    if not failure.keyword or "NAME" not in failure.expected or "let" in failure.expected:
        return None
    if failure.wants_operand and (
        failure.starts_line or token.text in ("then", "else", "by", "for", "in", "if", "and", "or")
    ):
        return None
    if (
        failure.wants_operand
        and token.text in ("complex", "init", "seed", "frozen", "reshape")
        and failure.before.text in ("=", "init", "seed", "std")
        and failure.after.text != "("
    ):
        return None
    message = f"`{token.text}` is a keyword and cannot be a name"
    advice = f"choose another name, such as `{token.text}_`"
    if token.text in _YOUNG_KEYWORDS:
        advice += f"; {_YOUNG_KEYWORDS[token.text]}, so older files may use it as a name"
    return say_at_token(failure, message, advice, Repair(takes=1, as_name=True), "", "TN107")
