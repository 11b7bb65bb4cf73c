"""Rules for what stands in an expression."""

from __future__ import annotations

from tnc.diagnostics import Diagnostic
from tnc.syntax.messages.failure import Explanation, Failure, Repair
from tnc.syntax.messages.wording import expected_words, say
from tnc.syntax.tokens import UNITS, clip

_SUBSCRIPT = 4
"""How far from `core` the `..` of its first subscript stands, as in ``core g[0..3]``."""


def conditional(failure: Failure) -> Explanation | None:
    """``if c then a`` without ``else``, ``a if c else b``, and the like."""
    text = failure.token.text
    if "then" in failure.expected and "{" not in failure.expected:
        repair = Repair(("then",)) if failure.begins_operand else None
        return say(failure, "`then`", "a conditional value is `if c then a else b`", repair)
    if "else" in failure.expected and failure.has_operand:
        return say(failure, "`else`", "a conditional value has both cases: `if c then a else b`")
    if text == "else" and failure.head == "if" and not failure.lines.starts(failure.start):
        head = failure.tokens[failure.start]
        message = "a conditional value begins with its condition"
        advice = "`a if c else b` is written `(if c then a else b)`"
        return Diagnostic("TN104", message, head.span, help=advice), None
    if text == "if" and failure.wants_operand:
        return say(failure, "an operand", "put the conditional in parentheses: `(if c then a else b)`")
    if text == "not" and failure.wants_operand:
        return say(failure, "an operand", "put it in parentheses: `(not a)`")
    if text == "if" and failure.has_operand and "]" in failure.expected:
        return say(failure, "`]`", "a comprehension has one condition; join several with `and`")
    if text == "then" and "{" in failure.expected:
        advice = "the statement is `if c { … }`; a conditional value is `let a = if c then … else …`"
        return say(failure, "`{`", advice)
    return None


def ranges(failure: Failure) -> Explanation | None:
    """A range where none can stand, or with one end; points in and before numbers."""
    text = failure.token.text
    if text == ".." and failure.has_operand:
        advice = "a range stands in `[…]` after a name or after `in`; as a list of numbers it is `range(a, b)`"
        if failure.head == "core" and failure.index <= failure.start + _SUBSCRIPT:
            advice = "a family names its subscript: `core g[k in 0..n](…)`"
        return say(failure, expected_words(failure), advice)
    if failure.wants_operand and (text == ".." or failure.before.text == ".."):
        return say(failure, "an expression", "a range has both ends: `0..n`")
    if text == "." and failure.wants_operand and failure.after.type == "NUMBER":
        return say(failure, "an expression", f"a number has digits before its point: `0.{clip(failure.after.text)}`")
    if failure.before.text == "." and failure.before.end == failure.token.start and failure.token.type == "NUMBER":
        return say(failure, "a name", "a number stands in square brackets: `x[3]`")
    if text == "." and failure.before.type == "NUMBER":
        return say(failure, "an operator", f"a number has digits after its point: `{clip(failure.before.text)}.0`")
    return None


def juxtaposition(failure: Failure) -> Explanation | None:
    """Two operands side by side: a missing comma in brackets, a missing operator elsewhere."""
    token, before = failure.token, failure.before
    if not failure.has_operand or not failure.begins_operand:
        return None
    if before.type == "NUMBER" and token.text in UNITS:
        return say(failure, "an operator", f"a unit is glued to its number: `{clip(before.text)}{token.text}`")
    if "," in failure.expected and "let" not in failure.expected and "=" not in failure.expected:
        comma = f"write `{clip(before.text)}, {clip(token.text)}`"
        return say(failure, f"`,` or {_closer(failure)}", comma, Repair((",",)), "missing `,`")
    if "let" in failure.expected and not failure.starts_line:
        advice = "a product is written `a * b`" if token.type != "STRING" else None
        return say(failure, "an operator or a new statement", advice)
    return None


def _closer(failure: Failure) -> str:
    return "`]`" if "]" in failure.expected else "`)`"


def operator(failure: Failure) -> Explanation | None:
    """An operator without its left operand, or one that the language has elsewhere only."""
    text = failure.token.text
    if not failure.wants_operand:
        if text == "->" and failure.has_operand:
            return say(failure, expected_words(failure), "the arrow stands once, in a `core`: `core g(a -> b)`")
        if text == "?" and failure.has_operand:
            return say(
                failure,
                expected_words(failure),
                "`name?` stands among the dimensions of an `input`; a choice is `if c then a else b`",
            )
        return None
    if text == "{":
        advice = "braces hold statements; a list is written `[a, b]`, a group of legs `(i, j)`"
        return say(failure, "an expression", advice)
    if text == "?":
        return say(failure, "an expression", "a dimension that is known at run time only has a name: `batch?`")
    if text == "+":
        return say(failure, "an expression", "there is no plus sign before a value")
    if text in ("*", "/", "//", "%", "^", "and", "or", "==", "<", ">", "<=", ">=", "!="):
        return say(failure, "an expression", f"`{text}` stands between two values")
    if text in (")", "]", "}") and failure.before.text == "[":
        return say(failure, "an expression", "square brackets after a name hold at least one subscript")
    return None
