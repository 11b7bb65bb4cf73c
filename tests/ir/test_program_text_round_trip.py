"""The flat text parses back: to an equal Program, and to the same values by the naive interpreter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from tests import oracle
from tests.evaluate_program import evaluate_program, random_tensors
from tests.program_strategies import programs
from tests.sema.elaborated import targets
from tnc.diagnostics import Severity
from tnc.ir import digest, program_text, verify_program
from tnc.ir.program import Program
from tnc.limits import Limits
from tnc.sema import elaborate, load
from tnc.source import Source

SIZES = {"batch": 3}
EXAMPLES = sorted(Path("examples").glob("*.tn"))


def elaborated(text: str, network: str) -> Program:
    library, found = load(Source("flat.tn", text), Limits())
    assert [each for each in found if each.severity is Severity.ERROR] == []
    program, found = elaborate(library, network, {})
    assert [each for each in found if each.severity is Severity.ERROR] == []
    assert program is not None
    return program


def assert_round_trip(program: Program) -> None:
    text = program_text(program)
    again = elaborated(text, program.name)
    assert again == program
    assert program_text(again) == text
    assert digest(again) == digest(program)
    canonical = program_text(program, canonical=True)
    assert elaborated(canonical, program.name) == program


@given(program=programs(elaborated=True))
@settings(max_examples=300, deadline=None)
def test_random_programs_parse_back(program: Program) -> None:
    assert_round_trip(program)


@given(program=programs(elaborated=True))
@settings(max_examples=200, deadline=None)
def test_the_text_means_what_the_program_means(program: Program) -> None:
    tensors = random_tensors(program, sizes=SIZES)
    network = oracle.load(program_text(program))
    cores = {str(parameter.name): tensors[str(parameter.name)] for parameter in program.parameters}
    inputs = {given.name: tensors[given.name] for given in program.inputs}
    with np.errstate(all="ignore"):
        expected = evaluate_program(program, tensors, SIZES)
        found = network.evaluate(cores, inputs)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-9 * (1 + np.abs(value).max(initial=0)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_parse_back(path: Path) -> None:
    library, _ = load(Source(str(path), path.read_text(encoding="utf-8")), Limits())
    names = targets(library)
    assert names
    for name in names:
        program, found = elaborate(library, name, {})
        assert program is not None, found
        verify_program(program)
        assert_round_trip(program)


RICH = """
fn bent(t, c) = t + c * sin(2 * t) - where(t < 0, -1, t^2) / 3
fn flat(t) = min(max(t, -1), 1)

network layer(n: int, act: fn = relu) {
  input x(batch?, n)
  core w[k in 0..2](n, n)
  core s() init 0.5
  fn mine(t) = t + s * tanh(t)
  h(b, o) = mine(x(b, i) * w[0](i, o))
  h(b, o) = act(h(b, i) * w[1](i, o) + x(b, o))
  output y(b, o) = h(b, o)
}

network net() {
  input x(batch?, 4)
  input z(3, 2, 2)
  core u(4, 4) init identity(0.1)
  core v(4)    init [1, 2.5, -3, 1e-9]
  core c()     init 2 frozen
  let deep = layer(n = 4, act = gelu)
  let t[0] = std.ttn(dims = [2, 2, 3], act = tanh)
  h(x, y') = u(x, y) * conj(u(y, y'))
  r[1](x) = 3 * h(x, x) - v(x) * 2 + 1
  k(b, o) = deep(b, o, x = x)
  g(b, p, q) = rms(k(b, (p, q)) * z([2], p, q))
  f(b, (q, p)) = g(b, p, q) - 2 * delta(p, q)
  output first(out: 3 = a, in = b) std 0.5 = bent(h(a, b), c())
  output second(b, q) = flat(f(b, q) + v(q) * conj(v(q))) * r[1](q)
  output third(a, c, b) reshape(2, 2, 2) = t[0](a, b, c) * z([1], a, b)
  output shifted(b, q) = f(b, q) - ones(b) * v(q)
  output first_entry() = z([0], [1], [1]) * sum(j in 0..2) t[0]([0], [j], [1])
  require params <= 1k, "too \\"many\\""
  require step_time("h100", batch = 8) < 2ms
}
"""


def test_a_rich_network_parses_back() -> None:
    program = elaborated(RICH, "net")
    assert {type(statement).__name__ for statement in program.statements} == {
        "Contract",
        "Sum",
        "Pointwise",
        "Normalize",
        "View",
    }
    verify_program(program)
    assert_round_trip(program)


def test_a_leg_that_no_tensor_holds_is_given_its_dimension() -> None:
    program = elaborated(
        "network net() { input x(batch?, 2) output y(n, i, j) = x(n, i) * x(n, j) + delta(i, j) + ones(n) * ones(i) }",
        "net",
    )
    text = program_text(program)
    assert "(d0: 2 = i, j) = delta(i, j)" in text
    assert "(d0: batch = n, d1: 2 = i) = ones(n) * ones(i)" in text
    assert_round_trip(program)


def test_a_declared_dimension_crops_what_has_one() -> None:
    program = elaborated("network net() { core a(3, 4) output y(p: 2 = i, q: 4 = j) = a(i, j) }", "net")
    assert program.shapes()[program.outputs[0].tensor] == (2, 4)
    library, _ = load(
        Source("t.tn", "network net() { input x(b?) core a(4) output y(p: b = j) = a(j) * x(n) * ones(n)}"), Limits()
    )
    nothing, found = elaborate(library, "net", {})
    assert nothing is None
    assert [each.code for each in found] == ["TN311"]
