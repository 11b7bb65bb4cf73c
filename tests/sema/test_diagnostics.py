"""What is wrong with a network: codes, places, and how little is said twice."""

from __future__ import annotations

import pytest

from tests.sema.elaborated import diagnosed, elaborated, only

FINE = "\n  core fine(2)\n  output fine(i) = fine(i)\n"


def network(body: str) -> str:
    return f"network test() {{{FINE}{body}\n}}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # names
        ("output w(i) = nope(i)", [("TN201", "nope")]),
        ("output w(i) = rleu(fine(i))", [("TN201", "rleu")]),
        ("let a = b\nlet b = 2", [("TN201", "b")]),
        ("h(i) = g(i)\ng(i) = fine(i)\noutput w(i) = g(i)", [("TN201", "g")]),
        ("let fine = 2", [("TN202", "fine")]),
        ("let a = 1\nlet a = 2", [("TN202", "a")]),
        ("let len = 2", [("TN202", "len")]),
        ("core relu(2)", [("TN202", "relu")]),
        ("let a = 1\nfor a in 0..2 { }", [("TN202", "a")]),
        ("let a = 1\nlet b = [a for a in 0..2]", [("TN202", "a")]),
        ("let a = 1\ndef f(a) = a", [("TN202", "a")]),
        ("def f(a, a) = a", [("TN202", "a")]),
        ("let a = std.nope(dims = [2])", [("TN203", "std.nope")]),
        ("let a = std", [("TN221", "std")]),
        ("let a = std.mera", [("TN228", "std.mera")]),
        ("let a = [std.mera(dims = [2])]", [("TN228", "std.mera(dims = [2])")]),
        ("let a = test", [("TN228", "test")]),
        ("output w(i) = std.mera(i)", [("TN228", "std.mera(i)")]),
        # families
        ("core g[k in 0..3](2)\noutput w(i) = g(i)", [("TN207", "g"), ("TN801", "g[k in 0..3]")][:1]),
        ("core g[k in 0..3](2)\noutput w(i) = g[3](i)", [("TN206", "g[3]")]),
        ("core g[k in 0..3](2)\noutput w(i) = g[0, 1](i)", [("TN207", "g[0, 1]")]),
        ("core g[k in 0..0](2)\noutput w(i) = g[0](i)", [("TN206", "g[0]")]),
        ("output w(i) = fine[0](i)", [("TN207", "fine[0]")]),
        ("core g[k in 0..2](2)\ncore g[k in 1..3](2)\noutput w(i) = g[0](i) * g[2](i)", [("TN208", "g[k in 1..3]")]),
        ("core g[0](2)\ncore g[0, 0](2)", [("TN207", "g[0, 0]")]),
        ("for k in 0..3 { core q(2) }", [("TN208", "q")]),
        ("for k in 0..3 { core q[0](2) }", [("TN208", "q[0]")]),
        ("core fine(2)", [("TN208", "fine")]),
        ("fine(i) = fine(i)", [("TN208", "fine")]),
        ("core g[k in [0.5]](2)", [("TN221", "k in [0.5]")]),
        ("core g[k in 0..3](2)\noutput w(i) = prod(k in 0..3) g[0..k](i)", [("TN232", "0..k")]),
        # legs
        ("output w(i, j) = fine(i, j)", [("TN238", "fine(i, j)")]),
        ("output w() = fine()", [("TN238", "fine()")]),
        ("output w(i) = fine((i), [0])", [("TN238", "fine((i), [0])")]),
        ("output w(i) = fine(3)", [("TN233", "3")]),
        ("output w(i) = fine(i + 1)", [("TN233", "i + 1")]),
        ("output w(i) = fine(out = i)", [("TN233", "out = i")]),
        ("output w(i) = fine(fine(i))", [("TN233", "fine(i)")]),
        ("output w() = fine([-1])", [("TN225", "[-1]")]),
        ("output w() = fine([0, 1])", [("TN233", "[0, 1]")]),
        ("output w([0]) = fine(i)", [("TN233", "[0]")]),
        ("output w(i) = fine(i) * delta((i))", [("TN233", "(i)")]),
        ("output w(i) = fine(i) * delta()", [("TN237", "delta()")]),
        ("output w(x[0..10^7]) = fine(x[0])", [("TN234", "x[0..10^7]")]),
        ("output w(a = x[0..2]) = fine(x[0])", [("TN239", "x[0..2]")]),
        ("output w(a = i, a = j) = fine(i) * fine(j)", [("TN239", "a = j")]),
        ("output w(a: 0 = i) = fine(i)", [("TN239", "0")]),
        # tensor expressions
        ("output w(i) = fine", [("TN236", "fine")]),
        ("output w(i) = fine(i) / fine(i)", [("TN235", "fine(i)")]),
        ("output w(i) = fine(i) ^ 2", [("TN235", "fine(i) ^ 2")]),
        ("output w(i) = fine(i) // 2", [("TN235", "fine(i) // 2")]),
        ("output w(i) = sqrt(fine(i))", [("TN235", "sqrt(fine(i))")]),
        ("output w(i) = exp(fine(i))", [("TN235", "exp(fine(i))")]),
        ("output w(i) = sum(fine(i))", [("TN235", "sum(fine(i))")]),
        ("output w(i) = fine(i) * true", [("TN235", "true")]),
        ('output w(i) = fine(i) * "a"', [("TN235", '"a"')]),
        ("output w(i) = fine(i) * [2]", [("TN235", "[2]")]),
        ("output w(i) = fine(i) * relu", [("TN235", "relu")]),
        ("output w(i) = fine(i) / 0", [("TN212", "0")]),
        ("output w(i) = relu()", [("TN205", "relu()")]),
        ("output w(i) = relu(fine(i), 1)", [("TN218", "1")]),
        ("output w(i) = prelu(fine(i))", [("TN205", "prelu(fine(i))")]),
        ("output w(i) = prelu(fine(i), fine)", [("TN231", "fine")]),
        ("output w(i) = sin(fine(i), v = 2)", [("TN204", "v = 2")]),
        ("let a = fine", [("TN222", "fine")]),
        ("let a = fine(2)", [("TN222", "fine")]),
        # cores
        ("core g(2.5)", [("TN251", "2.5")]),
        ("core g(0)", [("TN251", "0")]),
        ("core g(true)", [("TN251", "true")]),
        ("core g([2, [3]])", [("TN251", "[2, [3]]")]),
        ("core g(10^9, 10^9)", [("TN252", "core g(10^9, 10^9)")]),
        ("core g([2] * 2000)", [("TN252", "core g([2] * 2000)")]),
        ("core g(2, 2) init [1, 2, 3]", [("TN250", "[1, 2, 3]")]),
        ("core g(2, 2) init [[1, 2], [3, 4]]", [("TN250", "[[1, 2], [3, 4]]")]),
        ("core g(2) init normal", [("TN250", "normal")]),
        ("core g(2) init normal()", [("TN205", "normal()")]),
        ("core g(2) init normal(-1)", [("TN250", "normal(-1)")]),
        ("core g(2) init uniform(1, 0)", [("TN250", "uniform(1, 0)")]),
        ("core g(2) init zeros(1)", [("TN218", "1")]),
        ("core g(2) init gaussian(1)", [("TN250", "gaussian(1)")]),
        ("core g(2) init true", [("TN250", "true")]),
        # outputs, requirements, assertions
        ("output fine(i) = fine(i)", [("TN209", "fine")]),
        ("for k in 0..2 { output w(i) = fine(i) }", [("TN209", "w")]),
        ("output w(i) std he = fine(i)", [("TN253", "he")]),
        ("output w(out = i) std glorot = fine(i)", [("TN253", "glorot")]),
        ("output w(i) std 0 = fine(i)", [("TN253", "0")]),
        ("assert 1 == 2", [("TN260", "assert 1 == 2")]),
        ("require parms <= 3", [("TN254", "parms")]),
        ("require 3 <= 4", [("TN254", "3 <= 4")]),
        ("require params", [("TN254", "params")]),
        ("require step_time <= 3", [("TN254", "step_time")]),
        ("require params <= nope", [("TN201", "nope")]),
        # functions
        ("fn f() = 1", [("TN266", "f")]),
        ("fn f(t) = rms(t)\noutput w(i) = f(fine(i))", [("TN230", "rms(t)")]),
        ("fn f(t) = t // 2\noutput w(i) = f(fine(i))", [("TN231", "t // 2")]),
        ("fn f(t) = if t > 0 then 1 else 2\noutput w(i) = f(fine(i))", [("TN231", "t")]),
        ("fn f(t) = [1, 2][t]\noutput w(i) = f(fine(i))", [("TN231", "t")]),
        ("fn f(t) = 0 < t < 1\noutput w(i) = f(fine(i))", [("TN231", "0 < t < 1")]),
        ("fn f(t) = where(t, 1, 2)\noutput w(i) = f(fine(i))", [("TN231", "t")]),
        ("fn f(t) = t * fine\noutput w(i) = f(fine(i))", [("TN231", "fine")]),
        ("fn f(t) = f(t)\noutput w(i) = f(fine(i))", [("TN240", "f(t)")]),
        ("fn f(t) = log(0) * t\noutput w(i) = f(fine(i))", [("TN213", "log(0)")]),
        ("fn f(t) = t + nope\noutput w(i) = f(fine(i))", [("TN201", "nope")]),
        # instances
        ("let t[0] = 3", [("TN264", "t[0]")]),
        ("for k in 0..2 { let t = std.mps(dims = [2, 2]) }", [("TN208", "t")]),
        ("let t = std.mera(dims = [])", [("TN260", "std.mera(dims = [])")]),
        ("let t = std.mera(dims = 3)", [("TN221", "3")]),
        ("let t = std.mera(dims = [2.0])", [("TN221", "[2.0]")]),
        ('let t = std.mera(dims = [2], act = "relu")', [("TN221", '"relu"')]),
        ("let t = std.mera(dims = [2], act = len)", [("TN229", "len")]),
        ("let t = std.mera(dim = [2])", [("TN204", "dim = [2]")]),
        ("let t = std.mera()", [("TN205", "std.mera()")]),
        ("let t = std.mera(dims = [2])\noutput w(i) = t.q(i)", [("TN203", "t.q")]),
        ("let t = std.mera(dims = [2])\nlet a = t + 1", [("TN222", "t")]),
        ("let t = std.mera(dims = [2])\noutput w(i) = t(i, x = fine)", [("TN204", "fine")]),
        ("let t = std.mera(dims = [2])\noutput w(i, j) = t(i, j)", [("TN238", "t(i, j)")]),
        ("core core_(2)\nlet t = test2(n = 3)", [("TN201", "test2")]),
        # statements
        ("let a.b = 3", [("TN264", "a.b")]),
        ("if 1 { }", [("TN220", "1")]),
        ("for k in 3 { }", [("TN226", "3")]),
    ],
)
def test_one_mistake_one_diagnostic(body: str, expected: list[tuple[str, str]]) -> None:
    found = [(code, text) for code, text in diagnosed(network(body)) if not code.startswith("TN8")]
    assert found == expected


