"""Did you mean: the nearest of the names that would have been right."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str], likeness: float = 0.6) -> str | None:
    """The candidate most like the name, or None if none is like it."""
    from difflib import get_close_matches

    pool = sorted(set(candidates) - {name})
    by_folded: dict[str, str] = {}
    for candidate in pool:
        by_folded.setdefault(candidate.casefold(), candidate)
    if name.casefold() in by_folded:
        return by_folded[name.casefold()]
    if len(pool) > 2000:  # difflib is quadratic in a way that a file with 10,000 names would feel
        pool = [candidate for candidate in pool if candidate[:1] == name[:1] and abs(len(candidate) - len(name)) <= 2][
            :2000
        ]
    found = get_close_matches(name, pool, n=1, cutoff=likeness)
    return found[0] if found else None


def did_you_mean(name: str, candidates: Iterable[str], likeness: float = 0.6) -> str | None:
    """A help line that names the nearest candidate."""
    found = nearest(name, candidates, likeness)
    return None if found is None else f"did you mean `{found}`?"


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names in backticks, joined for a sentence, cut where there are too many."""
    shown = [f"`{name}`" for name in names]
    if len(shown) > most:
        return f"{', '.join(shown[: most - 1])}, … ({len(shown)} in all)"
    return ", ".join(shown)


def plural(count: int, singular: str, many: str | None = None) -> str:
    """``1 axis``, ``2 axes``."""
    return f"{count} {singular if count == 1 else many or singular + 's'}"
