"""Dtypes: bytes of an entry, and which of them are complex."""

from __future__ import annotations

from types import MappingProxyType

from tnc.ir.number_kinds import NumberKind

ITEMSIZES: MappingProxyType[str, int] = MappingProxyType(
    {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16}
)
"""Bytes an entry, by the names that all frameworks share."""

_REAL = {"complex64": "float32", "complex128": "float64"}
_COMPLEX = {"float16": "complex64", "bfloat16": "complex64", "float32": "complex64", "float64": "complex128"}


def itemsize(dtype: str, kind: NumberKind = NumberKind.MODULE) -> int:
    """Bytes of an entry of a tensor of this kind in a module of this dtype."""
    return ITEMSIZES[dtype_of(dtype, kind)]


def dtype_of(dtype: str, kind: NumberKind) -> str:
    """The dtype of tensors of a kind in a module of this dtype."""
    match kind:
        case NumberKind.REAL:
            return _REAL.get(dtype, dtype)
        case NumberKind.MODULE:
            return dtype
        case NumberKind.COMPLEX:
            return _COMPLEX.get(dtype, dtype)


def is_complex(dtype: str, kind: NumberKind = NumberKind.MODULE) -> bool:
    """Whether tensors of this kind are complex in a module of this dtype."""
    return dtype_of(dtype, kind).startswith("complex")
