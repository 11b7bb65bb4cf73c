"""From networks to Programs: cores, definitions, instances, outputs, arguments."""

from __future__ import annotations

import math

import pytest

from tests.pace import timed
from tests.sema.elaborated import diagnosed, elaborated, program_of
from tnc.ir.program import (
    Auto,
    Constant,
    Entries,
    Glorot,
    He,
    Identity,
    Init,
    Normal,
    Orthogonal,
    Program,
    Requirement,
    Uniform,
)
from tnc.limits import Limits
from tnc.sema import elaborate, load
from tnc.source import Source


def names(program: Program) -> list[str]:
    return [statement.name for statement in program.statements]


# -- cores -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declaration", "shape", "inputs"),
    [
        ("core g()", (), 0),
        ("core g(3)", (3,), 1),
        ("core g(3, 4)", (3, 4), 1),
        ("core g(2, 3, 4, 5)", (2, 3, 4, 5), 2),
        ("core g(2 -> 3, 4)", (2, 3, 4), 1),
        ("core g(2, 3 -> 4)", (2, 3, 4), 2),
        ("core g(-> 4)", (4,), 0),
        ("core g([2, 3], 4, [])", (2, 3, 4), 1),
        ("core g([2 for k in 0..3] -> [3] * 2)", (2, 2, 2, 3, 3), 3),
    ],
)
def test_shapes_and_arrows(declaration: str, shape: tuple[int, ...], inputs: int) -> None:
    legs = ", ".join(f"x{k}" for k in range(len(shape)))
    program = program_of(f"network n() {{ {declaration}\n output w({legs}) = g({legs}) }}")
    (parameter,) = program.parameters
    assert (parameter.shape, parameter.inputs) == (shape, inputs)


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("", Auto()),
        ("init auto", Auto()),
        ("init 0", Constant(0.0)),
        ("init -0.5", Constant(-0.5)),
        ("init zeros", Constant(0.0)),
        ("init ones", Constant(1.0)),
        ("init normal(0.1)", Normal(0.1)),
        ("init uniform(-1, 1)", Uniform(-1.0, 1.0)),
        ("init uniform(low = -1, high = 1)", Uniform(-1.0, 1.0)),
        ("init orthogonal", Orthogonal(1.0)),
        ("init orthogonal(2)", Orthogonal(2.0)),
        ("init identity", Identity(0.0)),
        ("init identity(noise = 0.1)", Identity(0.1)),
        ("init glorot", Glorot()),
        ("init he", He()),
        ("init [1] + [0] * 3", Entries((1.0, 0.0, 0.0, 0.0))),
        ("init if chi > 1 then orthogonal else zeros", Orthogonal(1.0)),
        ("init (chi / 4)", Constant(0.5)),
    ],
)
def test_initialisations(init: str, expected: Init) -> None:
    program = program_of(f"network n(chi: int = 2) {{ core g(2, 2) {init}\n output w(i, j) = g(i, j) }}")
    assert program.parameters[0].init == expected


def test_families() -> None:
    program = program_of(
        """
network n() {
  for l in 0..2 { core g[l, k in 0..l + 1, 7](l + 2, k + 2) init [k] * ((l + 2) * (k + 2)) frozen }
  output w(i, j, k) = g[0, 0, 7](i, j) * g[1, 1, 7](k, k)
}
"""
    )
    assert [(str(p.name), p.shape) for p in program.parameters] == [("g[0, 0, 7]", (2, 2)), ("g[1, 1, 7]", (3, 3))]
    assert all(parameter.frozen for parameter in program.parameters)
    assert program.parameters[1].init == Entries((1.0,) * 9)


def test_cores_that_no_output_needs_are_dropped() -> None:
    program = program_of("network n() { core a(2)\n core b(2)\n h(i) = 2 * b(i)\n output w(i) = a(i) }")
    assert [str(p.name) for p in program.parameters] == ["a"]
    assert names(program) == []


# -- statements --------------------------------------------------------------------------------


def test_redefinitions_are_numbered() -> None:
    program = program_of(
        """
network n() {
  core a(2)
  core h_2(2)
  h(i) = 2 * a(i)
  h(i) = 3 * h(i)
  for k in 0..2 { g[k](i) = relu(h(i)) }
  g[1](i) = 2 * g[1](i)
  output w(i) = g[0](i) * g[1](i) * h_2(i)
}
"""
    )
    assert names(program) == ["h", "h_3", "g[0]", "g[1]", "g_2[1]", "w"]


