"""Tensors and gradients that leave the range of a dtype, found without a float that could overflow itself."""

from __future__ import annotations

import json
import math
import time

import pytest

import tnc
from tnc.init.ranges import RANGES
from tnc.options import DTYPES

CHAIN = """
network chain(n: int = 100) {{
  core first(4)
  core a[k in 0..n](4, 4) {0}
  core b[k in 0..n](4, 4) {1}
  core last(4)
  output z() = first(l[0]) * prod(k in 0..n) a[k](l[k], l[k + 1])
    * prod(k in 0..n) b[k](l[n + k], l[n + k + 1]) * last(l[2 * n])
}}
"""

NORM = """
network norm(n: int = 100, chi: int = 4) {{
  core a[k in 0..n]([chi for j in max(0, k - 1)..k], 2, [chi for j in k..min(k + 1, n - 1)]) {0}
  core b[k in 0..n]([chi for j in max(0, k - 1)..k], 2, [chi for j in k..min(k + 1, n - 1)]) {1}
  output z() = prod(k in 0..n) a[k](l[max(0, k - 1)..k], s[k], l[k..min(k + 1, n - 1)])
    * prod(k in 0..n) b[k](m[max(0, k - 1)..k], s[k], m[k..min(k + 1, n - 1)])
}}
"""

SQUARE = """
network square(n: int = 100, chi: int = 4) {
  core a[k in 0..n]([chi for j in max(0, k - 1)..k], 2, [chi for j in k..min(k + 1, n - 1)]) init normal(1)
  output z() = prod(k in 0..n) (a[k](l[max(0, k - 1)..k], s[k], l[k..min(k + 1, n - 1)])
    * a[k](m[max(0, k - 1)..k], s[k], m[k..min(k + 1, n - 1)]))
}
"""


def warned(text: str, dtype: str = "float32", **arguments: object) -> list[str]:
    network = tnc.loads(text, dtype=dtype, args=arguments)
    return [each.message for each in network.warnings if each.code == "TN813"]


def chain(first: str, second: str) -> str:
    return CHAIN.format(*(f"init normal({std})" if std else "" for std in (first, second)))


def test_every_dtype_has_a_range() -> None:
    assert set(RANGES) == set(DTYPES)


@pytest.mark.parametrize(
    ("first", "second", "n", "dtype", "expected"),
    [
        # A core of deviation 5 and bond 4 multiplies by 10. The ends, sqrt(sqrt(1 / 4 / 10^400)), bring z to 1.
        ("5", "5", 100, "float32", "core `first` starts with entries of about 7e-101, and float32 loses"),
        ("5", "5", 100, "float64", None),
        ("5", "5", 100, "bfloat16", "core `first` starts with entries of about 7e-101, and bfloat16 loses"),
        ("5", "5", 100, "complex64", "core `first` starts with entries of about 7e-101, and complex64 loses"),
        ("0.05", "0.05", 100, "float32", "core `first` starts with entries of about 7e+99, and float32 holds"),
        # Ends of exp(-300) / 2 are the smallest that are chosen: z is 2 exp(-600) / 4 * 10^2400.
        ("5", "5", 1200, "float64", "`z` starts with entries of about 1e+2139, and float64 holds"),
        ("0.05", "0.05", 1200, "float64", "`z` starts with entries of about 2e-2140, and float64 loses"),
        # The ends are sqrt(1 / 2); from the first on, the product grows to 10^100 before it shrinks.
        ("5", "0.05", 100, "float32", "an intermediate tensor of `z` starts with entries of about 7e+38"),
        ("5", "0.05", 10, "float32", None),
        ("5", "0.05", 10, "float16", "an intermediate tensor of `z` starts with entries of about 7e+4"),
        ("0.5", "0.5", 1000, "float32", None),
        ("", "", 1000, "float32", None),
    ],
)
def test_chains(first: str, second: str, n: int, dtype: str, expected: str | None) -> None:
    messages = warned(chain(first, second), dtype, n=n)
    assert len(messages) == (0 if expected is None else 1)
    assert expected is None or messages[0].startswith(expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("core a(4) init normal(1e-50) output y(i) = a(i)", "core `a` starts with entries of about 1e-50"),
        ("core a(4) init 1e-200 output y(i) = a(i)", "core `a` starts with entries of about 1e-200"),
        ("core a(4) init uniform(-1e300, 1e300) output y(i) = a(i)", "core `a` starts with entries of about 1e+300"),
        ("core a(4) init 0 output y(i) = a(i)", None),
        ("core a(4) core b(4) init 0 output y(i, j) = a(i) * b(j)", None),
        ("core a(4) init normal(1e-30) output y(i) = 1e60 * a(i)", "`y` multiplies by about 1e+60"),
        ("core a(4) init normal(1e-30) core b(4) output y(i) = 1e60 * a(i) + b(i)", "`y` multiplies by about 1e+60"),
        (
            "core a(4) init normal(1e30) h(i) = square(a(i)) output y(i) = rms(h(i))",
            "`h` starts with entries of about 2e+60",
        ),
        # Chosen by the compiler, so that the output comes out as declared.
        ("core a(4) output y(i) std 1 = 1e20 * (1e20 * a(i))", "core `a` starts with entries of about 1e-40"),
    ],
)
def test_values(body: str, expected: str | None) -> None:
    messages = warned(f"fn square(t) = t^2 network t() {{ {body} }}")
    assert len(messages) == (0 if expected is None else 1)
    assert expected is None or messages[0].startswith(expected)


