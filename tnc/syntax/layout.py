"""A small pretty printer: documents that say where a line may break, laid out within a width.

After Wadler: a :class:`Group` is printed flat if it fits, otherwise its own lines break. A comment ends its line,
wherever it stands: everything around it breaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

WIDTH: Final = 100
"""Lines are broken so that they are no longer than this, where that is possible."""

_ALIGN_AT_MOST: Final = 80
_COMMENTS_AT_MOST: Final = 72


@dataclass(frozen=True, slots=True)
class Text:
    """Characters without a line break."""

    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A place where a line may break; ``flat`` is what stands there if it does not."""

    flat: str = " "


@dataclass(frozen=True, slots=True)
class Hard:
    """A line break, with an empty line before the next text if ``blank``."""

    blank: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment: after what stands in its line, or on a line of its own."""

    text: str
    own_line: bool


@dataclass(frozen=True, slots=True)
class Concat:
    """One after the other."""

    parts: tuple[Doc, ...]


@dataclass(frozen=True, slots=True)
class Nest:
    """Lines within start further to the right."""

    by: int
    body: Doc


@dataclass(frozen=True, slots=True)
class Align:
    """Lines within start where this starts; if that is far to the right, a little further than the line around."""

    body: Doc


@dataclass(frozen=True, slots=True)
class Group:
    """On one line if it fits."""

    body: Doc


@dataclass(frozen=True, slots=True)
class Choice:
    """Two layouts of one text: ``wide`` where so much room is left in the line, else ``narrow``."""

    needs: int
    wide: Doc
    narrow: Doc


Doc: TypeAlias = Text | Line | Hard | Remark | Concat | Nest | Align | Group | Choice


def concat(*parts: Doc | str) -> Concat:
    """One after the other, strings as text."""
    return Concat(tuple(Text(part) if isinstance(part, str) else part for part in parts))


def join(separator: Doc, parts: Iterable[Doc]) -> Concat:
    """Documents with a separator between any two."""
    joined: list[Doc] = []
    for part in parts:
        if joined:
            joined.append(separator)
        joined.append(part)
    return Concat(tuple(joined))


def flat_width(doc: Doc) -> int | None:
    """How wide a document is on one line; None if it cannot stand on one."""
    total = 0
    waiting = [doc]
    while waiting:
        match waiting.pop():
            case Text(text) | Line(text):
                total += len(text)
            case Hard() | Remark():
                return None
            case Concat(parts):
                waiting.extend(parts)
            case Nest(_, body) | Align(body) | Group(body) | Choice(_, body, _):
                waiting.append(body)
    return total


def least_width(doc: Doc) -> int:
    """The width of the widest part of a document in which no line can break."""
    widest = run = 0
    waiting = [doc]
    while waiting:
        match waiting.pop():
            case Text(text):
                run += len(text)
                widest = max(widest, run)
            case Line() | Hard() | Remark():
                run = 0
            case Concat(parts):
                waiting.extend(reversed(parts))
            case Nest(_, body) | Align(body) | Group(body) | Choice(_, body, _):
                waiting.append(body)
    return widest


_Command: TypeAlias = tuple[int, bool, Doc]
"""How far lines are indented, whether lines are flat, and what to print."""


def render(doc: Doc, width: int = WIDTH) -> str:
    """The text of a document, with a line break at its end unless it is empty."""
    page = _Page()
    waiting: list[_Command] = [(0, False, doc)]
    while waiting:
        indent, flat, current = waiting.pop()
        match current:
            case Text(text):
                page.write(text, indent)
            case Line(text):
                if flat:
                    page.write(text, indent)
                else:
                    page.end_line(indent)
            case Hard(blank):
                page.end_line(indent)
                page.blank = page.blank or blank
            case Remark(text, own_line):
                page.remark(text, own_line, indent)
            case Concat(parts):
                waiting.extend((indent, flat, part) for part in reversed(parts))
            case Nest(by, body):
                waiting.append((indent + by, flat, body))
            case Align(body):
                column = page.column(indent)
                waiting.append((column if column <= _ALIGN_AT_MOST else min(column, indent + 4), flat, body))
            case Group(body):
                fits = flat or _fits((indent, True, body), waiting, width - page.column(indent))
                waiting.append((indent, fits, body))
            case Choice(needs, wide, narrow):
                enough = flat or page.column(indent) + needs <= width
                waiting.append((indent, flat, wide if enough else narrow))
    return page.text()


def _fits(first: _Command, rest: list[_Command], room: int) -> bool:
    """Whether a document fits flat in the room, with what follows it up to the next place where a line may break."""
    following = len(rest)
    waiting = [first]
    while room >= 0:
        if not waiting:
            if following == 0:
                return True
            following -= 1
            waiting.append(rest[following])
        indent, flat, doc = waiting.pop()
        in_first = following == len(rest)
        match doc:
            case Text(text):
                room -= len(text)
            case Line(text):
                if not flat or not in_first:
                    return True
                room -= len(text)
            case Hard():
                return not in_first
            case Remark():
                return not in_first
            case Concat(parts):
                waiting.extend((indent, flat, part) for part in reversed(parts))
            case Nest(_, body) | Align(body) | Group(body) | Choice(_, body, _):
                waiting.append((indent, flat, body))
    return False


class _Page:
    """The lines written so far."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []
        self._parts: list[str] = []
        self._column = 0
        self._remark = ""
        self._must_end = False
        self.blank = False

    def column(self, indent: int) -> int:
        """Where the next text would start."""
        return self._column if self._parts and not self._must_end else indent

    def write(self, text: str, indent: int) -> None:
        if self._must_end:
            self.end_line(indent)
        if not self._parts:
            text = text.lstrip(" ")
            if not text:
                return
            self._start_line(indent)
        self._parts.append(text)
        self._column += len(text)

    def _start_line(self, indent: int) -> None:
        if self.blank and self._lines:
            self._lines.append(("", ""))
        self.blank = False
        self._parts.append(" " * indent)
        self._column = indent

    def end_line(self, indent: int) -> None:
        if self._parts or self._remark:
            self._lines.append(("".join(self._parts).rstrip(" "), self._remark))
        self._parts = []
        self._remark = ""
        self._column = indent
        self._must_end = False

    def remark(self, text: str, own_line: bool, indent: int) -> None:
        if self._must_end or (own_line and self._parts):
            self.end_line(indent)
        if not self._parts:
            self._start_line(indent)
            self._parts.append(text)
        else:
            self._remark = text
        self._must_end = True

    def text(self) -> str:
        """All lines; comments after code in neighbouring lines stand under one another."""
        self.end_line(0)
        texts: list[str] = []
        run: list[tuple[str, str]] = []
        for code, remark in [*self._lines, ("", "")]:
            if code and remark and len(code) + 2 <= _COMMENTS_AT_MOST:
                run.append((code, remark))
                continue
            column = max((len(before) for before, _ in run), default=0) + 2
            texts.extend(before.ljust(column) + after for before, after in run)
            run = []
            texts.append(f"{code}  {remark}" if remark else code)
        texts.pop()
        return "".join(text + "\n" for text in texts)
