"""Unknown names: the diagnostic, the nearest known name, and lists of names for messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tnc.diagnostics.diagnostic import Diagnostic
from tnc.source import Span


def unknown(code: str, what: str, name: str, known: Collection[str], span: Span | None = None) -> Diagnostic:
    """The diagnostic "unknown `what` `name`", whose help has the nearest known name, or all of them.

    ``what`` is a noun whose plural ends in s: ``unknown("TN012", "dtype", "flaot32", DTYPES)``.
    """
    return Diagnostic(code, f"unknown {what} `{name}`", span, help=known_names(what, name, known))


def known_names(what: str, name: str, known: Collection[str]) -> str | None:
    """The help for an unknown name: the nearest known one, else a list of them; None if there are none."""
    if not known:
        return None
    be = f"the {what}s are" if len(known) > 1 else f"the only {what} is"
    return did_you_mean(name, known) or f"{be} {listed(known)}"


def nearest(name: str, candidates: Iterable[str], likeness: float = 0.6) -> str | None:
    """The candidate most like the name; None if none is."""
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
    """A help line with the nearest candidate; None if none is like the name."""
    found = nearest(name, candidates, likeness)
    return None if found is None else f"did you mean `{found}`?"


def listed(names: Iterable[str], most: int = 12) -> str:
    """The names in backticks as a sentence lists them: ```a`, `b` and `c```, or the first ones "and 9 more"."""
    shown = [f"`{name}`" for name in names]
    if len(shown) > most:
        shown[most - 1 :] = [f"{len(shown) - most + 1} more"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def plural(count: int, singular: str, many: str | None = None) -> str:
    """``1 axis``, ``2 axes``."""
    return f"{count} {singular if count == 1 else many or singular + 's'}"
