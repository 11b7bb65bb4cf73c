"""Files of cores: a safetensors file whose header says which network each layer's cores belong to.

The header has strings only, as the format wants; all that is ours is JSON under the key ``tnc``. A network is stored as
the flat text of ``tnc expand``, which needs no import and no library, and under the digest of its Program, so that an
edited text is noticed. A checksum over the cores of a layer finds an edited or damaged core.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast

from tnc import __version__
from tnc.api import Network, network_of_source
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import listed
from tnc.layers.tensor_file import Bytes, TensorFile, TensorSpec, open_tensors, write_tensors
from tnc.options import Options
from tnc.source import Source

if TYPE_CHECKING:
    from tnc.ir.schedule import Stack

KEY: Final = "tnc"
"""The key of our part of the header."""

FORMAT: Final = 1
"""Changes when a reader of an older format would misunderstand a file."""

_FOREIGN, _NEWER, _INCONSISTENT = "TN051", "TN052", "TN053"


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """The network of a weight: its flat text, and what it was made from.

    ``template`` and ``arguments`` are what the author gave, ``source`` is the text of the author's file, if it was one.
    ``shape`` is that of the weight, ``padding`` the sizes of its axes before they are cropped.
    """

    text: str
    digest: str
    shape: tuple[int, ...]
    template: str
    arguments: tuple[tuple[str, object], ...] = ()
    source: str | None = None
    padding: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer whose weight is generated.

    Args:
        name: the dotted name of the layer in its model.
        kind: the class of the layer that it replaced, as the table of layer kinds calls it.
        weight: the key of the dense weight in the model's ``state_dict``.
        network: the digest of its network.
        dtype: the dtype of the dense weight.
        cores: the tensor in the file for each parameter of the network's modules.
        mode: ``"replace"``, or ``"add"`` if the weight is the dense one plus the generated one times a scale.
        adapter: the name of the adapter.
        scale: the tensor with the scale of the adapter.
        enabled: whether the adapter was enabled.
        frozen: whether the dense weight under the adapter was frozen.
        trainable: whether the cores were not.
        padding_row: the row of an embedding that is zero.
        through: ``"auto"``, ``"build"`` or ``"apply"``.
        shard: the name of the axis whose blocks ranks generate for themselves.
        checksum: of the cores and the scale; :func:`write_core_file` fills it in.
    """

    name: str
    kind: str
    weight: str
    network: str
    dtype: str
    cores: tuple[tuple[str, str], ...]
    mode: str = "replace"
    adapter: str = "default"
    scale: str | None = None
    enabled: bool = True
    frozen: bool = False
    trainable: bool = True
    padding_row: int | None = None
    through: str = "auto"
    shard: str | None = None
    checksum: str = ""

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensors that the weight is generated from."""
        return (*(tensor for _, tensor in self.cores), *([self.scale] if self.scale is not None else []))


@dataclass(frozen=True, slots=True)
class CoreHeader:
    """What a file of cores says of itself; ``version`` is that of the compiler that wrote it."""

    networks: tuple[StoredNetwork, ...]
    layers: tuple[StoredLayer, ...]
    version: str = __version__

    def network(self, layer: StoredLayer) -> StoredNetwork:
        """The network of a layer."""
        (found,) = (network for network in self.networks if network.digest == layer.network)
        return found

    def to_header(self) -> dict[str, str]:
        """The metadata of the safetensors file."""
        content: dict[str, object] = {"format": FORMAT, "version": self.version}
        content["networks"] = [_to_json(network) for network in self.networks]
        content["layers"] = [_to_json(layer) for layer in self.layers]
        return {KEY: json.dumps(content, ensure_ascii=False, separators=(",", ":"))}


@dataclass(frozen=True, slots=True)
class CoreFile:
    """An open file of cores: the header, and the tensors."""

    header: CoreHeader
    tensors: TensorFile

    @property
    def others(self) -> tuple[str, ...]:
        """The tensors that belong to the model itself: biases, and what else was saved."""
        generated = {tensor for layer in self.header.layers for tensor in layer.tensors}
        return tuple(name for name in self.tensors.tensors if name not in generated)


@contextmanager
def open_core_file(path: str | Path) -> Generator[CoreFile]:
    """The file of cores at a path; all but the texts of its networks is checked.

    Raises:
        CompileError: TN001 and TN050 as :func:`open_tensors`, TN051 for a safetensors file without our header, TN052
            for a newer format, TN053 if header and tensors disagree.
    """
    with open_tensors(path) as tensors:
        header = from_header(tensors.path, tensors.metadata)
        wrong = [message for layer in header.layers for message in _misfits(layer, tensors)]
        if wrong:
            raise _inconsistent(tensors.path, wrong)
        yield CoreFile(header, tensors)


def write_core_file(
    path: str | Path,
    header: CoreHeader,
    tensors: Mapping[str, TensorSpec],
    content: Callable[[str], Iterable[Bytes]],
) -> int:
    """Write a file of cores, whole or not at all, and return its size in bytes.

    ``content`` gives the bytes of a tensor, and is asked twice for those of cores.

    Raises:
        CompileError: TN008 if the file cannot be written.
    """

    def read(name: str) -> bytes:
        return b"".join(content(name))

    layers = tuple(replace(layer, checksum=_checksum(layer, tensors, read)) for layer in header.layers)
    return write_tensors(path, replace(header, layers=layers).to_header(), tensors, content)


def from_header(path: Path, metadata: Mapping[str, str]) -> CoreHeader:
    """The header of a file of cores, from the metadata of a safetensors file.

    Raises:
        CompileError: TN051, TN052, TN053 as :func:`open_core_file`.
    """
    if KEY not in metadata:
        message = f"`{path}` is not a file of cores: its header has no `{KEY}`"
        help_text = "a file of cores is what `tnc.torch.save_layers` and `tnc fit` write"
        raise CompileError((Diagnostic(_FOREIGN, message, help=help_text),))
    try:
        content: object = json.loads(metadata[KEY])
    except (ValueError, RecursionError):
        content = None
    match content:
        case {"format": int(number)} if number > FORMAT:
            by = cast("dict[str, object]", content).get("version", "a newer version")
            message = f"`{path}` has format {number}, and this is a reader of format {FORMAT}"
            help_text = f"install tnc {by} or later, which wrote it"
            raise CompileError((Diagnostic(_NEWER, message, help=help_text),))
        case {"format": int(), "version": str(version), "networks": list(), "layers": list()}:
            entries = cast("dict[str, list[object]]", content)
        case _:
            raise _inconsistent(path, [f"the value of `{KEY}` in the header is malformed"])
    try:
        found = CoreHeader(
            tuple(_from_json(StoredNetwork, entry) for entry in entries["networks"]),
            tuple(_from_json(StoredLayer, entry) for entry in entries["layers"]),
            version,
        )
    except (TypeError, ValueError) as error:
        raise _inconsistent(path, [f"an entry of the header is malformed: {error}"]) from None
    wrong = _contradictions(found)
    if wrong:
        raise _inconsistent(path, wrong)
    return found


def compiled(file: CoreFile, stored: StoredNetwork, options: Options) -> Network:
    """The network of some layers, compiled from its flat text.

    Raises:
        CompileError: TN053 if the text was changed, is not a network of a weight of this shape, or needs other cores.
    """
    path, name = file.tensors.path, f"{file.tensors.path}: network {stored.digest[:12]}"
    try:
        network = network_of_source(Source(name, stored.text), options, {})
    except CompileError as error:
        raise CompileError(
            (*_inconsistent(path, ["a network does not compile"]).diagnostics, *error.diagnostics)
        ) from None
    from tnc.ir import digest, stacks

    if digest(network.program) != stored.digest:
        raise _inconsistent(path, [f"the text of network `{stored.digest[:12]}` is not the one that was saved"])
    shapes = network.program.shapes()
    if [shapes[output.tensor] for output in network.outputs] != [stored.shape] or network.program.inputs:
        raise _inconsistent(path, [f"network `{stored.digest[:12]}` has no weight of shape {stored.shape}"])
    wanted = {stack.key: stack for stack in stacks(network.program)}
    layers = [layer for layer in file.header.layers if layer.network == stored.digest]
    wrong = [message for layer in layers for message in _wrong_cores(layer, wanted, file.tensors)]
    if wrong:
        raise _inconsistent(path, wrong)
    return network


def _wrong_cores(layer: StoredLayer, wanted: Mapping[str, Stack], tensors: TensorFile) -> list[str]:
    """What is wrong with the cores of a layer, given the stacks of its network."""
    given = dict(layer.cores)
    wrong: list[str] = []
    for key, stack in wanted.items():
        if key not in given:
            if not stack.seeded:  # those are drawn, and in no file
                wrong.append(f"layer `{layer.name}` lacks the core `{key}`")
        elif (found := tensors.tensors[given[key]].shape) not in (stack.stored_shape, _declared(stack)):
            wrong.append(f"core `{given[key]}` has shape {found}, expected {stack.stored_shape}")
    unknown = [f"`{key}`" for key in given if key not in wanted]
    return [*wrong, *(f"layer `{layer.name}` has no core {key}" for key in unknown)]


def _declared(stack: Stack) -> tuple[int, ...]:
    """The shape as declared: files from before scalars had an axis have ``()``."""
    return (len(stack.members), *stack.shape) if stack.stacked else stack.shape


def _misfits(layer: StoredLayer, tensors: TensorFile) -> list[str]:
    """What the tensors of the file contradict of a layer's entry."""
    missing = [tensor for tensor in layer.tensors if tensor not in tensors.tensors]
    if missing:
        return [f"layer `{layer.name}` lacks the {'tensors' if len(missing) > 1 else 'tensor'} {listed(missing)}"]
    if _checksum(layer, tensors.tensors, tensors.read) != layer.checksum:
        return [f"the cores of layer `{layer.name}` are not those that were saved"]
    return []


