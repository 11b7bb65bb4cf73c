"""How far something slow has come, for whoever watches a terminal."""

from __future__ import annotations

import sys


class Progress:
    """A line on stderr that is overwritten as work goes on, and gone in the end. Where nobody watches, nothing."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._watched = sys.stderr.isatty()

    def __call__(self, done: int, parts: int) -> None:
        """So many parts of all are done."""
        if not self._watched:
            return
        text = f"{self._what}: {done} of {parts}" if done < parts else ""
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for something else."""
        if self._watched:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
