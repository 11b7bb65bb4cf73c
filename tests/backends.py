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
        declared = {str(parameter.name) for parameter in network.parameters if parameter.is_complex}
        is_complex = any(np.iscomplexobj(core) for name, core in (cores or {}).items() if name not in declared)
        results = _torch(module, inputs, cores, is_complex)
    values = results if len(network.outputs) > 1 else (results,)
    return {output.name: np.asarray(value) for output, value in zip(network.outputs, values, strict=True)}


def _numpy(module: ModuleType, inputs: Sequence[Any], cores: Mapping[str, Any] | None) -> Any:
    parameters = module.init(0) if cores is None else module.params_from_cores(cores)
    return module.apply(parameters, *inputs)


def _jax(module: ModuleType, inputs: Sequence[Any], cores: Mapping[str, Any] | None) -> Any:
    jax: Any = import_module("jax")
    with jax.enable_x64(True):
        parameters = module.init(jax.random.key(0)) if cores is None else module.params_from_cores(cores)
        return module.apply(parameters, *(jax.numpy.asarray(value) for value in inputs))


def _torch(module: type, inputs: Sequence[Any], cores: Mapping[str, Any] | None, is_complex: bool) -> Any:
    torch: Any = import_module("torch")
    instance = module(dtype=torch.complex128 if is_complex else torch.float64).requires_grad_(False)
    if cores is not None:
        instance.load_cores({name: torch.as_tensor(value) for name, value in cores.items()})
    return instance(*(torch.as_tensor(value) for value in inputs))
