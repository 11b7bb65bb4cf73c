"""A naive interpreter of the whole language: what every backend is compared with.

It shares the parser with the compiler and nothing else. From the syntax tree it goes straight to NumPy arrays, in the
order in which things are written::

    network = oracle.load(text, network="fc2_ttn", arguments={"chi": 3})
    network.cores                                # what it needs: name, shape, init, frozen, in order of declaration
    network.evaluate(network.random_cores(seed=0), {"x": x})["weight"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from tnc.syntax import tree

from . import seeded
from .contract import Entries, Evaluation, needed, sizes_of
from .elaborate import Frame, Read, instantiate, load_module, parse_text
from .pointwise import ACTIVATIONS, Array
from .values import Builtin, CoreTensor, DefinedTensor, InputTensor, NetworkValue, OracleError, Pending, Value

__all__ = ["Network", "OracleError", "load", "load_file"]


@dataclass(frozen=True)
class Network:
    """An elaborated network: ``cores`` are those that some output needs."""

    cores: tuple[CoreTensor, ...]
    inputs: tuple[InputTensor, ...]
    outputs: tuple[DefinedTensor, ...]

    @property
    def parameters(self) -> int:
        """The number of trainable entries."""
        return sum(int(np.prod(core.shape, dtype=object)) for core in self.cores if not core.frozen)

    def random_cores(self, seed: int = 0, dtype: str = "float64") -> dict[str, Array]:
        """Standard normal entries, whatever the initialisation says; only constants keep theirs."""
        random = np.random.default_rng(seed)
        return {core.name: _entries(core, random, dtype) for core in self.cores}

    def evaluate(self, cores: Mapping[str, Array], inputs: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """The outputs by name."""
        given: dict[int, Entries] = {}
        sizes: dict[str, int] = {}
        for declared in self.inputs:
            if inputs is None or declared.name not in inputs:
                continue
            array = np.asarray(inputs[declared.name])
            if declared.is_index:
                array = np.asarray(array[..., None] == np.arange(declared.shape[-1]), np.float64)
            for name, size in sizes_of(declared, array).items():
                if sizes.setdefault(name, size) != size:
                    raise OracleError(f"two sizes for {name}")
            given[id(declared)] = Entries(array, tuple(isinstance(dim, str) for dim in declared.shape))
        evaluation = Evaluation(cores, given, sizes)
        # Both branches of `where` are evaluated everywhere.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return {output.name: evaluation.value(output).array for output in self.outputs}


def _entries(core: CoreTensor, random: np.random.Generator, dtype: str) -> Array:
    kind, numbers = core.init
    if core.complex:
        dtype = np.result_type(dtype, np.complex64).name
    if core.seed is not None:
        return seeded.entries(core, core.seed, dtype)
    if core.frozen and kind == "entries":
        return np.asarray(numbers, dtype).reshape(core.shape)
    if core.frozen and kind == "constant":
        return np.full(core.shape, numbers[0], dtype)
    array = random.normal(size=core.shape)
    if np.dtype(dtype).kind == "c":
        array = array + 1j * random.normal(size=core.shape)
    return np.asarray(array, dtype)


def _read(path: str, importer: str) -> str:
    return (Path(importer).parent / path).read_text(encoding="utf-8")


def load(
    text: str,
    *,
    network: str | None = None,
    arguments: Mapping[str, object] | None = None,
    name: str = "<string>",
    read: Read = _read,
) -> Network:
    """Elaborate a network of a text; without a name, its only target."""
    file = parse_text(name, text)
    module = load_module(file, read)
    if network is None:
        networks = [s.name for s in file.statements if isinstance(s, tree.Network | tree.Application)]
        targets = [each for each in networks if _complete(module.names[each])]
        if len(targets) != 1:
            raise OracleError(f"targets: {targets}")
        network = targets[0]
    value = module.names[network]
    if not isinstance(value, NetworkValue):
        raise OracleError(f"{network} is not a network")
    types = {parameter.name: parameter.type for parameter in value.parameters}
    given = {key: _argument(types[key], argument) for key, argument in (arguments or {}).items()}
    frame: Frame = instantiate(Pending(value, {**value.given, **given}), "", [])
    outputs = list(frame.outputs.values())
    live = {id(tensor) for tensor in needed([*outputs])}
    cores = tuple(core for core in frame.cores if id(core) in live)
    return Network(cores, tuple(frame.inputs), tuple(outputs))


def load_file(path: Path, *, network: str | None = None, arguments: Mapping[str, object] | None = None) -> Network:
    """Elaborate a network of a file."""
    return load(path.read_text(encoding="utf-8"), network=network, arguments=arguments, name=str(path))


def _complete(network: Value) -> bool:
    return isinstance(network, NetworkValue) and all(p.default is not None for p in network.parameters)


def _argument(kind: str, value: object) -> Value:
    """An argument from Python: activations come by name, lists as any sequence."""
    if kind == "fn" and isinstance(value, str):
        if value not in ACTIVATIONS and value not in {"identity", "rms"}:
            raise OracleError(f"no activation {value}")
        return Builtin(value)
    if kind in {"ints", "floats"}:
        return list(cast("Sequence[object]", value))
    return value
