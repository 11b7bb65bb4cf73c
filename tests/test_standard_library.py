"""The standard library against the textbooks: every topology written a second time, by hand, in NumPy.

The compiler and the oracle read the files, each on its own; both must give what the hand gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import tnc
from tests import backends, oracle

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Activation: TypeAlias = Callable[[Array], Array]

STANDARD = Path(__file__).parent.parent / "grammar" / "std"


def computed(call: str, leaves: int) -> tuple[Array, dict[str, Array]]:
    """The value of an instance, and its cores by their names within it."""
    return computed_by(f"network t() {{ let n = {call}  output w(x[0..{leaves}]) = n(x[0..{leaves}]) }}", leaves)


def computed_by(text: str, seed: int) -> tuple[Array, dict[str, Array]]:
    """The value of a text's output ``w``, on which compiler and oracle agree, and the cores of its instance ``n``."""
    network = oracle.load(text)
    cores = network.random_cores(seed=seed)
    value = network.evaluate(cores)["w"]
    compiled = backends.evaluate(tnc.loads(text), "numpy", [], cores)["w"]
    scale = float(np.abs(value).max())
    np.testing.assert_allclose(compiled, value, rtol=0, atol=1e-12 * scale)
    return value, {name.removeprefix("n."): value for name, value in cores.items()}


def relu(t: Array) -> Array:
    return np.asarray(np.maximum(t, 0))


def nothing(t: Array) -> Array:
    return t


def gate(state: Array, tensor: Array, first: int, second: int) -> Array:
    """Contract the first two axes of a gate with two axes of the state, and put the last two there."""
    state = np.tensordot(state, tensor, axes=([first, second], [0, 1]))
    return np.moveaxis(state, [-2, -1], [first, second])


def expand(state: Array, cores: Mapping[str, Array], level: int, parents: int) -> Array:
    """Replace every axis that has a core by the core's outputs, from the right."""
    for k in reversed(range(parents)):
        core = cores.get(f"iso[{level}, {k}]")
        if core is not None:
            grown = np.tensordot(state, core, axes=([k], [0]))
            new = core.ndim - 1
            state = np.moveaxis(grown, range(grown.ndim - new, grown.ndim), range(k, k + new))
    return state


def tree(cores: Mapping[str, Array], act: Activation, last: Activation) -> Array:
    state = cores["top"]
    levels = max((int(name[4:].split(",")[0]) for name in cores if name.startswith("iso")), default=0)
    for level in range(1, levels + 1):
        state = expand(state, cores, level, state.ndim)
        if level < levels:
            state = act(state)
    return last(state)


TREES = [
    ([2] * 8, 2),
    ([2, 3, 2, 1, 2], 2),
    ([2] * 7, 3),
    ([3], 2),
    ([3, 2], 2),
    ([3, 2, 2], 2),
    ([1] * 5, 2),
    ([2] * 9, 4),
    ([2, 2, 3], 9),
]


@pytest.mark.parametrize("chi", [1, 3, 1000])
@pytest.mark.parametrize(("dims", "arity"), TREES)
def test_ttn(dims: list[int], arity: int, chi: int) -> None:
    value, cores = computed(f"std.ttn({dims}, {chi}, {arity}, act = relu, last = tanh)", len(dims))
    np.testing.assert_allclose(value, tree(cores, relu, np.tanh), rtol=1e-12, atol=1e-12)


def levels_of(dims: list[int], arity: int, chi: int, widest: int) -> list[list[int]]:
    """The legs of every level, from the leaves up: blocks of ``arity``, each bond at most what is under it."""
    levels, under = [list(dims)], list(dims)
    while len(under) > widest:
        blocks = [under[k : k + arity] for k in range(0, len(under), arity)]
        under = [int(np.prod(block)) for block in blocks]
        above = zip(blocks, under, levels[0][::arity], strict=True)
        levels.insert(0, [leg if len(block) == 1 else min(chi, size) for block, size, leg in above])
    return levels


