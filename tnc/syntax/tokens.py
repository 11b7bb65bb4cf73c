"""Tokens, and the values of numbers and strings."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple

from tnc.source import Source, Span

END: Final = "$END"
"""The type of the token past the end of a text."""


MOST_ERRORS: Final = 100
"""Maximum number of syntax errors reported for a file."""


class Token(NamedTuple):
    """A piece of a text: the grammar's name for it, its text, and its place.

    Where a slip is repaired (``&&`` for ``and``), ``text`` is what was meant and the place is where it was written.
    """

    type: str
    text: str
    source: Source
    start: int
    end: int

    @property
    def span(self) -> Span:
        """The token's place."""
        return Span(self.source, self.start, self.end)


def clip(text: str) -> str:
    """A text short enough for a message."""
    return text if len(text) <= 40 else text[:39] + "…"


_MULTIPLES: Final = {
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_FRACTIONS: Final = {"s": 1, "ms": 10**3, "us": 10**6}
UNITS: Final = (*_MULTIPLES, *_FRACTIONS)

_NUMBER = re.compile(r"([0-9]+)(\.[0-9]+)?([eE][+-]?[0-9]+)?([A-Za-z]*)")


def number_value(text: str) -> int | float:
    """The value of a number as written, its unit multiplied in.

    Counts and bytes that come out whole are integers (``1.5k`` is 1500), times are seconds and always floats.
    """
    match = _NUMBER.fullmatch(text)
    assert match is not None, text
    digits, point, exponent, unit = match.groups(default="")
    if not point and not exponent and unit not in _FRACTIONS:
        return int(digits) * _MULTIPLES.get(unit, 1)
    value = float(digits + point + exponent)
    if unit in _FRACTIONS:
        return value / _FRACTIONS[unit]
    if unit and 1e-12 < value < 1e15:
        exact = Decimal(digits + point + exponent) * _MULTIPLES[unit]
        return int(exact) if exact == exact.to_integral_value() else float(exact)
    return value * _MULTIPLES.get(unit, 1)


_ESCAPE = re.compile(r"\\(.)")
_ESCAPED: Final = {"n": "\n", "t": "\t"}


def string_value(text: str) -> str:
    """The value of a string as written: without its quotes and escapes."""
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text[1:-1])
