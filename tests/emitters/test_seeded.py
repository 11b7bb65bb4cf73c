"""Constants that a seed gives: the same numbers on every backend, in no file, and there again after `meta`."""

from __future__ import annotations

import copy
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tnc
from tests import oracle
from tests.oracle.seeded import normal, threefry
from tnc.modules import module_of_source

jax: Any = import_module("jax")
jnp: Any = import_module("jax.numpy")

TEXT = """
network constants(n: int = 3) {
  core noise(4, n) init normal(0.5) seed 3 + 4 frozen
  core other(4, n) init normal(0.5) seed 7 frozen
  core flat[k in 0..4](2, n) init uniform(-0.25, 1) seed k // 2 frozen
  core wide(70000) init he seed 2^64 - 1 frozen
  core phase(n) complex init normal(1) seed 5 frozen
  core near(2, n -> 5) init identity(0.1) seed 0 frozen
  core glorot_(n) init glorot seed 1 frozen
  core stored(4, n) init normal(0.5) frozen
  core trained(4)
  output w(j) = trained(i) * (noise(i, j) + other(i, j) + stored(i, j)) * wide([69999])
  output f(i) = flat[0](i, j) * flat[1](k, j) * flat[2](k, l) * flat[3](i, l) * glorot_(j)
  output c(j) = phase(j)
  output e(i, j, k) = near(i, j, k)
}
"""
NETWORK = tnc.loads(TEXT)
TRUE = oracle.load(TEXT)
SEEDED = {core.name: core for core in TRUE.cores if core.seed is not None}


def module(backend: str, network: tnc.Network = NETWORK) -> ModuleType:
    return module_of_source(network.name, backend, network.source(backend))


MODULES = {backend: module(backend) for backend in ("torch", "jax", "numpy")}


def constants(**options: Any) -> Any:
    return MODULES["torch"].Constants(**options)


def arrays(cores: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(core) for name, core in cores.items()}


def drawn(backend: str, dtype: str) -> dict[str, Any]:
    if backend == "torch":
        return {n: c.detach().resolve_conj().numpy() for n, c in constants(dtype=getattr(torch, dtype)).cores().items()}
    found = MODULES[backend]
    start = jax.random.key(1) if backend == "jax" else 1
    return arrays(found.cores(found.init(start, dtype)))


# -- the generator -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((2**32 - 1, 2**32 - 1), (2**32 - 1, 2**32 - 1), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_words_are_threefrys(key: tuple[int, int], counter: tuple[int, int], words: tuple[int, int]) -> None:
    """The known answers of the authors of Threefry, and those of JAX's own generator."""
    assert threefry(key, counter) == words
    given = [jnp.uint32(word)[None] for word in (*key, *counter)]
    primitive: Any = import_module("jax.extend.random").threefry2x32_p
    assert tuple(int(word[0]) for word in primitive.bind(*given)) == words


def test_integers_are_equal_bit_for_bit() -> None:
    found = MODULES["torch"]
    key = found._keys("noise", 7)[:2]
    expected = [threefry(key, (position, 0)) for position in range(500)]
    ((_, first, second),) = found._words(torch.empty(500), ["noise"], 7)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == expected
    for backend in ("jax", "numpy"):
        a, b = MODULES[backend]._words("noise", 7, 500)
        assert a.dtype == np.uint32
        assert list(zip(a.tolist(), b.tolist(), strict=True)) == expected
        assert [MODULES[backend]._words("noise", 7, 3)[k].tolist() for k in (0, 1)] == [a[:3].tolist(), b[:3].tolist()]


EDGES = [0, 1, 2, 255, 2**15 - 1, 2**15, 2**30 - 1, 2**30, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1]


def test_normal_integers_are_equal_bit_for_bit() -> None:
    words = np.array([*EDGES, *np.random.default_rng(0).integers(0, 2**32, 2000)], np.uint32)
    expected = [normal(int(word)) for word in words]
    assert MODULES["numpy"]._normal_integers(words).tolist() == expected
    assert MODULES["jax"]._normal_integers(jnp.asarray(words)).tolist() == expected
    assert MODULES["torch"]._normal_integers(torch.tensor(words.tolist())).tolist() == expected
    assert max(map(abs, expected)) < 2**23