def bonds(levels: list[list[int]], arity: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the cores of a tree with these legs."""
    shapes = {"top": tuple(levels[0])}
    for level, (legs, children) in enumerate(pairwise(levels), 1):
        for k, leg in enumerate(legs):
            block = children[arity * k : arity * (k + 1)]
            if len(block) > 1:
                shapes[f"iso[{level}, {k}]"] = (leg, *block)
    return shapes


@pytest.mark.parametrize("chi", [1, 2, 5, 1000])
@pytest.mark.parametrize(("dims", "arity"), TREES)
def test_shapes_of_a_tree(dims: list[int], arity: int, chi: int) -> None:
    _, cores = computed(f"std.ttn({dims}, {chi}, {arity})", len(dims))
    assert {name: core.shape for name, core in cores.items()} == bonds(levels_of(dims, arity, chi, arity), arity)


ACTIVATIONS: dict[str, tuple[str, Callable[[Array, float], Array]]] = {
    "identity": ("identity", lambda t, _: t),
    "rms": ("rms", lambda t, _: np.asarray(t / np.sqrt(np.mean(t * t) + 1e-12))),
    "one's own": ("bend", lambda t, _: np.asarray(t * t / (1 + np.abs(t)))),
    "one's own, of a built-in": ("leak", lambda t, _: np.asarray(np.where(t > 0, t, 0.3 * t))),
    "one's own, with a core": ("soften", lambda t, a: np.asarray(a * np.tanh(t))),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_a_tree(name: str) -> None:
    act, function = ACTIVATIONS[name]
    text = f"""
      fn bend(t) = t^2 / (1 + abs(t))
      fn leak(t) = prelu(t, 0.3)
      network t() {{
        core a()
        fn soften(t) = a() * tanh(t)
        let n = std.ttn([2] * 7, 3, act = {act}, last = {act})
        output w(x[0..7]) = n(x[0..7])
      }}"""
    value, cores = computed_by(text, 7)
    a = float(cores.pop("a", np.zeros(())))
    expected = tree(cores, lambda t: function(t, a), lambda t: function(t, a))
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
@pytest.mark.parametrize(("dims", "leaves"), [("[2] * 7", 7), ("[2, 3, 2, 1]", 4), ("[2, 3]", 2), ("[3]", 1)])
def test_attn(dims: str, leaves: int, layers: int) -> None:
    value, cores = computed(f"std.attn({dims}, 3, {layers}, act = relu, last = tanh)", leaves)
    inner = {name.removeprefix("tree."): core for name, core in cores.items() if name.startswith("tree.")}
    state = tree(inner, relu, relu if layers else nothing)
    for column in range(layers):
        for k in range((column + 1) % 2, leaves - 1, 2):
            state = gate(state, cores[f"dis[{column}, {k}]"], k, k + 1)
        if column < layers - 1:
            state = relu(state)
    np.testing.assert_allclose(value, np.tanh(state), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("dims", "chi", "gates"),
    [
        ([2] * 16, 2, [3, 7, 11]),
        ([2] * 16, 4, [3, 7, 11]),
        ([2] * 16, 16, [7]),  # four leaves fit into the bond, eight do not
        ([2] * 9, 2, [3]),  # the ninth leaf alone loses nothing
        ([2] * 9 + [2], 2, [3, 7]),
        ([2] * 6, 2, [3]),
        ([2] * 6, 4, []),  # leaves 4 and 5 fit into the bond
        ([2] * 5, 2, [1]),
        ([2] * 4, 4, []),
        ([2] * 3, 2, []),
        ([3] * 3, 2, [1]),
        ([2] * 2, 2, []),
        ([3], 2, []),
        ([3, 1, 3, 3], 2, [1]),
        ([2, 1, 2, 3], 2, []),  # leaves 0 and 1 fit into the bond
    ],
)
def test_sparse_attn(dims: list[int], chi: int, gates: list[int]) -> None:
    value, cores = computed(f'std.attn({dims}, {chi}, placement = "sparse", act = relu)', len(dims))
    assert {name for name in cores if name.startswith("dis")} == {f"dis[0, {k}]" for k in gates}
    inner = {name.removeprefix("tree."): core for name, core in cores.items() if name.startswith("tree.")}
    state = tree(inner, relu, relu)
    for k in gates:
        state = gate(state, cores[f"dis[0, {k}]"], k, k + 1)
    np.testing.assert_allclose(value, state, rtol=0, atol=1e-12 * float(np.abs(state).max()))


@pytest.mark.parametrize("chi", [1, 2, 5, 1000])
@pytest.mark.parametrize(("call", "arity"), [("mera", 2), ("mera3", 3)])
@pytest.mark.parametrize("dims", [[2] * 9, [2, 3, 2, 1, 2, 3, 2], [2] * 12, [5], [2, 3], [4, 2, 3], [2] * 4, [1] * 28])
def test_shapes_of_a_mera(dims: list[int], call: str, arity: int, chi: int) -> None:
    """At most three legs are left for the top; a gate stands on every border between blocks."""
    _, cores = computed(f"std.{call}({dims}, {chi})", len(dims))
    levels = levels_of(dims, arity, chi, 3)
    expected = bonds(levels, arity)
    for scale, legs in enumerate(levels[1:], 1):
        for k, border in enumerate(range(arity, len(legs), arity)):
            pair = (legs[border - 1], legs[border])
            expected[f"dis[{scale}, {k}]"] = (*pair, *pair)
    assert {name: core.shape for name, core in cores.items()} == expected


def mera(cores: Mapping[str, Array], act: Activation, borders: Callable[[int, int], list[tuple[int, int]]]) -> Array:
    state = cores["top"]
    scales = max((int(name[4:].split(",")[0]) for name in cores if name.startswith("iso")), default=0)
    for scale in range(1, scales + 1):
        parents = state.ndim
        state = act(expand(state, cores, scale, parents))
        for k, (first, second) in enumerate(borders(parents, state.ndim)):
            state = gate(state, cores[f"dis[{scale}, {k}]"], first, second)
        if scale < scales:
            state = act(state)
    return state


MERAS = [
    [2] * 9,
    [2, 3, 2, 1, 2, 3, 2],
    [2] * 8,
    [2] * 10,  # of widths 3, 5, 10: only the last is a ring
    [4, 2, 3],
    [4, 3],
    [5],
    [2] * 4,
    [1] * 6,
]


@pytest.mark.parametrize("chi", [1, 3, 1000])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("dims", MERAS)
def test_mera(dims: list[int], periodic: bool, chi: int) -> None:
    def borders(_: int, width: int) -> list[tuple[int, int]]:
        ring = [(width - 1, 0)] if periodic and width % 2 == 0 else []
        return [(k, k + 1) for k in range(1, width - 1, 2)] + ring

    value, cores = computed(f"std.mera({dims}, {chi}, periodic = {str(periodic).lower()}, act = relu)", len(dims))
    np.testing.assert_allclose(value, mera(cores, relu, borders), rtol=1e-12, atol=1e-12)


TERNARY = [[2] * 9, [2] * 10, [2] * 11, [2, 3, 1, 2, 2], [2], [3, 2], [2, 3, 2], [2] * 4, [2, *[1] * 26, 3]]


@pytest.mark.parametrize("chi", [1, 3, 1000])
@pytest.mark.parametrize("dims", TERNARY)
def test_mera3(dims: list[int], chi: int) -> None:
    def borders(parents: int, _: int) -> list[tuple[int, int]]:
        return [(3 * k + 2, 3 * k + 3) for k in range(parents - 1)]

    value, cores = computed(f"std.mera3({dims}, {chi}, act = tanh)", len(dims))
    np.testing.assert_allclose(value, mera(cores, np.tanh, borders), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("boundary", ["folded", "fixed", "trained"])
@pytest.mark.parametrize(("dims", "layers"), [([2] * 7, 2), ([2, 3, 2, 1], 3), ([2, 1, 3], 2), ([3, 2], 1), ([3], 2)])
def test_brickwall(dims: list[int], layers: int, boundary: str) -> None:
    n = len(dims)
    value, cores = computed(f'std.brickwall({dims}, {layers}, "{boundary}", act = relu)', n)
    folded = boundary == "folded"
    state: Array = np.ones(())
    for k, dim in enumerate(dims):
        if folded and k // 2 * 2 + 1 < n:
            state = np.multiply.outer(state, cores[f"pair[{k // 2}]"]) if k % 2 == 0 else state
        elif boundary == "trained":
            state = np.multiply.outer(state, cores[f"start[{k}]"])
        else:
            state = np.multiply.outer(state, np.eye(dim)[0])
    for layer in range(layers):
        for column in range(2):
            for k in range((n - column) // 2):
                if not (folded and layer == 0 and column == 0):
                    state = gate(state, cores[f"gate[{layer}, {column}, {k}]"], 2 * k + column, 2 * k + column + 1)
        if layer < layers - 1:
            state = relu(state)
    np.testing.assert_allclose(value, state, rtol=1e-12, atol=1e-12)


def test_folded_is_fixed() -> None:
    """A folded pair is its gate's answer to the fixed vectors."""
    text = f"network t(b: str) {{ let n = std.brickwall({[2] * 5}, 2, b)  output w(x[0..5]) = n(x[0..5]) }}"
    fixed = oracle.load(text, network="t", arguments={"b": "fixed"})
    folded = oracle.load(text, network="t", arguments={"b": "folded"})
    cores = fixed.random_cores()
    pairs = {f"n.pair[{k}]": cores[f"n.gate[0, 0, {k}]"][0, 0] for k in range(2)}
    np.testing.assert_allclose(folded.evaluate({**cores, **pairs})["w"], fixed.evaluate(cores)["w"], rtol=1e-12)


@pytest.mark.parametrize(("dims", "chi"), [([3], 2), ([3, 2], 9), ([2] * 5, 1), ([1, 2, 1], 3), ([2, 2, 2, 2], 100)])
def test_bonds_of_an_mps(dims: list[int], chi: int) -> None:
    """A bond never exceeds what either side holds."""
    _, cores = computed(f"std.mps({dims}, {chi})", len(dims))
    n = len(dims)
    bond = [min(chi, int(np.prod(dims[:k])), int(np.prod(dims[k:]))) for k in range(n + 1)]
    expected = [((bond[k],) if k > 0 else ()) + (dims[k],) + ((bond[k + 1],) if k < n - 1 else ()) for k in range(n)]
    assert [cores[f"g[{k}]"].shape for k in range(n)] == expected


def test_mps() -> None:
    value, cores = computed("std.mps([2, 3, 1, 2, 3], 3)", 5)
    g = [cores[f"g[{k}]"] for k in range(5)]
    assert [core.shape for core in g] == [(2, 2), (2, 3, 3), (3, 1, 3), (3, 2, 3), (3, 3)]
    np.testing.assert_allclose(value, np.einsum("ia,ajb,bkc,cld,dm->ijklm", *g), rtol=1e-12)


def test_short_mps() -> None:
    value, cores = computed("std.mps([4], 3)", 1)
    np.testing.assert_allclose(value, cores["g[0]"], rtol=1e-12)
    value, cores = computed("std.mps([4, 3], 2)", 2)
    np.testing.assert_allclose(value, np.einsum("ia,aj->ij", cores["g[0]"], cores["g[1]"]), rtol=1e-12)
    value, cores = computed("std.mps([2, 3, 2], 1)", 3)
    g = [cores[f"g[{k}]"] for k in range(3)]
    np.testing.assert_allclose(value, np.einsum("ia,ajb,bk->ijk", *g), rtol=1e-12)


def test_mpo() -> None:
    value, cores = computed("std.mpo([2, 3, 4], [3, 1, 2], 5)", 6)
    g = [cores[f"g[{k}]"] for k in range(3)]
    np.testing.assert_allclose(value, np.einsum("aip,pbjq,qck->abcijk", *g), rtol=1e-12)
    value, cores = computed("std.mpo([2, 3], [3, 1], 1)", 4)
    np.testing.assert_allclose(value, np.einsum("aip,pbj->abij", cores["g[0]"], cores["g[1]"]), rtol=1e-12)
    value, cores = computed("std.mpo([2], [3], 5)", 2)
    np.testing.assert_allclose(value, cores["g[0]"], rtol=1e-12)


def test_ring() -> None:
    value, cores = computed("std.ring([2, 3, 4], 3)", 3)
    g = [cores[f"g[{k}]"] for k in range(3)]
    np.testing.assert_allclose(value, np.einsum("aib,bjc,cka->ijk", *g), rtol=1e-12)
    value, cores = computed("std.ring([4, 2], 3)", 2)
    np.testing.assert_allclose(value, np.einsum("aib,bja->ij", cores["g[0]"], cores["g[1]"]), rtol=1e-12)
    value, cores = computed("std.ring([4, 1, 2], 1)", 3)
    np.testing.assert_allclose(value, np.einsum("aib,bjc,cka->ijk", *cores.values()), rtol=1e-12)
    value, cores = computed("std.ring([4], 3)", 1)
    np.testing.assert_allclose(value, np.einsum("aia->i", cores["g[0]"]), rtol=1e-12)


def test_tucker() -> None:
    value, cores = computed("std.tucker([4, 5], [2, 3], act = relu)", 2)
    expected = cores["factor[0]"].T @ relu(cores["small"]) @ cores["factor[1]"]
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    value, cores = computed("std.tucker([4, 1, 2], [2, 3, 1])", 3)
    factors = [cores[f"factor[{k}]"] for k in range(3)]
    np.testing.assert_allclose(value, np.einsum("abc,ai,bj,ck->ijk", cores["small"], *factors), rtol=1e-12)
    value, cores = computed("std.tucker([4], [2], act = tanh)", 1)
    np.testing.assert_allclose(value, np.tanh(cores["small"]) @ cores["factor[0]"], rtol=1e-12)


def test_cp() -> None:
    value, cores = computed("std.cp([4, 5, 2], 3)", 3)
    np.testing.assert_allclose(value, np.einsum("ri,rj,rk->ijk", *cores.values()), rtol=1e-12)
    value, cores = computed("std.cp([1, 3], 1)", 2)
    np.testing.assert_allclose(value, np.einsum("ri,rj->ij", *cores.values()), rtol=1e-12)
    value, cores = computed("std.cp([4], 3)", 1)
    np.testing.assert_allclose(value, cores["factor[0]"].sum(axis=0), rtol=1e-12)


def test_peps() -> None:
    value, cores = computed("std.peps(2, 3, [2, 3, 2, 2, 1, 2], 2)", 6)
    sites = [cores[f"site[{r}, {c}]"] for r in range(2) for c in range(3)]
    expected = np.einsum("xad,aybe,bzf,dug,egvh,fhw->xyzuvw", *sites)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("rows", "cols", "equation"),
    [(1, 1, "x->x"), (1, 3, "xa,ayb,bz->xyz"), (3, 1, "xa,ayb,bz->xyz"), (2, 2, "xad,ayb,duc,bcv->xyuv")],
)
def test_peps_without_a_border(rows: int, cols: int, equation: str) -> None:
    dims = [2, 3, 1, 2][: rows * cols]
    value, cores = computed(f"std.peps({rows}, {cols}, {dims}, 3)", rows * cols)
    sites = [cores[f"site[{r}, {c}]"] for r in range(rows) for c in range(cols)]
    np.testing.assert_allclose(value, np.einsum(equation, *sites), rtol=1e-12)


