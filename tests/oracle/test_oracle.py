"""The oracle itself, against einsum written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests import oracle
from tests.oracle.pointwise import Array

RANDOM = np.random.default_rng(7)


def array(*shape: int) -> Array:
    return np.asarray(RANDOM.normal(size=shape))


def value(body: str, inputs: dict[str, Array] | None = None, cores: dict[str, Array] | None = None) -> Array:
    network = oracle.load("network t() {\n" + body + "\n}")
    return network.evaluate(cores or {}, inputs)["y"]


A, B, C, V, W = array(3, 4), array(4, 5), array(3, 5), array(4), array(3)
SQUARE = array(4, 4)
DATA: dict[str, Array] = {"A": A, "B": B, "C": C, "V": V, "W": W, "S": SQUARE}
DECLARED = "input A(3, 4) input B(4, 5) input C(3, 5) input V(4) input W(3) input S(4, 4)\n"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("y(i, k) = A(i, j) * B(j, k)", A @ B),
        ("y(k, i) = 2 * A(i, j) * B(j, k) / 4", 0.5 * (A @ B).T),
        ("y(i, k) = relu(A(i, j) * B(j, k))", np.maximum(A @ B, 0)),
        ("y(i) = relu(A(i, j) * V(j) + W(i))", np.maximum(A @ V + W, 0)),
        ("y(i) = relu(A(i, j)) * V(j)", np.maximum(A, 0) @ V),
        ("y(i, j) = A(i, j) * V(j)", A * V),
        ("y(i, j) = A(i, j) + V(j) - 2", A + V - 2),
        ("y(i) = (A(i, j) + V(j)) * V(j)", (A + V) @ V),
        ("y() = S(i, i)", np.trace(SQUARE)),
        ("y(i) = S(i, i)", np.diag(SQUARE)),
        ("y(i, j) = S(i, i) * delta(i, j)", np.diag(np.diag(SQUARE))),
        ("y(i) = A(i, j) * ones(j)", A.sum(axis=1)),
        ("y() = A(i, j) * ones(i, j) - 1", A.sum() - 1),
        ("y(i, k) = A(i, j) * B(j, k) + C(i, k)", A @ B + C),
        ("y(k) = A(i, [1]) * C(i, k)", A[:, 1] @ C),
        ("y((i, j)) = A(i, j)", A.reshape(-1)),
        ("y(a: 2 = i, j) = A(i, j)", A[:2]),
        ("y(i, j) reshape(2, 5) = A(i, j)", A.reshape(-1)[:10].reshape(2, 5)),
        ("y(i, p, q) = A(i, (p, q)) * P(p)", (A.reshape(3, 2, 2) * np.array([1.0, 0.0])[None, :, None])),
        ("y(i) = W(i) * prod(k in 0..0) W(i)", W),
        ("y(i) = W(i) + sum(k in 0..3) k * W(i)", 4 * W),
        ("y(i) = -W(i) - (W(i) - 1)", -2 * W + 1),
        ("y(i) = W(i) * (if 1 < 2 then 3 else W(i))", 3 * W),
        ("y(i) = identity(W(i))", W),
        ("y(i) = rms(W(i))", W / np.sqrt(np.mean(W**2) + 1e-12)),
        ("y(i, j) = V(j) * ones(i) + 0 * W(i)", np.broadcast_to(V, (3, 4))),
        # hyperedge: j in three tensors
        ("y(i) = A(i, j) * V(j) * V(j)", A @ (V * V)),
        # a leg that is summed in one term only
        ("y(i) = A(i, j) * V(j) + W(i)", A @ V + W),
    ],
)
def test_statement(statement: str, expected: Array) -> None:
    fixed = "core P(2) init [1, 0] frozen\n" if "P(" in statement else ""
    got = value(DECLARED + fixed + "output " + statement, DATA, {"P": np.array([1.0, 0.0])})
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "statement",
    [
        "y(i) = A(i, j)",
        "y(i, i) = S(i, i)",
        "y(i, j) = W(i)",
        "y(i) = W(i) + ones(k) * ones(k)",
        "y(i) = A(i, i)",
        "y(i) = relu(A(i, j)) * W(i)",
        "y(i) = Z(i)",
        "y(i, p, q) = A(i, (p, q))",
        "y(i, [0]) = A(i, j)",
    ],
)
def test_wrong_statement(statement: str) -> None:
    with pytest.raises(oracle.OracleError):
        value(DECLARED + "output " + statement, DATA)


def test_primes_name_only_what_a_column_touches() -> None:
    h, g = array(2, 2, 2), array(2, 2, 2, 2)
    text = """input h(2, 2, 2) input g(2, 2, 2, 2)
    output y(x'[0..3]) = tanh(h(x[0..3]) * g(x[1], x[2], x'[1], x'[2]))"""
    np.testing.assert_allclose(value(text, {"h": h, "g": g}), np.tanh(np.einsum("abc,bcde->ade", h, g)))


def test_primes_within_a_sum() -> None:
    h, g, b = array(2), array(2, 2), array(2)
    text = "input h(2) input g(2, 2) input b(2) output y(x') = relu(h(x) * g(x, x') + b(x))"
    np.testing.assert_allclose(value(text, {"h": h, "g": g, "b": b}), np.maximum(h @ g + b, 0))


def test_user_function_carries_its_cores() -> None:
    text = """network inner(act: fn) { core v(3)  output w(i) = act(v(i)) }
    network t() {
      core a() core b[k in 0..2]()
      fn f(t, w = 2) = a() * t^w + (if 1 > 2 then 5 else b[1]()) * where(t > 0, t, -t)
      let n = inner(f)
      output y(i) = n(i) output z(i) = f(n(i), 3)
    }"""
    network = oracle.load(text)
    assert [core.name for core in network.cores] == ["a", "b[1]", "n.v"]
    cores = network.random_cores()
    a, b, v = cores["a"], cores["b[1]"], cores["n.v"]
    w = a * v**2 + b * np.abs(v)
    got = network.evaluate(cores)
    np.testing.assert_allclose(got["y"], w)
    np.testing.assert_allclose(got["z"], a * w**3 + b * np.abs(w))


def test_instances_share_and_bind() -> None:
    text = """network layer(n: int) { input x(b?, n) core W(n, n)
      output y(b, o) = relu(x(b, i) * W(o, i)) output s(b) = x(b, i) * ones(i) }
    network t() {
      input x(batch?, 3)
      let once = layer(3)
      h(b, o) = once.y(b, o, x = x)
      for k in 0..2 { let more[k] = layer(3)  h(b, o) = h(b, o) + more[k].y(b, o, x = h) }
      output y(b, o) = once.y(b, o, x = h) + once.s(b, x = x)
    }"""
    network = oracle.load(text)
    assert [core.name for core in network.cores] == ["once.W", "more[0].W", "more[1].W"]
    cores, x = network.random_cores(), array(5, 3)

    def layer(name: str, data: Array) -> Array:
        return np.asarray(np.maximum(data @ cores[name].T, 0))

    h = layer("once.W", x)
    for k in range(2):
        h = h + layer(f"more[{k}].W", h)
    expected = layer("once.W", h) + x.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network.evaluate(cores, {"x": x})["y"], expected)