def test_an_equal_name_of_output_tensor_and_network() -> None:
    program = program_of("network h() { core a(2)\n output h(i) = 2 * a(i) }")
    assert names(program) == ["h"]
    assert program.outputs[0].name == "h"


def test_aliases_are_no_statements() -> None:
    program = program_of("network n() { core a(2, 3)\n h(x[0..2]) = a(x[0..2])\n output w(i, j) = h(i, j) }")
    assert names(program) == []
    assert program.outputs[0].tensor == "a"


def test_block_scopes() -> None:
    program = program_of(
        """
network n() {
  for k in 0..2 {
    let a = k + 2
    def f(x) = x * a
    core g[k](f(1))
    if a == 2 { let b = 1 } else { let b = 2 }
    let b = 7
    core s[k](b)
  }
  for k in [5] { let a = k }
  output w(i, j) = g[0](i) * g[1](j) * s[1](l) * ones(l)
}
"""
    )
    assert [p.shape for p in program.parameters] == [(2,), (3,), (7,)]


def test_cores_and_tensors_are_seen_by_the_whole_network() -> None:
    program = program_of(
        "network n() { if true { core a(2)\n for k in 0..1 { h(i) = 2 * a(i) } }\n output w(i) = h(i) }"
    )
    assert names(program) == ["h"]


def test_canonical_names_are_accepted() -> None:
    program = program_of(
        """
network n() {
  core t[0].g[3, 1](2)
  core t[0].s.g(2)
  t[0].h[2](i) = 2 * t[0].g[3, 1](i)
  output w(i) = t[0].h[2](i) * t[0].s.g(i)
}
"""
    )
    assert [str(p.name) for p in program.parameters] == ["t[0].g[3, 1]", "t[0].s.g"]
    assert [(p.name.path, p.name.family) for p in program.parameters] == [("t[0]", "g"), ("t[0].s", "g")]
    assert names(program) == ["t[0].h[2]", "w"]


# -- instances ---------------------------------------------------------------------------------

LAYER = """
network layer(n: int, act: fn = relu) {
  input x(batch?, n)
  core w(n, n)
  output y(b, o) = act(w(o, i) * x(b, i))
}
"""


def test_an_instance_shares_its_cores() -> None:
    program = program_of(
        LAYER
        + """
network n() {
  input d(rows?, 3)
  let l = layer(3)
  h(b, i) = l(b, i, x = d)
  h(b, i) = l(b, i, x = h)
  output y(b, i) = h(b, i)
}
"""
    )
    assert [str(p.name) for p in program.parameters] == ["l.w"]
    assert program.shapes()[program.outputs[0].tensor] == ("rows", 3)


def test_two_lets_make_two_sets_of_cores() -> None:
    program = program_of(
        LAYER
        + """
network n() {
  input d(rows?, 3)
  h(b, i) = d(b, i)
  for k in 0..2 {
    let l[k] = layer(3)
    h(b, i) = l[k](b, i, x = h)
  }
  output y(b, i) = h(b, i)
}
"""
    )
    assert [str(p.name) for p in program.parameters] == ["l[0].w", "l[1].w"]


def test_inputs_are_bound_to_any_tensor() -> None:
    program = program_of(
        LAYER
        + """
network n() {
  core c(5, 3)
  core f[k in 0..2](4, 3)
  let l = layer(3)
  let m = std.mps(dims = [2, 3])
  output a(b, i) = l(b, i, x = c)
  output b(b, i) = l(b, i, x = f[1])
  output c(b, i) = l(b, i, x = m)
  output d(b, i) = l.y(b, i, x = m.w)
}
"""
    )
    shapes = program.shapes()
    assert [shapes[output.tensor] for output in program.outputs] == [(5, 3), (4, 3), (2, 3), (2, 3)]
    assert program.outputs[2].tensor == program.outputs[3].tensor


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("l(b, i)", ("TN263", "l(b, i)")),
        ("l(b, i, x = c(b, i))", ("TN263", "c(b, i)")),
        ("l(b, i, y = c)", ("TN263", "l(b, i, y = c)")),
        ("l(b, i, x = nope)", ("TN201", "nope")),
        ("l(b, i, x = s)", ("TN210", "s")),
        ("l(b, i, x = v)", ("TN210", "v")),
        ("l(b, i, x = q)", ("TN210", "q")),
    ],
)
def test_inputs_bound_wrongly(use: str, expected: tuple[str, str]) -> None:
    text = (
        LAYER
        + f"""
network n() {{
  input q(m?, n?)
  core c(5, 3)
  core s(5, 2)
  core v(3)
  let l = layer(3)
  output a(b, i) = {use}
}}
"""
    )
    assert [entry for entry in diagnosed(text) if not entry[0].startswith("TN8")][:1] == [expected]


