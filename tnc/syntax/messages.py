"""What to say about a token that cannot stand where it does.

A list of rules, each for one slip that people make; the first that knows the case answers. Where none does,
the message says what was expected, in words, and what was found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tnc.diagnostics import Diagnostic
from tnc.source import Span
from tnc.syntax.grammar import terminals
from tnc.syntax.structure import STATEMENT_WORDS, Lines
from tnc.syntax.tokens import END, UNITS, Token, clip


@dataclass(frozen=True, slots=True)
class Repair:
    """How to go on: take ``words`` as if they stood there, or the token as a name, and skip ``takes`` tokens."""

    words: tuple[str, ...] = ()
    takes: int = 0
    as_name: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A token that cannot stand where it does, in a statement that begins at ``start``; what could stand there."""

    tokens: list[Token]
    lines: Lines
    start: int
    index: int
    expected: frozenset[str]
    in_network: bool

    @property
    def token(self) -> Token:
        """What was found."""
        return self.tokens[self.index]

    @property
    def before(self) -> Token:
        """The token before it."""
        return self.tokens[max(self.index - 1, 0)]

    @property
    def after(self) -> Token:
        """The token after it."""
        return self.tokens[min(self.index + 1, len(self.tokens) - 1)]

    @property
    def head(self) -> str:
        """The first word of the statement."""
        return clip(self.tokens[self.start].text)

    def only(self, *words: str) -> bool:
        """Whether just this could stand there."""
        return self.expected == frozenset(words)

    @property
    def starts_line(self) -> bool:
        """Whether it is the first of its line."""
        return self.index > 0 and self.lines.starts(self.index)

    @property
    def wants_operand(self) -> bool:
        """Whether an expression must begin here."""
        return "NUMBER" in self.expected

    @property
    def has_operand(self) -> bool:
        """Whether an expression may go on here."""
        return "+" in self.expected

    @property
    def keyword(self) -> bool:
        """Whether it is a keyword."""
        return self.token.text in terminals().keywords

    @property
    def begins_operand(self) -> bool:
        """Whether an expression could begin with it."""
        token = self.token
        return token.type in ("NAME", "NUMBER", "STRING") or token.text in ("(", "[", "true", "false", "std", "not")


Explanation = tuple[Diagnostic, Repair | None]
Rule = Callable[[Failure], Explanation | None]


def explain(failure: Failure) -> Explanation:
    """The diagnostic of a failure, and how to go on if that is certain."""
    for rule in _RULES:
        if (found := rule(failure)) is not None:
            return found
    return _say(failure, expected_words(failure), advice=None)


def expected_words(failure: Failure) -> str:
    """What could stand there, as people say it."""
    expected = set(failure.expected)
    said: list[str] = []
    if "NUMBER" in expected:
        said.append("an expression")
        expected -= {"NAME", "NUMBER", "STRING", "true", "false", "std", "(", "[", "-", "not", "if", "in"}
    if "+" in expected:
        said.append("an operator")
        expected -= {*"+-*/%^.([", "//", "==", "!=", "<", "<=", ">", ">=", "and", "or"}
    if "NAME" in expected and "let" not in expected:
        said.append("a name")
        expected -= {"NAME", "in"}
    if "STRING" in expected:
        said.append("a string")
        expected -= {"STRING"}
    if "let" in expected:
        said.append("a statement" if not said else "a new statement")
        expected -= {*STATEMENT_WORDS, "NAME", "for", "if", "}", END}
    if END in expected:
        said.append("the end")
        expected -= {END}
    order = [
        ",",
        ")",
        "]",
        "{",
        "}",
        "=",
        ":",
        "->",
        "..",
        "in",
        "by",
        "then",
        "else",
        "init",
        "frozen",
        "reshape",
        "std",
    ]
    symbols = sorted(expected, key=lambda text: (order.index(text) if text in order else len(order), text))
    said[0:0] = [f"`{text}`" for text in symbols[:4]] if "a new statement" not in said else []
    if len(said) < 2:
        return "".join(said)
    return f"{', '.join(said[:-1])} or {said[-1]}"


