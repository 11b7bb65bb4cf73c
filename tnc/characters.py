"""Characters that act on a terminal, reorder what is shown, or end a line: strings refuse them, output escapes them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]")
"""Control characters, marks of the direction of text, separators of lines, annotations, and lone surrogates.

The set is written out, so that it is the same under every version of Python's tables.
"""


def code_point(character: str) -> str:
    """A character by its number: ``U+202E``."""
    return f"U+{ord(character):04X}"


def escaped(text: str) -> str:
    """The text with every unsafe character, line breaks included, written as ``<U+202E>``."""
    return UNSAFE.sub(lambda match: f"<{code_point(match[0])}>", text)


def printable(text: str) -> str:
    """The text for a terminal: what it would act on or not show is written ``<U+202E>``; tabs and line breaks stay."""
    return text if text.isprintable() else "".join(map(visible, text))


def visible(character: str) -> str:
    """One character for a terminal."""
    if character in "\t\n" or character.isprintable():
        return character
    return " " if unicodedata.category(character) == "Zs" else f"<{code_point(character)}>"
