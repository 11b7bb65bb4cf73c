"""The laws of the formatter: one canonical text, however a file was spaced, with all its comments and its meaning."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tests.random_programs import random_program
from tnc.limits import Limits
from tnc.source import Source
from tnc.syntax import format_file, parse, tree
from tnc.syntax.scanner import scan

ROOT = Path(__file__).parents[2]
BRACKETS = ("(", ")", "[", "]", "{", "}", ",")
FILES = sorted([*ROOT.glob("grammar/std/*.tn"), *ROOT.glob("examples/*.tn")])


def read(text: str) -> tree.File:
    file, diagnostics = parse(Source("a.tn", text), Limits())
    assert diagnostics == ()
    return file


def formatted(text: str) -> str:
    return format_file(read(text))


def tokens(text: str) -> list[str]:
    return [token.text for token in scan(Source("a.tn", text), Limits()).tokens[:-1]]


def respaced(text: str, random: Random, remarks: float) -> str:
    """The same tokens with other space between them, and here and there a comment."""
    parts: list[str] = []
    for word, following in pairwise([*tokens(text), "("]):
        parts.append(word)
        if random.random() < remarks:
            before, after = random.choice([" ", "\n", "\n\n"]), random.choice(["\n", "\n\n", "  \r\n"])
            parts.append(f"{before}# remark {len(parts)}{after}")
        else:
            tight = word in BRACKETS or following in BRACKETS
            parts.append(random.choice([" ", "\n", "\t", "\r\n", " \n\n\n ", *[""] * tight]))
    return "".join(parts)


@pytest.mark.parametrize("remarks", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_spacing_and_comments(path: Path, remarks: float) -> None:
    check_laws(path.read_text(encoding="utf-8"), Random(path.stem), remarks)


@pytest.mark.parametrize("bundle", range(4))
def test_random_programs(bundle: int) -> None:
    for seed in range(10 * bundle, 10 * bundle + 10):
        check_laws(random_program(seed).text, Random(seed), (seed % 3) / 10)


def check_laws(text: str, random: Random, remarks: float) -> None:
    file = read(respaced(text, random, remarks))
    once = format_file(file)
    again = read(once)
    assert again == file == read(text), "another tree"
    assert [comment.text for comment in again.comments] == [comment.text for comment in file.comments]
    assert formatted(once) == once, "not idempotent"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_ships_is_canonical(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


@pytest.mark.parametrize(
    ("ugly", "canonical"),
    [
        ("", ""),
        ("\n\n# only a comment", "# only a comment\n"),
        ("let a=1+2 *3^ 4", "let a = 1 + 2 * 3^4\n"),
        ("let a=2 *n+3*4", "let a = 2*n + 3 * 4\n"),
        ("let a=-b[ 0 .. n by 2 ]", "let a = -b[0..n by 2]\n"),
        ("import 'x'".replace("'", '"') + "as   y", 'import "x" as y\n'),
        ("network a(n:int=2,f:fn){}", "network a(n: int = 2, f: fn) {}\n"),
        ("fn f(t,w=1)=where(t>0,t,-w*t)", "fn f(t, w = 1) = where(t > 0, t, -w * t)\n"),
        (
            "network a(){core c[k in 0..3](2->k,2)init normal(0.1)frozen output y(q:2=(i,j))std he=c[0](i,j)}",
            "network a() {\n  core c[k in 0..3](2 -> k, 2) init normal(0.1) frozen\n"
            "  output y(q: 2 = (i, j)) std he = c[0](i, j)\n}\n",
        ),
        (
            "network a(){if n>1{let a=1}else if n>0{let a=2}else{let a=3}for k in 0..n{let b[k]=k}}",
            "network a() {\n  if n > 1 {\n    let a = 1\n  } else if n > 0 {\n    let a = 2\n  } else {\n"
            "    let a = 3\n  }\n  for k in 0..n {\n    let b[k] = k\n  }\n}\n",
        ),
        ("let a=1 # one\nlet bb=2 # two\n\n\n\nlet c=3", "let a = 1   # one\nlet bb = 2  # two\n\nlet c = 3\n"),
    ],
)
def test_canonical_texts(ugly: str, canonical: str) -> None:
    assert formatted(ugly) == canonical


@pytest.mark.parametrize(
    "words",
    [
        "complex init normal(1) frozen",
        "init normal(1) complex frozen",
        "init normal(1) frozen complex",
    ],
)
def test_complex_comes_first(words: str) -> None:
    text = f"network n() {{\n  core u(3) {words}\n  output y(i) = u(i)\n}}\n"
    assert "core u(3) complex init normal(1) frozen\n" in formatted(text)


def test_complex_beside_frozen_alone() -> None:
    assert "core u(3) complex frozen\n" in formatted("network n() { core u(3) frozen complex  output y(i) = u(i) }")
