"""The passes in their order."""

from __future__ import annotations

from collections.abc import Sequence

from tnc.diagnostics import InternalError
from tnc.ir.program import Program
from tnc.ir.program_verify import verify_program
from tnc.passes.broadcast_terms import BroadcastTerms
from tnc.passes.drop_dead import DropDead
from tnc.passes.eliminate_common import EliminateCommon
from tnc.passes.fold_constants import FoldConstants
from tnc.passes.fold_views import FoldViews
from tnc.passes.merge_contractions import MergeContractions
from tnc.passes.merge_deltas import MergeDeltas
from tnc.passes.protocol import Observer, Pass

STANDARD: tuple[Pass, ...] = (
    FoldViews(),
    MergeDeltas(),
    BroadcastTerms(),
    FoldConstants(),
    EliminateCommon(),
    DropDead(),
    MergeContractions(),
)
"""One round. Each pass makes work for others, so rounds are run until nothing changes."""

_ROUNDS = 8
"""Two or three are the rule. The bound keeps contrived files, in which every round uncovers one more step, linear."""


def run_passes(program: Program, passes: Sequence[Pass] = STANDARD, observers: Sequence[Observer] = ()) -> Program:
    """The Program after rounds of the passes, verified after each; InternalError names the one that broke a rule."""
    for _ in range(_ROUNDS):
        before = program
        for each in passes:
            program = _run(each, program, observers)
        if program == before:
            break
    return program


def _run(each: Pass, program: Program, observers: Sequence[Observer]) -> Program:
    result = each.run(program)
    if result is not program:
        try:
            verify_program(result)
        except InternalError as error:
            raise InternalError(f"after the pass `{each.name}`: {error}") from error
    if result.parameters != program.parameters or result.inputs != program.inputs:
        raise InternalError(f"the pass `{each.name}` changed parameters or inputs")
    for observer in observers:
        observer(each, program, result)
    return result
