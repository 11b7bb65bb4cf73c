"""Sizes of axes in a Schedule: numbers, dynamic sizes, and their products where axes are fused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Product:
    """The size of axes fused with dynamic ones: ``factor`` times the dynamic sizes ``names`` (sorted).

    Canonical: there is a name, and ``factor`` is not 1 where there is only one; :func:`extent` builds it so.
    """

    factor: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        """An expression in the syntax of Python: ``batch * 8``."""
        return " * ".join([*self.names, *([] if self.factor == 1 else [str(self.factor)])])


Extent: TypeAlias = int | str | Product
"""The size of an axis: a number, a dynamic size, or a product of those."""


def extent(parts: Iterable[Extent]) -> Extent:
    """The product of sizes, in canonical form."""
    factor = 1
    names: list[str] = []
    for part in parts:
        match part:
            case int():
                factor *= part
            case str():
                names.append(part)
            case Product(factor=inner, names=more):
                factor *= inner
                names.extend(more)
    if not names:
        return factor
    if factor == 1 and len(names) == 1:
        return names[0]
    return Product(factor, tuple(sorted(names)))


def evaluate(size: Extent, sizes: Mapping[str, int]) -> int:
    """The number that a size is; dynamic sizes that ``sizes`` lacks are 1."""
    match size:
        case int():
            return size
        case str():
            return sizes.get(size, 1)
        case Product(factor=number, names=names):
            for name in names:
                number *= sizes.get(name, 1)
            return number


def count(shape: Iterable[Extent], sizes: Mapping[str, int]) -> int:
    """The number of entries of a shape."""
    number = 1
    for size in shape:
        number *= evaluate(size, sizes)
    return number
