"""Small pytrees as files of cores, which ``tnc.torch`` and ``tnc merge`` read, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from tnc.api import Network, expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import did_you_mean
from tnc.ir import digest
from tnc.jax.expanding import Compiled, Expand, Replaced, compiled
from tnc.jax.generated import Request
from tnc.jax.kinds import meaning
from tnc.jax.leaves import CORES, SCALE, Leaf, leaves_of
from tnc.jax.planning import Layer
from tnc.jax.untyped import Array, jax, jnp
from tnc.layers import Template
from tnc.layers.core_file import CoreFile, CoreHeader, StoredLayer, StoredNetwork, open_core_file, write_core_file
from tnc.layers.core_file import compiled as network_in_file
from tnc.layers.template import author_text
from tnc.layers.tensor_file import TensorSpec
from tnc.options import Options

DTYPES: Final = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "complex64": "C64",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
"""The format's names of dtypes, by those of JAX."""

_BY_FORMAT: Final = {stored: name for name, stored in DTYPES.items()}

Rest = Literal["all"] | None


def save_layers(params: Any, expand: Expand, path: str | Path, *, rest: Rest = "all") -> int:
    """Write a small pytree to a file of cores, whole or not at all, and return its size in bytes.

    Args:
        params: what :func:`tnc.jax.replace` returned, or training made of it.
        expand: the function that belongs to it.
        path: the file, ``cores.safetensors``.
        rest: ``"all"`` for every array of the small pytree; None for cores and scales alone.

    Raises:
        CompileError: TN008 if the file cannot be written, TN067 if ``params`` have another structure.
    """
    if rest not in ("all", None):
        raise expected("`rest`", '"all" or None', rest)
    leaves = expand.flat(params, "the small params")
    paths = [leaf.path for leaf in leaves_of(expand.treedef.unflatten(range(expand.treedef.num_leaves)))]
    arrays: dict[str, Any] = {}
    layers: list[StoredLayer] = []
    networks: dict[str, StoredNetwork] = {}
    for layer in expand.layers:
        subtree = expand.subtree(leaves[layer.number], layer)
        stored = _stored_layer(layer, subtree)
        layers.append(stored)
        networks.setdefault(stored.network, _stored_network(layer))
        arrays.update((tensor, subtree[CORES][key]) for key, tensor in stored.cores)
        if stored.scale is not None:
            arrays[stored.scale] = subtree[SCALE].reshape(1)
    if rest == "all":
        generated = {layer.number for layer in expand.layers}
        arrays.update(
            (_dotted(paths[number]), leaf)
            for number, leaf in enumerate(leaves)
            if number not in generated and _is_storable(leaf)
        )
    specs = {
        name: TensorSpec(DTYPES[jnp.asarray(value).dtype.name], jnp.shape(value)) for name, value in arrays.items()
    }
    header = CoreHeader(tuple(networks.values()), tuple(layers))
    return write_core_file(path, header, specs, lambda name: (np.asarray(arrays[name]).tobytes(),))


def load_layers(params: Any, path: str | Path) -> Replaced:
    """The small pytree of a file of cores for a model's params, and the function that expands it.

    ``params`` are those of a fresh model, which may be abstract; arrays that are not in the file are taken from them.
    In the place of arrays under an adapter, and of those that an adapter's file does not have, is None, as
    :func:`tnc.jax.replace` leaves it.

    Raises:
        CompileError: TN001 and TN050 to TN053 for a file that cannot be used, TN054 for one that belongs to other
            params; the params stay as they are.
    """
    leaves = leaves_of(params)
    places = {_dotted(leaf.path): number for number, leaf in enumerate(leaves)}
    with open_core_file(path) as file:
        wrong = [*_misfits(file, leaves, places)]
        if wrong:
            raise CompileError(wrong)
        networks = {stored.digest: network_in_file(file, stored, Options()) for stored in file.header.networks}
        modules = {key: compiled(network) for key, network in networks.items()}
        return _loaded(params, leaves, places, file, networks, modules)


# -- writing -----------------------------------------------------------------------------------


def _dotted(path: str) -> str:
    """A path as files have it, where the parts of a name are separated by dots."""
    return path.replace("/", ".")


def _is_storable(leaf: Any) -> bool:
    """Whether a leaf is an array of numbers; None and random keys are not."""
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and getattr(dtype, "name", "") in DTYPES


def _stored_layer(layer: Layer, subtree: Mapping[str, Any]) -> StoredLayer:
    weight = _dotted(layer.path)
    return StoredLayer(
        name=weight.rpartition(".")[0],
        kind=layer.meaning.kind,
        weight=weight,
        network=digest(layer.network.program),
        dtype=layer.dtype,
        cores=tuple((key, f"{weight}.{CORES}.{key}") for key in subtree[CORES]),
        mode=layer.request.mode,
        scale=f"{weight}.{SCALE}" if layer.request.mode == "add" else None,
        through="build",
        shard=None if layer.shard is None else layer.meaning.axes[layer.shard],
        frozen=layer.request.mode == "add",
    )


