"""The standard library against quimb: its own classes where it has the topology, else its tensor networks and gates.

Those against NumPy are in `test_standard_library.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest

import tnc
from tests import requirements

qtn: Any = requirements.package("quimb.tensor")
pytestmark = pytest.mark.peers

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


def compiled(call: str, leaves: int) -> tuple[Array, dict[str, Array]]:
    """What the NumPy backend computes for an instance, in complex numbers, and its cores by their names within it."""
    text = f"network t() {{ let n = {call}  output w(x[0..{leaves}]) = n(x[0..{leaves}]) }}"
    module: Any = tnc.loads(text, dtype="complex128").module("numpy")
    random = np.random.default_rng(leaves)
    cores: dict[str, Array] = {}
    for name, (_, _, shape) in module.CORES.items():
        cores[name] = random.normal(size=shape) + 1j * random.normal(size=shape)
    value = module.apply(module.params_from_cores(cores))
    return value, {name.removeprefix("n."): core for name, core in cores.items()}


def assert_same(got: Array, expected: Array) -> None:
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12 * float(np.abs(expected).max()))


def dense(network: Any, inds: Sequence[str]) -> Array:
    """A quimb network as one array."""
    whole = qtn.TensorNetwork(network.tensors).contract(output_inds=tuple(inds))
    return np.asarray(whole.transpose(*inds).data)


@pytest.mark.parametrize(("dims", "chi"), [([2, 3, 2, 2], 2), ([2, 2], 5), ([3, 1, 3], 2)])
def test_mps(dims: list[int], chi: int) -> None:
    value, cores = compiled(f"std.mps({dims}, {chi})", len(dims))
    arrays = [cores[f"g[{k}]"] for k in range(len(dims))]
    arrays = [arrays[0].T, *(core.transpose(0, 2, 1) for core in arrays[1:-1]), arrays[-1]]
    state = qtn.MatrixProductState(arrays, shape="lrp")
    assert_same(value, dense(state, [f"k{k}" for k in range(len(dims))]))


def test_ring() -> None:
    value, cores = compiled("std.ring([2, 3, 2, 2], 3)", 4)
    state = qtn.MatrixProductState([cores[f"g[{k}]"] for k in range(4)], shape="lpr")
    assert state.cyclic
    assert_same(value, dense(state, [f"k{k}" for k in range(4)]))


def test_mpo() -> None:
    value, cores = compiled("std.mpo([2, 3, 4], [3, 1, 2], 3)", 6)
    first, middle, last = (cores[f"g[{k}]"] for k in range(3))
    arrays = [first.transpose(2, 0, 1), middle.transpose(0, 3, 1, 2), last]
    operator = qtn.MatrixProductOperator(arrays, shape="lrud")
    assert_same(value, dense(operator, ["k0", "k1", "k2", "b0", "b1", "b2"]))


def test_peps() -> None:
    rows, columns = 3, 2
    value, cores = compiled(f"std.peps({rows}, {columns}, [2, 3, 2, 1, 2, 2], 2)", 6)
    arrays = [[cores[f"site[{r}, {c}]"] for c in range(columns)] for r in range(rows)]
    state = qtn.PEPS(arrays, shape="dlpru")  # quimb's up is the next row
    assert_same(value, dense(state, [f"k{r},{c}" for r in range(rows) for c in range(columns)]))


@pytest.mark.parametrize("leaves", [4, 8, 16])
def test_periodic_mera(leaves: int) -> None:
    """quimb reads a MERA from the leaves up, its gates on legs (0, 1), ..., so that ours are its legs, shifted."""
    value, cores = compiled(f"std.mera({[2] * leaves}, 2, periodic = true, act = identity)", leaves)
    gates: list[Array] = []
    isometries: list[Array] = []
    scales = leaves.bit_length() - 2
    for scale in reversed(range(1, scales + 1)):
        blocks, shift = 2**scale, 2**scale - 1
        for k in range(blocks):
            gates.append(cores[f"dis[{scale}, {(k - (shift + 1) // 2) % blocks}]"].transpose(2, 3, 0, 1))
            isometries.append(cores[f"iso[{scale}, {(k - shift // 2) % blocks}]"].transpose(1, 2, 0))
    # quimb's top is a gate, traced, and divided by the root of two
    gates.append(np.einsum("ab,uv->abuv", cores["top"], np.eye(2)) / 2**0.5)
    isometries.append(np.eye(2))
    state = qtn.MERA(leaves, uni=gates, iso=isometries)
    assert_same(value, dense(state, [f"k{(k + 2**scales - 1) % leaves}" for k in range(leaves)]))


def gated(state: Any, cores: Mapping[str, Array], gates: Sequence[tuple[str, int]], leaves: int) -> Array:
    """A quimb state after gates on (k, k + 1), in their order; ours have their inputs first, quimb's their outputs."""
    for name, k in gates:
        state = state.gate_inds(cores[name].transpose(2, 3, 0, 1), (f"k{k}", f"k{k + 1}"))
    return dense(state, [f"k{k}" for k in range(leaves)])


