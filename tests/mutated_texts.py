"""Mutated texts: what becomes of a program under a careless editor, a bad merge, or a cat on the keyboard.

Every text is a damaged copy of one that exists: a library file, an example, a block of the documentation, the input of
a golden test. Whatever it is, the compiler must answer with diagnostics, or with a Program that prints and parses back
to itself; an exception, or silence for longer than a limit, is a defect.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from traceback import format_exception
from types import FrameType
from typing import TypeAlias

from tests.random_programs import random_program
from tnc import driver, sema
from tnc.diagnostics import CompileError, Diagnostic, diagnostics_to_json, has_errors, render_diagnostics
from tnc.ir import digest, program_text
from tnc.limits import Limits
from tnc.source import Source

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^```tn([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOKEN = re.compile(r'\s+|#[^\n]*|[A-Za-z_]\w*|\d+|"[^"\n]*"|\.\.|->|[<>=!]=|//|.', re.DOTALL)
WORD = re.compile(r"[A-Za-z_]\w*")

WORDS = """
    network core input let output fn in by for if else then def import as assert require and or not true false init
    seed frozen std reshape delta ones prod sum relu rms conj interleave reversed int float ints auto orthogonal
    identity x h w k n dims chi act batch
""".split()  # noqa: SIM905
SIGNS = "( ) [ ] { } , : = == -> .. * + - / // % ^ ' ? . <".split()  # noqa: SIM905
NUMBERS = "0 -1 1 2 7 1.5 1e400 10^12 2^2^99 99999999999999999999999999 0x10 1_000 4GiB".split()  # noqa: SIM905
STRANGE = [
    "\0",
    "\t",
    "\r",
    "\r\n",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "χ",
    "é",
    "e\u0301",
    "𝕩",
    "\u202e",
    "\x1b[31m",
    "“",
    "\ud800",
]

Mutation: TypeAlias = "Callable[[Random, str], str]"


class Late(BaseException):
    """The time is up; no ``except Exception`` swallows it."""


@dataclass(frozen=True)
class Defect:
    """What the compiler did wrong, and to what."""

    kind: str
    text: str
    details: str


@cache
def corpus() -> tuple[str, ...]:
    """The sound texts, and a hundred random programs."""
    files = [*ROOT.glob("grammar/std/*.tn"), *ROOT.glob("examples/*.tn"), *ROOT.glob("tests/*/golden/*/*.tn")]
    texts = {path.read_text(encoding="utf-8") for path in files}
    for page in sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]):
        for match in FENCE.finditer(page.read_text(encoding="utf-8")):
            inside = "body" in match[1].split()
            texts.add(f"network example() {{\n{match[2]}}}\n" if inside else match[2])
    texts.update(random_program(seed).text for seed in range(100))
    return tuple(sorted(texts))


def mutated_text(seed: int) -> str:
    """The text of a seed: a sound one with one to five wounds."""
    random = Random(seed)
    text = random.choice(corpus())
    for _ in range(random.choice([1, 1, 1, 2, 2, 3, 5])):
        text = random.choice(MUTATIONS)(random, text)
    return text


# -- wounds ------------------------------------------------------------------------------------


def _tokens(change: Callable[[Random, list[str]], None]) -> Mutation:
    def mutation(random: Random, text: str) -> str:
        tokens: list[str] = TOKEN.findall(text) or [""]
        change(random, tokens)
        return "".join(tokens)

    return mutation


def _lines(change: Callable[[Random, list[str]], None]) -> Mutation:
    def mutation(random: Random, text: str) -> str:
        lines = text.splitlines(keepends=True) or [""]
        change(random, lines)
        return "".join(lines)

    return mutation


def _place(random: Random, items: list[str]) -> int:
    """Where an item stands that is more than space."""
    solid = [k for k, item in enumerate(items) if item.strip()]
    return random.choice(solid) if solid else 0


def _delete(random: Random, items: list[str]) -> None:
    del items[_place(random, items)]


def _repeat(random: Random, items: list[str]) -> None:
    place = _place(random, items)
    items[place:place] = [items[place]] * random.choice([1, 1, 2, 30])


def _swap(random: Random, items: list[str]) -> None:
    first, second = _place(random, items), _place(random, items)
    items[first], items[second] = items[second], items[first]


def _delete_stretch(random: Random, items: list[str]) -> None:
    start = random.randrange(len(items))
    del items[start : start + random.randint(1, 12)]


def _move_stretch(random: Random, items: list[str]) -> None:
    start = random.randrange(len(items))
    stretch = items[start : start + random.randint(1, 12)]
    del items[start : start + len(stretch)]
    place = random.randint(0, len(items))
    items[place:place] = stretch


def _replace_by_word(random: Random, items: list[str]) -> None:
    items[_place(random, items)] = random.choice([*WORDS, *(item for item in items if item.strip())])


def _replace_by_sign(random: Random, items: list[str]) -> None:
    items[_place(random, items)] = random.choice(SIGNS)


def _insert_sign(random: Random, items: list[str]) -> None:
    items.insert(_place(random, items), random.choice([*SIGNS, *NUMBERS]))


def _change_number(random: Random, items: list[str]) -> None:
    numbers = [k for k, item in enumerate(items) if item.isdigit()]
    if numbers:
        items[random.choice(numbers)] = random.choice(NUMBERS)


def _rename(random: Random, items: list[str]) -> None:
    """One use of a name becomes another name of the same text: what the wrong variable looks like."""
    names = [k for k, item in enumerate(items) if WORD.fullmatch(item)]
    if names:
        items[random.choice(names)] = items[random.choice(names)]


def _rename_everywhere(random: Random, items: list[str]) -> None:
    names = [item for item in items if WORD.fullmatch(item)]
    if names:
        old, new = random.choice(names), random.choice([*names, *WORDS])
        items[:] = [new if item == old else item for item in items]


def _strange(random: Random, text: str) -> str:
    place = random.randint(0, len(text))
    return text[:place] + random.choice(STRANGE) * random.choice([1, 1, 3]) + text[place:]


def _truncate(random: Random, text: str) -> str:
    return text[: random.randint(0, len(text))]


def _behead(random: Random, text: str) -> str:
    return text[random.randint(0, len(text)) :]


def _wrap(random: Random, text: str) -> str:
    """An expression in many brackets, signs or calls."""
    words = list(WORD.finditer(text))
    if not words:
        return text
    word = random.choice(words)
    before, after = random.choice([("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("relu(", ")"), ("f(", ")")])
    count = random.choice([1, 2, 90, 110, 3000])
    return text[: word.start()] + before * count + word[0] + after * count + text[word.end() :]


def _splice(random: Random, text: str) -> str:
    """The start of one text and the end of another, as after a bad merge."""
    other = random.choice(corpus())
    return text[: random.randint(0, len(text))] + other[random.randint(0, len(other)) :]


def _flip_character(random: Random, text: str) -> str:
    if not text:
        return text
    place = random.randrange(len(text))
    return text[:place] + chr(random.choice([random.randrange(32, 127), random.randrange(0x3000)])) + text[place + 1 :]


MUTATIONS: tuple[Mutation, ...] = (
    *map(_tokens, [_delete, _repeat, _swap, _delete_stretch, _move_stretch, _replace_by_word, _replace_by_sign]),
    *map(_tokens, [_insert_sign, _change_number, _change_number, _rename, _rename, _rename_everywhere]),
    *map(_lines, [_delete, _repeat, _swap]),
    _strange,
    _truncate,
    _behead,
    _wrap,
    _splice,
    _flip_character,
)


# -- what must hold ----------------------------------------------------------------------------


def examine(text: str, seconds: float) -> Defect | None:
    """Check, expand and format a text; what went wrong, if anything did."""
    try:
        with time_limit(seconds):
            _check(text)
            _format(text)
    except Late as late:
        return Defect("late", text, "".join(format_exception(late)))
    except Exception as error:
        return Defect(type(error).__name__, text, "".join(format_exception(error)))
    return None


@contextmanager
def time_limit(seconds: float) -> Generator[None]:
    """Raise :class:`Late` in the block when it has used so much time of the processor."""

    def ring(_: int, __: FrameType | None) -> None:
        raise Late

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _check(text: str) -> None:
    source = Source("mutated.tn", text)
    checked = driver.check(source, driver.Options())
    _render(checked.diagnostics)
    if has_errors(checked.diagnostics):
        return
    library, _ = sema.load(source, Limits())
    for name in checked.networks:
        program, _ = sema.elaborate(library, name)
        assert program is not None
        flat = program_text(program)
        again, found = sema.elaborate(sema.load(Source("flat.tn", flat), Limits())[0], name)
        assert again is not None, f"expands to what is wrong:\n{flat}\n{found}"
        assert digest(again) == digest(program), f"expands to another Program:\n{flat}"


def _format(text: str) -> None:
    """That the meaning stays ``format_source`` sees to itself."""
    try:
        formatted = driver.format_source(Source("mutated.tn", text), Limits())
    except CompileError as error:
        _render(error.diagnostics)
        return
    assert driver.format_source(Source("formatted.tn", formatted), Limits()) == formatted, "fmt is not idempotent"


def _render(diagnostics: tuple[Diagnostic, ...]) -> None:
    """As the command line would; every span must lie in its source."""
    for diagnostic in diagnostics:
        for span in [diagnostic.span, *(label.span for label in diagnostic.labels)]:
            if span is not None:
                assert 0 <= span.start <= span.end <= len(span.source.text), (
                    f"{diagnostic.code} points outside the text"
                )
        assert diagnostic.code != "TN901"
    render_diagnostics(diagnostics[:100], False)
    diagnostics_to_json(diagnostics)