def test_lowrank() -> None:
    value, cores = computed("std.lowrank(4, 5, 2)", 2)
    np.testing.assert_allclose(value, cores["b"] @ cores["a"], rtol=1e-12)


# -- weights of any shape -------------------------------------------------------------------------

PADDED = {1: 1, 4: 4, 5: 5, 6: 6, 7: 7, 9: 9, 11: 12, 13: 14, 16: 16, 22: 24}
"""Axes of the shapes below, and the next integers without a prime factor above 7, looked up by hand."""

DIGITS = {
    1: [],
    4: [2, 2],
    5: [5],
    6: [2, 3],
    7: [7],
    9: [3, 3],
    12: [2, 2, 3],
    14: [2, 7],
    16: [2] * 4,
    24: [2, 2, 2, 3],
}

SHAPES = [(11, 5), (16, 4, 9, 1), (1, 1), (1,), (13,), (7, 1, 9), (4, 22), (1, 16), (5, 6, 1, 4), (6, 9, 4, 5, 1)]

INSIDE_WEIGHTS = {
    "ttn": "ttn({dims}, {chi}, act = tanh, last = silu)",
    "attn": "attn({dims}, {chi}, 3, act = tanh, last = silu)",
    "attn1": "attn({dims}, {chi}, 1, act = tanh, last = silu)",
    "attn2": "attn({dims}, {chi}, 2, act = tanh, last = silu)",
    "mera": "mera({dims}, {chi}, act = tanh, last = silu)",
    "mera3": "mera3({dims}, {chi}, act = tanh, last = silu)",
    "brickwall": "brickwall({dims}, 3, act = tanh, last = silu)",
    "mps": "mps({dims}, {chi}, last = silu)",
    "ring": "ring({dims}, {chi}, last = silu)",
}


