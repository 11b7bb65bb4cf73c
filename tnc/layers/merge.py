"""Files of cores become files of dense weights, one layer at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import listed, unknown
from tnc.layers.core_file import CoreFile, StoredLayer, compiled, open_core_file
from tnc.layers.tensor_file import (
    BITS,
    DTYPE_NAMES,
    Bytes,
    TensorFile,
    TensorSpec,
    array_of,
    bytes_of,
    open_tensors,
    write_tensors,
)
from tnc.options import Options
from tnc.reading import is_file
from tnc.units import bytes_text, grouped, plural

if TYPE_CHECKING:
    from types import ModuleType

    from tnc.layers.tensor_file import Array

DTYPES: Final = MappingProxyType({name: dtype for dtype, name in DTYPE_NAMES.items() if dtype != "C64"})
"""What the floating-point tensors of a merged file can be converted to, with the format's name of each."""

_METADATA: Final = {"format": "pt"}  # what transformers asks of a safetensors file

_NO_BASE, _UNKNOWN_ADAPTER, _NO_DTYPE, _SAME_FILE = "TN055", "TN056", "TN012", "TN008"


@dataclass(frozen=True, slots=True)
class MergedLayer:
    """A weight that was generated: its key, its shape and dtype, and how many numbers it was generated from."""

    name: str
    weight: str
    shape: tuple[int, ...]
    dtype: str
    cores: int

    def to_dict(self) -> dict[str, object]:
        """As ``tnc merge --json`` prints it."""
        return {
            "name": self.name,
            "weight": self.weight,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "cores": self.cores,
        }


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge wrote: the generated weights, how many other tensors, and the size of the file in bytes."""

    path: str
    layers: tuple[MergedLayer, ...]
    others: int
    size: int

    def __str__(self) -> str:
        """The table of the terminal."""
        rows = [("weight", "shape", "dtype", "generated from")]
        for layer in self.layers:
            shape = " × ".join(map(grouped, layer.shape))
            rows.append((layer.weight, shape, layer.dtype, plural(layer.cores, "number")))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        others = f", {plural(self.others, 'other tensor')}" if self.others else ""
        generated = plural(len(self.layers), "generated weight")
        return "\n".join([*lines, "", f"{self.path}: {bytes_text(self.size)}, {generated}{others}"])

    def to_dict(self) -> dict[str, object]:
        """As ``tnc merge --json`` prints it."""
        return {
            "output": self.path,
            "bytes": self.size,
            "layers": [layer.to_dict() for layer in self.layers],
            "others": self.others,
        }


@dataclass(frozen=True, slots=True)
class _Weight:
    """A weight to write: the layers that generate it, and where its dense part is if they are adapters."""

    layers: tuple[StoredLayer, ...]
    dense: TensorFile | None


@dataclass(frozen=True, slots=True)
class _Merge:
    """All tensors of the new file: generated weights, and tensors to copy."""

    cores: CoreFile
    weights: Mapping[str, _Weight]
    copies: Mapping[str, TensorFile]
    specs: Mapping[str, TensorSpec]
    modules: Mapping[str, ModuleType]


def merge_file(
    path: str | Path,
    output: str | Path,
    *,
    bases: Sequence[str | Path] = (),
    adapters: Sequence[str] = (),
    dtype: str | None = None,
    progress: Callable[[int, int], None] = lambda done, parts: None,
) -> Merged:
    """Write the dense weights of a file of cores, under the keys of the model without generated layers.

    One weight is held at a time, beside what its network needs to build it; other tensors are copied in parts.

    Args:
        path: the file of cores.
        output: the safetensors file to write.
        bases: files of the dense model, whose other tensors are copied; adapters add to weights found there.
        adapters: the adapters to add; those that were enabled if empty.
        dtype: the dtype of all floating-point tensors; their own if None.
        progress: called with the number of weights that are done, and that of all.

    Raises:
        CompileError: as :func:`open_core_file`; TN008 if the output is an input or cannot be written, TN012 for an
            unknown dtype, TN055 if an adapter has no dense weight, TN056 for an unknown adapter.
    """
    _refuse_inputs(output, (path, *bases))
    if dtype is not None and dtype not in DTYPES:
        raise CompileError((unknown(_NO_DTYPE, "dtype", dtype, DTYPES),))
    with ExitStack() as stack:
        cores = stack.enter_context(open_core_file(path))
        files = [stack.enter_context(open_tensors(base)) for base in bases]
        merge = _plan(cores, files, adapters, dtype)
        done = 0

        def content(name: str) -> Iterator[Bytes]:
            nonlocal done
            if name not in merge.weights:
                yield from _copied(merge.copies[name], name, merge.specs[name])
                return
            yield _generated(merge, name)
            done += 1
            progress(done, len(merge.weights))

        size = write_tensors(output, _METADATA, merge.specs, content)
    layers = tuple(_row(merge, key, weight) for key, weight in merge.weights.items())
    return Merged(str(output), layers, len(merge.copies), size)


def build_weight(module: ModuleType, params: Mapping[str, Array]) -> Array:
    """The weight that a NumPy module builds of some parameters; half precision is computed in single precision.

    Constants that are drawn from seeds are none of the parameters.
    """
    import numpy as np

    wide = {key: np.asarray(value, np.promote_types(value.dtype, np.float32)) for key, value in params.items()}
    if hasattr(module, "seeded"):
        wide |= module.seeded(np.result_type(np.float32, *wide.values()))
    return cast("Array", module.apply(wide))


def _plan(cores: CoreFile, bases: Sequence[TensorFile], adapters: Sequence[str], dtype: str | None) -> _Merge:
    """Everything that is merged; all errors that can be found before anything is computed."""
    layers = _chosen(cores, adapters)
    copies: dict[str, TensorFile] = {}
    for file in bases:
        copies.update(dict.fromkeys(file.tensors, file))
    copies.update(dict.fromkeys(cores.others, cores.tensors))
    weights: dict[str, _Weight] = {}
    wrong: list[Diagnostic] = []
    for layer in layers:
        before = weights.get(layer.weight)
        dense = before.dense if before else copies.pop(layer.weight, None)
        weights[layer.weight] = _Weight((*(before.layers if before else ()), layer), dense)
        wrong += _wrong_dense(cores, layer, dense) if layer.mode == "add" else ()
    if wrong:
        raise CompileError(wrong)
    specs = {key: TensorSpec(_stored_dtype(dtype or w.layers[0].dtype), _shape(cores, w)) for key, w in weights.items()}
    for key, file in copies.items():
        spec = file.tensors[key]
        converted = dtype is not None and spec.dtype in DTYPES.values()
        specs[key] = TensorSpec(DTYPES[str(dtype)], spec.shape) if converted else spec
    return _Merge(cores, weights, copies, specs, _modules(cores, layers))


def _chosen(cores: CoreFile, adapters: Sequence[str]) -> list[StoredLayer]:
    """The layers to merge: those that replace weights, and the chosen adapters."""
    known = dict.fromkeys(layer.adapter for layer in cores.header.layers if layer.mode == "add")
    wrong = [unknown(_UNKNOWN_ADAPTER, "adapter", name, known) for name in adapters if name not in known]
    if not known:
        wrong = [replace(each, help="the file has no adapters: leave the name out") for each in wrong]
    if wrong:
        raise CompileError(wrong)
    return [
        layer
        for layer in cores.header.layers
        if layer.mode == "replace" or (layer.adapter in adapters if adapters else layer.enabled)
    ]


def _wrong_dense(cores: CoreFile, layer: StoredLayer, dense: TensorFile | None) -> Iterator[Diagnostic]:
    """What is wrong with the dense weight that an adapter adds to."""
    shape = cores.header.network(layer).shape
    if dense is None:
        message = f"adapter `{layer.adapter}` adds to `{layer.weight}`, which is in no file"
        yield Diagnostic(_NO_BASE, message, help="name the file of the dense model: `--base model.safetensors`")
    elif (found := dense.tensors[layer.weight]).shape != shape or found.dtype not in DTYPE_NAMES:
        message = f"`{layer.weight}` in `{dense.path}` is {found}; adapter `{layer.adapter}` has shape {shape}"
        yield Diagnostic(_NO_BASE, message, help="name the file of the model that the adapter was trained on")


def _stored_dtype(dtype: str) -> str:
    """The format's name of a dtype; what it lacks (complex128) is refused.

    Raises:
        CompileError: TN012.
    """
    names = {name: stored for stored, name in DTYPE_NAMES.items()}
    if dtype not in names:
        raise CompileError((unknown(_NO_DTYPE, "dtype", dtype, names),))
    return names[dtype]


def _shape(cores: CoreFile, weight: _Weight) -> tuple[int, ...]:
    return cores.header.network(weight.layers[0]).shape


def _generated(merge: _Merge, key: str) -> memoryview:
    """The bytes of a generated weight."""
    import numpy as np

    weight, spec = merge.weights[key], merge.specs[key]
    total: Array | None = None if weight.dense is None else weight.dense.array(key)
    for layer in weight.layers:
        built = _built(merge, layer)
        if layer.mode == "replace":
            total = built
        else:
            scale = np.asarray(merge.cores.tensors.array(str(layer.scale)), built.dtype) if layer.scale else 1.0
            total = np.asarray(total, np.promote_types(np.asarray(total).dtype, built.dtype)) + scale * built
    return bytes_of(np.asarray(total), spec.dtype)


def _built(merge: _Merge, layer: StoredLayer) -> Array:
    """The generated weight of one layer."""
    cores = {key: merge.cores.tensors.array(name) for key, name in layer.cores}
    weight = build_weight(merge.modules[layer.network], cores)
    if layer.padding_row is not None:
        weight = weight.copy()
        weight[layer.padding_row] = 0
    return weight


def _modules(cores: CoreFile, layers: Sequence[StoredLayer]) -> dict[str, ModuleType]:
    """The compiled networks of some layers, by digest; each is compiled once.

    Raises:
        CompileError: TN053 with all that is wrong with them.
    """
    modules: dict[str, ModuleType] = {}
    wrong: list[Diagnostic] = []
    for layer in {layer.network: layer for layer in layers}.values():
        options = Options(forward_only=True, dtype=_planned_dtype(layer, cores.tensors))
        try:
            modules[layer.network] = compiled(cores, cores.header.network(layer), options).numpy()
        except CompileError as error:
            wrong += error.diagnostics
    if wrong:
        raise CompileError(wrong)
    return modules


def _planned_dtype(layer: StoredLayer, tensors: TensorFile) -> str:
    """The dtype in which a weight is computed: the widest of its cores, and at least float32."""
    names = {tensors.tensors[tensor].dtype for _, tensor in layer.cores}
    return next((DTYPE_NAMES[each] for each in ("C64", "F64") if each in names), "float32")


def _copied(file: TensorFile, name: str, spec: TensorSpec) -> Iterator[Bytes]:
    """The bytes of a tensor that is copied, converted in parts where the dtype changes."""
    given = file.tensors[name].dtype
    if given == spec.dtype:
        yield from file.chunks(name)
        return
    width = BITS[given] // 8
    rest = b""
    for chunk in file.chunks(name):
        rest += chunk
        whole = len(rest) - len(rest) % width
        part = TensorSpec(given, (whole // width,))
        yield bytes_of(array_of(part, rest[:whole]), spec.dtype)
        rest = rest[whole:]


def _row(merge: _Merge, key: str, weight: _Weight) -> MergedLayer:
    tensors = merge.cores.tensors.tensors
    numbers = sum(prod(tensors[tensor].shape) for layer in weight.layers for tensor in layer.tensors)
    spec = merge.specs[key]
    return MergedLayer(weight.layers[0].name, key, spec.shape, DTYPE_NAMES[spec.dtype], numbers)


def _refuse_inputs(output: str | Path, inputs: Sequence[str | Path]) -> None:
    """An output must not replace what it is made from.

    Raises:
        CompileError: TN008.
    """
    place = Path(output)
    same = [str(path) for path in inputs if is_file(place) and is_file(path) and place.samefile(path)]
    if same:
        message = f"`{output}` is an input: {listed(same)} would be replaced"
        raise CompileError((Diagnostic(_SAME_FILE, message, help="name another place with `-o`"),))