def test_seven_mistakes_are_seven_diagnostics() -> None:
    text = network(
        """
  let a = nope
  core g(a, 2.5)
  h(i, j) = g(i, j) * missing(j) * fine(i, j)
  output one(i) = h(i, j)
  let t = std.mear(dims = [2])
  output two(i) = t(i)
  for k in 0..a { core q[k](0) }
  assert false, "no"
  core r(1 // 0)
"""
    )
    assert diagnosed(text) == [
        ("TN201", "nope"),
        ("TN251", "2.5"),
        ("TN201", "missing"),
        ("TN238", "fine(i, j)"),
        ("TN203", "std.mear"),
        ("TN260", 'assert false, "no"'),
        ("TN212", "1 // 0"),
    ]


def test_a_loop_tells_each_mistake_once() -> None:
    text = network("for k in 0..5 {\n let a = nope + k\n core g[k](a)\n h[k](i) = g[k](i)\n let b = a + 1 // 0\n}")
    assert diagnosed(text) == [("TN201", "nope"), ("TN212", "1 // 0")]


def test_what_fails_in_one_iteration_only_is_told() -> None:
    assert diagnosed(network("for k in 0..5 { let a = 6 // (3 - k) }")) == [("TN212", "6 // (3 - k)")]


def test_templates_are_checked_for_names_only() -> None:
    text = """
network template(n: int) {
  core a(n, nope)
  if n > 3 { h(i) = missing[k](i, j) } else { let t = std.mear(dims = [2]) }
  output w(i) = t.q(i, x = h) * undefined(i) * a(i, [wrong])
}
"""
    assert diagnosed(text) == [
        ("TN201", "nope"),
        ("TN201", "missing"),
        ("TN201", "k"),
        ("TN203", "std.mear"),
        ("TN201", "undefined"),
        ("TN201", "wrong"),
    ]


