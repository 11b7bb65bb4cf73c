"""Every code that the compiler can print, with a one-line title. A code has one meaning and is never used again.

Each stage has a block of its own; within a block the codes ascend.
"""

from __future__ import annotations

from typing import Final

CATALOGUE: Final[dict[str, str]] = {
    # -- TN0xx: files, options and the command line -------------------------------------------
    "TN001": "file cannot be read",
    "TN002": "network is not in the file",
    "TN003": "several networks could be meant",
    "TN004": "network lacks an argument",
    "TN005": "argument on the command line is malformed",
    "TN006": "argument matches no parameter of a chosen network",
    "TN007": "size is malformed or matches no dynamic dimension",
    "TN008": "output cannot be written",
    "TN009": "limit is malformed or unknown",
    "TN010": "backend is unknown or broken",
    "TN012": "dtype is unknown",
    "TN013": "value cannot be passed to a network",
    "TN014": "einsum equation is malformed",
    "TN015": "einsum equation and shapes disagree",
    # -- TN1xx: syntax ------------------------------------------------------------------------
    "TN100": "character or name is not of the language",
    "TN101": "something else was expected here",
    "TN102": "string is malformed",
    "TN103": "number or unit is malformed",
    "TN104": "this is written otherwise here",
    "TN105": "bracket is never closed",
    "TN106": "bracket closes nothing or the wrong one",
    "TN107": "keyword cannot be a name",
    "TN108": "statement stands in the wrong place",
    "TN110": "type of a parameter does not exist",
    "TN111": "only legs can have primes",
    "TN112": "only prod and sum fold",
    "TN121": "text nests too deeply",
    "TN122": "number is too large",
    "TN123": "too many errors",
    "TN150": "file is not UTF-8",
    "TN151": "file is larger than the limit",
    "TN152": "file declares no network",
    # -- TN2xx: names, structure and compile-time values --------------------------------------
    # -- TN3xx: dimensions and legs -----------------------------------------------------------
    # -- TN4xx: planning, memory and budgets --------------------------------------------------
    "TN401": "a required budget is broken",
    "TN402": "a budget cannot be evaluated",
    "TN403": "a declared deviation cannot be had",
    # -- TN5xx: what a backend cannot express -------------------------------------------------
    # -- TN8xx: lints -------------------------------------------------------------------------
    # -- TN9xx: faults of the compiler --------------------------------------------------------
    "TN901": "the compiler failed",
}
