"""The TextMate grammar and the Pygments lexer see what the compiler's own scanner sees."""

from __future__ import annotations

import json
import logging
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String, Token
from textmate_grammar.parsers.base import LanguageParser

from tnc.grammar.highlight import ACTIVATIONS, FUNCTIONS, TYPES, TnLexer
from tnc.ir.metrics import METRICS, STEP_TIME
from tnc.limits import Limits
from tnc.sema.values.builtins import ACTIVATION_PARAMETERS, COMPILE_TIME, SCALAR_FUNCTIONS, TENSOR_FORMS
from tnc.source import Source
from tnc.syntax.checks import PARAMETER_TYPES
from tnc.syntax.grammar import terminals
from tnc.syntax.scanner import scan
from tnc.syntax.tokens import END

ROOT = Path(__file__).parents[1]
GRAMMAR = ROOT / "grammar" / "tn.tmLanguage.json"
VSCODE = ROOT / "editors" / "vscode"
FILES = sorted([*(ROOT / "grammar" / "std").glob("*.tn"), *(ROOT / "examples").glob("*.tn")])
BUILT_IN = {*ACTIVATION_PARAMETERS, *COMPILE_TIME, *SCALAR_FUNCTIONS, *TENSOR_FORMS}

EVERYTHING = """# tnc: allow-file TN805: a test
import "other.tn" as other
network all(a: int = 2, b: float = 1.5e-3, c: bool = true, d: str = "x\\n\\"y\\"", e: fn = relu, f: ints = [1], g: floats = []) {
  core t[k in 0..a by 1](2, 3 -> 4) init normal(0.5) frozen
  input x(batch?, 4)
  let n = if a >= 2 and not c or a != 3 then 4GiB // 2 else 500k % 3 - 2ms
  def half(m) = m / 2
  fn soft(t) = t ^ 2 + log(abs(t))
  for s in 0..n { h'(x'[s], y'') = soft(t[s](x[s], [0])) * sum(k in 0..2) delta(i, j) - conj(t[0](i, in)) }
  assert a == 2, "two"
  require params <= 500 and step_time("h100", batch = 128) < 2ms
  output w(out: 500 = (o[0..9]), in = i) reshape(2, 3) std he = rms(h(o[0..9], i)) + std.mera(f)
}
"""  # noqa: E501


def texts() -> Iterator[tuple[str, str]]:
    for path in FILES:
        yield path.name, path.read_text(encoding="utf-8")
    yield "everything", EVERYTHING


CASES = list(texts())
cases = pytest.mark.parametrize("text", [text for _, text in CASES], ids=[name for name, _ in CASES])


def kinds(text: str) -> list[tuple[int, str, str]]:
    """Offset, text and kind of every token and comment, as the compiler has them."""
    scanned = scan(Source("test.tn", text), Limits())
    assert scanned.fatal is None
    assert scanned.diagnostics == []
    found = [(comment.span.start, comment.span.text, "comment") for comment in scanned.comments]
    for token in scanned.tokens:
        word = text[token.start : token.end]
        match token.type:
            case "NAME" | "NUMBER" | "STRING":
                kind = token.type.lower()
            case _:
                kind = "keyword" if word in terminals().keywords else "symbol"
        if token.type != END:
            found.append((token.start, word, kind))
    return sorted(found)


# -- TextMate, with a tokenizer that runs its patterns by Oniguruma, as editors do -----------------


@pytest.fixture(scope="module")
def textmate() -> LanguageParser:
    logging.getLogger("textmate_grammar").setLevel(logging.ERROR)
    return LanguageParser(json.loads(GRAMMAR.read_text(encoding="utf-8")))


def scopes(parser: LanguageParser, text: str) -> list[list[str]]:
    """The scopes of every character; the text ends with a line break, without which the tokenizer stumbles."""
    text += "\n\n"
    starts = [0]
    for row in text.split("\n"):
        starts.append(starts[-1] + len(row) + 1)
    found: list[list[str]] = [[] for _ in text]
    element = parser.parse_string(text)  # pyright: ignore[reportUnknownMemberType]
    assert element is not None
    pieces: list[tuple[tuple[int, int], str, list[str]]] = element.flatten()
    for (line, column), piece, names in pieces:
        at = starts[line] + column
        assert text.startswith(piece, at)
        for offset in range(at, at + len(piece)):
            found[offset] = names[1:]
    return found


