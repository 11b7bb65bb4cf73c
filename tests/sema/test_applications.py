"""Partial application: the same Program as if it were written out, and what is wrong with some."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.sema.elaborated import diagnosed, elaborated, only, program_of
from tnc.ir import digest, program_text
from tnc.limits import Limits
from tnc.sema import load
from tnc.source import Source

LAYER = """network layer(n: int, m: int = n + 1, act: fn = relu, kind: str = "plain") {{
  core g[k in 0..2](n, m)
  let t = part(n)
  h(i, j) = act(g[0](i, j) + g[1](i, j))
  if kind == "plain" {{ output w(i, j) = h(i, j) * t(i) }}
  else {{ output w(j, i) = h(i, j) * t(i) }}
}}
network part(n: int) {{ core g(n)
 output w(i) = g(i) }}
"""
BODY = LAYER.format()


def written_out(head: str) -> str:
    """The text of ``layer`` under another head."""
    return BODY.replace(BODY.splitlines()[0], f"network b({head}) {{")


@pytest.mark.parametrize(
    ("applications", "head"),
    [
        ("network b = layer(n = 3)", 'n: int = 3, m: int = n + 1, act: fn = relu, kind: str = "plain"'),
        ("network b = layer(3, kind = K)", 'n: int = 3, m: int = n + 1, act: fn = relu, kind: str = "turned"'),
        ("network b = (layer(4, act = bump))", 'n: int = 4, m: int = n + 1, act: fn = bump, kind: str = "plain"'),
        ("network b = a(act = tanh)\nnetwork a = layer(3)", 'n: int = 3, m: int = 4, act: fn = tanh, kind: str = ""'),
        ("network a = layer(m = 2)\nnetwork b = a(5)", 'n: int = 5, m: int = 2, act: fn = relu, kind: str = "plain"'),
    ],
)
def test_the_program_is_that_of_a_network_written_out(applications: str, head: str) -> None:
    rest = '\nlet K = "turned"\nfn bump(t) = t + 0.1 * sin(t)\n'
    head = head.replace('kind: str = ""', 'kind: str = "plain"')
    for text in (applications + rest + BODY, BODY + rest + applications):
        applied = program_of(text, network="b")
        written = program_of(written_out(head) + rest, network="b")
        assert applied.name == "b"
        assert program_text(applied) == program_text(written)
        assert replace(applied, arguments=()) == replace(written, arguments=())


def test_the_digest_does_not_tell_them_apart() -> None:
    """Once the same parameters remain."""
    applied = program_of('network b = layer(kind = "plain")\n' + BODY, {"n": 3}, network="b")
    written = program_of(
        written_out("n: int, m: int = n + 1, act: fn = relu").replace("kind", '"plain"'), {"n": 3}, network="b"
    )
    assert applied.arguments == (("n", "3"), ("m", "4"), ("act", "relu"))
    assert digest(applied) == digest(written)


def test_what_remains_are_parameters_in_their_order() -> None:
    text = BODY + "network b = layer(act = tanh)\nnetwork c = b(n = 2)\nnetwork d = c()"
    library, found = load(Source("t.tn", text), Limits())
    assert found == ()
    assert library.parameters("b") == ("n", "m", "kind")
    assert library.parameters("c") == library.parameters("d") == ("m", "kind")
    assert program_of(text, {"m": 7}, network="d").parameters[0].shape == (2, 7)


def test_applications_are_used_like_networks() -> None:
    instance = BODY + "network b = layer(m = 2)\nnetwork n() { let t = b(3)\n output w(i, j) = t(i, j) }"
    assert [str(p.name) for p in program_of(instance, network="n").parameters] == ["t.g[0]", "t.g[1]", "t.t.g"]
    files = {"lib.tn": BODY + "network b = layer(m = 2)"}
    imported = 'import "lib.tn"\nnetwork c = lib.b(n = 3)'
    assert [p.shape for p in program_of(imported, files=files).parameters] == [(3, 2), (3, 2), (3,)]
    standard = program_of("network m = std.mera(dims = [2] * 4, chi = 2)")
    assert (standard.name, str(standard.parameters[0].name)) == ("m", "top")


def test_lints_of_the_body_hold() -> None:
    text = "network a(n: int) { core g(n)\n core unused(2)\n output w(i) = g(i) }\nnetwork b = a(3)"
    assert diagnosed(text) == [("TN801", "unused")]


ONE = "network a(n: int, act: fn = relu) { core g(n)\n output w(i) = act(tanh(g(i))) + g(i) }\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("network b = a(k = 3)", [("TN204", "k = 3")]),
        ("network b = a(n = 3, n = 4)", [("TN218", "n = 4")]),
        ("network b = a(1, relu, 3)", [("TN218", "3")]),
        ("network b = a(n = 1.5, act = 3)", [("TN221", "1.5"), ("TN221", "3")]),
        ("network b = a(n = 2)\nnetwork c = b(n = 3)", [("TN204", "n = 3")]),
        (
            "network b = a(n = nope)\nnetwork c = b()\nnetwork d() { let t = c()\n output w(i) = t(i) }",
            [("TN201", "nope")],
        ),
        ("network b = a", [("TN228", "a")]),
        ("network b = relu(3)", [("TN221", "relu")]),
        ("network b = 3", [("TN221", "3")]),
        ("network b = a(2)(3)", [("TN221", "a(2)(3)")]),
        ("network b = if true then a(2) else a(3)", [("TN221", "if true then a(2) else a(3)")]),
        ("network b = nope(2)", [("TN201", "nope")]),
        ("network b = std.nope(2)", [("TN203", "std.nope")]),
        ("network b = a(n = a)", [("TN221", "a")]),
        ("network b = a(n = b)", [("TN221", "b")]),
        ("network a = a(n = 2)", [("TN202", "a")]),
        ("network b = a(n = 2)\nlet b = 3", [("TN202", "b")]),
        ("network b = b(n = 2)", [("TN272", "b(n = 2)")]),
        ("network b = d()\nnetwork c = b()\nnetwork d = c()\nnetwork e = d()", [("TN272", "d()")]),
        ("let b = a(n = 2)", [("TN228", "a(n = 2)")]),
        ("network b(n: int) = a(n = n)", [("TN101", "=")]),
        ("network b = a(n = 2) { core h(2) }", [("TN101", "{"), ("TN801", "h")]),
        ("network b a(n = 2)", [("TN101", "a")]),
        ("network b: a(n = 2)", [("TN101", ":")]),
        ("network b' = a(n = 2)", [("TN111", "network b' = a(n = 2)")]),
        ("network b() { network c = a(2) }", [("TN108", "network")]),
    ],
)
def test_what_is_wrong(text: str, expected: list[tuple[str, str]]) -> None:
    assert diagnosed(ONE + text) == expected


def test_a_cycle_shows_both_ends() -> None:
    found = only("network b = d()\nnetwork c = b()\nnetwork d = c()")
    assert found.message == "networks apply each other in a cycle: `b` → `d` → `c` → `b`"
    assert [label.span.text for label in found.labels] == ["b()"]


def test_a_chain_may_be_long() -> None:
    count = 3000
    chain = "\n".join(f"network b{k} = b{k - 1}()" for k in range(count, 0, -1))
    assert diagnosed(f"{ONE}network b0 = a(n = 2)\n{chain}", network=f"b{count}") == []


def test_a_parameter_with_a_value_says_where_it_got_it() -> None:
    found = only(ONE + "network b = a(n = 2)\nnetwork c = b(n = 3)")
    assert found.help == "`a` takes it: apply that network instead"
    assert [(label.span.text, label.message) for label in found.labels] == [("2", "`n` is 2 here")]


def test_an_assertion_is_reported_where_its_network_is_applied() -> None:
    text = 'network a(n: int) { assert n < 10, "too large"\n core g(n)\n output w(i) = g(i) }\nnetwork b = a(n = 30)'
    found = only(text)
    assert (found.code, found.message, found.span and found.span.text) == ("TN260", "too large", "a(n = 30)")
    assert [label.message for label in found.labels] == ["required here"]


def test_a_missing_output_is_of_the_network_that_is_elaborated() -> None:
    found = only("network a(n: int) { core g(n)\n if n > 3 { output w(i) = g(i) } }\nnetwork b = a(n = 2)")
    assert found.message == "network `b` has no output for these arguments"
    assert found.span is not None
    assert found.span.text == "b"


def test_a_failed_application_is_still_a_network_of_the_file() -> None:
    programs, found = elaborated(ONE + "network b = a(k = 2)", network="b")
    assert programs == [None]
    assert [each.code for each in found] == ["TN204"]