def found_words(token: Token) -> str:
    """A token as people name it."""
    if token.type == END:
        return "the end of the text"
    if token.type == "STRING":
        return "a string"
    if token.text in terminals().keywords:
        return f"the keyword `{token.text}`"
    return f"`{clip(token.text)}`"


def _say(
    failure: Failure, expected: str, advice: str | None, repair: Repair | None = None, label: str = ""
) -> Explanation:
    """Expected this, found that; where the statement simply ended, the place is its end, not the next statement."""
    token, before = failure.token, failure.before
    begins = failure.starts_line and (token.text in STATEMENT_WORDS or token.text in ("for", "if"))
    if failure.index > failure.start and (token.type == END or token.text == "}" or begins):
        end = ", found the end of the text" if token.type == END else ""
        message = f"expected {expected} after {found_words(before)}{end}"
        place = Span(before.source, before.end, before.end)
        return Diagnostic("TN101", message, place, label or f"expected {expected}", help=advice), repair
    message = f"expected {expected}, found {found_words(token)}"
    return _diagnostic(failure, message, advice, repair, label or f"expected {expected}")


def _diagnostic(
    failure: Failure,
    message: str,
    advice: str | None,
    repair: Repair | None = None,
    label: str = "",
    code: str = "TN101",
) -> Explanation:
    return Diagnostic(code, message, failure.token.span, label, help=advice), repair


# -- statements in the wrong place, or of another language --------------------------------------

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


_WORDS_OF_A_COMMENT: Final = 30


def _slash_comment(failure: Failure) -> Explanation | None:
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


def _misplaced(failure: Failure) -> Explanation | None:
    token = failure.token
    if token.text in failure.expected or (failure.index != failure.start and "let" not in failure.expected):
        return None
    if failure.in_network and token.text in ("network", "import"):
        message = f"`{token.text}` belongs at the top of a file, not in a network"
        advice = "move it out of the braces"
        return _diagnostic(failure, message, advice, None, "cannot stand in a network", "TN108")
    known = token.text in STATEMENT_WORDS | {"for", "if"} or (
        token.type == "NAME" and failure.after.text in ("(", "[", ".")
    )
    if not failure.in_network and known and token.text not in _FOREIGN:
        shown = f"`{token.text}`" if failure.keyword else "a definition"
        message = f"{shown} belongs in a network"
        advice = "put it into `network name() { … }`"
        return _diagnostic(failure, message, advice, None, "cannot stand outside a network", "TN108")
    return None


def _foreign_word(failure: Failure) -> Explanation | None:
    first = failure.tokens[failure.start]
    advice = _FOREIGN.get(first.text)
    if advice is None or failure.index > failure.start + 2 or (first.text != "else" and first.type != "NAME"):
        return None
    if first.text == "else" and failure.index != failure.start:
        return None
    message = "`else` without `if`" if first.text == "else" else f"there is no statement `{first.text}`"
    return Diagnostic("TN104", message, first.span, help=advice), None


def _keyword_as_name(failure: Failure) -> Explanation | None:
    token = failure.token
    if not failure.keyword or "NAME" not in failure.expected or "let" in failure.expected:
        return None
    if failure.wants_operand and (
        failure.starts_line or token.text in ("then", "else", "by", "for", "in", "if", "and", "or")
    ):
        return None
    if (
        failure.wants_operand
        and token.text in ("init", "frozen", "reshape")
        and failure.before.text in ("=", "init", "std")
        and failure.after.text != "("
    ):
        return None
    message = f"`{token.text}` is a keyword and cannot be a name"
    return _diagnostic(
        failure, message, f"choose another name, such as `{token.text}_`", Repair(takes=1, as_name=True), "", "TN107"
    )


# -- heads of statements -----------------------------------------------------------------------


_ROUND: Final = {
    "core": "the dimensions stand in round brackets: `core a(2, 3)`; a family is `core a[k in 0..n](2, 3)`",
    "output": "the legs stand in round brackets: `output w(i, j) = …`",
    "let": "a list of values is `let a = [… for k in 0..n]`",
}


