"""Finds phrases that must not come back: ``python -m tests.phrases [--count]``. ``tests/phrases.txt`` lists them."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = Path(__file__).with_suffix(".txt")
FOLDERS = ("tnc", "backends", "grammar", "tests", "benchmarks", "studies", "examples", "docs", "editors")
SUFFIXES = (".py", ".md", ".tn", ".lark", ".golden", ".txt", ".toml")
OWN = (LIST, Path(__file__).with_name("test_phrases.py"))

_START = re.compile(r"^[ \t]*(?:#+|[*>]|[a-zA-Z]?\")?[ \t]*")
"""Indentation, and what opens a comment, an item, a quotation or a continued string."""
_QUOTED = re.compile(r"``.+?``|`[^`\n]+`|“[^”]+”|\"[^\"\n]+\"|^>.*$", re.MULTILINE)


@dataclass(frozen=True)
class Phrase:
    """A pattern, and the wording to use instead."""

    pattern: re.Pattern[str]
    instead: str


@dataclass(frozen=True)
class Finding:
    """A phrase in a file."""

    path: Path
    line: int
    text: str
    phrase: Phrase

    def folder(self) -> str:
        """The folder that has to be cleaned: packages of ``tnc`` count on their own."""
        parts = self.path.relative_to(ROOT).parts[:-1]
        return "/".join(parts[: 2 if parts[:1] == ("tnc",) else 1])

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: `{self.text}`; write: {self.phrase.instead}"


@cache
def phrases() -> tuple[Phrase, ...]:
    """The entries of the list."""
    entries = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return tuple(map(phrase, entries))


def phrase(entry: str) -> Phrase:
    """An entry ``pattern => wording``."""
    pattern, _, instead = entry.partition(" => ")
    assert instead.strip(), f"no wording to use instead: {entry}"
    return Phrase(re.compile(pattern, re.IGNORECASE), instead)


def findings(path: Path, text: str, known: Sequence[Phrase]) -> Iterator[Finding]:
    """Every phrase in a text, in the order of the list."""
    flow, starts = _flow(_without_quotations(text) if path.suffix == ".md" else text)
    for entry in known:
        for match in entry.pattern.finditer(flow):
            yield Finding(path, bisect_right(starts, match.start()), match[0], entry)


def _flow(text: str) -> tuple[str, list[int]]:
    """A text whose paragraphs are one line each, and where in it each line of the text starts."""
    parts: list[str] = []
    starts: list[int] = []
    at = 0
    for line in text.splitlines():
        content = _START.sub("", line).rstrip().removesuffix('"').rstrip()
        starts.append(at)
        parts.append(f"{content} " if content else "\n")
        at += len(parts[-1])
    return "".join(parts), starts


def _without_quotations(text: str) -> str:
    """Markdown with quotations blanked out, character by character. Code blocks count as text."""
    return _QUOTED.sub(lambda quoted: re.sub(r"[^\n]", "\x00", quoted[0]), text)


def files() -> Iterator[Path]:
    """The texts of the repository. Folders that are links are seen once."""
    found = [path for suffix in (".md", ".toml") for path in ROOT.glob(f"*{suffix}")]
    found += [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.suffix in SUFFIXES]
    for path in sorted(found):
        linked = any(parent.is_symlink() for parent in path.parents if ROOT in parent.parents)
        if path.is_file() and not linked and path not in OWN and "node_modules" not in path.parts:
            yield path


def everywhere() -> list[Finding]:
    """What is found in the whole repository."""
    known = phrases()
    return [found for path in files() for found in findings(path, path.read_text("utf-8", "replace"), known)]


def main(arguments: Sequence[str]) -> int:
    """Print what is found, or with ``--count`` how much in each folder. Return 1 if anything is found."""
    found = everywhere()
    if "--count" in arguments:
        for folder, count in sorted(Counter(finding.folder() for finding in found).items()):
            print(f"{count:5}  {folder or '.'}")
        print(f"{len(found):5}  in all")
    else:
        for finding in found:
            print(finding)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
