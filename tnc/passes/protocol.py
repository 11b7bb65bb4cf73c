"""What a pass is."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol, TypeAlias

from tnc.ir.program import Program


class Pass(Protocol):
    """A Program in, a Program of the same value out.

    Passes are frozen dataclasses whose fields are their options. Needs and guarantees, of every pass: the Program is
    verified before and after; parameters, inputs, requirements and the outputs' names stay as they are; a tensor
    that survives keeps its name.
    """

    name: ClassVar[str]

    def run(self, program: Program) -> Program:
        """The Program after the pass."""
        ...


Observer: TypeAlias = Callable[[Pass, Program, Program], None]
"""Called after every pass, with the pass and the Program before and after."""
