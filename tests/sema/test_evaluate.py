"""Compile-time expressions: their values, and what is wrong with them."""

from __future__ import annotations

import pytest

from tests.pace import timed
from tests.sema.elaborated import diagnosed, elaborated, value_of
from tnc.limits import Limits
from tnc.sema.meter import Meter
from tnc.sema.names.broken import BrokenText
from tnc.sema.names.scope import NetworkValue, Scope
from tnc.sema.names.value_text import value_text
from tnc.sema.problem import Poisoned, Problem, Sink
from tnc.sema.values.builtins import prelude
from tnc.sema.values.evaluate import Evaluator
from tnc.source import Source, Span
from tnc.syntax import parse_expression


def evaluate(text: str, limits: Limits | None = None) -> str:
    """The canonical text of an expression's value, or the code of its first problem."""
    limits = limits or Limits()
    sink = Sink()

    def standard(name: str, span: Span) -> NetworkValue:
        raise AssertionError

    evaluator = Evaluator(Meter(limits, sink), sink, standard, BrokenText())
    expr, found = parse_expression(Source("test.tn", text), limits)
    assert expr is not None, found
    try:
        return value_text(evaluator.evaluate(expr, Scope(prelude())))
    except Problem as problem:
        return problem.diagnostic.code
    except Poisoned:
        return sink.found[0].code


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("7 // 2", "3"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "2"),
        ("7 % -3", "-2"),
        ("6 / 3", "2.0"),
        ("7 // 2.0", "3.0"),
        ("2 - 3 - 4", "-5"),
        ("2 ^ 3 ^ 2", "512"),
        ("-2 ^ 2", "-4"),
        ("(-2) ^ 2", "4"),
        ("2 ^ -1", "0.5"),
        ("0 ^ 0", "1"),
        ("1 ^ 10 ^ 100", "1"),
        ("(-1) ^ (10 ^ 100 + 1)", "-1"),
        ("4 ^ 0.5", "2.0"),
        ("10 ^ 40 // 10 ^ 38", "100"),
        ("500k + 1", "500001"),
        ("1 < 2 < 3", "true"),
        ("1 < 3 < 2", "false"),
        ("1 == 1.0", "true"),
        ("[1, 2] == [1, 2.0]", "true"),
        ("[1, 2] != [1]", "true"),
        ("relu == relu", "true"),
        ("relu == gelu", "false"),
        ('"a" == "a"', "true"),
        ("not true or 1 < 2 and true", "true"),
        ("false and 1 // 0 == 1", "false"),
        ("true or 1 // 0 == 1", "true"),
        ("if 1 < 2 then 3 else 1 // 0", "3"),
        ("[2] * 3 + [3]", "[2, 2, 2, 3]"),
        ("2 * [1, 2]", "[1, 2, 1, 2]"),
        ("[2] * (1 - 3)", "[]"),
        ("[1, 2, 3][1..9]", "[2, 3]"),
        ("[1, 2, 3][5..9]", "[]"),
        ("[1, 2, 3][2..1]", "[]"),
        ("[1, 2, 3, 4][0..4 by 2]", "[1, 3]"),
        ("[[1, 2], [3]][0][1]", "2"),
        ("[k * l for k in 1..3 for l in [10, 20] if k < 2 or l > 10]", "[10, 20, 40]"),
        ("[k for k in 5..1]", "[]"),
        ("[k for k in 5..1 by -2]", "[5, 3]"),
        ("len([1, 2])", "2"),
        ("min(3, 2)", "2"),
        ("min([3, 2])", "2"),
        ("max(1, 2.5)", "2.5"),
        ("sum([])", "0"),
        ("prod([])", "1"),
        ("prod([2, 3])", "6"),
        ("sum(k in 0..4) k", "6"),
        ("prod(k in 1..4, l in 0..k) (l + 1)", "12"),
        ("ceil(2.1)", "3"),
        ("floor(-2.1)", "-3"),
        ("ceil(7)", "7"),
        ("log2(1024)", "10.0"),
        ("floor(log2(2 ^ 300))", "300"),
        ("sqrt(9)", "3.0"),
        ("ceil_div(7, 2)", "4"),
        ("ceil_div(-7, 2)", "-3"),
        ("abs(-3)", "3"),
        ("range(3)", "[0, 1, 2]"),
        ("range(1, 3)", "[1, 2]"),
        ("range(5, 0, -2)", "[5, 3, 1]"),
        ("reversed([1, 2])", "[2, 1]"),
        ("interleave([1, 2, 3], [4])", "[1, 4, 2, 3]"),
        ("factors(1)", "[]"),
        ("factors(2)", "[2]"),
        ("factors(11025)", "[3, 3, 5, 5, 7, 7]"),
        ("factors(2^40)", str([2] * 40)),
        ("factors(1099511627689)", "[1099511627689]"),
        ("factors(50257)", "[29, 1733]"),
        ("smooth(1)", "1"),
        ("smooth(11)", "12"),
        ("smooth(500)", "500"),
        ("smooth(11008)", "11025"),
        ("smooth(50257)", "50400"),
        ("smooth(50257, 2)", "65536"),
        ("smooth(11, most = 11)", "11"),
        ("smooth(most = 5, n = 7)", "8"),
        ("smooth(2^40)", str(2**40)),
    ],
)
def test_values(expression: str, value: str) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("1 // 0", "TN212"),
        ("1 % 0", "TN212"),
        ("1 / 0", "TN212"),
        ("0 ^ -1", "TN212"),
        ("ceil_div(1, 0)", "TN212"),
        ("true + 1", "TN211"),
        ("-true", "TN211"),
        ('"a" + "b"', "TN211"),
        ('"a" * 3', "TN211"),
        ("[1] * 1.5", "TN211"),
        ("[1] + 1", "TN211"),
        ("1 < true", "TN211"),
        ('"a" < "b"', "TN211"),
        ("1 == true", "TN211"),
        ("[] == 0", "TN211"),
        ("relu == 0", "TN211"),
        ("2 ^ 2 ^ 2 ^ 99", "TN213"),
        ("2 ^ 10 ^ 1000", "TN213"),
        ("10 ^ 400 / 3", "TN213"),
        ("10.0 ^ 308 * 10", "TN213"),
        ("(-8) ^ 0.5", "TN214"),
        ("sqrt(-1)", "TN214"),
        ("log2(0)", "TN214"),
        ("ceil_div(1.0, 2)", "TN215"),
        ("len(3)", "TN215"),
        ("sum(3)", "TN215"),
        ("min([])", "TN216"),
        ("range(0, 5, 0)", "TN217"),
        ("[k for k in 0..4 by 0]", "TN217"),
        ("[1, 2][0..2 by -1]", "TN217"),
        ("factors(0)", "TN219"),
        ("factors(2^40 + 1)", "TN219"),
        ("factors(-6)", "TN219"),
        ("factors(6.0)", "TN215"),
        ("factors(n = 6)", "TN218"),
        ("smooth(0)", "TN219"),
        ("smooth(2^40 + 1)", "TN219"),
        ("smooth(6, 1)", "TN219"),
        ("smooth(6, most = true)", "TN215"),
        ("smooth(most = 3)", "TN205"),
        ("smooth(6, n = 7)", "TN218"),
        ("smooth(6, least = 7)", "TN204"),
        ("smooth(6, 7, 8)", "TN218"),
        ("len()", "TN218"),
        ("len([1], [2])", "TN218"),
        ("len(list = [1])", "TN218"),
        ("if 1 then 2 else 3", "TN220"),
        ("not 1", "TN220"),
        ("[1][0.0]", "TN221"),
        ("[k for k in 0..2.5]", "TN221"),
        ("(1, 2)", "TN223"),
        ("(3)[0]", "TN224"),
        ("[1][0, 0]", "TN224"),
        ("[1, 2][2]", "TN225"),
        ("[1, 2][-1]", "TN225"),
        ("[1, 2][-1..2]", "TN225"),
        ("[k for k in 3]", "TN226"),
        ("(3)(1)", "TN227"),
        ("relu(1)", "TN227"),
        ("delta(1)", "TN227"),
        ("nope", "TN201"),
        ("[2] * 10^12", "TN241"),
        ("range(10^12)", "TN241"),
        ("range(10^30)", "TN241"),
    ],
)
def test_problems(expression: str, code: str) -> None:
    assert evaluate(expression) == code