def test_normal_numbers_are_normal() -> None:
    """Moments and quantiles of a million numbers, within five standard errors of a normal law's."""
    numbers = MODULES["numpy"]._normal_integers(MODULES["numpy"]._words("law", 0, 10**6)[0]) * 2.0**-20
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs((numbers**power).mean() - moment) < 5e-3 * variance**0.5
    for bound, below in ((-3, 0.0013499), (-1, 0.1586553), (0, 0.5), (0.5, 0.6914625), (2, 0.9772499), (4, 0.9999683)):
        assert abs((numbers < bound).mean() - below) < 5e-3 * (below * (1 - below)) ** 0.5
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 5e-3


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "dtype"),
    [(backend, dtype) for backend in MODULES for dtype in ("float16", "float32", "complex64")]
    + [("torch", "float64"), ("numpy", "complex128")],
)
def test_values_are_those_of_the_reference(backend: str, dtype: str) -> None:
    found = drawn(backend, dtype)
    for name, core in SEEDED.items():
        if core.shape == (70000,):
            assert found[name].std() == pytest.approx((2 / 70000) ** 0.5, rel=0.02)
            continue
        expected: Any = oracle.seeded.entries(core, core.seed or 0, found[name].dtype.name)
        unit = float(np.spacing(np.abs(expected).max()))
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=2 * unit)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "complex64"])
def test_backends_agree_bit_for_bit(dtype: str) -> None:
    from_jax = MODULES["jax"].seeded(dtype)
    jitted = jax.jit(lambda: MODULES["jax"].seeded(dtype))()
    from_torch = constants(dtype=getattr(torch, dtype))
    for key in MODULES["jax"].SEEDED:
        wide = "complex64" if jnp.iscomplexobj(from_jax[key]) else "float32"
        expected = np.asarray(from_jax[key].astype(wide))
        np.testing.assert_array_equal(getattr(from_torch, key).to(getattr(torch, wide)).numpy(), expected)
        if dtype != "bfloat16":
            np.testing.assert_array_equal(MODULES["numpy"].seeded(dtype)[key], expected.astype(from_jax[key].dtype))
        if not key.startswith(("flat", "near")):  # compiled, a product and a sum may be rounded once
            np.testing.assert_array_equal(np.asarray(jitted[key].astype(wide)), expected)


def test_64_bits_agree_bit_for_bit() -> None:
    with jax.enable_x64(True):
        from_jax = MODULES["jax"].seeded(jnp.float64)
        assert from_jax["noise"].dtype == np.float64
        from_torch, from_numpy = constants(dtype=torch.float64), MODULES["numpy"].seeded()
        for key in from_numpy:
            np.testing.assert_array_equal(np.asarray(from_jax[key]), from_numpy[key])
            np.testing.assert_array_equal(getattr(from_torch, key).numpy(), from_numpy[key])


def test_wider_numbers_are_the_same_numbers() -> None:
    single, double = MODULES["numpy"].seeded("float32"), MODULES["numpy"].seeded("float64")
    np.testing.assert_allclose(single["noise"], double["noise"], rtol=1.2e-7, atol=0)


def test_streams_depend_on_seed_and_name_alone() -> None:
    found = drawn("numpy", "float64")
    assert not np.isin(found["noise"], found["other"]).any()  # one seed, two names
    assert not np.isin(found["flat[0]"], found["flat[1]"]).any()
    alone = tnc.loads(
        "network constants() { core noise(4, 3) init normal(0.5) seed 7 frozen  output w(i, j) = noise(i, j) }"
    )
    np.testing.assert_array_equal(module("numpy", alone).seeded()["noise"], found["noise"])
    longer = tnc.loads("network t() { core noise(9, 3) init normal(0.5) seed 7 frozen  output w(i, j) = noise(i, j) }")
    np.testing.assert_array_equal(module("numpy", longer).seeded()["noise"][:4], found["noise"])
    reseeded = tnc.loads(
        "network t() { core noise(4, 3) init normal(0.5) seed 8 frozen  output w(i, j) = noise(i, j) }"
    )
    assert not np.isin(module("numpy", reseeded).seeded()["noise"], found["noise"]).any()