def test_dynamic_sizes_of_one_instance_agree() -> None:
    text = """
network add() { input x(b?)
  input y(b?)
  output z(i) = x(i) + y(i) }
network n() { core p(3)
  core q(4)
  let a = add()
  output ok(i) = a(i, x = p, y = p)
  output no(i) = a(i, x = p, y = q) }
"""
    assert diagnosed(text, network="n") == [("TN210", "q")]


def test_several_outputs() -> None:
    text = """
network two() { core a(2)
  output p(i) = 2 * a(i)
  output q(i) = 3 * a(i) }
network n() { let t = two()
  output w(i) = USE }
"""
    program = program_of(text.replace("USE", "t.p(i) * t.q(i)"), network="n")
    assert names(program) == ["t.p", "t.q", "w"]
    assert diagnosed(text.replace("USE", "t(i)"), network="n") == [("TN265", "t")]
    assert diagnosed(text.replace("USE", "t.r(i)"), network="n") == [("TN203", "t.r")]


def test_networks_recurse() -> None:
    program = program_of(
        """
network tower(n: int = 3) {
  core g(n + 1, 2)
  if n > 0 { let t = tower(n - 1)
    output w(i, j) = g(a, i) * t(b, j) * ones(a) * ones(b) }
  else { output w(i, j) = g(a, i) * ones(a, j) * delta(j, k) * g(l, k) * ones(l) }
}
"""
    )
    assert [str(p.name) for p in program.parameters] == ["g", "t.g", "t.t.g", "t.t.t.g"]


def test_an_instance_in_one_branch() -> None:
    program = program_of(
        "network n(big: bool = true) {"
        " let t = if big then std.mps([3, 3]) else std.mps([2, 2])\n output w(i, j) = t(i, j) }"
    )
    assert program.shapes()[program.outputs[0].tensor] == (3, 3)


def test_deviations_and_budgets_of_instances_are_ignored() -> None:
    text = """
network inner() { core a(2)
  require params <= nope_is_unknown
  output w(i) std 0.5 = a(i) }
network n() { let t = inner()
  output w(i) = 2 * t(i) }
"""
    program = program_of(text, network="n")
    assert program.requirements == ()
    assert program.outputs[0].std is None


# -- outputs and requirements ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("std", "value"),
    [
        ("", None),
        ("std 0.5", 0.5),
        ("std (1 / 4)", 0.25),
        ("std he", math.sqrt(2 / 54)),
        ("std glorot", math.sqrt(2 / 99)),
    ],
)
def test_deviations(std: str, value: float | None) -> None:
    text = f"network n() {{ core a(5, 6, 3, 3)\n output w(out = o, in = i, kh = k, kw = l) {std} = a(o, i, k, l) }}"
    output = program_of(text).outputs[0]
    assert output.axes == ("out", "in", "kh", "kw")
    assert output.std == (None if value is None else pytest.approx(value))


def test_deviations_use_the_final_shape() -> None:
    text = "network n() { core a(8, 8)\n output w(out: 5 = o, in: 4 = i) std he = a(o, i) }"
    assert program_of(text).outputs[0].std == pytest.approx(math.sqrt(2 / 4))
    text = "network n() { core a(64)\n output w(i) reshape(out = 2, in = 32) std he = a(i) }"
    assert program_of(text).outputs[0].std == pytest.approx(math.sqrt(2 / 32))


@pytest.mark.parametrize(
    ("require", "expected"),
    [
        ("params <= 500k", [("params", "<=", 5e5)]),
        ("500 >= params", [("params", "<=", 500.0)]),
        ("10 < params <= 2 * 100", [("params", ">", 10.0), ("params", "<=", 200.0)]),
        ("compression >= 10 and saved_bytes < 4GiB", [("compression", ">=", 10.0), ("saved_bytes", "<", 2.0**32)]),
        ("(peak_bytes) < chi", [("peak_bytes", "<", 2.0)]),
    ],
)
def test_requirements(require: str, expected: list[tuple[str, str, float]]) -> None:
    program = program_of(f'network n(chi: int = 2) {{ core a(2)\n require {require}, "why"\n output w(i) = a(i) }}')
    assert [(r.metric, r.relation, r.bound) for r in program.requirements] == expected
    assert {r.message for r in program.requirements} == {"why"}


