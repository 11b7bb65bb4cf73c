"""Text that is not a token of the language: the token it was meant to be, and the diagnostic."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from tnc.diagnostics import Diagnostic
from tnc.diagnostics.suggest import nearest
from tnc.source import Source, Span
from tnc.syntax.tokens import UNITS, Token, clip


@dataclass(frozen=True, slots=True)
class Slip:
    """A piece of text that is not a token.

    ``meant`` is the text of the token to use instead, None to skip it; ``kind`` its type, unless ``meant`` is
    a literal. ``joins_last``: the slip starts with the token before, which is part of it.
    """

    diagnostic: Diagnostic
    start: int
    end: int
    meant: str | None = None
    kind: str | None = None
    joins_last: bool = False


_OPERATORS: Final[dict[str, tuple[str | None, str]]] = {
    "**": ("^", "a power is written `a^b`"),
    "&&": ("and", "write `and`"),
    "&": ("and", "write `and`"),
    "||": ("or", "write `or`"),
    "|": ("or", "write `or`"),
    "!": ("not", "write `not`"),
    "~": ("not", "write `not`"),
    ":=": ("=", "write `=`"),
    "===": ("==", "write `==`"),
    "!==": ("!=", "write `!=`"),
    "<>": ("!=", "write `!=`"),
    "=>": ("->", "the arrow of a core is written `->`, a definition `=`"),
    "..=": ("..", "ranges are half-open: `a..b` ends before `b`"),
    "..<": ("..", "ranges are half-open: `a..b` ends before `b`"),
    "@": ("*", "write `*`: the legs say what is contracted"),
    "\\": (None, "a statement simply goes on in the next line"),
    ";": (None, "statements are separated by white space alone"),
    "→": ("->", "write `->`"),
    "⇒": ("->", "write `->`"),
    "×": ("*", "write `*`"),
    "·": ("*", "write `*`"),
    "⋅": ("*", "write `*`"),
    "⊗": ("*", "write `*`: with different legs it is the outer product"),
    "÷": ("/", "write `/`"),
    "−": ("-", "write `-`"),
    "–": ("-", "write `-`"),
    "—": ("-", "write `-`"),
    "≤": ("<=", "write `<=`"),
    "≥": (">=", "write `>=`"),
    "≠": ("!=", "write `!=`"),
    "∈": ("in", "write `in`"),
    "∧": ("and", "write `and`"),
    "∨": ("or", "write `or`"),
    "¬": ("not", "write `not`"),
    "…": ("..", "a range is written `a..b`"),
    "′": (None, "a prime is written `'`"),
    "'": (None, "a prime follows its name without a space; a string stands in double quotes"),
    "$": (None, "remove it"),
    "`": (None, "remove it: names stand without quotes"),
}
_QUOTES: Final = {"'": "'", "“": "”", "”": "”", "„": "“", "‘": "’", "’": "’", "«": "»", "`": "`"}
_WORD = re.compile(r"\w+'*")
_NUMBER_LIKE = re.compile(r"[0-9]+(?:\.?\w+)*")
_STRING_LIKE = re.compile(r'"(?:\\.|[^"\\\r\n])*("?)')


def read_slip(source: Source, at: int, last: Token | None) -> Slip:
    """The slip at an offset where no token matches; it ends after ``at``."""
    text = source.text
    character = text[at]
    if character == '"':
        return _string(source, at)
    if character.isascii() and character.isdigit():
        return _number(source, at)
    if text.startswith(("True", "False"), at):
        word = "True" if text.startswith("True", at) else "False"
        diagnostic = _wrong(
            source, at, at + len(word), f"`{word}` is written `{word.lower()}`", "write it in lower case"
        )
        return Slip(diagnostic, at, at + len(word), word.lower())
    if text.startswith("/*", at):
        close = text.find("*/", at + 2)
        end = len(text) if close < 0 else close + 2
        return Slip(_wrong(source, at, at + 2, "`/*` does not start a comment", "a comment starts with `#`"), at, end)
    if character in _QUOTES and (quoted := _quoted(source, at)):
        return quoted
    for length in (3, 2, 1):
        if text[at : at + length] in _OPERATORS:
            return _operator(source, at, text[at : at + length])
    if (dots := re.compile(r"\.\.\.+").match(text, at)) is not None:
        diagnostic = _wrong(source, at, dots.end(), "a range has two dots", "write `a..b`")
        return Slip(diagnostic, at, dots.end(), "..")
    if text[at : at + 2] in ("+=", "-=", "*=", "/=", "%=", "^="):
        advice = f"redefine the tensor: `h(x) = h(x) {character} …`"
        return Slip(_wrong(source, at, at + 2, f"there is no `{character}=`", advice), at, at + 2, "=")
    if (letters := _WORD.match(text, at)) is not None:
        return _word(source, at, letters.end(), last)
    return _unknown(source, at)


def _wrong(source: Source, start: int, end: int, message: str, advice: str | None, code: str = "TN104") -> Diagnostic:
    return Diagnostic(code, message, Span(source, start, end), help=advice)


def _operator(source: Source, at: int, operator: str) -> Slip:
    meant, advice = _OPERATORS[operator]
    end = at + len(operator)
    if meant is None:
        message = f"unexpected character {_shown(operator)}"
    elif operator in ("..=", "..<"):
        message = "a range has two dots and nothing more"
    else:
        message = f"`{operator}` is not an operator of the language"
    return Slip(_wrong(source, at, end, message, advice), at, end, meant)


def _quoted(source: Source, at: int) -> Slip | None:
    """Text in quotes of another kind, up to the closing one in the same line."""
    opening = source.text[at]
    closing = {_QUOTES[opening], opening, '"'} if opening != "'" else {"'"}
    line_end = len(source.text) if (newline := source.text.find("\n", at)) < 0 else newline
    ends = [end for mark in closing if (end := source.text.find(mark, at + 1, line_end)) >= 0]
    if not ends:
        return None
    end = min(ends) + 1
    message = (
        "a string stands in double quotes"
        if opening == "'"
        else f"a string stands in plain double quotes, not {opening}"
    )
    inner = source.text[at + 1 : end - 1].replace("\\", "").replace('"', "")
    diagnostic = _wrong(source, at, end, message, f'write `"{clip(inner)}"`', "TN102")
    return Slip(diagnostic, at, end, f'"{inner}"', "STRING")


def _string(source: Source, at: int) -> Slip:
    """A string that does not end, or with an escape that does not exist."""
    match = _STRING_LIKE.match(source.text, at)
    assert match is not None
    end = match.end()
    if not match[1]:
        if match[0].rstrip().endswith("{"):
            end = at + match[0].rindex("{")
        diagnostic = _wrong(
            source,
            at,
            end,
            "the string is not closed in its line",
            'close it with `"`; a line break in it is `\\n`',
            "TN102",
        )
        return Slip(diagnostic, at, end, '""', "STRING")
    for escape in re.compile(r"\\(.)", re.DOTALL).finditer(source.text, at, end):
        if escape[1] not in '"\\nt':
            diagnostic = _wrong(
                source,
                escape.start(),
                escape.end(),
                f"there is no escape `{escape[0]}`",
                'the escapes are `\\"`, `\\\\`, `\\n` and `\\t`',
                "TN102",
            )
            return Slip(diagnostic, at, end, '""', "STRING")
    raise AssertionError(match[0])


def _number(source: Source, at: int) -> Slip:
    """Digits followed by letters that are not a unit."""
    match = _NUMBER_LIKE.match(source.text, at)
    assert match is not None
    written, end = match[0], match.end()
    parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?(?:[eE][0-9]+)?)(.*)", written)
    assert parts is not None
    meant, rest = parts[1], clip(parts[2])
    digits = clip(meant)
    message: str
    advice: str | None
    if re.fullmatch(r"[0-9_]+(\._*[0-9][0-9_]*)?", written):
        meant = written.replace("_", "")
        message, advice = f"the number `{clip(written)}` has an underscore", f"write `{clip(meant)}`"
    elif re.fullmatch(r"0[xXbBoO][0-9A-Fa-f]+", written):
        decimal = _decimal(written)
        message, advice = "numbers are decimal", None if decimal is None else f"write `{clip(decimal)}`"
        meant = decimal or "1"
    elif (close := nearest(rest, UNITS, 0.5)) is not None:
        message, advice = f"`{rest}` is not a unit", f"write `{digits}{close}`"
    elif rest[:1].isalpha() or rest[:1] == "_":
        message = f"`{rest}` is not a unit"
        advice = f"a product is written `{digits}*{rest}`; the units are {', '.join(UNITS)}"
    else:
        message, advice = f"`{clip(written)}` is not a number", None
    return Slip(_wrong(source, at, end, message, advice, "TN103"), at, end, meant, "NUMBER")


def _decimal(text: str) -> str | None:
    """An integer in another base, or None if it is none, or longer than Python prints."""
    try:
        return str(int(text, 0))
    except ValueError:
        return None


def _word(source: Source, at: int, end: int, last: Token | None) -> Slip:
    """A name with letters outside ASCII."""
    joins = last is not None and last.type == "NAME" and last.end == at
    start = last.start if joins and last is not None else at
    written = source.text[start:end]
    plain = _plain(written[:100])
    advice = "names are made of a to z, A to Z, 0 to 9 and _"
    if plain:
        advice += f": write `{clip(plain)}`"
    diagnostic = _wrong(source, start, end, f"the name `{written}` has letters outside ASCII", advice, "TN100")
    return Slip(diagnostic, start, end, written, "NAME", joins)


def _plain(word: str) -> str | None:
    """A word in ASCII letters: Greek ones by their names, accents dropped."""
    parts: list[str] = []
    for character in word:
        if character.isascii():
            parts.append(character)
            continue
        name = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (FINAL )?([A-Z]+)", unicodedata.name(character, ""))
        if name is not None:
            parts.append({"LAMDA": "lambda"}.get(name[3], name[3].lower()))
        elif (base := unicodedata.normalize("NFKD", character)[:1]).isascii():
            parts.append(base)
        else:
            return None
    plain = "".join(parts)
    return plain if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*'*", plain) else None


def _unknown(source: Source, at: int) -> Slip:
    """A run of one character, or of invisible ones, with no place in the language."""
    text = source.text
    character = text[at]
    invisible = not character.isprintable()
    end = at + 1
    while end < len(text) and (
        text[end] == character or (invisible and not text[end].isprintable() and text[end] not in " \t\r\n")
    ):
        end += 1
    advice = "replace it by an ordinary space" if unicodedata.category(character) == "Zs" else "remove it"
    return Slip(_wrong(source, at, end, f"unexpected character {_shown(character)}", advice, "TN100"), at, end)


def _shown(text: str) -> str:
    """A character as messages show it."""
    if len(text) > 1 or (text.isascii() and text.isprintable()):
        return f"`{text}`"
    name = unicodedata.name(text, "").lower()
    code = f"U+{ord(text):04X}" + (f" ({name})" if name else "")
    return f"`{text}` {code}" if text.isprintable() else code
