"""What no output needs is not computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tnc.ir.legs import used_tensors
from tnc.ir.program import Program, Statement
from tnc.passes.uses import rebuilt


@dataclass(frozen=True, slots=True)
class DropDead:
    """Drop statements that no output needs. Parameters and inputs stay, needed or not.

    Needs: nothing. Guarantees: every statement is needed by an output. Why: other passes leave behind what they
    made superfluous, and count uses.
    """

    name: ClassVar[str] = "drop_dead"

    def run(self, program: Program) -> Program:
        """The Program after the pass."""
        needed = {output.tensor for output in program.outputs}
        kept: list[Statement] = []
        for statement in reversed(program.statements):
            if statement.name in needed:
                kept.append(statement)
                needed.update(used_tensors(statement))
        return rebuilt(program, reversed(kept), {})
