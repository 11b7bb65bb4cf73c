"""The standard library against the textbooks: every topology written a second time, by hand, in NumPy.

Here the oracle reads the files; that the backends agree with the oracle is shown elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pytest

from tests import oracle

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Activation: TypeAlias = Callable[[Array], Array]


def computed(call: str, leaves: int) -> tuple[Array, dict[str, Array]]:
    """The value of an instance, and its cores by their names within it."""
    network = oracle.load(f"network t() {{ let n = {call}  output w(x[0..{leaves}]) = n(x[0..{leaves}]) }}")
    cores = network.random_cores(seed=leaves)
    names = {name.removeprefix("n."): value for name, value in cores.items()}
    return network.evaluate(cores)["w"], names


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


TREES = [("[2] * 8", 8, 2), ("[2, 3, 2, 1, 2]", 5, 2), ("[2] * 7", 7, 3), ("[3]", 1, 2), ("[3, 2, 2]", 3, 2)]


@pytest.mark.parametrize(("dims", "leaves", "arity"), TREES)
def test_ttn(dims: str, leaves: int, arity: int) -> None:
    value, cores = computed(f"std.ttn({dims}, 3, {arity}, act = relu, last = tanh)", leaves)
    np.testing.assert_allclose(value, tree(cores, relu, np.tanh), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
@pytest.mark.parametrize(("dims", "leaves"), [("[2] * 7", 7), ("[2, 3, 2, 1]", 4), ("[2, 3]", 2)])
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
    ],
)
def test_sparse_gates(dims: list[int], chi: int, gates: list[int]) -> None:
    text = f"""network t() {{ let n = std.attn({dims}, {chi}, placement = "sparse")
      output w(x[0..{len(dims)}]) = n(x[0..{len(dims)}]) }}"""
    names = {core.name for core in oracle.load(text).cores if ".dis" in core.name}
    assert names == {f"n.dis[0, {k}]" for k in gates}


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


MERAS = [("[2] * 9", 9), ("[2, 3, 2, 1, 2, 3, 2]", 7), ("[2] * 8", 8), ("[4, 2, 3]", 3), ("[5]", 1), ("[2] * 4", 4)]


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize(("dims", "leaves"), MERAS)
def test_mera(dims: str, leaves: int, periodic: bool) -> None:
    def borders(_: int, width: int) -> list[tuple[int, int]]:
        ring = [(width - 1, 0)] if periodic and width % 2 == 0 else []
        return [(k, k + 1) for k in range(1, width - 1, 2)] + ring

    value, cores = computed(f"std.mera({dims}, 3, periodic = {str(periodic).lower()}, act = relu)", leaves)
    np.testing.assert_allclose(value, mera(cores, relu, borders), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dims", "leaves"), [("[2] * 9", 9), ("[2] * 10", 10), ("[2, 3, 1, 2, 2]", 5), ("[2]", 1)])
def test_mera3(dims: str, leaves: int) -> None:
    def borders(parents: int, _: int) -> list[tuple[int, int]]:
        return [(3 * k + 2, 3 * k + 3) for k in range(parents - 1)]

    value, cores = computed(f"std.mera3({dims}, 3, act = tanh)", leaves)
    np.testing.assert_allclose(value, mera(cores, np.tanh, borders), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("boundary", ["folded", "fixed", "trained"])
@pytest.mark.parametrize(("dims", "layers"), [([2] * 7, 2), ([2, 3, 2, 1], 3), ([3, 2], 1), ([3], 2)])
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


def test_mps() -> None:
    value, cores = computed("std.mps([2, 3, 1, 2, 3], 3)", 5)
    g = [cores[f"g[{k}]"] for k in range(5)]
    assert [core.shape for core in g] == [(2, 2), (2, 3, 3), (3, 1, 3), (3, 2, 3), (3, 3)]
    np.testing.assert_allclose(value, np.einsum("ia,ajb,bkc,cld,dm->ijklm", *g), rtol=1e-12)


def test_mpo() -> None:
    value, cores = computed("std.mpo([2, 3, 4], [3, 1, 2], 5)", 6)
    g = [cores[f"g[{k}]"] for k in range(3)]
    np.testing.assert_allclose(value, np.einsum("aip,pbjq,qck->abcijk", *g), rtol=1e-12)


def test_ring() -> None:
    value, cores = computed("std.ring([2, 3, 4], 3)", 3)
    g = [cores[f"g[{k}]"] for k in range(3)]
    np.testing.assert_allclose(value, np.einsum("aib,bjc,cka->ijk", *g), rtol=1e-12)
    value, cores = computed("std.ring([4], 3)", 1)
    np.testing.assert_allclose(value, np.einsum("aia->i", cores["g[0]"]), rtol=1e-12)


def test_tucker() -> None:
    value, cores = computed("std.tucker([4, 5], [2, 3], act = relu)", 2)
    expected = cores["factor[0]"].T @ relu(cores["small"]) @ cores["factor[1]"]
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_cp() -> None:
    value, cores = computed("std.cp([4, 5, 2], 3)", 3)
    np.testing.assert_allclose(value, np.einsum("ri,rj,rk->ijk", *cores.values()), rtol=1e-12)
    value, cores = computed("std.cp([4], 3)", 1)
    np.testing.assert_allclose(value, cores["factor[0]"].sum(axis=0), rtol=1e-12)


def test_peps() -> None:
    value, cores = computed("std.peps(2, 3, [2, 3, 2, 2, 1, 2], 2)", 6)
    sites = [cores[f"site[{r}, {c}]"] for r in range(2) for c in range(3)]
    expected = np.einsum("xad,aybe,bzf,dug,egvh,fhw->xyzuvw", *sites)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_lowrank() -> None:
    value, cores = computed("std.lowrank(4, 5, 2)", 2)
    np.testing.assert_allclose(value, cores["b"] @ cores["a"], rtol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        "std.ttn([])",
        "std.ttn([2], chi = 0)",
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
    ],
)
def test_arguments_are_checked(call: str) -> None:
    with pytest.raises(oracle.OracleError, match="assert"):
        computed(call, 1)
