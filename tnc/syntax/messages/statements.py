"""Rules for the heads and pieces of statements."""

from __future__ import annotations

from typing import Final

from tnc.diagnostics import Diagnostic
from tnc.syntax.messages.failure import Explanation, Failure, Repair
from tnc.syntax.messages.wording import expected_words, say, say_at_token
from tnc.syntax.tokens import UNITS, Token, clip

_ROUND: Final = {
    "core": "the dimensions stand in round brackets: `core a(2, 3)`; a family is `core a[k in 0..n](2, 3)`",
    "output": "the legs stand in round brackets: `output w(i, j) = …`",
    "let": "a list of values is `let a = [… for k in 0..n]`",
}


def _round_brackets(failure: Failure) -> str:
    return _ROUND.get(failure.head, f"the legs stand in round brackets: `{failure.head}(i, j)`")


def no_parameters(failure: Failure) -> Explanation | None:
    """``def f = …``, ``core g = …``: brackets are not optional."""
    if failure.only("(", ".") and failure.before.text == "]":
        return say(failure, "`(`", _round_brackets(failure))
    if not failure.only("(") and not (failure.expected <= {"(", "[", "."} and failure.token.text in ("=", "{", ":")):
        return None
    name = clip(failure.tokens[failure.start + 1].text) if failure.index > failure.start + 1 else failure.head
    match failure.head:
        case "output":
            advice = f"write `output {name}(i, j) = …`, or `output {name}() = …` for a scalar"
            return say(failure, "the axes in `(…)`", _round_brackets(failure) if failure.token.text == "[" else advice)
        case "core" | "input":
            return say(
                failure, "the dimensions in `(…)`", f"write `{failure.head} {name}(2, 3)`, or `{name}()` for a scalar"
            )
        case "def" | "fn":
            advice = f"write `{failure.head} {name}(a) = …`" + ("; a value is `let`" if failure.head == "def" else "")
            return say(failure, "the parameters in `(…)`", advice)
        case "prod" | "sum" | "reshape":
            return None
        case _:
            if failure.token.text == "=":
                head = failure.head
                advice = (
                    f"a compile-time value is `let {head} = …`, a tensor `{head}(i, j) = …`, a scalar `{head}() = …`"
                )
                return say(failure, "the legs in `(…)`", advice)
    return None


def network_head(failure: Failure) -> Explanation | None:
    """``network a {``, ``network a layer(n = 2)``, ``network a(n: int) = layer(n)``, ``network a = layer() {``."""
    token, before = failure.token, failure.before
    if failure.head != "network":
        return None
    name = clip(failure.tokens[failure.start + 1].text)
    if failure.only("(", "=") and token.text != "==":
        if token.text == "{":
            advice = f"write `network {name}() {{ … }}` if it has no parameters"
            return say(failure, "the parameters in `(…)`", advice, Repair(("(", ")")))
        advice = f"write `network {name}(…) {{ … }}`, or `network {name} = layer(…)` if it applies another network"
        repair = None
        if token.text in (":", "->"):
            repair = Repair(("=",), 1)
        elif failure.after.text in ("(", ".") and not failure.starts_line:
            repair = Repair(("=",))
        return say(failure, "`=` or `(`", advice, repair)
    if failure.only("{") and token.text == "=":
        advice = f"write `network {name} = …`: it takes the parameters to which it gives no value"
        return say(failure, "`{`", advice)
    if failure.tokens[failure.start + 2].text != "=" or not failure.has_operand or "let" not in failure.expected:
        return None
    if token.text == "{":
        return say(failure, "a new statement", "its body is that of the network that it applies")
    if token.type == "NAME" and before.type == "NAME" and not failure.starts_line:
        return say(failure, "`(`", f"the arguments stand in round brackets: `{clip(before.text)}(…)`")
    return None