def test_branches_not_taken_are_checked_for_names() -> None:
    assert diagnosed(network("if false { let a = nope }")) == [("TN201", "nope")]


@pytest.mark.parametrize(
    ("body", "message", "help"),
    [
        ("output w(i) = fien(i)", "tensor or function `fien` is not declared", "did you mean `fine`?"),
        ("let chi = 2\nlet a = Chi", "name `Chi` is not declared", "did you mean `chi`?"),
        (
            "let b = std.brickwall([2] * 4, boundary = trained)",
            "name `trained` is not declared",
            'if a string is meant, put it in quotes: `"trained"`',
        ),
        ("let b = std.brickwall([2] * 4, act = reluu)", "name `reluu` is not declared", "did you mean `relu`?"),
        (
            "let b = std.brickwall([2] * 4, boundary = relu)",
            "`boundary` of `std.brickwall` must be a string, not a function",
            'a string stands in quotes: `"relu"`',
        ),
        (
            "let b = std.mera([2] * 4, periodic = 1)",
            "`periodic` of `std.mera` must be a boolean, not an integer",
            "write `true` or `false`",
        ),
        ("for k in 0..3 { core q(2) }", "`q` is declared twice", "in a loop, declare one each time: `core q[k]`"),
        ("core g[k in 2..4](2)\nh(i) = g[0](i)", "`g[0]` does not exist", "there are `g[2..4]`, ranges half-open"),
        ("core g[k in [1, 7]](2)\nh(i) = g[0](i)", "`g[0]` does not exist", "there are `g[1]` and `g[7]`"),
        (
            "core g(2, 3)\nh(i) = g(i)",
            "`g` has 2 axes, but is used with 1",
            "1 more leg is needed, or `[k]` to pick an entry",
        ),
        (
            "h(i, j) = fine(i, j)",
            "`fine` has 1 axis, but is used with 2",
            "several legs on one axis are a group: `(i, j)`",
        ),
        ("h(i) = fine", "`fine` is used without legs", "write `fine(i)`"),
        ("let a = [1, 2][-1]", "subscript -1 is negative", "count from the end with `len`: `[1, 2][len([1, 2]) - 1]`"),
        ("core g([1, 0])", "a dimension must be at least 1, not 0", None),
        (
            "let n = [2, 0]\ncore g([d for d in n])",
            "a dimension must be at least 1, not 0",
            None,
        ),
        (
            "core g(4 / 2)",
            "a dimension must be an integer, not a float",
            "`/` makes floats; write `4 // 2`",
        ),
        (
            "core g(2 * 1.5)",
            "a dimension must be an integer, not a float",
            "`//` divides integers; `floor` and `ceil` make integers of floats",
        ),
        (
            "let a = true * 2",
            "`*` cannot take a boolean and an integer",
            "a boolean is not a number: choose with `if c then a else b`",
        ),
        ("core g(2) init ortogonal", "unknown initialisation `ortogonal`", "did you mean `orthogonal`?"),
        ("require parms <= 3", "unknown metric `parms`", "did you mean `params`?"),
    ],
)
def test_messages(body: str, message: str, help: str | None) -> None:
    _, found = elaborated(network(body))
    assert (found[0].message, found[0].help) == (message, help)


