"""The lines of a source that a diagnostic talks about, with carets under its marks.

The excerpt is shown as written. Only what would disturb a terminal is replaced (see :mod:`tnc.characters`); very long
lines are cut around their marks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tnc.characters import printable, visible
from tnc.source import Source

TAB = 8
LONGEST_LINE = 160
BEFORE_MARK = 60
CLOSE = 4
"""A multi-line mark of at most this many further lines is shown whole."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A half-open range of offsets to be pointed at, with what is to be seen there."""

    start: int
    end: int
    message: str
    primary: bool

    @property
    def caret(self) -> str:
        """What underlines it."""
        return "^" if self.primary else "-"


Pieces: TypeAlias = list[tuple[str, Mark | None]]
"""Text with the mark that it belongs to, so that a renderer can colour it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One printed row: a source line with its number, carets below one (no number), or a gap."""

    number: int | None
    pieces: Pieces
    gap: bool = False


@dataclass(frozen=True, slots=True)
class _Placed:
    """A mark with its first and last line and its columns there, from 0; ``end`` is past the last character."""

    mark: Mark
    first: int
    last: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as printed, perhaps cut: what is shown for each character, and the column at which the first one is."""

    cells: tuple[str, ...]
    cut: int
    column: int

    @property
    def text(self) -> str:
        """The line as one text."""
        return "".join(self.cells)

    def pad(self, column: int) -> str:
        """Blank text as wide as the line up to a column; tabs stay tabs, so that it lines up at any tab width."""
        return "".join("\t" if c == "\t" else " " * _width(c) for c in self._before(column))

    def at(self, column: int) -> int:
        """The display column, from the start of the line, of a column in code points."""
        past_the_end = max(0, min(1, column - self.cut - len(self.cells)))
        return _advance(self._before(column), self.column) - self.column + past_the_end

    def _before(self, column: int) -> str:
        return "".join(self.cells[: max(0, column - self.cut)])


def last_line(source: Source, marks: Sequence[Mark]) -> int:
    """The number of the last line that the excerpt shows."""
    return max(_place(source, mark).last for mark in marks)


def excerpt_rows(source: Source, marks: Sequence[Mark], first_column: int) -> Iterator[Row]:
    """The rows of an excerpt, whose text is printed from display column ``first_column`` on."""
    placed = [_place(source, mark) for mark in marks]
    single = [place for place in placed if place.first == place.last]
    several = [place for place in placed if place.first != place.last]
    column = first_column + 2 * len(several)
    previous: int | None = None
    for number in _shown_lines(placed):
        if previous is not None and number > previous + 1:
            yield Row(None, _bars(several, number, source), gap=True)
        previous = number
        here = [place for place in single if place.first == number]
        line = _line(source, number, [p.start for p in here], column)
        yield Row(number, [*_bars(several, number, source), (line.text, None)])
        below = _bars(several, number, source, below=True)
        yield from (Row(None, [*below, *pieces]) for pieces in _underlines(line, here))
        for depth, place in enumerate(several):
            if number == place.last or (number == place.first and not _opens_line(source, place)):
                yield Row(None, _elbow(several, depth, number, line, source))


# -- places ------------------------------------------------------------------------------------


def _place(source: Source, mark: Mark) -> _Placed:
    first = source.position(mark.start)
    last = source.position(max(mark.start, mark.end - 1))
    start = min(first.column - 1, len(source.line(first.line)))
    end = last.column if mark.end > mark.start else last.column - 1
    end = min(end, max(1, len(source.line(last.line))))
    if first.line == last.line:
        end = max(end, start + 1)
    return _Placed(mark, first.line, last.line, start, end)


def _shown_lines(placed: list[_Placed]) -> list[int]:
    """The numbers of the lines to show; a gap of one line is not worth its dots."""
    wanted: set[int] = set()
    for place in placed:
        if place.last - place.first <= CLOSE:
            wanted.update(range(place.first, place.last + 1))
        else:
            wanted.update((place.first, place.first + 1, place.last - 1, place.last))
    wanted.update({number + 1 for number in wanted if number + 2 in wanted})
    return sorted(wanted)


def _line(source: Source, number: int, starts: list[int], column: int) -> _Line:
    text = source.line(number)
    if len(text) <= LONGEST_LINE:
        return _Line(tuple(map(visible, text)), 0, column)
    cut = max(0, min(starts, default=0) - BEFORE_MARK)
    kept = tuple(map(visible, text[cut : cut + LONGEST_LINE]))
    tail = ("…",) if cut + LONGEST_LINE < len(text) else ()
    return _Line((*kept, *tail), 0, column) if cut == 0 else _Line(("…", *kept, *tail), cut - 1, column)


# -- drawing -----------------------------------------------------------------------------------


def _underlines(line: _Line, places: list[_Placed]) -> Iterator[Pieces]:
    """Carets under all marks of a line; the rightmost one's message beside them, the others' below, hung on bars."""
    if not places:
        return
    places = sorted(places, key=lambda place: (place.start, -place.end))
    cells: dict[int, tuple[str, Mark]] = {}
    for place in sorted(places, key=lambda place: place.mark.primary):
        for column in range(line.at(place.start), max(line.at(place.start) + 1, line.at(place.end))):
            cells[column] = (place.mark.caret, place.mark)
    hung = [place for place in places if place.mark.message]
    pieces = _row(line, places[0], cells)
    rightmost = places[-1]
    if hung and hung[-1] is rightmost and rightmost.end == max(place.end for place in places):
        hung.pop()
        pieces.append((f" {printable(rightmost.mark.message)}", rightmost.mark))
    yield pieces
    if hung:
        yield _row(line, hung[0], {line.at(place.start): ("|", place.mark) for place in hung})
    while hung:
        place = hung.pop()
        left = {line.at(p.start): ("|", p.mark) for p in hung if p.start != place.start}
        left[line.at(place.start)] = (printable(place.mark.message), place.mark)
        yield _row(line, min([*hung, place], key=lambda p: p.start), left)


def _row(line: _Line, leftmost: _Placed, cells: dict[int, tuple[str, Mark]]) -> Pieces:
    """Cells at their display columns; what stands before the leftmost is padded as the line itself."""
    pieces: Pieces = [(line.pad(leftmost.start), None)]
    position = line.at(leftmost.start)
    for column, (text, mark) in sorted(cells.items()):
        if column > position:
            pieces.append((" " * (column - position), None))
        pieces.append((text, mark))
        position = column + len(text)
    return pieces


def _bars(several: list[_Placed], number: int, source: Source, below: bool = False) -> Pieces:
    """What runs along the left of a row for the marks of several lines; ``below`` the line or on it."""
    pieces: Pieces = []
    for place in several:
        opens = place.first == number and _opens_line(source, place)
        inside = place.first < number <= place.last
        bar = "| " if inside or (opens and below) else "/ " if opens else "  "
        pieces.append((bar, place.mark))
    return pieces


def _elbow(several: list[_Placed], depth: int, number: int, line: _Line, source: Source) -> Pieces:
    """The row that leads a bar to the start of its mark, or to its end with the message."""
    place = several[depth]
    closes = number == place.last
    pieces = _bars(several, number, source, below=True)[:depth]
    reach = line.at(place.end - 1) if closes else line.at(place.start)
    pieces.append((("|_" if closes else " _") + "_" * (2 * (len(several) - depth - 1) + reach), place.mark))
    pieces.append((place.mark.caret, place.mark))
    if closes and place.mark.message:
        pieces.append((f" {printable(place.mark.message)}", place.mark))
    return pieces


def _opens_line(source: Source, place: _Placed) -> bool:
    return not source.line(place.first)[: place.start].strip()


# -- characters --------------------------------------------------------------------------------


def _advance(text: str, column: int) -> int:
    """The display column after a text that begins at one; tabs go to the next multiple of eight."""
    for character in text:
        column = (column // TAB + 1) * TAB if character == "\t" else column + _width(character)
    return column


def _width(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