def lone_name(failure: Failure) -> Explanation | None:
    """``let a = b c``: the second operand was taken for the beginning of a definition."""
    if failure.index != failure.start + 1 or not failure.only("(", "[", "."):
        return None
    name = failure.tokens[failure.start]
    shown = clip(name.text)
    if (
        failure.start == 0
        or failure.lines.starts(failure.start)
        or failure.tokens[failure.start - 1].text in ("{", "}")
    ):
        message = f"expected a statement, found `{shown}`"
        return Diagnostic("TN101", message, name.span, help=f"a tensor is defined by `{shown}(i, j) = …`"), None
    before = failure.tokens[failure.start - 1]
    message = f"expected an operator or a new statement, found `{shown}`"
    advice = f"a product is written `{clip(before.span.text)} * {shown}`"
    if before.type == "NUMBER" and name.text in UNITS:
        advice = f"a unit is glued to its number: `{clip(before.text)}{shown}`"
    elif before.type != "NAME" and before.type != "NUMBER":
        advice = f"a product is written `a * {shown}`"
    return Diagnostic("TN101", message, name.span, help=advice), None


def pieces(failure: Failure) -> Explanation | None:
    """What is missing in an import, a parameter, an assertion, a helper."""
    token, head = failure.token, failure.head
    if head == "network" and failure.only(":"):
        type_ = _type_of(failure.after) if token.text == "=" else "int"
        return say(failure, "`:` and a type", f"every parameter has a type: `{clip(failure.before.text)}: {type_}`")
    if head == "import" and failure.only("STRING"):
        name = f"{clip(token.text)}.tn" if token.type == "NAME" else "file.tn"
        return say(failure, "a string", f'write `import "{name}"`')
    if head in ("assert", "require") and failure.only("STRING"):
        return say(failure, "a string", f'a message stands in double quotes: `{head} c, "message"`')
    if head in ("assert", "require") and token.type == "STRING" and "," in failure.expected:
        return say(failure, "`,`", f'write `{head} c, "message"`', Repair((",",)))
    if head in ("fn", "def") and failure.only("="):
        return say(
            failure,
            "`=`",
            f"its value is one expression: `{head} {clip(failure.tokens[failure.start + 1].text)}(…) = …`",
        )
    if failure.before.text == "in" and failure.only("=", ":"):
        return say(failure, "`=` or `:`", "`in` is a keyword; it can name an axis, as in `in = i`, and nothing else")
    return None


def _type_of(token: Token) -> str:
    """The type that a parameter has whose default begins so."""
    match token:
        case Token(type="STRING"):
            return "str"
        case Token(type="NUMBER", text=text):
            return "int" if text.isdigit() else "float"
        case Token(text="true" | "false"):
            return "bool"
        case Token(text="["):
            return "ints"
        case _:
            return "fn"


def type_of_list(failure: Failure) -> Explanation | None:
    """``dims: int[]`` and ``dims: list[int]`` as in other languages."""
    if failure.token.text == "[" and failure.head == "network" and failure.tokens[failure.index - 2].text == ":":
        return say(failure, expected_words(failure), "lists have the types `ints` and `floats`: `dims: ints`")
    return None


def for_head(failure: Failure) -> Explanation | None:
    """``for k = 0..n``, ``for (k in …)``, ``step`` for ``by``."""
    if failure.only("in"):
        name = clip(failure.before.text)
        if failure.token.text in ("=", ":"):
            return say(failure, "`in`", f"write `for {name} in a..b`", Repair(("in",), 1))
        return say(failure, "`in`", f"write `{name} in a..b`", Repair(("in",)) if failure.begins_operand else None)
    if failure.head == "for" and failure.index == failure.start + 1 and failure.token.text == "(":
        return say(failure, "a name", "the head of a loop has no brackets: `for k in a..b { … }`")
    if failure.token.text == "step" and "by" in failure.expected:
        return say(failure, "`by` or `{`", "a step is written `a..b by 2`", Repair(("by",), 1))
    return None


def colon(failure: Failure) -> Explanation | None:
    """A colon before a block, in a slice, before the value of an argument, or after a name that is not cropped."""
    if failure.token.text != ":":
        return None
    if failure.head in ("let", "network") and failure.before.type == "NAME" and "=" in failure.expected:
        return say(failure, "`=`", f"an argument is written `{clip(failure.before.text)} = …`", Repair(("=",), 1))
    if failure.wants_operand and failure.before.text in ("(", ","):
        return say(failure, expected_words(failure), "every axis has a leg, also where all of it is meant: `a(i, j)`")
    if "{" in failure.expected:
        return say(failure, "`{`", "blocks stand in braces", Repair((), 1) if failure.after.text == "{" else None)
    if ".." in failure.expected:
        return say(failure, "`..` or `]`", "a slice is written `a..b`", Repair(("..",), 1))
    if ")" in failure.expected and failure.has_operand:
        advice = "a crop stands on the left of a definition or output only: `name: 500 = legs`"
        return say(failure, "`,` or `)`", advice)
    return None


