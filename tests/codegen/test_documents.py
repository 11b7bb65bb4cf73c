"""Line breaks are those of the formatter: it is asked, for many documents at widths around the limit."""

from __future__ import annotations

import subprocess
import sys

from tnc.codegen.documents import Doc, Group, Terms, call, flat, lay, parse_call, prefixed, tuple_of


def _documents() -> list[Doc]:
    documents: list[Doc] = []
    for width in range(1, 40):
        name = "n" * width
        documents += [
            prefixed("y = ", call(f"{name}.reshape", *["10"] * 15)),
            prefixed("y = ", call("function", name, "b" * 30, "c" * 20)),
            prefixed("y = ", Terms("", name, (("+", "b" * 30), ("-", "c" * 20)))),
            prefixed("y = ", Terms("", name, (("*", "b" * 30), ("*", "c" * 50), ("*", "d" * 9)))),
            prefixed("y = ", tuple_of([name, "b" * 30, "c" * 22])),
            prefixed("y = ", call("outer", Group(f"{name}(", ("a" * 30, "b" * 30), ")"))),
            prefixed("y = ", call("outer", Group("[", (name, "b" * 30, "c" * 30), "]", display=True), "dtype=d")),
            prefixed("y = ", call("Output", *(f"{name}{i}=value.reshape(2, 3)" for i in range(2)))),
            prefixed("y = ", Group(f"{name}[", (":500", ":", ":20", "0"), "]")),
            prefixed(
                "y = ", Group("{", (f'"{name}": 1', '"b": 2222222222222222', '"c": 33333333333'), "}", display=True)
            ),
            prefixed("y = ", tuple_of([name * 2])),
            Group("y = {", (f'f"{name}{{k}}": (k, 2)', f"for k in range({10**30})"), "}", joint=" "),
        ]
    return documents


def test_as_the_formatter_would() -> None:
    text = "\n".join(line for document in _documents() for line in lay(document)) + "\n"
    ruff = (sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "-")
    done = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == text.splitlines()


def test_every_layout_is_met() -> None:
    """The test above would be idle if nothing had to be broken."""
    heights = {len(lay(document)) for document in _documents()}
    assert {1, 3, 5} <= heights


def test_parse_call() -> None:
    assert parse_call("f(a, g(b, c), [d, e])") == call("f", "a", "g(b, c)", "[d, e]")
    assert parse_call("torch.relu(x[0, 1])") == call("torch.relu", "x[0, 1]")
    for text in ("f(a) + g(b)", "(a, b)", "a", "-f(a)", "f(a).g(b)", "f(a"):
        assert parse_call(text) == text
    assert flat(parse_call("f(a, b)")) == "f(a, b)"
