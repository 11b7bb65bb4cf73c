"""Generated modules, run on NumPy arrays in double precision whatever the backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from tnc import Network

BACKENDS = ("numpy", "torch", "jax")


def evaluate(
    network: Network, backend: str, inputs: Sequence[Any], cores: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The outputs by name, as NumPy arrays; cores start as the module initialises them unless they are given."""
    module = network.module(backend)
    if isinstance(module, ModuleType):
        results = _jax(module, inputs, cores) if backend == "jax" else _numpy(module, inputs, cores)
    else:
        results = _torch(module, inputs, cores, _runs_complex(network, cores or {}))
    values = results if len(network.outputs) > 1 else (results,)
    return {output.name: np.asarray(value) for output, value in zip(network.outputs, values, strict=True)}


def _numpy(module: ModuleType, inputs: Sequence[Any], cores: Mapping[str, Any] | None) -> Any:
    parameters = module.init(0) if cores is None else module.params_from_cores(cores)
    return module.apply(parameters, *inputs)


def _jax(module: ModuleType, inputs: Sequence[Any], cores: Mapping[str, Any] | None) -> Any:
    jax: Any = import_module("jax")
    with jax.enable_x64(True):
        parameters = module.init(jax.random.key(0)) if cores is None else module.params_from_cores(cores)
        return jax.jit(module.apply)(parameters, *(jax.numpy.asarray(value) for value in inputs))


def _runs_complex(network: Network, cores: Mapping[str, Any]) -> bool:
    """Whether cores are complex that are not declared so."""
    declared = {str(parameter.name) for parameter in network.parameters if parameter.is_complex}
    return any(np.iscomplexobj(core) for name, core in cores.items() if name not in declared)


def _torch(module: type, inputs: Sequence[Any], cores: Mapping[str, Any] | None, is_complex: bool) -> Any:
    torch: Any = import_module("torch")
    instance = module(dtype=torch.complex128 if is_complex else torch.float64).requires_grad_(False)
    if cores is not None:
        instance.load_cores({name: torch.as_tensor(value) for name, value in cores.items()})
    results = instance(*(torch.as_tensor(value) for value in inputs))
    if not inputs:
        _assert_shared(torch, instance, several(results))
    return results


def _assert_shared(torch: Any, instance: Any, expected: list[Any]) -> None:
    """What calls share inside `cached()`, and with `cache`, are the same bits as without."""
    with instance.cached():
        shared = [several(instance()), several(instance())]
    instance.cache = True
    shared += [several(instance()), several(instance())]
    instance.cache = False
    for results in shared:
        assert all(torch.equal(a.isnan(), b.isnan()) for a, b in zip(results, expected, strict=True))
        assert all(torch.equal(a[~a.isnan()], b[~b.isnan()]) for a, b in zip(results, expected, strict=True))


def several(results: Any) -> list[Any]:
    """What a module returns, as a list."""
    return list(results) if hasattr(results, "_fields") else [results]


def total(results: Any) -> Any:
    """The real part of the sum of all entries of all outputs."""
    summed: Any = 0.0
    for result in several(results):
        summed = summed + result.sum().real
    return summed


def gradients(network: Network, backend: str, inputs: Sequence[Any], cores: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients of the real part of the sum of all outputs.

    They are by the key of the parameters that are trained, and by the number of the input. Complex ones follow PyTorch:
    the direction of steepest ascent.
    """
    made: Any = network.module(backend)
    if backend == "jax":
        return _jax_gradients(made, inputs, cores)
    torch: Any = import_module("torch")
    instance = made(dtype=torch.complex128 if _runs_complex(network, cores) else torch.float64)
    instance.load_cores({name: torch.as_tensor(value) for name, value in cores.items()})
    given = [torch.as_tensor(value).requires_grad_() for value in inputs]
    summed = total(instance(*given))
    leaves = {**dict(instance.named_parameters()), **{str(k): value for k, value in enumerate(given)}}
    if not summed.requires_grad:
        return {name: np.zeros(leaf.shape) for name, leaf in leaves.items()}
    found = torch.autograd.grad(summed, list(leaves.values()), allow_unused=True, materialize_grads=True)
    return {name: gradient.numpy() for name, gradient in zip(leaves, found, strict=True)}


def _jax_gradients(module: Any, inputs: Sequence[Any], cores: Mapping[str, Any]) -> dict[str, Any]:
    jax: Any = import_module("jax")

    def summed(parameters: Any, given: Any) -> Any:
        return total(module.apply(parameters, *given))

    with jax.enable_x64(True):
        given = [jax.numpy.asarray(value) for value in inputs]
        by_core, by_input = jax.jit(jax.grad(summed, (0, 1)))(module.params_from_cores(cores), given)
        found = {name: np.conj(value) for name, value in by_core.items() if name not in module.FROZEN}
        return found | {str(k): np.conj(value) for k, value in enumerate(by_input)}