def weight(shape: tuple[int, ...], topology: str, chi: int, order: str) -> tuple[Array, dict[str, Array]]:
    call = f'std.weight({list(shape)}, "{topology}", {chi}, "{order}", layers = 3, act = tanh, last = silu)'
    return computed(call, len(shape))


@pytest.mark.parametrize(
    ("shape", "topology", "order"),
    [(shape, "ttn", order) for shape in SHAPES for order in ("interleaved", "rows")]
    + [((4, 22), topology, "interleaved") for topology in INSIDE_WEIGHTS],
    ids=str,
)
def test_weights_are_topologies_on_digits(shape: tuple[int, ...], topology: str, order: str) -> None:
    value, cores = weight(shape, topology, 3, order)
    padded = [PADDED[length] for length in shape]
    axes = [DIGITS[length] for length in padded]
    if set(shape) == {1}:
        axes[0] = [1]
    digits = [(axis, place) for axis, bases in enumerate(axes) for place in range(len(bases))]
    if order == "rows":
        leaves = digits
    else:
        leaves = sorted(digits, key=lambda digit: (Fraction(digit[1] + 1, len(axes[digit[0]])), digit[0]))

    call = INSIDE_WEIGHTS[topology].format(dims=[axes[axis][place] for axis, place in leaves], chi=3)
    legs = f"x[0..{len(leaves)}]"
    inside = oracle.load(f"network t() {{ let net = std.{call}  output w({legs}) = net({legs}) }}")
    assert {core.name: core.shape for core in inside.cores} == {name: core.shape for name, core in cores.items()}
    result = inside.evaluate(cores)["w"].transpose([leaves.index(digit) for digit in digits])
    expected = result.reshape(padded)[tuple(slice(length) for length in shape)]
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-12 * float(np.abs(value).max()))


