"""Files of the command ``tnc fit``: a target is read from one, and fitted cores become one."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch

from tnc.api import Network
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import known_names, listed
from tnc.fit.result import FitResult
from tnc.ir import digest
from tnc.layers.core_file import CoreHeader, StoredLayer, StoredNetwork, write_core_file
from tnc.layers.tensor_file import DTYPE_NAMES, TensorSpec, bytes_of, open_tensors
from tnc.reading import reason

Array = np.ndarray[Any, Any]

SUFFIXES: Final = (".safetensors", ".npz", ".npy")
DTYPES: Final = ("float32", "float64", "complex64")
"""What cores are stored in; the format of the files has no complex numbers in double precision."""


def read_target(place: str) -> tuple[str, Array]:
    """The name and the array of a target, from ``FILE.safetensors:KEY``, ``FILE.npz:KEY`` or ``FILE.npy``.

    The key may be omitted if the file has one tensor; a file of one array without a name gives ``weight``.

    Raises:
        CompileError: TN001 if the file cannot be read, TN050 if it is damaged, TN057 if it has no such tensor.
    """
    path, key = _parted(place)
    if path.endswith(".safetensors"):
        with open_tensors(path) as file:
            name = _key(path, key, sorted(file.tensors))
            if file.tensors[name].dtype not in DTYPE_NAMES:
                message = f"the tensor `{name}` of `{path}` has the dtype {file.tensors[name].dtype}"
                raise _unusable(message, "give a tensor of floating-point numbers")
            return name, file.array(name)
    try:
        with Path(path).open("rb") as file:
            loaded: Any = np.load(file, allow_pickle=False)
            if path.endswith(".npy"):
                if key:
                    raise _unusable(f"`{path}` has one array and no `{key}`", "leave out the key")
                return "weight", cast(Array, loaded)
            name = _key(path, key, sorted(loaded.files))
            return name, cast(Array, loaded[name])
    except OSError as error:
        message = f"`{path}` cannot be read: {reason(error)}"
        raise CompileError((Diagnostic("TN001", message, help="name a file with the target"),)) from None
    except CompileError:
        raise
    except Exception as error:  # as zipfile's, for a damaged file
        detail = " ".join(str(error).split())[:200]
        raise _unusable(f"`{path}` is damaged: {detail}", "write the file again with `numpy.save`") from None


def write_cores(path: Path, network: Network, result: FitResult, weight: str, template: str) -> int:
    """Write fitted cores as a file from which ``tnc merge`` builds the weight; its size in bytes.

    Raises:
        CompileError: TN008 if the file cannot be written.
    """
    module: Any = network.torch()(dtype=getattr(torch, result.how.dtype))
    module.load_cores(result.cores)
    values = {key: value.numpy() for key, value in module.state_dict().items()}
    layer = weight.removesuffix(".weight")
    names = {f"{layer}.cores.{key}": key for key in values}
    code = {name: code for code, name in DTYPE_NAMES.items()}[result.how.dtype]
    specs = {name: TensorSpec(_code(values[key], code), values[key].shape) for name, key in names.items()}
    output = network.program.shapes()[network.outputs[0].tensor]
    shape = tuple(size for size in output if isinstance(size, int))
    key = digest(network.program)
    stored = StoredNetwork(network.expand(), key, shape, template, network.program.arguments)
    cores = tuple((core, name) for name, core in names.items())
    header = CoreHeader((stored,), (StoredLayer(layer, "", weight, key, result.how.dtype, cores),))
    return write_core_file(path, header, specs, lambda name: (bytes_of(values[names[name]], specs[name].dtype),))


def _code(values: Array, code: str) -> str:
    return "C64" if values.dtype.kind == "c" else code


def _parted(place: str) -> tuple[str, str]:
    """A path and a key, which is empty if none was given."""
    for suffix in SUFFIXES:
        path, mark, key = place.rpartition(f"{suffix}:")
        if mark:
            return path + suffix, key
        if place.endswith(suffix):
            return place, ""
    help_text = "name a file such as `model.safetensors:layer.weight`, `weights.npz:w` or `weight.npy`"
    raise _unusable(f"`{place}` is not the name of a file that is read", help_text)


def _key(path: str, key: str, names: list[str]) -> str:
    """The name of the tensor that is meant."""
    if key in names:
        return key
    if not key and len(names) == 1:
        return names[0]
    if not names:
        raise _unusable(f"`{path}` has no tensors", "name another file")
    if not key:
        raise _unusable(f"`{path}` has several tensors: {listed(names)}", f"name one, as in `{path}:{names[0]}`")
    raise _unusable(f"`{path}` has no tensor `{key}`", known_names("tensor", key, names) or "")


def _unusable(message: str, help_text: str) -> CompileError:
    return CompileError((Diagnostic("TN057", message, help=help_text),))
