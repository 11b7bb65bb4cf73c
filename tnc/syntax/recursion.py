"""Room for recursion: depth is bounded by the nesting limit, not by Python's."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from tnc.limits import LARGEST

_ROOM = 200 * LARGEST.nesting
"""More frames than the meter's bounds allow. Frames of Python functions live on the heap: room costs nothing."""


@contextmanager
def deep_recursion() -> Generator[None]:
    """Let Python recurse as deep as the limits of the language allow, and restore its own limit afterwards."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _ROOM))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
