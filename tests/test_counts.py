"""How many numbers a network trains, counted a second time by the rules of the literature, in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from pathlib import Path

import pytest

from tests import oracle
from tnc.limits import Limits
from tnc.sema import elaborate, load
from tnc.source import Source

EXAMPLES = Path(__file__).parents[1] / "examples"

# -- the rules -----------------------------------------------------------------------------------


def spans(dims: Sequence[int], chi: int, most: int, arity: int = 2) -> list[list[int]]:
    """The dimensions of the legs of every level, top first: blocks of leaves merged until at most ``most`` are left."""
    blocks = [[dim] for dim in dims]
    levels = [blocks]
    while len(blocks) > most:
        blocks = [[dim for block in blocks[k : k + arity] for dim in block] for k in range(0, len(blocks), arity)]
        levels.insert(0, blocks)
    return [[block[0] if len(block) == 1 else min(chi, prod(block)) for block in level] for level in levels]


def expansions(levels: list[list[int]], arity: int = 2) -> int:
    total = prod(levels[0])
    for above, below in pairwise(levels):
        for k, bond in enumerate(above):
            children = below[arity * k : arity * (k + 1)]
            total += bond * prod(children) if len(children) > 1 else 0
    return total


def gates(dims: Sequence[int], first: int) -> int:
    return sum((dims[k] * dims[k + 1]) ** 2 for k in range(first, len(dims) - 1, 2))


def ttn(dims: Sequence[int], chi: int, arity: int = 2) -> int:
    return expansions(spans(dims, chi, arity, arity), arity)


def attn(dims: Sequence[int], chi: int, layers: int) -> int:
    return ttn(dims, chi) + sum(gates(dims, (layer + 1) % 2) for layer in range(layers))


def mera(dims: Sequence[int], chi: int, *, periodic: bool = False) -> int:
    levels = spans(dims, chi, 3)
    ring = sum((level[0] * level[-1]) ** 2 for level in levels[1:] if periodic and len(level) % 2 == 0)
    return expansions(levels) + sum(gates(level, 1) for level in levels[1:]) + ring


def brickwall(dims: Sequence[int], layers: int, boundary: str) -> int:
    full = layers * (gates(dims, 0) + gates(dims, 1))
    pairs = [(dims[k] * dims[k + 1]) for k in range(0, len(dims) - 1, 2)]
    match boundary:
        case "folded":
            return full - sum(pair**2 - pair for pair in pairs)
        case "trained":
            return full + sum(dims)
        case _:
            return full


def mps(dims: Sequence[int], chi: int) -> int:
    bonds = [1, *(min(chi, prod(dims[:k]), prod(dims[k:])) for k in range(1, len(dims))), 1]
    return sum(bonds[k] * dim * bonds[k + 1] for k, dim in enumerate(dims))


def mpo(outs: Sequence[int], ins: Sequence[int], chi: int) -> int:
    ends = [1, *[chi] * (len(outs) - 1), 1]
    return sum(ends[k] * outs[k] * ins[k] * ends[k + 1] for k in range(len(outs)))


# -- the compiler's numbers ----------------------------------------------------------------------


def declared(text: str, network: str = "t") -> int:
    """The number of trainable entries of a network."""
    library, diagnostics = load(Source("<counts>", text), Limits())
    assert not [d for d in diagnostics if d.severity == "error"], diagnostics
    program, diagnostics = elaborate(library, network, {})
    assert program is not None, diagnostics
    return sum(prod(p.shape) for p in program.parameters if not p.frozen)


def through(call: str, leaves: int) -> int:
    text = f"network t() {{ let n = {call}  output w(x[0..{leaves}]) = n(x[0..{leaves}]) }}"
    count = declared(text)
    assert count == oracle.load(text).parameters
    return count


DIMENSIONS: list[list[int]] = [
    [5],
    [2, 3],
    [2, 1, 3],
    [1, 1, 1, 1],
    [7, 2, 2, 2, 2],
    [2] * 6,
    [3, 2, 1, 5, 2, 2, 4],
    [2] * 8,
    [2, 2, 2, 2, 3, 3, 5, 1, 1],
    [4] * 10,
    [2] * 11,
    [2] * 13 + [3],
]


@pytest.mark.parametrize("dims", DIMENSIONS, ids=str)
@pytest.mark.parametrize("chi", [1, 2, 3, 5])
def test_standard_topologies(dims: list[int], chi: int) -> None:
    n = len(dims)
    assert through(f"std.ttn({dims}, {chi})", n) == ttn(dims, chi)
    assert through(f"std.ttn({dims}, {chi}, arity = 3)", n) == ttn(dims, chi, 3)
    for layers in (0, 1, 2, 3):
        assert through(f"std.attn({dims}, {chi}, {layers})", n) == attn(dims, chi, layers)
    assert through(f"std.mera({dims}, {chi})", n) == mera(dims, chi)
    assert through(f"std.mera({dims}, {chi}, periodic = true)", n) == mera(dims, chi, periodic=True)
    assert through(f"std.mps({dims}, {chi})", n) == mps(dims, chi)
    ins = dims[::-1]
    assert through(f"std.mpo({dims}, {ins}, {chi})", 2 * n) == mpo(dims, ins, chi)


@pytest.mark.parametrize("dims", DIMENSIONS, ids=str)
@pytest.mark.parametrize("boundary", ["folded", "fixed", "trained"])
@pytest.mark.parametrize("layers", [1, 2])
def test_brick_walls(dims: list[int], layers: int, boundary: str) -> None:
    call = f'std.brickwall({dims}, layers = {layers}, boundary = "{boundary}")'
    assert through(call, len(dims)) == brickwall(dims, layers, boundary)


def test_low_rank() -> None:
    assert through("std.lowrank(5, 7, 3)", 2) == 5 * 3 + 3 * 7


# -- published tables ----------------------------------------------------------------------------

TABLE = {
    "conv2": (19, (140, 284, 428, 376, 288, 180)),
    "conv3": (20, (148, 292, 452, 384, 304, 184)),
    "conv4": (20, (148, 292, 452, 384, 304, 184)),
    "conv5": (20, (148, 292, 452, 384, 304, 184)),
    "conv4_1": (21, (156, 316, 476, 424, 320, 200)),
    "conv512": (22, (164, 324, 500, 432, 336, 204)),
    "fc1": (21, (156, 316, 476, 424, 320, 200)),
    "fc2": (24, (180, 356, 548, 464, 368, 224)),
}
TOPOLOGIES = ("ttn", "attn1", "attn2", "mera", "brick", "brick_folded")


@pytest.mark.parametrize("layer", TABLE)
def test_layers_of_alexnet_and_vgg16(layer: str) -> None:
    leaves, counts = TABLE[layer]
    path = EXAMPLES / ("alexnet.tn" if layer in {"conv2", "conv3", "conv4", "conv5"} else "vgg16.tn")
    text = path.read_text(encoding="utf-8")
    got = tuple(declared(text, f"{layer}_{topology}") for topology in TOPOLOGIES)
    bits = [2] * leaves
    rules = (
        ttn(bits, 2),
        attn(bits, 2, 1),
        attn(bits, 2, 2),
        mera(bits, 2),
        brickwall(bits, 1, "fixed"),
        brickwall(bits, 1, "folded"),
    )
    assert got == rules == counts


@pytest.mark.parametrize(
    ("chi", "tree", "augmented", "multiscale"),
    [(2, 180, 356, 464), (3, 423, 599, 1157), (4, 848, 1024, 2800), (6, 1668, 1844, 5680), (8, 3072, 3248, 12656)],
)
def test_bond_sweep(chi: int, tree: int, augmented: int, multiscale: int) -> None:
    bits = [2] * 24
    assert through(f"std.ttn([2] * 24, {chi})", 24) == ttn(bits, chi) == tree
    assert through(f"std.attn([2] * 24, {chi})", 24) == attn(bits, chi, 1) == augmented
    assert through(f"std.mera([2] * 24, {chi})", 24) == mera(bits, chi) == multiscale


def test_mixed_radix() -> None:
    assert through("std.ttn([2] * 18 + [3, 3])", 20) == ttn([2] * 18 + [3, 3], 2) == 158
    apart = [3] + [2] * 18 + [3]
    assert through(f"std.ttn({apart})", 20) == ttn(apart, 2) == 156


def test_the_predecessor() -> None:
    """424 parameters for two layers of VGG-16, 2^21 and 2^24 entries, with the boundary folded into the first gates."""
    assert brickwall([2] * 21, 1, "folded") + brickwall([2] * 24, 1, "folded") == 424