def silu(t: Array) -> Array:
    return np.asarray(t / (1 + np.exp(-t)))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_weights_of_low_rank(shape: tuple[int, ...]) -> None:
    value, cores = weight(shape, "lowrank", 3, "interleaved")
    np.testing.assert_allclose(
        value, silu((cores["net.factor[0]"].T @ cores["net.factor[1]"]).reshape(shape)), rtol=1e-12
    )
    letters = "abcde"[: len(shape)]
    value, cores = weight(shape, "cp", 3, "interleaved")
    factors = [cores[f"net.factor[{k}]"] for k in range(len(shape))]
    expected = np.einsum(f"{','.join(f'r{each}' for each in letters)}->{letters}", *factors)
    np.testing.assert_allclose(value, silu(expected), rtol=1e-12, atol=1e-14)
    value, cores = weight(shape, "tucker", 3, "interleaved")
    small = np.tanh(cores["net.small"])
    assert small.shape == tuple(min(3, length) for length in shape)
    for k in range(len(shape)):
        small = np.moveaxis(np.tensordot(small, cores[f"net.factor[{k}]"], ([k], [0])), -1, k)
    np.testing.assert_allclose(value, silu(small), rtol=1e-12, atol=1e-14)


def test_digits_of_convolutions_interleave() -> None:
    """Rows and columns alternate, the kernel comes last: as a convolution that is written by hand."""
    value, cores = computed('std.weight([16, 16, 3, 3], "ttn", 2)', 4)
    by_hand = tnc.loads("""network t() {
      let net = std.ttn([2] * 8 + [3, 3], 2, act = silu)
      output w((o[0..4]), (i[0..4]), a, b) = net(interleave(o[0..4], i[0..4]), a, b)
    }""")
    np.testing.assert_allclose(backends.evaluate(by_hand, "numpy", [], cores)["w"], value, rtol=1e-12, atol=1e-14)


