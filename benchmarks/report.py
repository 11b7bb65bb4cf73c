"""``docs/benchmarks.md``, written from the results."""

from __future__ import annotations

from benchmarks.results import Results


def document(results: Results, before: Results | None) -> str:
    """The whole page."""
    raise NotImplementedError
