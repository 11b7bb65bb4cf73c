"""The options of a compilation, the same for Python and the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tnc.diagnostics import LintLevels
from tnc.limits import Limits

DTYPES: Final = ("float32", "float64", "bfloat16", "float16", "complex64", "complex128")


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller asks of the compiler.

    ``arguments`` are for the parameters of networks: a :class:`Source` is an expression of the language, anything
    else a Python value. ``sizes`` are those of dynamic dimensions; ``lints`` says which warnings are reported. A plan
    minimises ``objective`` (time, flops or memory) on ``device``: a name, the path of a profile, or None for a generic
    processor. ``input_grads`` says whether inputs need gradients. ``neighbours`` are options of Python's functions or
    of the command line, which a misspelt argument may have meant.
    """

    network: str | None = None
    arguments: tuple[tuple[str, object], ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()
    dtype: str = "float32"
    limits: Limits = field(default_factory=Limits)
    lints: LintLevels = field(default_factory=LintLevels)
    device: str | None = None
    objective: str = "time"
    forward_only: bool = False
    neighbours: tuple[str, ...] = ()
    input_grads: bool = True
