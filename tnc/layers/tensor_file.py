"""Safetensors files: the header as values, the tensors one at a time.

The format is read and written here, not by its package: files are written in parts, damage of every kind is a
diagnostic, and neither a framework nor an extra is needed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias, cast

from tnc.diagnostics import CompileError, Diagnostic
from tnc.reading import reason, unreadable
from tnc.writing.output import new_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

Bytes: TypeAlias = bytes | bytearray | memoryview

BITS: Final = MappingProxyType(
    {
        **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
        **dict.fromkeys(("F32", "I32", "U32"), 32),
        **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
        **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
        **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
        "F4": 4,
    }
)
"""The bits of an entry, by the format's names of dtypes."""

DTYPE_NAMES: Final = MappingProxyType(
    {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64"}
)
"""The compiler's names of the dtypes that weights can have."""

CHUNK: Final = 2**22
"""How many bytes are copied at a time."""

_LONGEST_HEADER: Final = 100_000_000  # the limit of the format
_PREFIX: Final = 8
_METADATA: Final = "__metadata__"
_MALFORMED: Final = "TN050"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """The dtype, as the format calls it, and the shape of a stored tensor."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of bytes."""
        return (prod(self.shape) * BITS[self.dtype] + 7) // 8

    def __str__(self) -> str:
        """As messages print it."""
        shape = " × ".join(map(str, self.shape)) or "a scalar"
        return f"{shape}, {DTYPE_NAMES.get(self.dtype, self.dtype)}"


@dataclass(frozen=True, slots=True)
class TensorFile:
    """An open safetensors file: what its header says, and access to its tensors."""

    path: Path
    metadata: Mapping[str, str]
    tensors: Mapping[str, TensorSpec]
    _starts: Mapping[str, int]
    _file: BinaryIO

    def read(self, name: str) -> bytearray:
        """All bytes of a tensor.

        Raises:
            CompileError: TN050 if the file has become shorter meanwhile.
        """
        whole = bytearray()
        for chunk in self.chunks(name):
            whole += chunk
        return whole

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a tensor in parts of at most :data:`CHUNK`.

        Raises:
            CompileError: as :meth:`read`.
        """
        start, left = self._starts[name], self.tensors[name].size
        while left:
            chunk = os.pread(self._file.fileno(), min(CHUNK, left), start)
            if not chunk:
                raise malformed(self.path, f"the tensor `{name}` is cut off")
            yield chunk
            start, left = start + len(chunk), left - len(chunk)

    def array(self, name: str) -> Array:
        """A tensor as NumPy's array; bfloat16 becomes float32.

        Raises:
            CompileError: as :meth:`read`.
        """
        return array_of(self.tensors[name], self.read(name))


@contextmanager
def open_tensors(path: str | Path) -> Generator[TensorFile]:
    """The safetensors file at a path, with its header checked.

    Raises:
        CompileError: TN001 if it cannot be read, TN050 if it is not a safetensors file, or is damaged.
    """
    place = Path(path)
    try:
        if place.is_dir():
            raise IsADirectoryError
        file = place.open("rb")
    except (OSError, ValueError) as error:
        help_text = "names are relative to the folder in which the command runs"
        raise CompileError((Diagnostic("TN001", unreadable(str(path), error), help=help_text),)) from None
    with file:
        try:
            yield _opened(place, file)
        except OSError as error:
            raise malformed(place, f"it cannot be read: {reason(error)}") from None


def write_tensors(
    path: str | Path,
    metadata: Mapping[str, str],
    tensors: Mapping[str, TensorSpec],
    content: Callable[[str], Iterable[Bytes]],
) -> int:
    """Write a safetensors file in parts, whole or not at all, and return its size in bytes.

    ``content`` is asked for the bytes of one tensor after the other, in the order of the file: large entries first, so
    that each tensor is aligned, else by name.

    Raises:
        CompileError: TN008 if the file cannot be written, and whatever ``content`` raises.
        ValueError: if a tensor has more or fewer bytes than its spec says.
    """
    order = sorted(tensors, key=lambda name: (-BITS[tensors[name].dtype], name))
    header = _header(metadata, {name: tensors[name] for name in order})
    with new_file(Path(path)) as file:
        file.write(len(header).to_bytes(_PREFIX, "little"))
        file.write(header)
        for name in order:
            written = sum(file.write(part) for part in content(name))
            if written != tensors[name].size:
                raise ValueError(f"tensor `{name}` has {tensors[name].size} bytes, not {written}")
        return file.tell()


def array_of(spec: TensorSpec, data: Bytes) -> Array:
    """The NumPy array of some bytes; bfloat16 becomes float32."""
    import numpy as np

    if spec.dtype == "BF16":
        bits = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return bits.view(np.float32).reshape(spec.shape)
    codes = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8"}
    return np.frombuffer(data, codes[spec.dtype]).reshape(spec.shape)


def bytes_of(array: Array, dtype: str) -> memoryview:
    """The bytes of an array as entries of a dtype of the format; bfloat16 is rounded to the nearest, ties to even."""
    import numpy as np

    if dtype != "BF16":
        codes = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8"}
        with np.errstate(over="ignore"):  # what is too large for float16 is infinite
            return _view(np.ascontiguousarray(array, codes[dtype]))
    bits = np.ascontiguousarray(array, np.float32).reshape(-1).view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    quiet = (bits >> 16) | 0x40  # a NaN must not round to infinity
    is_nan = (bits & 0x7FFFFFFF) > 0x7F800000
    return _view(np.where(is_nan, quiet, rounded).astype("<u2"))


def _view(array: Array) -> memoryview:
    """The bytes of a contiguous array."""
    return array.reshape(-1).view("u1").data


def malformed(path: Path, why: str) -> CompileError:
    """The error of a file that is not a whole safetensors file."""
    message = f"`{path}` is not a whole safetensors file: {why}"
    return CompileError((Diagnostic(_MALFORMED, message, help="write or copy the file again"),))


def _header(metadata: Mapping[str, str], tensors: Mapping[str, TensorSpec]) -> bytes:
    """The header as bytes, padded so that the data begin at a multiple of eight."""
    header: dict[str, object] = {_METADATA: dict(metadata)} if metadata else {}
    start = 0
    for name, spec in tensors.items():
        end = start + spec.size
        header[name] = {"dtype": spec.dtype, "shape": list(spec.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % _PREFIX)


def _opened(path: Path, file: BinaryIO) -> TensorFile:
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(_PREFIX)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < _PREFIX or length > _LONGEST_HEADER:
        raise malformed(path, "it does not begin with the length of a header")
    if _PREFIX + length > size:
        raise malformed(path, "its header is cut off")
    header = _json_object(path, file.read(length))
    given = header.pop(_METADATA, {})
    if not isinstance(given, dict):
        raise malformed(path, f"`{_METADATA}` is not an object")
    metadata = cast("dict[str, object]", given)
    if not all(isinstance(value, str) for value in metadata.values()):
        raise malformed(path, f"`{_METADATA}` has values that are not strings")
    tensors: dict[str, TensorSpec] = {}
    offsets: dict[str, int] = {}
    for name, entry in header.items():
        tensors[name], offsets[name] = _entry(path, name, entry)
    end = _end(path, tensors, offsets)
    if _PREFIX + length + end != size:
        missing = _PREFIX + length + end - size
        raise malformed(path, f"{missing} bytes are missing at the end" if missing > 0 else f"{-missing} bytes follow")
    starts = {name: _PREFIX + length + offset for name, offset in offsets.items()}
    strings = cast("dict[str, str]", metadata)
    return TensorFile(path, MappingProxyType(strings), MappingProxyType(tensors), MappingProxyType(starts), file)


def _json_object(path: Path, text: bytes) -> dict[str, object]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError
        return found

    try:
        header: object = json.loads(text.decode(), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise malformed(path, "its header is not a JSON object")
    return cast("dict[str, object]", header)


def _entry(path: Path, name: str, entry: object) -> tuple[TensorSpec, int]:
    """The spec and the offset of a tensor."""
    match entry:
        case {"dtype": str(dtype), "shape": list(), "data_offsets": [int(start), int(end)]}:
            axes = cast("dict[str, list[object]]", entry)["shape"]
        case _:
            raise malformed(path, f"the header describes no tensor `{name}`")
    sizes = tuple(size for size in axes if isinstance(size, int) and not isinstance(size, bool) and size >= 0)
    if dtype not in BITS or len(sizes) != len(axes):
        raise malformed(path, f"the tensor `{name}` has no dtype or shape that the format knows")
    spec = TensorSpec(dtype, sizes)
    if start < 0 or end - start != spec.size:
        raise malformed(path, f"the tensor `{name}` has {spec.size} bytes, and a place for {end - start}")
    return spec, start


def _end(path: Path, tensors: Mapping[str, TensorSpec], offsets: Mapping[str, int]) -> int:
    """Where the last tensor ends; the data have no gaps, and no tensors overlap."""
    end = 0
    for name in sorted(offsets, key=lambda name: (offsets[name], tensors[name].size)):
        if offsets[name] != end:
            raise malformed(path, f"the tensor `{name}` does not begin where another ends")
        end += tensors[name].size
    return end
