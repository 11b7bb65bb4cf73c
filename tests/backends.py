"""How the generated module of each backend is loaded, started, run and differentiated; arrays are NumPy's.

This is the one place in the tests that knows the calling conventions of the backends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any, Protocol, TypeAlias

import numpy as np

from tnc import Network
from tnc.modules import module_of_source, torch_class

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Cores: TypeAlias = Mapping[str, Any]


class Runner(Protocol):
    """A generated module, run in double precision whatever dtype its network counts in."""

    def start(self, dtype: str, seed: int = 0) -> dict[str, Array]:
        """The parameters of a new network, by key."""
        ...

    def outputs(self, inputs: Sequence[Any], cores: Cores | None = None, *, dtype: str = "float64") -> list[Array]:
        """The outputs; cores start as the module initialises them unless they are given."""
        ...

    def gradients(self, inputs: Sequence[Any], cores: Cores, *, dtype: str = "float64") -> dict[str, Array]:
        """The gradients of :func:`total`: of trained parameters by their key, of inputs by their number.

        Complex ones follow PyTorch: the direction of steepest ascent.
        """
        ...


def load(name: str, backend: str, source: str) -> Runner:
    """The runner of a generated text."""
    return RUNNERS[backend](module_of_source(name, backend, source))


def evaluate(network: Network, backend: str, inputs: Sequence[Any], cores: Cores | None = None) -> dict[str, Any]:
    """The outputs by name."""
    runner = load(network.name, backend, network.source(backend))
    values = runner.outputs(inputs, cores, dtype=_dtype(network, cores or {}))
    return {output.name: value for output, value in zip(network.outputs, values, strict=True)}


def gradients(network: Network, backend: str, inputs: Sequence[Any], cores: Cores) -> dict[str, Any]:
    """The gradients of the real part of the sum of all outputs, as :meth:`Runner.gradients`."""
    runner = load(network.name, backend, network.source(backend))
    return runner.gradients(inputs, cores, dtype=_dtype(network, cores))


def _dtype(network: Network, cores: Cores) -> str:
    """Complex if any core is that is not declared so."""
    declared = {str(parameter.name) for parameter in network.parameters if parameter.is_complex}
    found = any(np.iscomplexobj(core) for name, core in cores.items() if name not in declared)
    return "complex128" if found else "float64"


def several(results: Any) -> list[Any]:
    """What a module returns, as a list."""
    return list(results) if hasattr(results, "_fields") else [results]


def total(results: Any) -> Any:
    """The real part of the sum of all entries of all outputs."""
    summed: Any = 0.0
    for result in several(results):
        summed = summed + result.sum().real
    return summed


class NumpyRunner:
    """Functions of NumPy arrays, without gradients."""

    def __init__(self, module: ModuleType) -> None:
        self._module: Any = module

    def start(self, dtype: str, seed: int = 0) -> dict[str, Array]:
        params = self._module.init(seed, dtype)
        assert all(value.dtype == dtype for value in params.values())
        return dict(params)

    def outputs(self, inputs: Sequence[Any], cores: Cores | None = None, *, dtype: str = "float64") -> list[Array]:
        params = self._module.init(0) if cores is None else self._module.params_from_cores(cores)
        return [np.asarray(value) for value in several(self._module.apply(params, *inputs))]

    def gradients(self, inputs: Sequence[Any], cores: Cores, *, dtype: str = "float64") -> dict[str, Array]:
        raise NotImplementedError("NumPy computes no gradients")


class JaxRunner:
    """Functions of JAX arrays, compiled, with 64-bit numbers switched on."""

    def __init__(self, module: ModuleType) -> None:
        self._module: Any = module
        self._jax: Any = import_module("jax")

    def start(self, dtype: str, seed: int = 0) -> dict[str, Array]:
        with self._jax.enable_x64(True):
            params = self._module.init(self._jax.random.key(seed), dtype)
            assert all(value.dtype == dtype for value in params.values())
            wide = "complex128" if "complex" in dtype else "float64"
            return {key: np.asarray(value, wide) for key, value in params.items()}

    def outputs(self, inputs: Sequence[Any], cores: Cores | None = None, *, dtype: str = "float64") -> list[Array]:
        with self._jax.enable_x64(True):
            start, convert = self._module.init, self._module.params_from_cores
            params = start(self._jax.random.key(0)) if cores is None else convert(cores)
            results = self._jax.jit(self._module.apply)(params, *map(self._jax.numpy.asarray, inputs))
            return [np.asarray(value) for value in several(results)]

    def gradients(self, inputs: Sequence[Any], cores: Cores, *, dtype: str = "float64") -> dict[str, Array]:
        def summed(params: Any, moving: Any, given: Any) -> Any:
            return total(self._module.apply(params, *(moving.get(str(k), value) for k, value in enumerate(given))))

        with self._jax.enable_x64(True):
            given = [self._jax.numpy.asarray(value) for value in inputs]
            moving = {str(k): value for k, value in enumerate(given) if value.dtype.kind != "i"}
            differentiate = self._jax.jit(self._jax.grad(summed, (0, 1)))
            by_core, by_input = differentiate(self._module.params_from_cores(cores), moving, given)
            found = {name: np.conj(value) for name, value in by_core.items() if name not in self._module.FROZEN}
            return found | {name: np.conj(value) for name, value in by_input.items()}


class TorchRunner:
    """An `nn.Module` class."""

    def __init__(self, module: ModuleType) -> None:
        self._torch: Any = import_module("torch")
        self._class: Any = torch_class(module)

    def start(self, dtype: str, seed: int = 0) -> dict[str, Array]:
        torch = self._torch
        instance = self._class(dtype=getattr(torch, dtype), generator=torch.Generator().manual_seed(seed))
        return {
            key: np.asarray(value.to(torch.complex128 if value.is_complex() else torch.float64))
            for key, value in instance.state_dict().items()
        }

    def outputs(self, inputs: Sequence[Any], cores: Cores | None = None, *, dtype: str = "float64") -> list[Array]:
        instance = self._instance(cores, dtype).requires_grad_(False)
        results = several(instance(*map(self._torch.as_tensor, inputs)))
        if not inputs:
            self._assert_shared(instance, results)
        return [np.asarray(value) for value in results]

    def gradients(self, inputs: Sequence[Any], cores: Cores, *, dtype: str = "float64") -> dict[str, Array]:
        instance = self._instance(cores, dtype)
        given = [self._torch.as_tensor(value) for value in inputs]
        moving = {str(k): value.requires_grad_() for k, value in enumerate(given) if value.dtype != self._torch.int64}
        summed = total(instance(*given))
        leaves = {**dict(instance.named_parameters()), **moving}
        if not summed.requires_grad:
            return {name: np.zeros(leaf.shape) for name, leaf in leaves.items()}
        differentiate = self._torch.autograd.grad
        found = differentiate(summed, list(leaves.values()), allow_unused=True, materialize_grads=True)
        return {name: gradient.numpy() for name, gradient in zip(leaves, found, strict=True)}

    def _instance(self, cores: Cores | None, dtype: str) -> Any:
        instance = self._class(dtype=getattr(self._torch, dtype))
        if cores is not None:
            instance.load_cores({name: self._torch.as_tensor(value) for name, value in cores.items()})
        return instance

    def _assert_shared(self, instance: Any, expected: list[Any]) -> None:
        """Results that calls share inside `cached()`, and with `cache`, have the same bits as those of plain calls."""
        with instance.cached():
            shared = [several(instance()), several(instance())]
        instance.cache = True
        shared += [several(instance()), several(instance())]
        instance.cache = False
        for results in shared:
            for found, wanted in zip(results, expected, strict=True):
                assert self._torch.equal(found.isnan(), wanted.isnan())
                assert self._torch.equal(found[~found.isnan()], wanted[~wanted.isnan()])


RUNNERS: MappingProxyType[str, Callable[[ModuleType], Runner]] = MappingProxyType(
    {"numpy": NumpyRunner, "torch": TorchRunner, "jax": JaxRunner}
)
BACKENDS = tuple(RUNNERS)
