"""A name for what a Program means, the same in every process, on every machine."""

from __future__ import annotations

import hashlib

from tnc.ir.program import Program
from tnc.ir.program_text import program_text

_VERSION = "tnc program 1"
"""Changes when equal text would mean something else, so that nothing stored under an old digest is trusted."""


def digest(program: Program) -> str:
    """The sha256 of the canonical text, in hexadecimal: equal for equal Programs, whatever their legs were called."""
    text = f"{_VERSION}\n{program_text(program, canonical=True)}"
    return hashlib.sha256(text.encode()).hexdigest()
