"""Python source, line by line, with indentation and the formatter's line breaks."""

from __future__ import annotations

import textwrap
from collections.abc import Generator
from contextlib import contextmanager

from tnc.characters import escaped
from tnc.codegen.documents import WIDTH, Doc, flat, lay

_STEP = "    "


class Writer:
    """Collects lines. Nothing written is ever changed again."""

    def __init__(self, depth: int = 0) -> None:
        self._lines: list[str] = []
        self._indent = _STEP * depth

    def line(self, doc: Doc = "", comment: str = "") -> None:
        """One statement, broken if it must be; a comment that does not fit behind it is left out."""
        if not doc:
            self._lines.append("")
            return
        whole = f"{self._indent}{flat(doc)}  # {comment}"
        if comment and len(whole) <= WIDTH:
            self._lines.append(whole)
        else:
            self._lines.extend(lay(doc, self._indent))

    def fits(self, doc: Doc) -> bool:
        """Whether the document needs no line break here."""
        return len(self._indent) + len(flat(doc)) <= WIDTH

    def can_break(self, doc: Doc) -> bool:
        """Whether no line is too long here once the document is broken."""
        return all(len(line) <= WIDTH for line in lay(doc, self._indent))

    def comment(self, text: str) -> None:
        """A comment on lines of its own; a line that is too long goes on with more indentation."""
        for line in text.split("\n"):
            margin = " " * (len(line) - len(line.lstrip()))
            further = f"{margin}  " if margin else ""
            width = WIDTH - len(self._indent) - 2
            wrapped = textwrap.wrap(
                escaped(line.strip()),
                max(width, len(further) + 20),
                initial_indent=margin,
                subsequent_indent=further,
                break_long_words=False,
                break_on_hyphens=False,
            )
            self._lines.extend(f"{self._indent}# {part}" for part in wrapped)

    def text(self, block: str) -> None:
        """Ready-made lines, indented as the current place is."""
        for line in textwrap.dedent(block).strip("\n").split("\n"):
            self._lines.append(self._indent + line if line else "")

    def include(self, other: Writer) -> None:
        """The lines of another writer, without empty ones where nothing comes before them."""
        lines = other._lines
        while lines and not lines[0] and not self._lines:
            lines = lines[1:]
        self._lines.extend(lines)

    def blank(self, count: int = 1) -> None:
        """Empty lines."""
        self._lines.extend([""] * count)

    def separate(self) -> None:
        """An empty line before a definition, unless a comment or the head of a block stands there already."""
        last = self._lines[-1].strip() if self._lines else ""
        if last and not last.startswith("#") and not last.endswith(":"):
            self.blank()

    def inner(self) -> Writer:
        """An empty writer for what is indented once more than here."""
        return Writer(len(self._indent) // len(_STEP) + 1)

    @contextmanager
    def block(self, header: Doc, comment: str = "") -> Generator[None]:
        """Write the header of a compound statement; what the ``with`` block writes is indented under it."""
        self.line(header, comment)
        outer = self._indent
        self._indent = outer + _STEP
        try:
            yield
        finally:
            self._indent = outer

    def finish(self) -> str:
        """Everything written, with one line break at the end."""
        return "\n".join(self._lines).rstrip("\n") + "\n"
