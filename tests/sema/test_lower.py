"""From definitions to statements: what they are, and what they compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.evaluate_program import evaluate_program, random_tensors
from tests.pace import timed
from tests.sema.elaborated import program_of
from tnc.ir import program_text, verify_program
from tnc.ir.program import (
    Contract,
    Crop,
    Delta,
    FlatCrop,
    Normalize,
    Ones,
    Pointwise,
    Program,
    Reshape,
    Select,
    Statement,
    Sum,
    Term,
    Use,
    View,
)

Array: TypeAlias = NDArray[Any]

CORES = """
  input x(batch?, 6)
  input s(3, batch?)
  core a(3)
  core b(3)
  core c(4)
  core g()
  core u(1)
  core A(3, 4)
  core B(4, 3)
  core S(3, 3)
  core T(3, 3, 3)
  core C(4, 4)
"""
"""What the definitions of these tests use, beside what no test does."""


def network(*lines: str) -> str:
    """A network around some statements."""
    return "network n() {" + CORES + "\n  ".join(["", *lines]) + "\n}"


def lowered(*lines: str) -> tuple[Statement, ...]:
    """The statements of a network, which is well formed and prints as a text that means the same."""
    program = program_of(network(*lines))
    verify_program(program)
    assert program_of(program_text(program)) == program
    return program.statements


def kinds(*lines: str) -> list[str]:
    return [type(statement).__name__ for statement in lowered(*lines)]


def value(program: Program, tensors: Mapping[str, Array]) -> Array:
    (result,) = evaluate_program(program, tensors, {"batch": 5}).values()
    return result


def relu(t: Array) -> Array:
    return np.maximum(t, 0)


def e(equation: str, *operands: Array) -> Array:
    return np.asarray(np.einsum(equation, *operands))


VALUES: list[tuple[str, Callable[[Mapping[str, Array]], Array]]] = [
    # scalars and numbers
    ("w() = 3", lambda t: np.array(3.0)),
    ("w() = 2 * 3 - 1", lambda t: np.array(5.0)),
    ("w() = sum(k in 0..0) a(i)", lambda t: np.array(0.0)),
    ("w() = prod(k in 0..0) a(i)", lambda t: np.array(1.0)),
    ("w() = g()", lambda t: t["g"]),
    ("w() = -g()", lambda t: -t["g"]),
    ("w() = g() * g() + 1", lambda t: t["g"] ** 2 + 1),
    ("w() = relu(-1) + tanh(g())", lambda t: np.tanh(t["g"])),
    ("w(i) = 0 * a(i)", lambda t: 0 * t["a"]),
    ("w(i) = g() * a(i)", lambda t: t["g"] * t["a"]),
    ("w(i) = a(i) * sum(k in 0..0) a(k)", lambda t: 0 * t["a"]),
    # one tensor
    ("w(i) = a(i)", lambda t: t["a"]),
    ("w(j, i) = A(i, j)", lambda t: t["A"].T),
    ("w(i) = S(i, i)", lambda t: np.diagonal(t["S"])),
    ("w() = S(i, i)", lambda t: np.trace(t["S"])),
    ("w() = T(i, i, i)", lambda t: e("iii", t["T"])),
    ("w(i) = T(i, j, j)", lambda t: e("ijj->i", t["T"])),
    ("w(i, j) = T(i, j, i)", lambda t: e("iji->ij", t["T"])),
    ("w(i) = A(i, j) * ones(j)", lambda t: t["A"].sum(1)),
    ("w(i, j) = a(i) * delta(i, j)", lambda t: np.diag(t["a"])),
    (
        "w(i, j, k) = a(i) * delta(i, j) * ones(k, l) * c(l) * c(k)",
        lambda t: e("i,ij,k,->ijk", t["a"], np.eye(3), t["c"], t["c"].sum()),
    ),
    # hyperedges
    ("w() = a(i) * b(i) * S(i, i)", lambda t: (t["a"] * t["b"] * np.diagonal(t["S"])).sum()),
    ("w(i) = a(i) * b(i) * S(i, k) * a(k)", lambda t: t["a"] * t["b"] * (t["S"] @ t["a"])),
    # dimension 1
    ("w(i, z) = a(i) * u(z)", lambda t: np.outer(t["a"], t["u"])),
    ("w() = u(z) * u(z)", lambda t: (t["u"] ** 2).sum()),
    ("w(i) = a(i) * u(())", lambda t: t["a"] * t["u"][0]),
    ("w(i, ()) = a(i)", lambda t: t["a"][:, None]),
    ("w(()) = g()", lambda t: t["g"].reshape(1)),
    ("w() = u([0])", lambda t: t["u"][0]),
    # sums
    ("w(i, j) = a(i) + c(j)", lambda t: t["a"][:, None] + t["c"]),
    ("w(i, j) = a(i) - A(i, j) + 1", lambda t: t["a"][:, None] - t["A"] + 1),
    ("w(i) = a(i) - (b(i) - 2 * (a(i) + b(i)))", lambda t: t["a"] - (t["b"] - 2 * (t["a"] + t["b"]))),
    ("w(i) = a(i) + 1 - 1", lambda t: t["a"]),
    ("w(i) = -(a(i) + b(i))", lambda t: -(t["a"] + t["b"])),
    (
        "w(i) = 2 * a(i) + 3 * A(i, j) * c(j) - S(i, i)",
        lambda t: 2 * t["a"] + 3 * t["A"] @ t["c"] - np.diagonal(t["S"]),
    ),
    ("w(i) = A(i, j) * B(j, k) * a(k) + A(i, j) * c(j)", lambda t: t["A"] @ t["B"] @ t["a"] + t["A"] @ t["c"]),
    ("w(i) = sum(k in 0..3) A([k], j) * B(j, i)", lambda t: e("kj,ji->i", t["A"], t["B"])),
    # a sum inside a product: its legs are summed outside where they are needed there
    ("w(i) = (A(i, j) + c(j)) * c(j)", lambda t: (t["A"] + t["c"]) @ t["c"]),
    ("w(i) = (A(i, j) + 1) * ones(j)", lambda t: t["A"].sum(1) + 4),
    ("w(i) = a(i) * (A(i, j) * c(j) + b(i))", lambda t: t["a"] * (t["A"] @ t["c"] + t["b"])),
    ("w(i) = (a(i) + 1) * (b(i) - 1)", lambda t: (t["a"] + 1) * (t["b"] - 1)),
    ("w() = (a(i) + 1) * (b(i) - 1)", lambda t: ((t["a"] + 1) * (t["b"] - 1)).sum()),
    # activations: what only they use is summed inside, what others use outside
    ("w(i) = relu(A(i, j) * c(j))", lambda t: relu(t["A"] @ t["c"])),
    ("w(i) = relu(A(i, j)) * c(j)", lambda t: relu(t["A"]) @ t["c"]),
    ("w(i) = relu(A(i, j) * c(j) + b(i))", lambda t: relu(t["A"] @ t["c"] + t["b"])),
    ("w(i, j) = 2 * relu(A(i, j)) - 1", lambda t: 2 * relu(t["A"]) - 1),
    ("w(j, i) = relu(A(i, j))", lambda t: relu(t["A"]).T),
    ("w(i) = relu(S(i, i))", lambda t: relu(np.diagonal(t["S"]))),
    ("w() = relu(S(i, i))", lambda t: relu(np.trace(t["S"]))),
    ("w() = relu(S(i, j)) * delta(i, j)", lambda t: np.trace(relu(t["S"]))),
    (
        "w(i) = tanh(relu(A(i, j) * relu(B(j, k) * a(k))) + relu(a(i)))",
        lambda t: np.tanh(relu(t["A"] @ relu(t["B"] @ t["a"])) + relu(t["a"])),
    ),
    ("w(i) = relu(relu(relu(a(i))))", lambda t: relu(t["a"])),
    ("w(i) = identity(A(i, j)) * c(j)", lambda t: t["A"] @ t["c"]),
    ("w(i) = rms(A(i, j) * c(j))", lambda t: (v := t["A"] @ t["c"]) / np.sqrt((v**2).mean() + 1e-12)),
    ("w(i) = relu(a(i)) * relu(a(i))", lambda t: relu(t["a"]) ** 2),
    # groups, picks and the shape on the left
    ("w(b, i) = x(b, (i, k)) * a(i) * ones(k)", lambda t: t["x"].reshape(5, 3, 2).sum(2) * t["a"]),
    ("w(b) = x(b, (k, i)) * a(i) * ones(k)", lambda t: e("bki,i->b", t["x"].reshape(5, 2, 3), t["a"])),
    ("w(b, (k, i)) = x(b, (i, k)) * a(i)", lambda t: e("bik,i->bki", t["x"].reshape(5, 3, 2), t["a"]).reshape(5, 6)),
    ("w((i, j)) = A(i, j)", lambda t: t["A"].reshape(12)),
    ("w((j, i)) = A(i, j)", lambda t: t["A"].T.reshape(12)),
    ("w(i) = T([0], i, [2])", lambda t: t["T"][0, :, 2]),
    ("w() = T([0], [1], [2])", lambda t: t["T"][0, 1, 2]),
    ("w(b) = x(b, [5]) * x(b, [0])", lambda t: t["x"][:, 5] * t["x"][:, 0]),
    ("w(m: 2 = i, n = j) = A(i, j)", lambda t: t["A"][:2]),
    ("w(m: 5 = (i, j)) = A(i, j)", lambda t: t["A"].reshape(12)[:5]),
    ("w(m: 3 = i, n: 4 = j) = A(i, j)", lambda t: t["A"]),
    ("w(m: 5 = (i, j)) reshape(p = 2, q = 2) = A(i, j)", lambda t: t["A"].reshape(12)[:4].reshape(2, 2)),
    ("w(i, j) reshape(2, 6) = A(i, j)", lambda t: t["A"].reshape(2, 6)),
    ("w(i, j) reshape(o = 5) = A(i, j)", lambda t: t["A"].reshape(12)[:5]),
    ("w((i, j)) reshape(o = 12) = A(i, j)", lambda t: t["A"].reshape(12)),
    ("w(i, j) reshape() = A(i, j)", lambda t: t["A"][0, 0]),
    ("w(b, p) reshape(batch, 2, 3) = x(b, p)", lambda t: t["x"].reshape(5, 2, 3)),
    # dynamic legs
    ("w() = x(b, p) * x(b, p)", lambda t: (t["x"] ** 2).sum()),
    ("w(i) = s(i, b) * ones(b)", lambda t: t["s"].sum(1)),
    ("w(b, i) = s(i, b) + a(i)", lambda t: t["s"].T + t["a"]),
    ("w() = s(i, b) * ones(i, b) + ones(b) * ones(b)", lambda t: t["s"].sum() + 5),
    ("w() = s(i, b) * ones(i, b) + ones(i) * ones(i)", lambda t: t["s"].sum() + 3),
    ("w() = c(i) * ones(i) + delta(i, i) * g()", lambda t: t["c"].sum() + 4 * t["g"]),
    # conjugation goes to the tensors and to the results of activations
    ("w(i) = conj(a(i))", lambda t: t["a"].conj()),
    ("w(i) = conj(conj(a(i)))", lambda t: t["a"]),
    ("w(i) = conj(A(i, j) * c(j)) * a(i)", lambda t: (t["A"] @ t["c"]).conj() * t["a"]),
    ("w() = conj(a(i)) * a(i)", lambda t: (t["a"].conj() * t["a"]).sum()),
    ("w(i) = a(i) - conj(b(i) - a(i) * g())", lambda t: t["a"] - (t["b"] - t["a"] * t["g"]).conj()),
    ("w(i) = conj(tanh(A(i, j) * c(j)))", lambda t: np.tanh(t["A"] @ t["c"]).conj()),
    ("w(i) = tanh(conj(a(i)))", lambda t: np.tanh(t["a"].conj())),
    ("w(i) = conj(T(i, [1], [0]))", lambda t: t["T"][:, 1, 0].conj()),
]


EVERYTHING = program_of(
    network(
        "output o1() = a(i) * b(i) * S(i, j) * T(i, j, k) * A(k, l) * B(l, m) * u(()) * g() * ones(m)",
        "output o2() = c(i) * C(i, i)",
    )
)
"""A Program with all cores."""


@pytest.mark.parametrize(("line", "expected"), VALUES, ids=[line for line, _ in VALUES])
def test_value(line: str, expected: Callable[[Mapping[str, Array]], Array]) -> None:
    program = program_of(network(f"output {line}"))
    verify_program(program)
    tensors = random_tensors(EVERYTHING, 3, {"batch": 5})
    if "conj" in line:
        others = random_tensors(EVERYTHING, 4, {"batch": 5})
        tensors = {name: tensor + 1j * others[name] for name, tensor in tensors.items()}
    got, want = value(program, tensors), expected(tensors)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("line", [line for line, _ in VALUES])
def test_the_text_of_a_program_means_the_same_program(line: str) -> None:
    lowered(f"output {line}")


# -- which statements --------------------------------------------------------------------------


def test_another_name_for_a_tensor_is_no_statement() -> None:
    assert lowered("h(i) = a(i)", "k(j) = h(j)", "output w(p) = k(p)") == ()
    assert lowered("h(i) = (1 * (a(i)))", "output w(p) = identity(h(p))") == ()
    assert lowered("h(x') = a(x)", "output w(x) = h(x)") == ()


def test_a_product_is_one_contract_with_legs_by_first_appearance() -> None:
    (statement,) = lowered("output w(k, i) = 2 * A(i, j) * B(j, k) * delta(i, m) * ones(m) * 3")
    assert statement == Contract(
        "w",
        (Use("A", (0, 1)), Use("B", (1, 2)), Delta((0, 3)), Ones((3,))),
        legs=(2, 0),
        dims=(3, 4, 3, 3),
        scale=6.0,
    )
    assert isinstance(statement, Contract)
    assert statement.leg_names == ("i", "j", "k", "m")


def test_products_in_parentheses_are_one_product() -> None:
    (statement,) = lowered("output w(i) = A(i, j) * (2 * (B(j, k) * (-a(k))))")
    assert isinstance(statement, Contract)
    assert (len(statement.factors), statement.scale) == (3, -2.0)


def test_a_permutation_is_a_contract() -> None:
    assert lowered("output w(j, i) = A(i, j)") == (Contract("w", (Use("A", (0, 1)),), (1, 0), (3, 4)),)


def test_a_term_that_is_a_number_times_a_tensor_needs_no_statement() -> None:
    (statement,) = lowered("output w(j, i) = 2 * A(i, j) - a(i)")
    assert statement == Sum("w", (Term(2.0, Use("A", (0, 1))), Term(-1.0, Use("a", (0,)))), (1, 0), (3, 4))


def test_a_diagonal_in_a_sum_is_taken_first() -> None:
    diagonal, total = lowered("output w(i) = 2 * S(i, i) + a(i)")
    assert diagonal == Contract("w_product", (Use("S", (0, 0)),), (0,), (3,))
    assert total == Sum("w", (Term(2.0, Use("w_product", (0,))), Term(1.0, Use("a", (0,)))), (0,), (3,))


def test_constant_terms_are_one_number() -> None:
    number, total = lowered("output w(i) = 1 + a(i) - 3 * 2")
    assert number == Contract("w_number", (), (), (), -5.0)
    assert total == Sum("w", (Term(1.0, Use("a", (0,))), Term(1.0, Use("w_number", ()))), (0,), (3,))


def test_a_sum_of_sums_is_one_sum() -> None:
    (statement,) = lowered("output w(i) = a(i) - (b(i) - (a(i) + conj(b(i))))")
    assert isinstance(statement, Sum)
    assert [(term.coefficient, term.use.tensor, term.use.conjugate) for term in statement.terms] == [
        (1.0, "a", False),
        (-1.0, "b", False),
        (1.0, "a", False),
        (1.0, "b", True),
    ]


def test_an_activation_works_in_the_order_of_the_left_side() -> None:
    product, activation = lowered("output w(k, i) = relu(A(i, j) * B(j, k))")
    assert isinstance(product, Contract)
    assert product.legs == (2, 0)
    assert isinstance(activation, Pointwise)
    assert (activation.name, activation.arguments, activation.function_name) == ("w", (product.name,), "relu")


def test_each_activation_is_a_barrier() -> None:
    assert kinds("output w(i) = relu(A(i, j) * tanh(B(j, k) * a(k)) + b(i))") == [
        "Contract",
        "Pointwise",
        "Contract",
        "Sum",
        "Pointwise",
    ]


def test_conj_of_an_activation_is_a_mark_on_its_result() -> None:
    activation, result = lowered("output w(i) = conj(relu(a(i)))")
    assert isinstance(activation, Pointwise)
    assert activation.arguments == ("a",)
    assert result == Contract("w", (Use(activation.name, (0,), conjugate=True),), (0,), (3,))


def test_rms_is_normalize() -> None:
    assert lowered("output w(i) = rms(a(i))") == (Normalize("w", "a"),)


def test_the_further_arguments_of_an_activation() -> None:
    (statement,) = lowered("output w(i) = prelu(a(i), g())")
    assert isinstance(statement, Pointwise)
    assert statement.arguments == ("a", "g")


def test_the_last_axis_is_picked_first() -> None:
    last, first, result = lowered("output w(i) = T([2], i, [1]) * a(i)")
    assert isinstance(last, View)
    assert isinstance(first, View)
    assert (last.kind, last.shape) == (Select(2, 1), (3, 3))
    assert (first.kind, first.shape, first.argument) == (Select(0, 2), (3,), last.name)
    assert isinstance(result, Contract)


def test_a_group_is_split_before_and_merged_after() -> None:
    split, product, merged = lowered("output w(b, (q, p)) = x(b, (p, q)) * a(p)")
    assert isinstance(split, View)
    assert (split.kind, split.shape) == (Reshape(), ("batch", 3, 2))
    assert isinstance(product, Contract)
    assert merged == View("w", product.name, Reshape(), ("batch", 6))


def test_a_group_of_one_leg_is_that_leg() -> None:
    assert lowered("output w((i)) = a((i))") == ()


def test_merge_crop_and_reshape() -> None:
    assert [
        (statement.kind, statement.shape)
        for statement in lowered("output w(m: 5 = (i, j)) = A(i, j)")
        if isinstance(statement, View)
    ] == [(Reshape(), (12,)), (Crop(), (5,))]
    assert lowered("output w((i, j)) reshape(3, 4) = A(i, j)") == ()
    assert lowered("output w((i, j)) reshape(2, 6) = A(i, j)") == (View("w", "A", Reshape(), (2, 6)),)
    assert lowered("output w(i, j) reshape(2, 5) = A(i, j)") == (View("w", "A", FlatCrop(), (2, 5)),)
    assert lowered("output w(m: 3 = i, j) = A(i, j)") == ()


def test_axis_names() -> None:
    def axes(line: str) -> tuple[str | None, ...]:
        return program_of(network(f"output {line}")).outputs[0].axes

    assert axes("w(out = i, j) = A(i, j)") == ("out", None)
    assert axes("w(out = i, in = j) reshape(3, k = 4) = A(i, j)") == (None, "k")
    assert axes("w(out: 2 = i, in = (j)) = A(i, j)") == ("out", "in")


def test_a_declared_dimension_reaches_the_other_legs_of_a_group() -> None:
    split, result = lowered("output w(p: 2 = p, q) = x(b, (p, q)) * ones(b)")
    assert isinstance(split, View)
    assert split.shape == ("batch", 2, 3)
    assert isinstance(result, Contract)
    assert result.dims[1:] == (2, 3)


def test_groups_infer_through_each_other() -> None:
    program = program_of(
        """network n() {
          core a(24) core b(6) core c(20) core d(2)
          output w(i, j, k, l) = c((k, l)) * a((i, j, k)) * b((i, j)) * d(i)
        }"""
    )
    (output,) = program.outputs
    assert program.shapes()[output.tensor] == (2, 3, 4, 5)


def test_delta_ties_dimensions() -> None:
    program = program_of("network n() { core a(12) core b(3)\n output w(j, k) = a((i, j)) * delta(i, k, l) * b(l) }")
    assert program.shapes()["w"] == (4, 3)


def test_four_thousand_factors() -> None:
    text = """network n() {
      core g[k in 0..4000](2, 2)
      output w(r[0], r[4000]) = prod(k in 0..4000) g[k](r[k], r[k + 1])
    }"""
    program, seconds = timed(lambda: program_of(text))
    assert seconds < 5
    (statement,) = program.statements
    assert isinstance(statement, Contract)
    assert len(statement.factors) == 4000


def test_an_intermediate_that_never_exists_may_be_huge() -> None:
    program = program_of(
        """network n() {
          let m = std.mps([2] * 200, 3)
          output norm() = m(x[0..200]) * conj(m(x[0..200]))
        }"""
    )
    assert program.shapes()[program.outputs[0].tensor] == ()
