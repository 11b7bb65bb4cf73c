"""Blocks of an output, put side by side, are the output: on random Programs, and on those of the library."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.evaluate_program import Array, evaluate_program, random_tensors
from tests.program_strategies import programs
from tnc.ir.program import Program
from tnc.ir.program_verify import verify_program
from tnc.layers.blocks import Blocked, Selector, block_of_output
from tnc.passes import run_passes

SIZES = {"batch": 3}


def picked(selector: Selector, rank: int) -> Array:
    start = selector.start(rank)
    rows = np.eye(selector.dim)[start : start + selector.block.size]
    return rows.reshape(selector.shape)


def value_of_block(blocked: Blocked, tensors: dict[str, Array], rank: int, output: str) -> Array:
    picks = {selector.name: picked(selector, rank) for selector in blocked.selectors}
    return evaluate_program(blocked.program, {**tensors, **picks}, SIZES)[output]


def assert_blocks_are_the_whole(program: Program, output: str, axis: int, count: int) -> Blocked:
    blocked = block_of_output(program, output, axis, count)
    verify_program(blocked.program)
    verify_program(run_passes(blocked.program))
    assert blocked.program.parameters == program.parameters
    tensors = random_tensors(program, sizes=SIZES)
    with np.errstate(all="ignore"):
        whole = evaluate_program(program, tensors, SIZES)[output]
        blocks = [value_of_block(blocked, tensors, rank, output) for rank in range(count)]
    assert {block.shape[axis] * count for block in blocks} == {whole.shape[axis]}
    np.testing.assert_allclose(np.concatenate(blocks, axis), whole, rtol=1e-9, atol=1e-9 * (1 + np.abs(whole).max()))
    return blocked


@given(program=programs(), data=st.data())
@settings(max_examples=400, deadline=None)
def test_blocks_are_the_whole(program: Program, data: st.DataObject) -> None:
    shapes = program.shapes()
    cuts = [
        (output.name, axis, count)
        for output in program.outputs
        for axis, dim in enumerate(shapes[output.tensor])
        if isinstance(dim, int)
        for count in range(2, dim + 1)
        if dim % count == 0
    ]
    assume(cuts)
    assert_blocks_are_the_whole(program, *data.draw(st.sampled_from(cuts)))