def test_rms_leaves_dynamic_legs() -> None:
    x = array(5, 3)
    got = value("input x(batch?, 3) output y(b, i) = rms(x(b, i))", {"x": x})
    np.testing.assert_allclose(got, x / np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-12))


def test_complex_conjugate() -> None:
    network = oracle.load("network t() { core a(3, 3) output y(i, k) = conj(a(j, i)) * a(j, k) }")
    cores = network.random_cores(dtype="complex128")
    a = cores["a"]
    np.testing.assert_allclose(network.evaluate(cores)["y"], a.conj().T @ a)


def test_canonical_names_of_expanded_text() -> None:
    text = """network t() { core t[0].iso[1, 0](2 -> 2, 2)  core t[0].top(2)
      t[0].h[1](a, b) = t[0].top(x) * t[0].iso[1, 0](x, a, b)
      output w(a, b) = t[0].h[1](a, b) }"""
    network = oracle.load(text)
    assert [core.name for core in network.cores] == ["t[0].iso[1, 0]", "t[0].top"]
    cores = network.random_cores()
    expected = np.einsum("x,xab->ab", cores["t[0].top"], cores["t[0].iso[1, 0]"])
    np.testing.assert_allclose(network.evaluate(cores)["w"], expected)


def test_unused_cores_are_left_out() -> None:
    network = oracle.load("network t() { core a(2) core b(2) h(i) = b(i) output y(i) = a(i) }")
    assert [core.name for core in network.cores] == ["a"]