def _contradictions(header: CoreHeader) -> list[str]:
    """Entries that name an unknown network, or the same weight twice."""
    digests = [network.digest for network in header.networks]
    places = [(layer.weight, layer.adapter) for layer in header.layers]
    wrong = [f"network `{digest[:12]}` is there twice" for digest in _repeated(digests)]
    wrong += [f"the weight `{weight}` is there twice" for weight, _ in _repeated(places)]
    for layer in header.layers:
        if layer.network not in digests:
            wrong.append(f"layer `{layer.name}` has the network `{layer.network[:12]}`, which is missing")
        if layer.mode not in ("replace", "add"):
            wrong.append(f"layer `{layer.name}` has the unknown mode `{layer.mode}`")
    return wrong


_T = TypeVar("_T")


def _repeated(values: Iterable[_T]) -> list[_T]:
    return [value for value, count in Counter(values).items() if count > 1]


def _checksum(layer: StoredLayer, tensors: Mapping[str, TensorSpec], read: Callable[[str], Bytes]) -> str:
    """The sha256 of a layer's tensors with their keys, dtypes and shapes."""
    state = sha256()
    for key, tensor in (*layer.cores, *([("scale", layer.scale)] if layer.scale is not None else [])):
        state.update(f"{key}\n{tensors[tensor].dtype}\n{tensors[tensor].shape}\n".encode())
        state.update(read(tensor))
    return state.hexdigest()


