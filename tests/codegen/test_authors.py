"""Names and comments of generated code are the author's."""

from __future__ import annotations

from pathlib import Path

import pytest

import tnc
from tests.backends import BACKENDS
from tnc.codegen.imports import used_names
from tnc.codegen.remarks import folded

LOOPS = """network deep(n: int = 2) {
  core top(8, 8)
  h(i, j) = tanh(top(i, j))
  for s in 0..2 {
    for k in 1..n {
      core gate[s, k](8, 8)
      h(i, j) = tanh(h(i, k)
                     * gate[s, k](k, j))
    }
  }
  output weight(i, j) = h(i, j) + top(j, i)
}"""


def comments(text: str, backend: str) -> list[str]:
    lines = [line.strip() for line in tnc.loads(text).source(backend).splitlines()]
    return [line for line in lines if line.startswith("# <") or line.startswith("# std/")]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_definition_is_quoted_once_with_its_line_and_the_values_of_the_loops(backend: str) -> None:
    assert comments(LOOPS, backend) == [
        "# <string>:3: h(i, j) = tanh(top(i, j))",
        "# <string>:7, s = 0, k = 1: h(i, j) = tanh(h(i, k) * gate[s, k](k, j))",
        "# <string>:7, s = 1, k = 1",
        "# <string>:11: output weight(i, j) = h(i, j) + top(j, i)",
    ]


def test_a_file_is_named_without_its_folder() -> None:
    text = tnc.load(Path(__file__).parents[2] / "examples" / "small.tn").source("numpy")
    assert "# small.tn:7: h(l, r) = act(top(l, r))" in text
    text = tnc.loads("network n() { let t = std.ttn([2] * 4, 2) output w(x[0..4]) = t(x[0..4]) }").source("numpy")
    assert "# std/ttn.tn:" in text
    assert "<std>" not in text


def test_a_tensor_keeps_its_name_through_redefinitions() -> None:
    lines = [line.strip() for line in tnc.loads(LOOPS).source("numpy").splitlines()]
    assert len([line for line in lines if line.startswith("h = np.tanh(")]) == 3


def test_runs_of_legs_are_folded() -> None:
    assert folded(["b", "x[3]", "x[4]", "x[5]", "y[0]", "y[1]", "x[6]"]) == ["b", "x[3..6]", "y[0]", "y[1]", "x[6]"]


def test_names_in_comments_and_texts_are_no_uses() -> None:
    used = used_names('"""math.pi"""\nimport jax\nx: Mapping = jax.export.f(y)  # lax.scan\n')
    assert used == {"x", "Mapping", "jax", "jax.export", "y"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_function_of_a_function_of_a_sum_is_written(backend: str) -> None:
    text = "network n() { core a(3) core b(3) output w(i) = sin(elu(a(i) - b(i), 0.5)) }"
    _, _, body = tnc.loads(text).source(backend).partition(": output w(i) = sin(elu(a(i) - b(i), 0.5))\n")
    lines = [line.strip() for line in body.splitlines()[:4]]
    assert [line for line in lines if " - " in line], lines
    assert [line for line in lines if "elu(" in line], lines
    assert [line for line in lines if ".sin(" in line], lines
