"""What only follows from an error of syntax is not told."""

from __future__ import annotations

import pytest

from tnc import driver
from tnc.source import Source


def codes(text: str) -> list[str]:
    return [each.code for each in driver.check(Source("test.tn", text), driver.Options()).diagnostics]


def network(*lines: str) -> str:
    return "network n() {\n  core a(2, 3)\n  core b(3)\n  " + "\n  ".join(lines) + "\n}\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # the statement ends where the operator is missing, and what it lacks there is not told
        (["output w(i) = a(i, j) b(j)"], ["TN101"]),
        (["output w(i) = a(i, j) * 2(b(j))"], ["TN101"]),
        # names that are repaired do not reach the Program
        (["core χ(2)", "output w(i) = χ(i)"], ["TN100", "TN100"]),
        (["h'(i) = relu(b(i))", "output w(i) = h'(i)"], ["TN111"]),
        (["core init(2)", "output w(i) = init(i)"], ["TN107", "TN107"]),
        (["let n = 1_000", "core c(n)", "output w(i) = c(i)"], ["TN103"]),
        (["let n = 0x10", "core c(n)", "output w(i) = c(i)"], ["TN103"]),
        # nothing is unused while a part cannot be read
        (["output w(i) = a(i, j) ** b(j)", "core c(2)"], ["TN104"]),
        # but what is wrong elsewhere is told
        (["output w(i) = b(i) b(i)", "output v(i) = nope(i)"], ["TN101", "TN201"]),
        # consequences of errors that are none of syntax
        (["let c = b", "output w(i) = c(i)"], ["TN222"]),
        (["let c = relu(b(i))", "output w(i) = c(i)"], ["TN227"]),
        (["h[k in 0..3](i) = k * b(i)", "output w(i) = h[2](i)"], ["TN232"]),
        (["for k in 0..3 { let d[k] = k }", "core c(d[0])", "output w(i) = c(i)"], ["TN264"]),
    ],
)
def test_one_cause_one_code(lines: list[str], expected: list[str]) -> None:
    found = codes(network(*lines))
    assert [code for code in found if not code.startswith("TN8")] == expected
    assert found == expected or not any(code.startswith("TN1") for code in expected)


def test_a_type_that_does_not_exist() -> None:
    assert codes("network n(a: list = [2]) { core c(a)\n output w(i) = c(i) }") == ["TN110"]