def _inconsistent(path: Path, wrong: Sequence[str]) -> CompileError:
    help_text = "the file was edited or damaged; save it again"
    return CompileError(Diagnostic(_INCONSISTENT, f"`{path}`: {message}", help=help_text) for message in wrong)


# -- entries as JSON ---------------------------------------------------------------------------


def _to_json(entry: StoredNetwork | StoredLayer) -> dict[str, object]:
    """An entry as JSON; pairs become objects."""
    content = asdict(entry)
    for pairs in ("cores", "arguments"):
        if pairs in content:
            content[pairs] = dict(content[pairs])
    return content


def _from_json(kind: type[_T], entry: object) -> _T:
    """An entry from JSON; what a later version has added is ignored.

    Raises:
        TypeError: if a field is missing or has a value of another type.
    """
    if not isinstance(entry, dict):
        raise TypeError("it is not an object")
    content = cast("dict[str, object]", entry)
    values: dict[str, object] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in content:
            values[field.name] = _value(field.name, str(field.type), content[field.name])
    return kind(**values)


def _value(name: str, kind: str, value: object) -> object:
    """The value of a field of an annotated type."""
    match kind, value:
        case ("str", str()) | ("str | None", str() | None) | ("bool", bool()) | ("int | None", int() | None):
            return value
        case "tuple[int, ...]", list():
            sizes = cast("list[object]", value)
            if all(isinstance(size, int) and size > 0 for size in sizes):
                return tuple(sizes)
        case "tuple[tuple[str, str], ...]", dict():
            pairs = cast("dict[str, object]", value)
            if all(isinstance(each, str) for each in pairs.values()):
                return tuple(pairs.items())
        case "tuple[tuple[str, object], ...]", dict():
            return tuple(cast("dict[str, object]", value).items())
        case _:
            pass
    raise TypeError(f"`{name}` has an unexpected value")
