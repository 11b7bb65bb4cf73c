"""What is computed twice is computed once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from tnc.ir.legs import rename_tensors
from tnc.ir.program import Program, Statement
from tnc.passes.uses import rebuilt


@dataclass(frozen=True, slots=True)
class EliminateCommon:
    """Merge statements that are equal except for their names; the first keeps its name.

    Needs: nothing. Guarantees: no two statements are equal except for their names. Why: an instance that is used twice
    is generated once. Runs before contractions are merged, since inside a region there is nothing left to share.
    """

    name: ClassVar[str] = "eliminate_common"

    def run(self, program: Program) -> Program:
        """The Program after the pass."""
        first: dict[Statement, str] = {}
        aliases: dict[str, str] = {}
        statements: list[Statement] = []
        for statement in program.statements:
            statement = rename_tensors(statement, aliases)
            name = first.setdefault(replace(statement, name=""), statement.name)
            if name == statement.name:
                statements.append(statement)
            else:
                aliases[statement.name] = name
        return rebuilt(program, statements, aliases)