def _round_brackets(failure: Failure) -> str:
    return _ROUND.get(failure.head, f"the legs stand in round brackets: `{failure.head}(i, j)`")


def _no_parameters(failure: Failure) -> Explanation | None:
    """``network a {``, ``def f = …``, ``core g = …``: brackets are not optional."""
    if failure.only("(", ".") and failure.before.text == "]":
        return _say(failure, "`(`", _round_brackets(failure))
    if not failure.only("(") and not (failure.expected <= {"(", "[", "."} and failure.token.text in ("=", "{", ":")):
        return None
    name = clip(failure.tokens[failure.start + 1].text) if failure.index > failure.start + 1 else failure.head
    match failure.head:
        case "network":
            advice = f"write `network {name}() {{ … }}` if it has no parameters"
            repair = Repair(("(", ")")) if failure.token.text == "{" else None
            return _say(failure, "the parameters in `(…)`", advice, repair)
        case "output":
            advice = f"write `output {name}(i, j) = …`, or `output {name}() = …` for a scalar"
            return _say(failure, "the axes in `(…)`", _round_brackets(failure) if failure.token.text == "[" else advice)
        case "core" | "input":
            return _say(
                failure, "the dimensions in `(…)`", f"write `{failure.head} {name}(2, 3)`, or `{name}()` for a scalar"
            )
        case "def" | "fn":
            advice = f"write `{failure.head} {name}(a) = …`" + ("; a value is `let`" if failure.head == "def" else "")
            return _say(failure, "the parameters in `(…)`", advice)
        case "prod" | "sum" | "reshape":
            return None
        case _:
            if failure.token.text == "=":
                head = failure.head
                advice = (
                    f"a compile-time value is `let {head} = …`, a tensor `{head}(i, j) = …`, a scalar `{head}() = …`"
                )
                return _say(failure, "the legs in `(…)`", advice)
    return None


def _lone_name(failure: Failure) -> Explanation | None:
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


def _pieces(failure: Failure) -> Explanation | None:
    """What is missing in an import, a parameter, an assertion, a helper."""
    token, head = failure.token, failure.head
    if head == "network" and failure.only(":"):
        type_ = _type_of(failure.after) if token.text == "=" else "int"
        return _say(failure, "`:` and a type", f"every parameter has a type: `{clip(failure.before.text)}: {type_}`")
    if head == "import" and failure.only("STRING"):
        name = f"{clip(token.text)}.tn" if token.type == "NAME" else "file.tn"
        return _say(failure, "a string", f'write `import "{name}"`')
    if head in ("assert", "require") and failure.only("STRING"):
        return _say(failure, "a string", f'a message stands in double quotes: `{head} c, "message"`')
    if head in ("assert", "require") and token.type == "STRING" and "," in failure.expected:
        return _say(failure, "`,`", f'write `{head} c, "message"`', Repair((",",)))
    if head in ("fn", "def") and failure.only("="):
        return _say(
            failure,
            "`=`",
            f"its value is one expression: `{head} {clip(failure.tokens[failure.start + 1].text)}(…) = …`",
        )
    if failure.before.text == "in" and failure.only("=", ":"):
        return _say(failure, "`=` or `:`", "`in` is a keyword; it can name an axis, as in `in = i`, and nothing else")
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


def _type_of_list(failure: Failure) -> Explanation | None:
    """``dims: int[]`` and ``dims: list[int]`` as in other languages."""
    if failure.token.text == "[" and failure.head == "network" and failure.tokens[failure.index - 2].text == ":":
        return _say(failure, expected_words(failure), "lists have the types `ints` and `floats`: `dims: ints`")
    return None


def _for_head(failure: Failure) -> Explanation | None:
    if failure.only("in"):
        name = clip(failure.before.text)
        if failure.token.text in ("=", ":"):
            return _say(failure, "`in`", f"write `for {name} in a..b`", Repair(("in",), 1))
        return _say(failure, "`in`", f"write `{name} in a..b`", Repair(("in",)) if failure.begins_operand else None)
    if failure.head == "for" and failure.index == failure.start + 1 and failure.token.text == "(":
        return _say(failure, "a name", "the head of a loop has no brackets: `for k in a..b { … }`")
    if failure.token.text == "step" and "by" in failure.expected:
        return _say(failure, "`by` or `{`", "a step is written `a..b by 2`", Repair(("by",), 1))
    return None