def _stored_network(layer: Layer) -> StoredNetwork:
    template = layer.request.template
    return StoredNetwork(
        text=layer.network.expand(),
        digest=digest(layer.network.program),
        shape=layer.shape,
        template=template.network,
        arguments=template.arguments,
        source=_text(template),
    )


def _text(template: Template) -> str | None:
    """The text of the author's file; None for a topology, or a file that is gone."""
    try:
        return author_text(template)
    except CompileError:
        return None


# -- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """A tensor of the file that is an array of the params."""

    name: str
    shape: tuple[int, ...]


def _misfits(file: CoreFile, leaves: Sequence[Leaf], places: Mapping[str, int]) -> Iterable[Diagnostic]:
    """What of a file the params have no place for."""
    path = file.tensors.path
    wanted = [_Place(layer.weight, file.header.network(layer).shape) for layer in file.header.layers]
    wanted += [_Place(name, file.tensors.tensors[name].shape) for name in file.others]
    for layer in file.header.layers:
        if layer.padding_row is not None or not layer.enabled:
            what = "is disabled" if layer.padding_row is None else "has a row of zeros for padding"
            yield Diagnostic("TN054", f"layer `{layer.name}` of `{path}` {what}", help=_MERGE)
    seen: set[str] = set()
    for each in wanted:
        found = leaves[places[each.name]].shape if each.name in places else None
        if found is None:
            message = f"`{path}` has the array `{each.name}`, and the params have none of that path"
            yield Diagnostic("TN054", message, help=did_you_mean(each.name, places) or _OTHER)
        elif found != each.shape:
            message = f"`{each.name}` has the shape {_times(each.shape)} in `{path}`, and {_times(found)} in the params"
            yield Diagnostic("TN054", message, help=_OTHER)
        elif each.name in seen:
            yield Diagnostic("TN054", f"`{path}` has several adapters for `{each.name}`", help=_ONE)
        seen.add(each.name)


_OTHER: Final = "load a file into params of the model that it was saved from"
_MERGE: Final = "merge the file with `tnc merge`, and load the dense weights"
_ONE: Final = "save the adapters to files of their own; `expand` adds one"


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "()"


def _loaded(
    params: Any,
    leaves: Sequence[Leaf],
    places: Mapping[str, int],
    file: CoreFile,
    networks: Mapping[str, Network],
    modules: Mapping[str, Compiled],
) -> Replaced:
    header = file.header
    treedef = jax.tree.structure(params)
    adds = any(layer.mode == "add" for layer in header.layers)
    small: list[Any] = [None if adds else leaf.value for leaf in leaves]
    for name in file.others:
        small[places[name]] = _array(file, name)
    layers: list[Layer] = []
    for stored in sorted(header.layers, key=lambda each: places[each.weight]):
        leaf = leaves[places[stored.weight]]
        layers.append(_layer(stored, header.network(stored), networks[stored.network], leaf, places[stored.weight]))
        module = modules[stored.network].module
        shapes = _shapes(module)
        cores = {key: _array(file, tensor).reshape(shapes[key]) for key, tensor in stored.cores}
        small[places[stored.weight]] = {CORES: cores}
        if stored.scale is not None:
            small[places[stored.weight]][SCALE] = _array(file, stored.scale).reshape(())
    used = tuple(modules[stored.network] for stored in sorted(header.layers, key=lambda each: places[each.weight]))
    return Replaced(treedef.unflatten(small), Expand(treedef, tuple(layers), used))


def _shapes(module: Any) -> dict[str, tuple[int, ...]]:
    """The shapes of a module's parameters; nothing is computed."""
    found: dict[str, Any] = jax.eval_shape(module.init, jax.random.key(0))
    return {key: core.shape for key, core in found.items()}


def _layer(stored: StoredLayer, network: StoredNetwork, built: Network, leaf: Leaf, number: int) -> Layer:
    means = meaning(leaf, network.shape)
    request = Request(
        Template(network.template, network.arguments),
        "add" if stored.mode == "add" else "replace",
        "random",
        built.outputs[0].std,
        stored.shard if stored.shard in means.axes else None,
    )
    return Layer(leaf.path, number, network.shape, stored.dtype, means, request, built)


def _array(file: CoreFile, name: str) -> Array:
    spec = file.tensors.tensors[name]
    dtype = jnp.dtype(_BY_FORMAT[spec.dtype])
    array: Array = jnp.asarray(np.frombuffer(bytes(file.tensors.read(name)), dtype).reshape(spec.shape))
    return array
