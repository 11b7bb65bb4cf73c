"""What the compiler is willing to do for one file, so that no input can hang it or eat its memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds; every one can be set (``--limit steps=5000000``) and is told when it is hit.

    ``file_bytes`` of one file; ``nesting`` of brackets, expressions, blocks, calls and instances; ``steps`` of
    compile-time evaluation, an iteration of any loop counting as one; ``cores`` and ``statements`` of an elaborated
    network; ``legs`` of one statement; ``axes`` of one tensor; ``number_bits`` of an integer; ``list_length`` of a
    list; ``elements`` of one tensor;
    ``function_nodes`` of a pointwise function once all that it calls is put in.
    """

    file_bytes: int = 2**20
    nesting: int = 100
    steps: int = 2_000_000
    cores: int = 200_000
    statements: int = 200_000
    legs: int = 100_000
    axes: int = 1_000
    number_bits: int = 4096
    list_length: int = 1_000_000
    elements: int = 2**40
    function_nodes: int = 10_000


LARGEST: Final = Limits(
    file_bytes=2**30,
    nesting=250,
    steps=10**15,
    cores=10**7,
    statements=10**7,
    legs=10**7,
    axes=100_000,
    number_bits=1_000_000,
    list_length=10**8,
    elements=10**18,
    function_nodes=1_000_000,
)
"""What the limits can be set to. Beyond, the compiler would fail where it recurses, or want memory that nobody has."""