def _colon(failure: Failure) -> Explanation | None:
    if failure.token.text != ":":
        return None
    if "{" in failure.expected:
        return _say(failure, "`{`", "blocks stand in braces", Repair((), 1) if failure.after.text == "{" else None)
    if ".." in failure.expected:
        return _say(failure, "`..` or `]`", "a slice is written `a..b`", Repair(("..",), 1))
    if ")" in failure.expected and failure.has_operand:
        advice = "a crop stands on the left of a definition or output only: `name: 500 = legs`"
        return _say(failure, "`,` or `)`", advice)
    return None


def _equals(failure: Failure) -> Explanation | None:
    text = failure.token.text
    if text == "=" and "==" in failure.expected and _in_condition(failure):
        message = "`=` does not compare"
        return _diagnostic(failure, message, "write `==`", Repair(("==",), 1), "", "TN104")
    if text == "==" and "=" in failure.expected:
        return _say(failure, "`=`", "`==` compares; write `=`", Repair(("=",), 1))
    if text == "=" and failure.head == "input":
        advice = "an input has no value: it is given to `forward`; a tensor is defined by `name(legs) = …`"
        return _say(failure, "a new statement", advice)
    if text == "=" and failure.head == "core":
        return _say(failure, "`init`, `frozen` or a new statement", "a core's initial value is written `init …`")
    return None


def _in_condition(failure: Failure) -> bool:
    """Whether the innermost of ``if``, ``then``, ``let`` and the like before the failure asks a question."""
    for token in reversed(failure.tokens[failure.start : failure.index]):
        if token.text in ("if", "assert", "require"):
            return True
        if token.text in ("{", "then", "else", "for"):
            return False
    return False


def _order(failure: Failure) -> Explanation | None:
    text = failure.token.text
    if text == "init" and failure.head == "core":
        return _say(failure, "a new statement", "`init` comes once, after the dimensions and before `frozen`")
    if text == "reshape" and failure.head == "output":
        return _say(failure, "`=`", "`reshape(…)` comes before `std`")
    if text == "frozen":
        return _say(failure, expected_words(failure), "only a core can be `frozen`, at the end of its declaration")
    return None


def _follows_sum(failure: Failure) -> bool:
    """Whether ``sum(j)`` stands before the statement, written as in mathematics."""
    before = failure.tokens[max(failure.start - 4, 0) : failure.start]
    return [token.text for token in before if token.type != "NAME" or token.text in ("sum", "prod")] == [
        "sum",
        "(",
        ")",
    ]


def _definition_without_value(failure: Failure) -> Explanation | None:
    if "=" not in failure.expected or failure.expected & {"+", ":"} or failure.token.text == "==":
        return None
    if failure.tokens[failure.start].type != "NAME":
        return None
    if _follows_sum(failure):
        return _say(failure, "`=`", "legs are summed without being told: `a(i, j) * b(j)`; `sum(k in 0..n)` counts")
    return _say(failure, "`=`", f"a tensor is defined by `{failure.head}(…) = …`")


# -- expressions -------------------------------------------------------------------------------


def _conditional(failure: Failure) -> Explanation | None:
    text = failure.token.text
    if "then" in failure.expected and "{" not in failure.expected:
        repair = Repair(("then",)) if failure.begins_operand else None
        return _say(failure, "`then`", "a conditional value is `if c then a else b`", repair)
    if "else" in failure.expected and failure.has_operand:
        return _say(failure, "`else`", "a conditional value has both cases: `if c then a else b`")
    if text == "else" and failure.head == "if" and not failure.lines.starts(failure.start):
        head = failure.tokens[failure.start]
        message = "a conditional value begins with its condition"
        advice = "`a if c else b` is written `(if c then a else b)`"
        return Diagnostic("TN104", message, head.span, help=advice), None
    if text == "if" and failure.wants_operand:
        return _say(failure, "an operand", "put the conditional in parentheses: `(if c then a else b)`")
    if text == "not" and failure.wants_operand:
        return _say(failure, "an operand", "put it in parentheses: `(not a)`")
    if text == "if" and failure.has_operand and "]" in failure.expected:
        return _say(failure, "`]`", "a comprehension has one condition; join several with `and`")
    if text == "then" and "{" in failure.expected:
        advice = "the statement is `if c { … }`; a conditional value is `let a = if c then … else …`"
        return _say(failure, "`{`", advice)
    return None


