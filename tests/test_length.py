"""Long networks: every stage takes them, none calls itself once per core, and the values are right."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tnc
from tests.backends import evaluate
from tests.pace import timed
from tnc import driver
from tnc.order.cotengra import searched
from tnc.order.greedy import greedy
from tnc.order.tree import Network, pairs
from tnc.source import Source

Array = npt.NDArray[np.float64]

STATE = "core A[k in 0..n]([chi for j in max(0, k - 1)..k], 2, [chi for j in k..min(k + 1, n - 1)])"
SITE = "(l[max(0, k - 1)..k], s[k], l[k..min(k + 1, n - 1)])"
OTHER = SITE.replace("l[", "m[")

NETWORKS = {
    "norm": f"{STATE} output z() = prod(k in 0..n) (A[k]{SITE} * A[k]{OTHER})",
    "layers_apart": f"{STATE} output z() = prod(k in 0..n) A[k]{SITE} * prod(k in 0..n) A[k]{OTHER}",
    "vectors": f"{STATE} core v[k in 0..n](2) output z() = prod(k in 0..n) (A[k]{SITE} * v[k](s[k]))",
    "data": f"{STATE} input x(batch?, n, 2) output y(b) = prod(k in 0..n) (A[k]{SITE} * x(b, [k], s[k]))",
    "ring": "core A[k in 0..n](chi, 2, chi) core v[k in 0..n](2) "
    "output z() = prod(k in 0..n) (A[k](l[k], s[k], l[(k + 1) % n]) * v[k](s[k]))",
    "operator": "core A[k in 0..n](chi, 2, chi) core W[k in 0..n](3, 2, 2, 3) core e(chi) core f(3) "
    "output z() = e(l[0]) * f(w[0]) * e(m[0]) * e(l[n]) * f(w[n]) * e(m[n]) * prod(k in 0..n) "
    "(A[k](l[k], s[k], l[k + 1]) * W[k](w[k], s[k], t[k], w[k + 1]) * A[k](m[k], t[k], m[k + 1]))",
    "activated": "core A[k in 0..n](chi, chi) core v(chi) h(i) = v(i) "
    "for k in 0..n { h(j) = tanh(h(i) * A[k](i, j)) } output y(j) = h(j)",
    "tree": "let t = std.ttn([2] * n, chi, act = identity) core v[k in 0..n](2) "
    "output z() = t(x[0..n]) * prod(k in 0..n) v[k](x[k])",
}


def written(name: str, n: int, chi: int = 3) -> str:
    """One of the networks as a file."""
    return f"network {name}(n: int = {n}, chi: int = {chi}) {{ {NETWORKS[name]} }}"


@contextmanager
def shallow(frames: int) -> Generator[None, None, None]:
    """At most this many frames on top of the test's own."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def everything(name: str, n: int) -> None:
    """All stages, from the text to modules and reports."""
    source = Source(f"{name}.tn", written(name, n))
    options = driver.Options()
    driver.format_source(source, options.limits)
    driver.check(source, options)
    network = tnc.loads(source.text)
    str(network.report())
    network.expand()
    for backend in ("torch", "jax", "numpy"):
        network.source(backend)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_stage_calls_itself_once_per_core(name: str) -> None:
    everything(name, 8)  # imports, which are deep, are done here
    with shallow(140):
        everything(name, 200)


def drawn(n: int, chi: int, seed: int) -> dict[str, Array]:
    """The cores of a state, in a range in which long products stay."""
    generator = np.random.default_rng(seed)
    ends = [chi if 0 < k < n else 1 for k in range(n + 1)]
    cores = {f"A[{k}]": generator.normal(size=(ends[k], 2, ends[k + 1])) for k in range(n)}
    cores["A[0]"], cores[f"A[{n - 1}]"] = cores["A[0]"][0], cores[f"A[{n - 1}]"][..., 0]
    return cores


def rescaled(cores: Mapping[str, Array], logarithm: float) -> dict[str, Array]:
    """The cores with factors that bring a value of this logarithm, to which each contributes once, to 1."""
    return {name: core * np.exp(-logarithm / len(cores)) for name, core in cores.items()}


def transferred(cores: Mapping[str, Array], n: int, step: Callable[[Array, Array, int], Array]) -> tuple[float, float]:
    """The sign and the logarithm of what transfer matrices leave; the running product is rescaled at every site."""
    running, logarithm = np.ones((1, 1)), 0.0
    for k in range(n):
        core = cores[f"A[{k}]"]
        core = core[None] if k == 0 else core[..., None] if k == n - 1 else core
        running = step(running, core, k)
        size = float(np.abs(running).max())
        running, logarithm = running / size, logarithm + float(np.log(size))
    return float(np.sign(running[0, 0])), logarithm + float(np.log(abs(running[0, 0])))


