"""The searches for candidates. A new kind of candidate is a file with a search, and a line here."""

from __future__ import annotations

from typing import Final

from tnc.order.built import weight_candidates
from tnc.order.candidate import Search, tree_candidates
from tnc.order.sweep import sweep_candidates

SEARCHES: Final[tuple[Search, ...]] = (
    tree_candidates,
    sweep_candidates,
    weight_candidates,
)
"""In the order in which candidates are evaluated; among equals the first one wins."""
