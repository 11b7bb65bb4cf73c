"""Wraps the project's Markdown at 100 columns: ``python -m tests.markdown [--fix]``.

Tables, code blocks, comments and headings stay as they are. Inline code is never broken over two lines.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).parents[1]
WIDTH = 100

_FENCE = re.compile(r"^\s*(```+|~~~+)")
_ITEM = re.compile(r"^(\s*)((?:[*+-]|\d+[.)])\s+)")
_QUOTE = re.compile(r"^(\s*>\s?)")
_VERBATIM = re.compile(r"^\s*(?:\||#|<!--|<[a-z/]|\[[^\]]+\]:\s|!!!|---+$|===+$)")
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_MARKER = re.compile(r" (?=(?:[*+-]|\d+[.)]|#+|>|=+|-+)(?: |$)|[|<>])")
"""A space before what would open a list, heading, quotation, table or comment at the start of a line."""
_GLUE = "\0"


@dataclass
class _Paragraph:
    first: str
    rest: str
    lines: list[str] = field(default_factory=list[str])

    def text(self) -> Iterator[str]:
        """The lines: as they were if they fit, wrapped anew otherwise."""
        if all(len(line) <= WIDTH for line in self.lines):
            yield from self.lines
            return
        words = [self.lines[0][len(self.first) :], *self.lines[1:]]
        text = " ".join(word.strip() for word in words)
        text = _CODE.sub(lambda code: code[0].replace(" ", _GLUE), text)
        text = _MARKER.sub(_GLUE, text)
        lines = wrap(
            text,
            WIDTH,
            initial_indent=self.first,
            subsequent_indent=self.rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from (line.replace(_GLUE, " ") for line in lines)


def wrapped(text: str) -> str:
    """Markdown whose paragraphs and list items have lines of at most ``WIDTH`` characters."""
    return "".join(f"{line}\n" for _, lines in _blocks(text) for line in lines)


def long_lines(text: str) -> list[int]:
    """The numbers of the lines that are longer than ``WIDTH`` and neither table nor code."""
    found: list[int] = []
    number = 0
    for kind, lines in _blocks(text, as_written=True):
        for line in lines:
            number += 1
            if kind == "prose" and len(line) > WIDTH:
                found.append(number)
    return found


def prose(text: str) -> list[tuple[int, str]]:
    """The numbered lines outside code blocks; tables and headings are among them."""
    found: list[tuple[int, str]] = []
    number = 0
    for kind, lines in _blocks(text, as_written=True):
        for line in lines:
            number += 1
            if kind != "code":
                found.append((number, line))
    return found


def _blocks(text: str, as_written: bool = False) -> Iterator[tuple[str, Sequence[str]]]:
    """The lines in blocks of ``code``, ``table`` (all that is never wrapped) and ``prose``."""
    fence = ""
    paragraph: _Paragraph | None = None
    inside_item = False

    def close() -> Iterator[tuple[str, Sequence[str]]]:
        if paragraph is not None:
            yield "prose", paragraph.lines if as_written else list(paragraph.text())

    for line in text.splitlines():
        opened = _FENCE.match(line)
        if fence or opened:
            yield from close()
            paragraph = None
            yield "code", [line]
            if not fence:
                assert opened is not None
                fence = opened[1]
            elif line.strip() == fence:
                fence = ""
        elif not line.strip():
            yield from close()
            paragraph = None
            yield "table", [line]
        elif paragraph is None and not inside_item and line.startswith("    "):
            yield "code", [line]
        elif _VERBATIM.match(line):
            yield from close()
            paragraph = None
            yield "table", [line]
            inside_item = inside_item and line.startswith(" ")
        elif start := _ITEM.match(line) or _QUOTE.match(line):
            yield from close()
            indent = start[0] if start.re is _QUOTE else " " * len(start[0])
            paragraph = _Paragraph(start[0], indent, [line])
            inside_item = True
        elif paragraph is not None:
            paragraph.lines.append(line)
        else:
            indent = " " * (len(line) - len(line.lstrip()))
            inside_item = inside_item and bool(indent)
            paragraph = _Paragraph(indent, indent, [line])
    yield from close()


def pages() -> list[Path]:
    """Every Markdown file of the repository."""
    folders = ("benchmarks", "docs", "editors", "examples", "studies", "tests")
    found = [*ROOT.glob("*.md"), *(path for name in folders for path in (ROOT / name).rglob("*.md"))]
    return sorted(path for path in found if "node_modules" not in path.parts)


def main(arguments: Sequence[str]) -> int:
    """Report lines that are too long, or wrap them (``--fix``). 1 if there are any left."""
    failed = False
    for path in pages():
        text = path.read_text(encoding="utf-8")
        if "--fix" in arguments and (text_wrapped := wrapped(text)) != text:
            path.write_text(text_wrapped, encoding="utf-8")
            text = text_wrapped
        for number in long_lines(text):
            failed = True
            print(f"{path.relative_to(ROOT)}:{number}: more than {WIDTH} characters")
    if failed:
        print("`python -m tests.markdown --fix` wraps paragraphs; headings are for the author to shorten")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
