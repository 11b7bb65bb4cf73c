"""What a dtype takes."""

from __future__ import annotations

from types import MappingProxyType

ITEMSIZES: MappingProxyType[str, int] = MappingProxyType(
    {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16}
)
"""Bytes an entry, by the names that all frameworks share."""


def itemsize(dtype: str) -> int:
    """Bytes an entry."""
    return ITEMSIZES[dtype]


def is_complex(dtype: str) -> bool:
    """Whether conjugation does anything."""
    return dtype.startswith("complex")