@pytest.mark.parametrize("boundary", ["fixed", "trained"])
@pytest.mark.parametrize(("leaves", "layers"), [(5, 2), (6, 1), (2, 3)])
def test_brickwall(leaves: int, layers: int, boundary: str) -> None:
    value, cores = compiled(f'std.brickwall({[2] * leaves}, {layers}, "{boundary}", act = identity)', leaves)
    state = qtn.MPS_product_state([cores[f"start[{k}]"] for k in range(leaves)])
    gates = [
        (f"gate[{layer}, {column}, {k}]", 2 * k + column)
        for layer in range(layers)
        for column in range(2)
        for k in range((leaves - column) // 2)
    ]
    assert_same(value, gated(state, cores, gates, leaves))


def tree(cores: Mapping[str, Array]) -> Any:
    """The tree of instance ``tree`` with six leaves of dimension 2, as a quimb network."""
    inds = {
        "top": "ab",
        "iso[1, 0]": "acd",
        "iso[1, 1]": "b4",
        "iso[2, 0]": "c01",
        "iso[2, 1]": "d23",
        "iso[2, 2]": "b45",
    }
    tensors: list[Any] = []
    for name, core in cores.items():
        tensors.append(qtn.Tensor(core, [f"k{i}" if i.isdigit() else i for i in inds[name]]))
    return qtn.TensorNetwork(tensors)


@pytest.mark.parametrize(
    ("arguments", "gates"),
    [
        ("layers = 0", []),
        ("layers = 2", [("dis[0, 1]", 1), ("dis[0, 3]", 3), ("dis[1, 0]", 0), ("dis[1, 2]", 2), ("dis[1, 4]", 4)]),
        ('placement = "sparse"', [("dis[0, 3]", 3)]),
    ],
)
def test_attn(arguments: str, gates: list[tuple[str, int]]) -> None:
    value, cores = compiled(f"std.attn([2] * 6, 2, {arguments}, act = identity)", 6)
    inner = {name.removeprefix("tree."): core for name, core in cores.items() if name.startswith("tree.")}
    assert cores.keys() - {f"tree.{name}" for name in inner} == {name for name, _ in gates}
    assert_same(value, gated(tree(inner), cores, gates, 6))


def test_ttn() -> None:
    value, cores = compiled("std.ttn([2] * 6, 3, act = identity)", 6)
    assert_same(value, dense(tree(cores), [f"k{k}" for k in range(6)]))


@pytest.mark.parametrize(
    ("dims", "inds"),
    [
        ([2, 3, 2, 2, 2, 3, 2], {"top": "abc", "iso[1, 0]": "a012", "iso[1, 1]": "b345", "iso[1, 2]": "c6"}),
        ([2] * 5, {"top": "ab", "iso[1, 0]": "a012", "iso[1, 1]": "b34"}),
        ([2, 3], {"top": "01"}),
    ],
)
def test_ternary_tree(dims: list[int], inds: dict[str, str]) -> None:
    """A last block of one leg passes through: what the core above calls it is the leaf."""
    value, cores = compiled(f"std.ttn({dims}, 3, 3, act = identity)", len(dims))
    passing = {"c": "6"} if "iso[1, 2]" in inds else {}
    names = {name: [passing.get(i, i) for i in letters] for name, letters in inds.items() if name in cores}
    assert cores.keys() == names.keys()
    tensors = [qtn.Tensor(cores[name], [f"k{i}" if i.isdigit() else i for i in each]) for name, each in names.items()]
    assert_same(value, dense(qtn.TensorNetwork(tensors), [f"k{k}" for k in range(len(dims))]))


@pytest.mark.parametrize(
    ("call", "dims", "branches"),
    [("mera", [2] * 8, 2), ("mera", [2, 3, 2, 2, 3, 2, 2], 2), ("mera3", [2] * 9, 3), ("mera3", [2, 3, 2, 2, 3], 3)],
)
def test_open_mera(call: str, dims: list[int], branches: int) -> None:
    """quimb has no open MERA and no ternary one: here it is a state that grows and is gated."""
    value, cores = compiled(f"std.{call}({dims}, 2, act = identity)", len(dims))
    legs = [f"t{k}" for k in range(cores["top"].ndim)]
    state = qtn.TensorNetwork([qtn.Tensor(cores["top"], legs)])
    scale = 0
    while len(legs) < len(dims):
        scale += 1
        grown: list[str] = []
        borders: list[int] = []
        for k, leg in enumerate(legs):
            borders += [len(grown)] if k > 0 else []
            core = cores.get(f"iso[{scale}, {k}]")
            children = [leg] if core is None else [f"s{scale}_{k}_{j}" for j in range(core.ndim - 1)]
            grown += children
            if core is not None:
                state |= qtn.Tensor(core, [leg, *children])
        for k, border in enumerate(borders):
            gate = cores[f"dis[{scale}, {k}]"].transpose(2, 3, 0, 1)
            state = state.gate_inds(gate, (grown[border - 1], grown[border]))
        legs = grown
    assert max((int(name[4:].split(",")[0]) for name in cores if name[:3] == "iso"), default=0) == scale
    assert_same(value, dense(state, legs))


def test_folded_brickwall() -> None:
    """The pairs are the first column, on which the second one stands; the last of five legs keeps its vector."""
    value, cores = compiled("std.brickwall([2] * 5, 1, act = identity)", 5)
    pairs = [qtn.Tensor(cores[f"pair[{k}]"], (f"k{2 * k}", f"k{2 * k + 1}")) for k in range(2)]
    state = qtn.TensorNetwork([*pairs, qtn.Tensor(cores["start[4]"], ("k4",))])
    assert_same(value, gated(state, cores, [("gate[0, 1, 0]", 1), ("gate[0, 1, 1]", 3)], 5))


def test_lowrank() -> None:
    value, cores = compiled("std.lowrank(3, 4, 2)", 2)
    state = qtn.TensorNetwork([qtn.Tensor(cores["b"], ("i", "r")), qtn.Tensor(cores["a"], ("r", "j"))])
    assert_same(value, dense(state, ["i", "j"]))


def test_cp_and_tucker() -> None:
    value, cores = compiled("std.cp([4, 5, 2], 3)", 3)
    factors = [qtn.Tensor(cores[f"factor[{k}]"], ("r", f"k{k}")) for k in range(3)]
    assert_same(value, dense(qtn.TensorNetwork(factors), ["k0", "k1", "k2"]))
    value, cores = compiled("std.tucker([4, 5, 2], [2, 3, 2])", 3)
    factors = [qtn.Tensor(cores[f"factor[{k}]"], (f"r{k}", f"k{k}")) for k in range(3)]
    small = qtn.Tensor(cores["small"], ("r0", "r1", "r2"))
    assert_same(value, dense(qtn.TensorNetwork([small, *factors]), ["k0", "k1", "k2"]))