WANTED = {
    "comment": ("comment.line",),
    "string": ("string.quoted",),
    "number": ("constant.numeric",),
    "keyword": ("storage.", "keyword.", "constant.language", "support.type", "support.module"),
    "name": ("variable.", "entity.name", "support."),
    "symbol": ("keyword.operator", "punctuation."),
}


@cases
def test_textmate_sees_what_the_scanner_sees(text: str, textmate: LanguageParser) -> None:
    found = scopes(textmate, text)
    wrong = [
        (word, kind, found[offset])
        for start, word, kind in kinds(text)
        for offset in range(start, start + len(word))
        if not (found[offset] and found[offset][0].startswith(WANTED[kind]))
    ]
    assert wrong == []


def test_textmate_knows_what_is_built_in(textmate: LanguageParser) -> None:
    for name in sorted(BUILT_IN):
        assert scopes(textmate, f"{name}(")[0][0].startswith("support.function"), name
    for name in (*METRICS, STEP_TIME):
        assert scopes(textmate, f"{name} ")[0][0].startswith("support.constant"), name
    for name in PARAMETER_TYPES:
        assert scopes(textmate, f": {name}")[2] == ["support.type.tn"], name


def test_textmate_marks_switches_and_broken_strings(textmate: LanguageParser) -> None:
    assert scopes(textmate, "# tnc: allow TN805")[3][-1] == "keyword.other.directive.tn"
    assert scopes(textmate, '"never closed\ncore a')[14][0] == "storage.type.tn"


def test_the_check_can_fail(textmate: LanguageParser) -> None:
    assert scopes(textmate, "§")[0] == []


# -- the extension -----------------------------------------------------------------------------


def test_the_extension_uses_the_one_grammar() -> None:
    package = json.loads((VSCODE / "package.json").read_text(encoding="utf-8"))
    (grammar,) = package["contributes"]["grammars"]
    (language,) = package["contributes"]["languages"]
    assert (VSCODE / grammar["path"]).resolve() == GRAMMAR
    assert grammar["scopeName"] == json.loads(GRAMMAR.read_text(encoding="utf-8"))["scopeName"]
    assert grammar["language"] == language["id"]
    assert language["extensions"] == [".tn"]
    configuration = json.loads((VSCODE / language["configuration"]).read_text(encoding="utf-8"))
    assert configuration["comments"] == {"lineComment": "#"}


# -- Pygments ----------------------------------------------------------------------------------

PYGMENTS = {
    "comment": (Comment,),
    "string": (String,),
    "number": (Number,),
    "keyword": (Keyword, Operator.Word, Name.Namespace),
    "name": (Name, Keyword.Type),
    "symbol": (Operator, Punctuation),
}


def within(kind: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether a kind of token is another one or one of its sub-kinds."""
    return tuple(kind)[: len(wanted)] == tuple(wanted)


@cases
def test_pygments_sees_what_the_scanner_sees(text: str) -> None:
    tokens = [(start, kind, word) for start, kind, word in TnLexer().get_tokens_unprocessed(text)]
    assert "".join(word for _, _, word in tokens) == text
    assert [word for _, kind, word in tokens if within(kind, Error)] == []
    by_start = {start: kind for start, kind, _ in tokens}
    wrong = [
        (word, kind, by_start.get(start, Token))
        for start, word, kind in kinds(text)
        if not any(within(by_start.get(start, Token), wanted) for wanted in PYGMENTS[kind])
    ]
    assert wrong == []


def test_pygments_knows_what_is_built_in() -> None:
    assert {*ACTIVATIONS, *FUNCTIONS} == BUILT_IN
    assert set(TYPES) == set(PARAMETER_TYPES)


def test_pygments_marks_what_is_no_token() -> None:
    assert [word for _, kind, word in TnLexer().get_tokens_unprocessed("core a(§)") if within(kind, Error)] == ["§"]
    assert not any(within(kind, Error) for _, kind, _ in TnLexer().get_tokens_unprocessed("core a(2)"))


def test_pygments_finds_the_lexer() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["pygments.lexers"]["tn"].partition(":")
    assert getattr(import_module(module), name) is TnLexer