def test_a_shorter_axis_is_spread() -> None:
    """Four digits beside two: o o i, o o i."""
    value, cores = computed('std.weight([4, 16], "mps", 3)', 2)
    by_hand = tnc.loads("""network t() {
      let net = std.mps([2] * 6, 3)
      output w((i[0..2]), (o[0..4])) = net(o[0], i[0], o[1], o[2], i[1], o[3])
    }""")
    np.testing.assert_allclose(backends.evaluate(by_hand, "numpy", [], cores)["w"], value, rtol=1e-12, atol=1e-14)


def test_an_unknown_topology_is_answered_with_the_known_ones() -> None:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.loads('network t() { let n = std.weight([4], "tree")  output w(i) = n(i) }')
    text = (STANDARD / "weight.tn").read_text(encoding="utf-8")
    for name in re.findall(r'topology == "(\w+)"', text):
        assert re.search(rf"\b{name}\b", str(caught.value))


CALLS = {
    "ttn": "[2] * 4, act = relu",
    "attn": "[2] * 4",
    "mera": "[2] * 4",
    "mera3": "[2] * 4",
    "brickwall": "[2] * 4",
    "mps": "[2] * 4",
    "mpo": "[2, 2], [2, 2]",
    "ring": "[2] * 4",
    "tucker": "[2] * 4, [2] * 4",
    "cp": "[2] * 4",
    "peps": "2, 2, [2] * 4",
    "lowrank": "2, 2",
    "weight": "[2] * 4",
}


