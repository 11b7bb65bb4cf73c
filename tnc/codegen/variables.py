"""Local variables: the author's names, taken again as soon as the value that they hold is not read any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tnc.codegen.names import Names, identifier


@dataclass(frozen=True, slots=True)
class Claim:
    """What should have a short name: its parts (instance path, then name), and the positions where it is in use.

    Claims with the same parts are one author's name and may share a variable.
    """

    parts: tuple[str, ...]
    start: float
    end: float

    def text(self, depth: int) -> str:
        """The name with so much of the path: ``h``, ``tree_h``, ``net_tree_h``."""
        return identifier("_".join(self.parts[-depth:]))


def short_names(claims: Iterable[Claim], fixed: Iterable[str]) -> Mapping[tuple[str, ...], str]:
    """A name for each sequence of parts, with no more of the path than it takes to tell those in use at once apart.

    ``fixed`` names are in use all the time.
    """
    spans: dict[tuple[str, ...], Claim] = {}
    for claim in claims:
        known = spans.get(claim.parts, claim)
        spans[claim.parts] = Claim(claim.parts, min(known.start, claim.start), max(known.end, claim.end))
    depths = dict.fromkeys(spans, 1)
    taken = set(fixed)
    while True:
        groups: dict[str, list[Claim]] = {}
        for parts, claim in spans.items():
            groups.setdefault(claim.text(depths[parts]), []).append(claim)
        crowded = {
            claim.parts
            for text, group in groups.items()
            for claim in group
            if depths[claim.parts] < len(claim.parts) and (text in taken or _is_disputed(claim, group))
        }
        if not crowded:
            return {parts: claim.text(depths[parts]) for parts, claim in spans.items()}
        for parts in crowded:
            depths[parts] += 1


def _is_disputed(claim: Claim, group: Sequence[Claim]) -> bool:
    """Whether another claim in use at the same time has the same text; the one with the shortest path keeps it."""
    rivals = [other for other in group if other is not claim and claim.start < other.end and other.start < claim.end]
    return any(len(other.parts) <= len(claim.parts) for other in rivals)


class Variables:
    """Which values the variables of a function hold."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._held: dict[str, set[str]] = {}

    def take(self, value: str, *wishes: str) -> str:
        """A variable for a value: the first wish that is free, else the last one with a number."""
        for wish in wishes:
            if (variable := self._free(identifier(wish))) is not None:
                break
        else:
            base, number = identifier(wishes[-1]).rstrip("_"), 2
            while (variable := self._free(f"{base}_{number}")) is None:
                number += 1
        self._held[variable] = {value}
        return variable

    def share(self, value: str, variable: str) -> None:
        """A variable holds another value too, or a view of one; one that is not ours is left alone."""
        if variable in self._held:
            self._held[variable].add(value)

    def release(self, value: str) -> None:
        """A value is not read any more."""
        for values in self._held.values():
            values.discard(value)

    def is_free(self, variable: str) -> bool:
        """Whether a variable of ours holds nothing that is read later."""
        return variable in self._held and not self._held[variable]

    def _free(self, name: str) -> str | None:
        if name in self._held:
            return None if self._held[name] else name
        return name if self._names.claim(name) else None
