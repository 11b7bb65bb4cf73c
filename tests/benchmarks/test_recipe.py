"""Reading a Program as equations, and the floor that follows from them."""

from __future__ import annotations

import pytest

import tnc
from benchmarks.floor import Rates, floor_of
from benchmarks.recipe import Activation, Equation, Recipe, Reshaped, UnsupportedError, merged, recipe_of


def recipe(text: str, **sizes: int) -> Recipe:
    return recipe_of(tnc.loads(text, sizes=sizes).program, sizes)


CHAIN = """
network chain() {
  core a(2, 3)
  core b(3, 4)
  core c(4, 5)
  h(i, k) = a(i, j) * b(j, k)
  output w(i, l) = relu(h(i, k) * c(k, l))
}
"""


def test_equations_without_an_activation_between_them_are_merged() -> None:
    written = recipe(CHAIN)
    assert [type(stage) for stage in written.stages] == [Equation, Equation, Activation]
    (region, _) = merged(written).stages
    assert isinstance(region, Equation)
    assert [operand.tensor for operand in region.operands] == ["a", "b", "c"]
    assert sorted(region.dims.values()) == [2, 3, 4, 5]


def test_a_tensor_that_is_used_twice_is_kept() -> None:
    text = """
    network twice() {
      core a(2, 3)
      core b(3, 2)
      h(i, k) = a(i, j) * b(j, k)
      output w(i, l) = h(i, k) * h(k, l)
    }
    """
    assert len(merged(recipe(text)).stages) == 2


def test_copy_tensors_rename_legs() -> None:
    text = """
    network copy() {
      core a(2, 3)
      output w(i, k) = relu(a(i, j) * delta(j, k))
    }
    """
    (equation, _) = recipe(text).stages
    assert isinstance(equation, Equation)
    assert equation.operands[0].legs == equation.legs


def test_dynamic_sizes_get_their_numbers() -> None:
    text = """
    network layer() {
      input x(batch?, 6)
      core a(2, 3, 4)
      output y(b, o) = x(b, (i, j)) * a(i, j, o)
    }
    """
    found = recipe(text, batch=7)
    assert found.inputs == {"x": (7, 6)}
    assert [stage.shape for stage in found.stages if isinstance(stage, Reshaped)] == [(7, 2, 3)]
    assert found.shapes[found.result] == (7, 4)


@pytest.mark.parametrize(
    "line",
    [
        "output w(i, j) = a(i, j) + a(j, i)",
        "output w(i, j) = rms(a(i, j))",
        "output w(i, j, k) = a(i, j) * delta(j, k)",
        "output w(i, j, k) = a(i, j) * ones(k) * a(k, i)\n  output v(i, j) = a(i, j)",
    ],
)
def test_what_contenders_have_no_notion_of_is_refused(line: str) -> None:
    with pytest.raises(UnsupportedError):
        recipe(f"network other() {{\n  core a(2, 2)\n  {line}\n}}")


def test_the_floor_of_a_matrix_product() -> None:
    text = """
    network layer() {
      input x(5, 3)
      core a(3, 4)
      output y(b, o) = x(b, i) * a(i, o)
    }
    """
    floor = floor_of(merged(recipe(text)), train=False)
    x, a, y = 15, 12, 20
    assert floor.flops == 2 * (2 * 5 * 3 * 4)  # forward, and backward for the core; the data want no gradient
    assert floor.bytes == 4 * ((x + a + y) + (y + x + a) + a)
    assert floor.seconds(Rates(bandwidth=1.0, gemm=1e9)) == floor.bytes
    assert floor.seconds(Rates(bandwidth=1e9, gemm=1.0)) == floor.flops


def test_the_floor_takes_the_cheapest_tree() -> None:
    text = """
    network chain() {
      core a(10, 10)
      core b(10, 10)
      core c(10)
      output w(i) = a(i, j) * b(j, k) * c(k)
    }
    """
    assert floor_of(recipe(text), train=False).flops == 3 * 2 * (100 + 100)