def test_every_argument_is_tried() -> None:
    text = "network n(v: ints = [1 // 0, 2, nope, [3][7]]) { core a(2)\n output w(i) = a(i) }"
    assert diagnosed(text) == [("TN212", "1 // 0"), ("TN201", "nope"), ("TN225", "7")]


def test_parameters_see_earlier_ones() -> None:
    text = "network n(a: int = 2, b: int = a ^ 3) { core c(b)\n output w(i) = c(i) }"
    programs, found = elaborated(text)
    assert found == ()
    assert programs[0] is not None
    assert programs[0].arguments == (("a", "2"), ("b", "8"))


def test_helpers_recurse() -> None:
    before = "def factorial(n) = if n == 0 then 1 else n * factorial(n - 1)"
    assert value_of("factorial(20)", before) == "2432902008176640000"
    assert value_of("factorial(90) // factorial(89)", before) == "90"


def test_helpers_take_names_and_defaults() -> None:
    assert value_of("f(1), f(1, 5), f(b = 7, a = 1)", "def f(a, b = a + 1) = 10 * a + b") == "12, 15, 17"


@pytest.mark.parametrize(
    ("before", "expression", "code"),
    [
        ("def f(n) = f(n + 1)", "f(0)", "TN240"),
        ("def f(a) = a", "f()", "TN205"),
        ("def f(a) = a", "f(1, 2)", "TN218"),
        ("def f(a) = a", "f(b = 2)", "TN204"),
        ("def f(a) = a", "f(1, a = 2)", "TN218"),
    ],
)
def test_helpers_misused(before: str, expression: str, code: str) -> None:
    text = f"{before}\nnetwork n(v: int = {expression}) {{ core a(2)\n output w(i) = a(i) }}"
    assert [found for found, _ in diagnosed(text)] == [code]


