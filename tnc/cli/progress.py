"""A progress line on stderr, erased at the end; nothing if stderr is not a terminal."""

from __future__ import annotations

import sys

from tnc.cli.console import say


class Progress:
    """A line on stderr that is overwritten as work goes on, and gone in the end. Where nobody watches, nothing."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._watched = sys.stderr.isatty()

    def __call__(self, done: int, parts: int, more: str = "") -> None:
        """Show that ``done`` of ``parts`` are done, with ``more`` behind it."""
        if not self._watched:
            return
        text = f"{self._what}: {done} of {parts}{more}" if done < parts else ""
        say(f"\r\x1b[K{text}", end="")

    def clear(self) -> None:
        """Make room for something else."""
        if self._watched:
            say("\r\x1b[K", end="")
