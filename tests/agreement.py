"""The oracle beside the backends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

import tnc
from tests import backends, oracle

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


def assert_close(got: Array, expected: Array, what: str, tolerance: float = 1e-12, noise: float = 0.0) -> None:
    """Equal up to ``tolerance`` times the largest entry, or up to a known ``noise`` of the expected values."""
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, not {expected.shape}"
    if expected.size == 0:
        return
    scale = float(np.abs(expected).max())
    error = float(np.abs(got - expected).max())
    assert error <= max(tolerance * scale, noise), f"{what}: off by {error} where the largest entry is {scale}"


def random_inputs(network: oracle.Network, sizes: Mapping[str, int], dtype: str, seed: int) -> dict[str, Array]:
    """Standard normal data for the inputs of a network, and any integers for those that select."""
    random = np.random.default_rng((seed, 1))
    inputs: dict[str, Array] = {}
    for declared in network.inputs:
        shape = tuple(sizes.get(dim, 3) if isinstance(dim, str) else dim for dim in declared.shape)
        if declared.is_index:
            inputs[declared.name] = random.integers(shape[-1], size=shape[:-1])
            continue
        entries = random.normal(size=shape)
        inputs[declared.name] = np.asarray(entries, dtype)
    return inputs


def assert_agreement(
    text: str,
    *,
    network: str | None = None,
    arguments: Mapping[str, object] | None = None,
    sizes: Mapping[str, int] | None = None,
    dtype: str = "float64",
    seed: int = 0,
    on: Sequence[str] = backends.BACKENDS,
    ill_conditioned: bool = False,
    objective: str = "time",
) -> None:
    """Every backend computes what the oracle computes; so does the expanded text.

    With ``ill_conditioned`` values may differ by what rounding does to them, if that is more than the tolerance.
    """
    expected_network = oracle.load(text, network=network, arguments=arguments)
    cores = expected_network.random_cores(seed, dtype)
    inputs = random_inputs(expected_network, sizes or {}, dtype, seed)
    expected = expected_network.evaluate(cores, inputs)
    noise = dict.fromkeys(expected, 0.0)
    if ill_conditioned:
        noise = rounding_errors(expected_network, cores, inputs, expected)
    given: Mapping[str, Any] = arguments or {}
    # What is counted in never changes a value.
    counted = "float32" if seed % 2 else dtype
    compiled = tnc.loads(text, network=network, sizes=sizes or {}, dtype=counted, objective=objective, **given)
    expanded = oracle.load(compiled.expand()).evaluate(cores, inputs)
    for name, value in expected.items():
        assert_close(expanded[name], value, f"expand, {name}", noise=noise[name])
    for backend in on:
        got = backends.evaluate(compiled, backend, list(inputs.values()), cores)
        assert got.keys() == expected.keys()
        for name, value in expected.items():
            assert_close(got[name], value, f"{backend}, {name}", noise=noise[name])


def assert_equal_gradients(
    text: str, *, network: str, sizes: Mapping[str, int], seed: int, dtype: str = "float64"
) -> None:
    """The gradients by all trained cores and inputs are finite, and equal on PyTorch and JAX.

    Entries are multiples of a half, so that many arguments of the first activations are exactly at a kink; those that
    a seed gives stay as they are.
    """
    declared = oracle.load(text, network=network)
    dynamic = any(isinstance(dim, str) for given in declared.inputs for dim in given.shape)
    compiled = tnc.loads(text, network=network, sizes=sizes if dynamic else {}, dtype="float64")
    seeded = {core.name for core in declared.cores if core.seed is not None}
    drawn = declared.random_cores(seed, dtype)
    cores = {name: core if name in seeded else np.round(2 * core) / 2 for name, core in drawn.items()}
    inputs = [
        given if given.dtype.kind == "i" else np.round(2 * given) / 2
        for given in random_inputs(declared, sizes, dtype, seed).values()
    ]
    found = {backend: backends.gradients(compiled, backend, inputs, cores) for backend in ("torch", "jax")}
    assert found["torch"].keys() == found["jax"].keys()
    for name, gradient in found["torch"].items():
        assert np.isfinite(gradient).all(), f"torch, gradient by {name}"
        assert_close(found["jax"][name], gradient, f"jax, gradient by {name}", tolerance=1e-8, noise=1e-8)


def rounding_errors(
    network: oracle.Network, cores: Mapping[str, Array], inputs: Mapping[str, Array], values: Mapping[str, Array]
) -> dict[str, float]:
    """What rounding in another order may change in each output: ten times what it did to the oracle's own values.

    A chaotic network, say the sine of a large number, amplifies the last bit of a sum beyond any fixed tolerance.
    """

    def extended(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {
            name: array if array.dtype.kind == "i" else array.astype(np.result_type(array.dtype, np.longdouble))
            for name, array in arrays.items()
        }

    exact = network.evaluate(extended(cores), extended(inputs))
    return {name: 10 * float(np.abs(value - exact[name]).max(initial=0)) for name, value in values.items()}