PRODUCT = """network t() {{
  core a(4, 4) init normal(1e-30)
  core b(4, 4) init normal(2e20) {0}
  core c(4, 4) init normal(2e20) {0}
  output y(i, l) = a(i, j) * b(j, k) * c(k, l)
}}"""


def test_a_gradient_alone() -> None:
    # b c summed over k and l, with a cotangent of 1/16: sqrt(16) * 4e40 / 16.
    assert warned(PRODUCT.format("")) == [
        "the gradient of `a` starts with entries of about 1e+40, and float32 holds numbers up to 3.4e+38"
    ]
    assert warned(PRODUCT.format(""), "float64") == []
    assert warned(PRODUCT.format("frozen").replace("normal(1e-30)", "normal(1e-30) frozen")) == []


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("tanh(g(i))", None),
        ("sign(g(i))", None),
        ("rms(g(i))", None),  # 1e-12 is added under the root: the slope is 1e6, not 1e25
        ("steep(g(i))", "the gradient of `g` starts with entries of about 1e+48"),
    ],
)
def test_gradients_through_functions(function: str, expected: str | None) -> None:
    """The gradient of the tiny g follows from the slope of a function at g, not from the ratio of the values."""
    messages = warned(f"""
    fn sign(t) = where(t > 0, 1, -1)
    fn steep(t) = 1e30 * t
    network t() {{
      core a(100) init normal(1e-25)
      g(i) = tanh(a(i))
      output y(i) = 1e20 * {function}
    }}""")
    assert len(messages) == (0 if expected is None else 1)
    assert expected is None or messages[0].startswith(expected)


def test_a_plan_that_stays_in_range_is_enough() -> None:
    """The overlap of a growing with a shrinking chain stays near 1 if it is contracted site by site."""
    assert warned(NORM.format("init normal(3)", f"init normal({1 / 3 / math.sqrt(32)})"), n=200) == []
    assert len(warned(NORM.format("init normal(3)", "init normal(1)"), n=200)) == 1


def test_a_product_that_vanishes() -> None:
    text = """network t(n: int = 784) {
      input x(batch?, n, 2)
      core a[k in 0..n](4, 2, 4) init normal(0.01)
      output y(b, i, j) = prod(k in 0..n) (a[k](l[k], s[k], l[k + 1]) * x(b, [k], s[k]))
        * delta(l[0], i) * delta(l[n], j)
    }"""
    (message,) = warned(text)
    assert message.startswith("`y")
    assert "float32 loses numbers below 1.2e-38" in message


def test_a_comment_allows_it() -> None:
    text = chain("5", "5").replace("  core first", "  # tnc: allow TN813\n  core first")
    network = tnc.loads(text, n=60)
    assert not network.warnings
    (report,) = network.report()
    assert not any("float32" in note for note in report.notes)


@pytest.mark.parametrize("n", [60, 1200])
def test_the_report_says_so(n: int) -> None:
    report = tnc.loads(SQUARE, args={"n": n}).report()
    (network,) = report
    (note,) = [note for note in network.notes if "float32" in note]
    assert "float32 holds numbers up to 3.4e+38" in note
    # Cores that are used twice are sampled for a scale, up to a size.
    assert ("leave its cores without `init`" in note) == (n == 60)
    assert "a smaller `std`" in note
    assert note in str(report)
    json.dumps(report.to_dict(), allow_nan=False)


def test_long_chains_take_linear_time() -> None:
    before = time.process_time()
    short = warned(chain("5", "5"), n=500)
    middle = time.process_time()
    long = warned(chain("5", "5"), n=5000)
    after = time.process_time()
    assert len(short) == len(long) == 1
    assert after - middle < 40 * (middle - before)