def _range(failure: Failure) -> Explanation | None:
    text = failure.token.text
    if text == ".." and failure.has_operand:
        advice = "a range stands in `[…]` after a name or after `in`; as a list of numbers it is `range(a, b)`"
        return _say(failure, expected_words(failure), advice)
    if failure.wants_operand and (text == ".." or failure.before.text == ".."):
        return _say(failure, "an expression", "a range has both ends: `0..n`")
    if text == "." and failure.wants_operand and failure.after.type == "NUMBER":
        return _say(failure, "an expression", f"a number has digits before its point: `0.{clip(failure.after.text)}`")
    if failure.before.text == "." and failure.before.end == failure.token.start and failure.token.type == "NUMBER":
        return _say(failure, "a name", "a number stands in square brackets: `x[3]`")
    if text == "." and failure.before.type == "NUMBER":
        return _say(failure, "an operator", f"a number has digits after its point: `{clip(failure.before.text)}.0`")
    return None


def _juxtaposition(failure: Failure) -> Explanation | None:
    """Two operands side by side: a missing comma in brackets, a missing operator elsewhere."""
    token, before = failure.token, failure.before
    if not failure.has_operand or not failure.begins_operand:
        return None
    if before.type == "NUMBER" and token.text in UNITS:
        return _say(failure, "an operator", f"a unit is glued to its number: `{clip(before.text)}{token.text}`")
    if "," in failure.expected and "let" not in failure.expected and "=" not in failure.expected:
        comma = f"write `{clip(before.text)}, {clip(token.text)}`"
        return _say(failure, f"`,` or {_closer(failure)}", comma, Repair((",",)), "missing `,`")
    if "let" in failure.expected and not failure.starts_line:
        advice = "a product is written `a * b`" if token.type != "STRING" else None
        return _say(failure, "an operator or a new statement", advice)
    return None


def _closer(failure: Failure) -> str:
    return "`]`" if "]" in failure.expected else "`)`"


def _operator(failure: Failure) -> Explanation | None:
    text = failure.token.text
    if not failure.wants_operand:
        if text == "->" and failure.has_operand:
            return _say(failure, expected_words(failure), "the arrow stands once, in a `core`: `core g(a -> b)`")
        if text == "?" and failure.has_operand:
            return _say(
                failure,
                expected_words(failure),
                "`name?` stands among the dimensions of an `input`; a choice is `if c then a else b`",
            )
        return None
    if text == "{":
        advice = "braces hold statements; a list is written `[a, b]`, a group of legs `(i, j)`"
        return _say(failure, "an expression", advice)
    if text == "?":
        return _say(failure, "an expression", "a dimension that is known at run time only has a name: `batch?`")
    if text == "+":
        return _say(failure, "an expression", "there is no plus sign before a value")
    if text in ("*", "/", "//", "%", "^", "and", "or", "==", "<", ">", "<=", ">=", "!="):
        return _say(failure, "an expression", f"`{text}` stands between two values")
    if text in (")", "]", "}") and failure.before.text == "[":
        return _say(failure, "an expression", "square brackets after a name hold at least one subscript")
    return None


_RULES: Final[tuple[Rule, ...]] = (
    _slash_comment,
    _foreign_word,
    _misplaced,
    _keyword_as_name,
    _type_of_list,
    _for_head,
    _no_parameters,
    _lone_name,
    _pieces,
    _colon,
    _equals,
    _order,
    _conditional,
    _range,
    _juxtaposition,
    _operator,
    _definition_without_value,
)
