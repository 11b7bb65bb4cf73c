"""Networks whose output is one block of an axis: each rank of a group computes its own, from the same cores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tnc.api import Network
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.legs import used_tensors
from tnc.ir.program import Dim, Normalize, Output, Program, Reshape, Statement, View
from tnc.layers.blocks import Blocked, Selector, block_of_output
from tnc.passes import run_passes


@dataclass(frozen=True, slots=True)
class Sharded:
    """A network that computes a rank's block of the weight; cores and keys are those of the whole network.

    Its last inputs are ``selectors``: which block is computed is data, so that one module serves all ranks.
    """

    network: Network
    selectors: tuple[Selector, ...]
    axis: int
    ranks: int


def shard(network: Network, axis: int, ranks: int) -> Sharded:
    """The network that computes one of ``ranks`` equal blocks along an axis of its only output.

    Raises:
        CompileError: TN063 if each rank would compute a tensor as large as any of the whole network, with the
            statement that is the reason; TN064 if the blocks are not equal.
    """
    program = network.program
    (output,) = program.outputs
    size = program.shapes()[output.tensor][axis]
    if not isinstance(size, int) or size % ranks:
        raise CompileError((_uneven(output, axis, size, ranks),))
    blocked = block_of_output(program, output.name, axis, ranks)
    optimised = run_passes(blocked.program)
    whole = network.initialised.initialisation.optimised
    sizes = dict(network.options.sizes)
    largest = max(_elements(shape, sizes) for shape in _computed(whole).values())
    uncut = [name for name, shape in _computed(optimised).items() if _elements(shape, sizes) >= largest]
    if uncut:
        raise CompileError((_refused(blocked, uncut[-1], axis, ranks),))
    initialisation = replace(network.initialised.initialisation, optimised=optimised)
    initialised = replace(network.initialised, program=blocked.program, initialisation=initialisation)
    options = network.options if program.inputs else replace(network.options, input_grads=False)
    return Sharded(replace(network, initialised=initialised, options=options), blocked.selectors, axis, ranks)


def _computed(program: Program) -> dict[str, tuple[Dim, ...]]:
    shapes = program.shapes()
    names = [*(statement.name for statement in program.statements), *(output.tensor for output in program.outputs)]
    return {name: shapes[name] for name in names}


def _elements(shape: tuple[Dim, ...], sizes: Mapping[str, int]) -> int:
    return math.prod(sizes.get(dim, 1) if isinstance(dim, str) else dim for dim in shape)


# -- refusals ----------------------------------------------------------------------------------


def _axis_text(output: Output, axis: int) -> str:
    name = output.axes[axis]
    return f"axis {axis}" if name is None else f"axis `{name}`"


def _uneven(output: Output, axis: int, size: Dim, ranks: int) -> Diagnostic:
    if isinstance(size, str):
        message = f"{_axis_text(output, axis)} of `{output.name}` has the dynamic size `{size}` and cannot be sharded"
        return Diagnostic("TN064", message, output.span, help="shard an axis whose size is a number")
    message = f"{_axis_text(output, axis)} of `{output.name}` has {size} entries, not a multiple of {ranks} ranks"
    return Diagnostic("TN064", message, output.span, help="shard over a number of ranks that divides the axis")


def _refused(blocked: Blocked, tensor: str, axis: int, ranks: int) -> Diagnostic:
    """Why every rank would compute all of ``tensor``: the first statement that reads it does not keep the leg open."""
    program = blocked.program
    (output,) = program.outputs
    statements = {statement.name: statement for statement in program.statements}
    user = next((each for each in program.statements if tensor in used_tensors(each)), statements[tensor])
    reason = _reason(statements[tensor], user, blocked)
    message = f"{_axis_text(output, axis)} of `{output.name}` cannot be sharded over {ranks} ranks: {reason}"
    origins = dict(program.origins)
    place = f", {origins[user.name].place}" if user.name in origins else ""
    label = f"every rank would compute all of `{tensor}` for this{place}"
    return Diagnostic("TN063", message, user.span or output.span, label, help=_WAY_OUT)


_WAY_OUT = "choose another axis, fewer ranks, or a network that leaves the first legs of the axis alone"


def _reason(tensor: Statement, user: Statement, blocked: Blocked) -> str:
    for each in (user, tensor):
        if isinstance(each, Normalize):
            return f"`{each.name}` divides by the root mean square of all entries"
    picks = {selector.name for selector in blocked.selectors}
    if isinstance(tensor, View) and picks.intersection(used_tensors(user)):
        shape = _times(blocked.program.shapes()[tensor.argument])
        if not isinstance(tensor.kind, Reshape):
            return f"`{tensor.name}` is cropped after it was flattened"
        return f"its blocks do not align with the legs {shape} that `{tensor.name}` is reshaped from"
    return f"`{user.name}` mixes or sums the legs of `{tensor.name}`"


def _times(shape: tuple[Dim, ...]) -> str:
    return " × ".join(map(str, shape))
