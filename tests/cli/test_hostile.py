"""Inputs made to hang, to crash or to eat memory: each ends soon, with a message, and the right exit code."""

from __future__ import annotations

import subprocess
import sys
from math import ceil
from pathlib import Path

import pytest

from tests.pace import slowness

KIBIBYTES = 4 * 2**20
SECONDS = 60  # of the processor, where it is as fast as it was when this was set

WIDE = "network a() {{\n  core c(2)\n  output y(i) = {}\n}}\n"

HOSTILE: dict[str, tuple[str, list[str], str]] = {
    "ten megabytes of brackets": ("(" * 10_000_000, [], "TN151"),
    "brackets up to the limit": ("let n = " + "(" * 1_000_000, [], "TN1"),
    "ten megabytes of brackets, allowed": ("[" * 10_000_000, ["--limit", "file_bytes=20000000"], "TN1"),
    "brackets of all kinds": ("network a() { core c" + "([{" * 100_000, [], "TN1"),
    "closing brackets": (")" * 100_000, [], "TN1"),
    "a deep sum": (WIDE.format("+".join(["c(i)"] * 50_000)), [], ""),
    "a long product": (WIDE.format("*".join(["c(i)"] * 50_000)), [], ""),
    "minus signs": ("let n = " + "-" * 100_000 + "1\n", [], "TN1"),
    "not not not": ("let n = " + "not " * 100_000 + "true\n", [], "TN1"),
    "powers": ("let n = " + "2^" * 100_000 + "2\n", [], "TN1"),
    "nested ifs": ("let n = " + "if true then " * 50_000 + "1" + " else 2" * 50_000 + "\n", [], "TN1"),
    "nested blocks": ("network a() { " + "if true { " * 50_000 + "}" * 50_001 + "\n", [], "TN1"),
    "nested else ifs": (
        "network a() { if false {} " + "else if false {} " * 20_000 + "\n output y() = 1 }\n",
        [],
        "",
    ),
    "dots": ("let n = a" + ".b" * 100_000 + "\n", [], "TN"),
    "subscripts": ("let n = a" + "[0]" * 100_000 + "\n", [], "TN"),
    "calls": ("def f(x) = x\nlet n = " + "f(" * 100_000 + "1" + ")" * 100_000 + "\n", [], "TN1"),
    "a number of a million digits": ("let n = " + "9" * 1_000_000 + "\n", [], "TN"),
    "a float beyond all": ("let n = 1e999999999\n", [], "TN"),
    "a tower": ("let n = 2^2^2^99\n", [], "TN"),
    "a long list": ("let n = [2] * 10^12\n", [], "TN"),
    "lists that double": (
        "let a = [1] * 1000\n"
        + "\n".join(
            f"let a{k} = {'a' if k == 0 else f'a{k - 1}'} + {'a' if k == 0 else f'a{k - 1}'}" for k in range(60)
        ),
        [],
        "TN",
    ),
    "lists that share": (
        "let a0 = [1, 1]\nlet b0 = [1, 1]\n"
        + "\n".join(f"let a{k} = [a{k - 1}, a{k - 1}]\nlet b{k} = [b{k - 1}, b{k - 1}]" for k in range(1, 60))
        + "\nlet same = a59 == b59\n",
        [],
        "TN242",
    ),
    "a list that nobody can print": (
        "let a0 = [1, 1]\n"
        + "\n".join(f"let a{k} = [{', '.join([f'a{k - 1}'] * 9)}]" for k in range(1, 60))
        + "\nnetwork a(x: ints = a59) { core c(a59)  output y() = 1 }\n",
        [],
        "TN221",
    ),
    "a list within a list within": (
        "let a0 = [1]\nlet b0 = [1]\n"
        + "\n".join(f"let a{k} = [a{k - 1}]\nlet b{k} = [b{k - 1}]" for k in range(1, 20_000))
        + "\nlet same = a19999 == b19999\nlet wrong = a19999 + 1\n",
        [],
        "TN240",
    ),
    "long lists compared in a loop": (
        "let a = [1] * 10^5\nlet b = [1] * 10^5\nlet n = len([k for k in 0..10^6 if a == b])\n",
        [],
        "TN242",
    ),
    "a long list summed in a loop": (
        "let a = [1] * 10^5\nlet n = len([k for k in 0..10^6 if sum(a) > 0])\n",
        [],
        "TN242",
    ),
    "a long loop": ("network a() { for k in 0..10^12 {} output y() = 1 }\n", [], "TN"),
    "a long comprehension": ("let n = len([k for k in 0..10^12 if false])\n", [], "TN"),
    "a long fold": ("network a() { core c(2) output y(i) = c(i) * prod(k in 0..10^12) 2 }\n", [], "TN"),
    "many cores": ("network a() { core c[k in 0..10^9](2) output y(i) = c[0](i) }\n", [], "TN"),
    "a large core": ("network a() { core c(10^9, 10^9) output y(i, j) = c(i, j) }\n", [], "TN"),
    "a large outer product": (
        "network a() { core c(1000) output y(x[0..30]) = prod(k in 0..30) c(x[k]) }\n",
        [],
        "TN",
    ),
    "networks for ever": (
        "network a(n: int = 0) { let other = b(n + 1) output y() = other() }\n"
        "network b(n: int) { let other = a(n) output y() = other() }\n",
        [],
        "TN",
    ),
    "defs for ever": ("def f(n) = f(n + 1)\nlet n = f(0)\n", [], "TN"),
    "defs that branch": ("def f(n) = if n == 0 then 1 else f(n - 1) + f(n - 1)\nlet n = f(60)\n", [], "TN"),
    "functions that double": (
        "\n".join(["fn f0(t) = t + t", *(f"fn f{k}(t) = f{k - 1}(t) * f{k - 1}(t)" for k in range(1, 60))])
        + "\n"
        + WIDE.format("f59(c(i))"),
        [],
        "TN",
    ),
    "instances that double": (
        "network n0() { core c(2) output y(i) = c(i) }\n"
        + "\n".join(
            f"network n{k}() {{ let a = n{k - 1}() let b = n{k - 1}() output y(i) = a(i) * b(i) }}"
            for k in range(1, 40)
        ),
        [],
        "TN",
    ),
    "null characters": ("\0" * 1000, [], "TN1"),
    "a string without end": ('import "' + "a" * 100_000, [], "TN1"),
    "a million errors": ("core\n" * 200_000, [], "TN1"),
    "a million unknown names": (WIDE.format(" + ".join(f"u{k}(i)" for k in range(20_000))), [], "TN2"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input(name: str, tmp_path: Path) -> None:
    text, options, code = HOSTILE[name]
    file = tmp_path / "a.tn"
    file.write_text(text, encoding="utf-8")
    seconds = ceil(SECONDS * slowness())
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'ulimit -v {KIBIBYTES}; ulimit -t {seconds}; exec "$@"',
            "tnc",
            sys.executable,
            "-m",
            "tnc",
            "check",
            str(file),
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=10 * seconds,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "TN901" not in done.stderr
    assert len(done.stderr) < 5_000_000
    if code:
        assert done.returncode == 1, done.stderr[:2000]
        assert f"error[{code}" in done.stderr
    else:
        assert done.returncode == 0, done.stderr[:2000]
