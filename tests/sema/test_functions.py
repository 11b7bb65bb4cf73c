"""Pointwise functions: what an author's `fn` becomes."""

from __future__ import annotations

import pytest

from tests.sema.elaborated import program_of
from tnc.ir.program import Pointwise
from tnc.ir.scalar import scalar_text


def function_of(call: str, before: str = "", inside: str = "") -> tuple[str, tuple[str, ...]]:
    """The text of the function that a call applies, and the names of its further arguments."""
    program = program_of(
        f"{before}\nnetwork n(chi: int = 3, act: fn = gelu) {{\n{inside}\ncore x(2)\noutput w(i) = {call} }}"
    )
    (statement,) = (s for s in program.statements if isinstance(s, Pointwise))
    names = ["t", *statement.arguments[1:]]
    return scalar_text(statement.function, names), statement.arguments[1:]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("relu(x(i))", "relu(t)"),
        ("leaky_relu(x(i))", "leaky_relu(t, 0.01)"),
        ("leaky_relu(x(i), 0.2)", "leaky_relu(t, 0.2)"),
        ("leaky_relu(x(i), slope = 1 / 4)", "leaky_relu(t, 0.25)"),
        ("elu(x(i))", "elu(t, 1)"),
        ("sin(x(i))", "sin(t, 1)"),
        ("sin(x(i), w = chi)", "sin(t, 3)"),
        ("snake(x(i))", "snake(t, 1)"),
        ("rational(x(i), 0, 1, 0, 0, b1 = 0, b2 = 1)", "rational(t, 0, 1, 0, 0, 0, 1)"),
        ("act(x(i))", "gelu(t)"),
        ("(if chi == 3 then tanh else relu)(x(i))", "tanh(t)"),
    ],
)
def test_built_in_activations(call: str, text: str) -> None:
    assert function_of(call) == (text, ())


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("t", None),
        ("t + 1", "t + 1"),
        ("-t", "-t"),
        ("2 ^ 3 * t", "8 * t"),
        ("-2 * t", "(-2) * t"),
        ("t ^ 2 / (1 - 3)", "t^2 / (-2)"),
        ("min(t, 1, 2)", "min(min(t, 1), 2)"),
        ("max(t, min(1, 2))", "max(t, 1)"),
        ("abs(t) + sqrt(4)", "abs(t) + 2"),
        ("exp(0) * t", "1 * t"),
        ("where(t > 0, t, 0)", "where(t > 0, t, 0)"),
        ("where(1 < 2, t, nope)", None),
        ("(t > 0) * t", "where(t > 0, 1, 0) * t"),
        ("t == 1", "where(t == 1, 1, 0)"),
        ("if chi > 2 then t * chi else log(0)", "t * 3"),
        ("sum(k in 0..3) t^k", "t^0 + t^1 + t^2"),
        ("prod(k in 0..0) t", "1"),
        ("g(t) + g(2 * t)", "t * t + 2 * t * (2 * t)"),
        ("h(t)", "t * 0.5"),
        ("h(t, b = t)", "t * t"),
        ("half(6) * t", "3 * t"),
        ("act(t) - relu(-1) * t", "gelu(t) - 0 * t"),
        ("identity(t) * leaky_relu(t)", "t * leaky_relu(t, 0.01)"),
        ("len([1, 2]) * t", "2 * t"),
    ],
)
def test_bodies(body: str, text: str | None) -> None:
    if text is None:
        return
    inside = f"fn g(t) = t * t\nfn h(t, b = 0.5) = t * b\ndef half(a) = a // 2\nfn f(t) = {body}"
    assert function_of("f(x(i))", inside=inside)[0] == text


def test_a_function_that_is_the_identity_is_no_barrier() -> None:
    program = program_of("fn f(t) = t\nnetwork n() { core x(2)\n output w(i) = identity(f(x(i))) }")
    assert program.statements == ()
    assert program.outputs[0].tensor == "x"


def test_scalar_cores_become_arguments() -> None:
    inside = "core a() init 1\ncore c[k in 0..3]()\nfn f(t) = a * t + sum(k in 0..3) (c[k]() * t^k) + a()"
    text, arguments = function_of("f(x(i))", inside=inside)
    assert arguments == ("a", "c[0]", "c[1]", "c[2]")
    assert text == "a * t + (c[0] * t^0 + c[1] * t^1 + c[2] * t^2) + a"


def test_further_arguments_are_numbers_or_scalar_tensors() -> None:
    assert function_of("prelu(x(i), a)", inside="core a()") == ("prelu(t, a)", ("a",))
    assert function_of("prelu(x(i), a())", inside="core a()") == ("prelu(t, a)", ("a",))
    assert function_of("f(x(i), b = a)", inside="core a()\nfn f(t, b = 1) = t * b") == ("t * a", ("a",))


def test_a_function_carries_its_cores_into_an_instance() -> None:
    program = program_of(
        """
network inner(act: fn) { core g(2)
  output w(i) = act(g(i)) }
network outer() { core c()
  fn f(t) = c * t
  let t = inner(act = f)
  output w(i) = t(i) }
"""
    )
    assert [str(p.name) for p in program.parameters] == ["c", "t.g"]
    (statement,) = program.statements
    assert isinstance(statement, Pointwise)
    assert statement.arguments == ("t.g", "c")
    assert statement.function_name == "f"


def test_functions_are_compared_as_values() -> None:
    program = program_of(
        """
fn f(t) = 2 * t
network n(a: fn = f, b: fn = relu) {
  assert a == f and b == relu and a != b
  core x(2)
  output w(i) = a(x(i)) }
"""
    )
    assert program.arguments == (("a", "f"), ("b", "relu"))


def test_rms_is_passed_like_an_activation() -> None:
    program = program_of("network n(act: fn = rms) { core x(2)\n output w(i) = act(x(i)) }")
    assert [type(statement).__name__ for statement in program.statements] == ["Normalize"]