def test_step_time() -> None:
    text = 'network n() { input x(batch?)\n require step_time("h100", batch = 128) <= 2ms\n output w(i) = 2 * x(i) }'
    (requirement,) = program_of(text).requirements
    assert requirement == Requirement("step_time", "<=", 0.002, None, "h100", (("batch", 128),))


# -- arguments ---------------------------------------------------------------------------------

PARAMETRIC = """
fn square(t) = t * t
let bits = [2] * 9
network n(dims: ints, chi: int = 2, p: float = 1, act: fn = relu, deep: bool = false, how: str = "a", ps: floats = []) {
  core g(dims, chi)
  output w(x[0..len(dims)], c) = act(g(x[0..len(dims)], c))
}
"""


def test_arguments_of_python() -> None:
    program = program_of(PARAMETRIC, {"dims": [2, 3], "act": "square", "p": 2, "deep": True, "how": "b"}, network="n")
    assert program.parameters[0].shape == (2, 3, 2)
    assert program.arguments == (
        ("dims", "[2, 3]"),
        ("chi", "2"),
        ("p", "2.0"),
        ("act", "square"),
        ("deep", "true"),
        ("how", '"b"'),
        ("ps", "[]"),
    )


def test_arguments_of_the_command_line() -> None:
    arguments: dict[str, object] = {
        "dims": Source("--set dims", "bits[0..2] + [5]"),
        "act": Source("--set act", "square"),
        "ps": Source("--set ps", "[1, 2.5]"),
    }
    program = program_of(PARAMETRIC, arguments, network="n")
    assert program.parameters[0].shape == (2, 2, 5, 2)
    assert dict(program.arguments)["ps"] == "[1.0, 2.5]"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [("TN205", "n")]),
        ({"dim": [2]}, [("TN204", "[2]")]),
        ({"dims": 3}, [("TN221", "3")]),
        ({"dims": [2], "chi": 2.5}, [("TN221", "2.5")]),
        ({"dims": [2], "chi": True}, [("TN221", "True")]),
        ({"dims": [2], "chi": object}, [("TN013", "<class 'object'>")]),
        ({"dims": [2], "act": "rleu"}, [("TN201", "rleu")]),
        ({"dims": [2], "act": 3}, [("TN221", "3")]),
        ({"dims": [2], "chi": Source("--set chi", "1 // 0")}, [("TN212", "1 // 0")]),
        ({"dims": [2], "how": 3, "deep": 1}, [("TN221", "3"), ("TN221", "1")]),
    ],
)
def test_arguments_that_do_not_fit(arguments: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert sorted(diagnosed(PARAMETRIC, arguments, network="n")) == sorted(expected)


def test_arguments_are_checked_before_anything_is_elaborated() -> None:
    library, _ = load(Source("t.tn", PARAMETRIC), Limits())
    program, found = elaborate(library, "n", {"dims": Source("--set dims", "[2] * 10^12")})
    assert program is None
    assert [diagnostic.code for diagnostic in found] == ["TN241"]


# -- scale -------------------------------------------------------------------------------------


def test_ten_thousand_cores_take_no_time() -> None:
    text = """
network n(m: int = 10000) {
  core g[k in 0..m]([2 for j in max(0, k - 1)..k], 2, [2 for j in k..min(k + 1, m - 1)])
  output norm() = prod(k in 0..m) g[k](r[max(0, k - 1)..k], x[k], r[k..min(k + 1, m - 1)])
                * prod(k in 0..m) g[k](s[max(0, k - 1)..k], x[k], s[k..min(k + 1, m - 1)])
}
"""
    (programs, found), seconds = timed(lambda: elaborated(text))
    assert seconds < 6  # it takes 2
    assert found == ()
    assert programs[0] is not None
    assert len(programs[0].parameters) == 10_000


def test_limits_on_the_whole() -> None:
    text = "network n() { core g[k in 0..10](2)\n output w(i) = prod(k in 0..10) g[k](i) }"
    assert diagnosed(text, limits=Limits(cores=5)) == [("TN242", "core g[k in 0..10](2)")]
    text = "network n() { core g(2)\n for k in 0..10 { h[k](i) = relu(g(i)) }\n output w(i) = h[0](i) }"
    assert diagnosed(text, limits=Limits(statements=5)) == [("TN242", "h[k](i) = relu(g(i))")]