def cropped(failure: Failure) -> Explanation | None:
    """``h(i, k: 4)``: a crop without its leg."""
    two_before = failure.tokens[max(failure.index - 2, 0)]
    name = failure.tokens[max(failure.index - 3, 0)]
    if failure.token.text in (")", ",") and two_before.text == ":" and "=" in failure.expected:
        crop = f"{clip(name.text)}: {clip(failure.before.text)}"
        return say(failure, "`=`", f"a crop names the axis, then the leg: `{crop} = {clip(name.text)}`")
    return None


def let_with_arguments(failure: Failure) -> Explanation | None:
    """``let f(x) = …``."""
    if failure.token.text == "(" and failure.head == "let" and failure.index == failure.start + 2:
        return say(failure, "`=`", "a compile-time helper is `def f(x) = …`, an activation `fn f(t) = …`")
    return None


def equals(failure: Failure) -> Explanation | None:
    """``=`` for ``==``, ``==`` for ``=``, and values of what has none."""
    text = failure.token.text
    if text == "=" and "==" in failure.expected and _in_condition(failure):
        message = "`=` does not compare"
        return say_at_token(failure, message, "write `==`", Repair(("==",), 1), "", "TN104")
    if text == "==" and "=" in failure.expected:
        return say(failure, "`=`", "`==` compares; write `=`", Repair(("=",), 1))
    if text == "=" and failure.head == "input":
        advice = "an input has no value: it is given to `forward`; a tensor is defined by `name(legs) = …`"
        return say(failure, "a new statement", advice)
    if text == "=" and failure.head == "core":
        return say(
            failure,
            "`complex`, `init`, `seed`, `frozen` or a new statement",
            "a core's initial value is written `init …`",
        )
    return None


def _in_condition(failure: Failure) -> bool:
    """Whether the innermost of ``if``, ``then``, ``let`` and the like before the failure asks a question."""
    for token in reversed(failure.tokens[failure.start : failure.index]):
        if token.text in ("if", "assert", "require"):
            return True
        if token.text in ("{", "then", "else", "for"):
            return False
    return False


def too_late(failure: Failure) -> Explanation | None:
    """What comes too late in its statement: ``init``, ``seed``, ``reshape``, ``complex``, ``frozen``."""
    text = failure.token.text
    if text == "init" and failure.head == "core":
        return say(failure, "a new statement", "`init` comes once, after the dimensions and before `frozen`")
    if text == "seed" and failure.head == "core":
        return say(failure, "a new statement", "`seed` comes once, between `init` and `frozen`")
    if text == "reshape" and failure.head == "output":
        return say(failure, "`=`", "`reshape(…)` comes before `std`")
    if text == "complex" and failure.head == "core":
        return say(failure, "a new statement", "`complex` comes once, after the dimensions and before `init`")
    if text == "complex":
        advice = "only a core can be `complex`, after its dimensions; an input is complex if it is given so"
        return say(failure, expected_words(failure), advice)
    if text == "seed":
        advice = "only a core can have a `seed`, after `init` and before `frozen`"
        return say(failure, expected_words(failure), advice)
    if text == "frozen":
        return say(failure, expected_words(failure), "only a core can be `frozen`, at the end of its declaration")
    return None


def _follows_sum(failure: Failure) -> bool:
    """Whether ``sum(j)`` stands before the statement, written as in mathematics."""
    before = failure.tokens[max(failure.start - 4, 0) : failure.start]
    return [token.text for token in before if token.type != "NAME" or token.text in ("sum", "prod")] == [
        "sum",
        "(",
        ")",
    ]


def definition_without_value(failure: Failure) -> Explanation | None:
    """A name with legs and nothing after it."""
    if "=" not in failure.expected or failure.expected & {"+", ":"} or failure.token.text == "==":
        return None
    if failure.tokens[failure.start].type != "NAME":
        return None
    if _follows_sum(failure):
        return say(
            failure, "`=`", "legs that are not on the left are summed: `a(i, j) * b(j)`; `sum(k in 0..n)` counts"
        )
    return say(failure, "`=`", f"a tensor is defined by `{failure.head}(…) = …`")