LAYER = "network layer() { input data(batch?, 2)\n core a(2)\n output y(b) = data(b, i) * a(i) }\n"


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("t(b, data = x)", []),
        ("t(b, dta = x)", [("TN204", "x")]),
        ("t(b)", [("TN263", "t(b)")]),
        ("t(b, other = x)", [("TN263", "t(b, other = x)"), ("TN204", "x")]),
    ],
)
def test_inputs_of_an_instance(use: str, expected: list[tuple[str, str]]) -> None:
    text = f"{LAYER}network test() {{ input x(batch?, 2)\n let t = layer()\n output y(b) = {use} * x(b, i) * ones(i) }}"
    assert diagnosed(text, network="test") == expected


@pytest.mark.parametrize(
    ("body", "help"),
    [
        ("assert truee", "did you mean `true`?"),
        ("let a = einsum(2)", "a contraction is a product whose legs say what is summed: `a(i, j) * b(j, k)`"),
        ("input x(batch, 2)", "a dimension that is known at run time only has a question mark: `batch?`"),
        ("input x(None, 2)", "a dimension that is known at run time only has a question mark: `batch?`"),
        ("for k in 0..2 { h[k](i) = fine(i) }\nfor l in 0..2 { g(i) = h(i) }", "for example `h[l]`"),
    ],
)
def test_hints(body: str, help: str) -> None:
    _, found = elaborated(network(body))
    assert found[0].help == help