def test_keys_of_the_caller_change_nothing() -> None:
    init = MODULES["jax"].init
    one, other = init(jax.random.key(0)), init(jax.random.key(1))
    assert all((one[key] == other[key]).all() for key in MODULES["jax"].SEEDED)
    assert not (one["stored"] == other["stored"]).any()


# -- files and devices ---------------------------------------------------------------------------


def equal(one: Any, other: Any) -> bool:
    return all(torch.equal(getattr(one, key), getattr(other, key)) for key in MODULES["torch"].SEEDED)


def test_no_file_has_them() -> None:
    net = constants()
    assert sorted(net.state_dict()) == ["stored", "trained"]
    assert sorted(dict(net.named_buffers())) == sorted([*MODULES["torch"].SEEDED, "stored"])
    assert [name for name, _ in net.named_parameters()] == ["trained"]
    other = constants(generator=torch.Generator().manual_seed(3))
    assert equal(net, other)
    assert not torch.equal(net.stored, other.stored)
    other.load_state_dict(net.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(net(), other(), strict=True))


def test_there_again_after_meta() -> None:
    net = constants()
    empty = constants(device="meta").to_empty(device="cpu")
    assert equal(net, empty)
    assigned = constants(device="meta")
    assigned.load_state_dict(net.state_dict(), assign=True)
    assert assigned.noise.is_meta
    assert all(torch.equal(a, b) for a, b in zip(net(), assigned(), strict=True))
    assert equal(net, assigned)
    assigned = constants(device="meta")
    assigned.load_state_dict(net.state_dict(), assign=True)
    assigned.reset_parameters()
    assert equal(net, assigned)
    with torch.no_grad():
        net.noise.fill_(0)
    net.reset_parameters()
    assert equal(net, assigned)
    assert constants(device="meta")().w.is_meta


def test_modules_around_them_move_and_convert_them() -> None:
    model = nn.Sequential(nn.Linear(2, 2), constants())
    exact = constants(dtype=torch.float64)
    assert equal(model.half().double()[1], exact)
    with torch.device("meta"):
        empty = nn.Sequential(nn.Linear(2, 2), constants())
    assert equal(empty.to_empty(device="cpu")[1], constants())
    assert equal(copy.deepcopy(model)[1], exact)


def test_cores_load_without_them() -> None:
    net, other = constants(), constants(generator=torch.Generator().manual_seed(3))
    cores = {name: core for name, core in net.cores().items() if name not in SEEDED}
    other.load_cores(cores)
    assert all(torch.equal(a, b) for a, b in zip(net(), other(), strict=True))
    other.load_cores({**net.cores(), "noise": torch.zeros(4, 3)})
    assert equal(net, other)
    with pytest.raises(ValueError, match=r"missing cores: \['stored'\]"):
        other.load_cores({"trained": cores["trained"]})
    with pytest.raises(ValueError, match=r"unknown: \['nose'\]"):
        other.load_cores({**cores, "nose": torch.zeros(4, 3)})


def test_a_compiled_module_sees_constants() -> None:
    net = constants()
    exported = torch.export.export(net, ())
    assert all(torch.equal(a, b) for a, b in zip(exported.module()(), net(), strict=True))


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_parameters_are_complete_without_a_file(backend: str) -> None:
    found = MODULES[backend]
    start = jax.random.key(0) if backend == "jax" else 0
    params = found.init(start, np.float32)
    saved = {key: value for key, value in params.items() if key not in found.SEEDED}
    assert sorted(saved) == ["stored", "trained"]
    restored = {**saved, **found.seeded(np.float32)}
    for one, other in zip(found.apply(params), found.apply(restored), strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(found.cores(params)) == sorted(core.name for core in TRUE.cores)
    if backend == "jax":
        assert set(found.SEEDED) < set(found.FROZEN)


def test_programs_print_and_parse_back() -> None:
    again = tnc.loads(NETWORK.expand())
    assert again.parameters == NETWORK.parameters
    for key, value in module("numpy", again).seeded().items():
        np.testing.assert_array_equal(value, MODULES["numpy"].seeded()[key])


def test_a_module_without_seeds_has_nothing_of_this() -> None:
    plain = tnc.loads("network t() { core a(2) init normal(1) frozen  output w(i) = a(i) }")
    for backend in MODULES:
        assert (
            "seed" not in plain.source(backend).replace("seed: int | None", "").replace("default_rng(seed)", "").lower()
        )