@pytest.mark.parametrize(
    "statement",
    [
        "for k in 0..10^12 {}",
        "for k in 0..10^30 {}",
        "for k in 0..10^6 { for l in 0..10^6 {} }",
        "let a = [k for k in 0..10^12 if false]",
        "let a = sum(k in 0..10^12) k",
        "let a = [sum([1] * 10^6) for k in 0..10^5]",
        "let a = [[l for l in 0..10^4] for k in 0..10^4]",
        "let a = [factors(2^40 - 87) for k in 0..10^5]",
        "let a = [smooth(2^39 + 1, most = 53) for k in 0..10^5]",
        "core g[k in 0..10^12](2)",
        "h(x[0..10^12]) = ones(i)",
        "h(x[0..10^12, 0..0]) = 1",
        "def f(m) = f(m - 1) + f(m - 1)\nlet a = f(0)",
        "def f(m) = if m == 0 then 1 else f(m - 1) + f(m - 1)\nlet a = f(50)",
    ],
)
def test_hostile_loops_end(statement: str) -> None:
    limits = Limits(steps=200_000)
    text = f"network n() {{\n{statement}\ncore c(2)\noutput w(i) = c(i) }}"
    found, seconds = timed(lambda: diagnosed(text, limits=limits))
    assert seconds < 5
    assert found
    assert {code for code, _ in found} <= {"TN240", "TN241", "TN242", "TN234", "TN801", "TN802", "TN305"}


def test_a_step_limit_is_told_once() -> None:
    text = "network n() { for k in 0..10 { for l in 0..100 { } } \n core c(2)\n output w(i) = c(i) }"
    assert diagnosed(text, limits=Limits(steps=500)) == [("TN242", "0..100")]
    assert diagnosed(text, limits=Limits(steps=1010)) == []


def test_deep_nesting_is_no_recursion_error() -> None:
    depth = 90
    assert evaluate("(" * depth + "1" + ")" * depth) == "1"
    assert value_of("f(" * 30 + "1" + ")" * 30, "def f(a) = (((((((((((((((((((a)))))))))))))))))))") == "1"