def test_both_ends_of_a_conflict() -> None:
    diagnostic = only(network("let a = 1\nlet a = 2"))
    assert [(label.message, label.span.text) for label in diagnostic.labels] == [("first declared here", "a")]
    assert diagnostic.span is not None
    assert diagnostic.labels[0].span.start < diagnostic.span.start


def test_instances_without_end_show_their_chain() -> None:
    text = """
network ping(n: int = 0) { let t = pong(n + 1)
  output w(i) = t(i) }
network pong(n: int = 0) { let t = ping(n + 1)
  output w(i) = t(i) }
"""
    diagnostic = only(text, network="ping")
    assert diagnostic.code == "TN240"
    assert "`pong` → `ping` → `pong`" in diagnostic.message


def test_mistakes_inside_the_library_point_at_the_instance() -> None:
    text = network("let t = std.mera(dims = [2] * 4, chi = 0)")
    diagnostic = only(text)
    assert (diagnostic.code, diagnostic.span and diagnostic.span.text) == ("TN260", "std.mera(dims = [2] * 4, chi = 0)")
    assert diagnostic.labels[0].span.source.name == "<std>/mera.tn"


def test_lints() -> None:
    text = """
network test(k: int = 2) {
  core used(2)
  core unused(2)
  core g[j in 0..3](2)
  core positive(2)
  let t = std.mps(dims = [2, 2])
  dead(i) = 2 * used(i)
  output w(i) = used(i) * g[0](i)
  output v(k) = relu(positive(k))
}
"""
    assert diagnosed(text) == [
        ("TN801", "unused"),
        ("TN801", "g[j in 0..3]"),
        ("TN804", "let t = std.mps(dims = [2, 2])"),
        ("TN802", "dead"),
        ("TN805", "output v(k) = relu(positive(k))"),
        ("TN810", "k"),
        ("TN810", "k"),
    ]


def test_a_fold_binds_to_the_next_factor_only() -> None:
    diagnostic = only(network("core c[k in 0..3]()\noutput w(i) = sum(k in 0..3) c[k]() * fine(i) * k"))
    assert diagnostic.code == "TN201"
    assert diagnostic.help == "a fold over `k` binds to the next factor only; put brackets around all that is meant"


def test_what_fails_leaves_no_depth_behind() -> None:
    dims = [f"-(-(u{number} + 1))" for number in range(400)]
    found = diagnosed(network(f"core c({', '.join(dims)})"))
    assert [code for code, _ in found] == ["TN201"] * len(dims)