def test_every_file_is_compared() -> None:
    assert {path.stem for path in STANDARD.glob("*.tn")} == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_last_applies_to_the_result(name: str) -> None:
    leaves = 2 if name == "lowrank" else 4
    plain, cores = computed(f"std.{name}({CALLS[name]})", leaves)
    value, same = computed(f"std.{name}({CALLS[name]}, last = tanh)", leaves)
    assert all(np.array_equal(core, same[key]) for key, core in cores.items())
    np.testing.assert_allclose(value, np.tanh(plain), rtol=1e-12, atol=1e-12)
    assert plain.min() < 0 < plain.max()


def test_the_reference_tells_parameters_and_defaults() -> None:
    """The table of the reference has the head of every file: names, order, defaults."""
    reference = (STANDARD.parent.parent / "docs" / "language.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `std\.(\w+)\((.*)\)` \|", reference, re.MULTILINE))
    heads: dict[str, str] = {}
    for path in STANDARD.glob("*.tn"):
        (head,) = re.findall(r"^network \w+\((.*?)\) \{$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        heads[path.stem] = re.sub(r": \w+", "", " ".join(head.split()))
    assert told == heads


@pytest.mark.parametrize("name", CALLS)
def test_numbers_are_those_that_the_file_tells(name: str) -> None:
    text = (STANDARD / f"{name}.tn").read_text(encoding="utf-8")
    told = re.findall(r"^# (std\.(\w+)\(.*\)) has (\d+) numbers in (\d+) cores", text, re.MULTILINE)
    assert told
    for call, network, numbers, count in told:
        assert network == name
        leaves = {"mpo": 6, "tucker": 3, "cp": 3, "peps": 16, "lowrank": 2, "weight": 4}.get(name, 24)
        legs = f"x[0..{leaves}]"
        found = oracle.load(f"network t() {{ let n = {call}  output w({legs}) = n({legs}) }}")
        shapes = [core.shape for core in found.cores if not core.frozen]
        assert (sum(prod(shape) for shape in shapes), len(shapes)) == (int(numbers), int(count))


@pytest.mark.parametrize("name", CALLS)
def test_every_parameter_is_explained(name: str) -> None:
    text = (STANDARD / f"{name}.tn").read_text(encoding="utf-8")
    comment, _, rest = text.partition("\nnetwork ")
    parameters = re.findall(r"(\w+): \w+", rest.partition(") {")[0])
    assert parameters
    assert [each for each in parameters if not re.search(rf"^#   {each} +\S", comment, re.MULTILINE)] == []


@pytest.mark.parametrize(
    "call",
    [
        "std.ttn([])",
        "std.ttn([2], chi = 0)",
        *(f"std.{name}([2, 0])" for name in ("ttn", "attn", "mera", "mera3", "brickwall", "mps", "ring", "cp")),
        "std.mpo([2, 2], [2, 0])",
        "std.tucker([2, 0], [2, 2])",
        "std.tucker([2, 2], [2, 0])",
        "std.peps(1, 2, [2, 0])",
        "std.lowrank(0, 2)",
        "std.ttn([2], arity = 1)",
        'std.attn([2], placement = "dense")',
        'std.attn([2] * 4, layers = 2, placement = "sparse")',
        "std.attn([2], layers = -1)",
        "std.mera([])",
        "std.mera3([])",
        "std.brickwall([2], layers = 0)",
        'std.brickwall([2], boundary = "open")',
        "std.mps([])",
        "std.mpo([2, 2], [2])",
        "std.ring([])",
        "std.tucker([2, 2], [2])",
        "std.cp([2], 0)",
        "std.peps(2, 2, [2, 2, 2])",
        "std.lowrank(2, 2, 0)",
        "std.weight([])",
        "std.weight([2, 0])",
        'std.weight([2], "tree")',
        'std.weight([2], "")',
        'std.weight([2], order = "columns")',
        "std.weight([2, 2], chi = 0)",
        'std.weight([2, 2], "mps", chi = 0)',
    ],
)
def test_arguments_are_checked(call: str) -> None:
    with pytest.raises(oracle.OracleError, match="assert"):
        computed(call, 1)