def squares(running: Array, core: Array, _: int) -> Array:
    """One site of a norm."""
    half: Array = np.tensordot(running, core, (0, 0))
    return np.tensordot(half, core, ((0, 1), (0, 1)))


def check_norm(name: str, n: int, backends: tuple[str, ...]) -> None:
    cores = drawn(n, 3, seed=n)
    _, logarithm = transferred(cores, n, squares)
    cores = rescaled(cores, logarithm / 2)
    sign, logarithm = transferred(cores, n, squares)
    network = tnc.loads(written(name, n))
    for backend in backends:
        value = float(evaluate(network, backend, (), cores)["z"])
        np.testing.assert_allclose(value, sign * np.exp(logarithm), rtol=1e-8)


@pytest.mark.parametrize(("name", "n"), [("norm", 1200), ("layers_apart", 300)])
def test_the_norm_of_a_long_state(name: str, n: int) -> None:
    check_norm(name, n, ("numpy", "torch"))


@pytest.mark.parametrize("name", ["norm", "layers_apart"])
def test_a_norm_in_jax(name: str) -> None:
    check_norm(name, 50, ("jax",))  # JAX without jit takes 0.1 ms and more an operation


@pytest.mark.slow
def test_the_norm_of_1200_sites_in_jax() -> None:
    check_norm("norm", 1200, ("jax",))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["norm", "layers_apart"])
def test_the_norm_of_10_000_sites(name: str) -> None:
    check_norm(name, 10_000, ("numpy", "torch", "jax"))


def test_a_layer_of_1200_sites_on_data() -> None:
    n = 1200
    cores, x = drawn(n, 3, seed=5), np.random.default_rng(6).normal(size=(3, n, 2))

    def site(row: int) -> Callable[[Array, Array, int], Array]:
        def step(running: Array, core: Array, k: int) -> Array:
            product: Array = running @ np.einsum("lsr,s->lr", core, x[row, k])
            return product

        return step

    _, logarithm = transferred(cores, n, site(0))
    cores = rescaled(cores, logarithm)
    found = [transferred(cores, n, site(row)) for row in range(3)]
    network = tnc.loads(written("data", n), sizes={"batch": 16})
    for backend in ("numpy", "torch"):
        values = evaluate(network, backend, (x,), cores)["y"]
        np.testing.assert_allclose(values, [sign * np.exp(log) for sign, log in found], rtol=1e-7)


def test_planning_a_long_norm_takes_seconds() -> None:
    _, seconds = timed(lambda: tnc.loads(written("norm", 1200)).report())
    assert seconds < 9


def test_a_shared_tensor_of_more_entries_than_a_float_can_count_is_not_stored() -> None:
    text = "network norm(n: int = 1200) { let a = std.mps([2] * n, 3) output z() = a(x[0..n]) * a(x[0..n]) }"
    report: Any = tnc.loads(text).report().to_dict()
    (row,) = report["networks"]
    assert row["largest_intermediate"] < 100


def test_searches_score_sizes_beyond_floats() -> None:
    hub = tuple(range(60))
    network = Network((hub, hub, *((leg,) for leg in hub)), (), (2**20,) * 60, (True,) * 62)
    assert list(searched(network)) == []  # whatever is contracted first is too large


def test_greedy_takes_what_shrinks_most() -> None:
    chain = Network(((0,), (0, 1), (1, 2), (2,)), (), (7, 5, 3), (True,) * 4)
    path = greedy(chain)
    assert path is not None
    assert path[0] == (0, 1)  # 5 - 7 - 35 is less than 7·3 - 35 - 15 and 5 - 15 - 3


@pytest.mark.parametrize("result", [(), (0,)])
def test_greedy_takes_rows_of_data_along(result: tuple[int, ...]) -> None:
    n = 2000  # leg 0 numbers the rows; site k has the legs k + 1 and k + 2 of the chain, and n + 2 + k of its data
    sites = tuple((k + 1, n + 2 + k, k + 2) for k in range(n))
    data = tuple((0, n + 2 + k) for k in range(n))
    ends = ((1,), (n + 1,))
    sizes = (16, *(3,) * (n + 1), *(2,) * n)
    network = Network((*sites, *data, *ends), result, sizes, (True,) * (2 * n + 2))
    path, seconds = timed(lambda: greedy(network))
    assert path is not None
    assert max(network.entries(pair.legs) for pair in pairs(network, path)) <= 2**16
    assert seconds < 5
