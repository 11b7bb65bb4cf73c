"""The rules that every Schedule keeps, checked after every plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, assert_never

from tnc.diagnostics import InternalError
from tnc.ir.extent import Extent, extent
from tnc.ir.in_place import overwritable, overwrites
from tnc.ir.program import Apply, Argument, Literal, Scalar
from tnc.ir.reads import reads
from tnc.ir.schedule import (
    Add,
    Broadcast,
    Conjugate,
    Contiguous,
    Diagonal,
    Embed,
    Eye,
    Gather,
    Index,
    Kron,
    Loop,
    Matmul,
    Multiply,
    NamedView,
    Normalize,
    Operation,
    Pointwise,
    Read,
    ReduceSum,
    ScalarConstant,
    Scale,
    Schedule,
    Slice,
    Step,
    Sweep,
)
from tnc.ir.sweep import shape_after

Shape = tuple[Extent, ...]


def verify_schedule(schedule: Schedule) -> None:
    """Raise InternalError if a name, a shape, a view or a claim about contiguity is wrong."""
    sources: dict[str, _Source] = {}
    for given in schedule.inputs:
        _define(sources, given.name, _Source(given.shape, integers=given.values is not None))
        if given.grad and given.values is not None:
            _fail(f"input `{given.name}`", "is of integers and has a gradient")
    for stack in schedule.stacks:
        _define(sources, stack.key, _Source(stack.stored_shape))
    free = overwritable(schedule.steps, schedule.results)
    for step in schedule.steps:
        _define(sources, step.name, _step(step, sources, 1))
        if isinstance(step.operation, Pointwise) and step.operation.in_place:
            _in_place(step, step.operation, sources, free)
    for result in schedule.results:
        if _seen(result.read, sources, 1, f"result `{result.name}`").integers:
            _fail(f"result `{result.name}`", "is of integers")
        if len(result.axes) != len(result.read.shape):
            _fail(f"result `{result.name}`", "has another number of axes than names for them")


@dataclass(frozen=True, slots=True)
class _Source:
    shape: Shape
    strided: bool = False
    integers: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    shape: Shape
    strided: bool
    integers: bool


def _fail(where: str, what: str) -> NoReturn:
    raise InternalError(f"schedule: {where} {what}")


def _define(sources: dict[str, _Source], name: str, source: _Source) -> None:
    if name in sources:
        _fail(f"`{name}`", "is defined twice")
    sources[name] = source


def _in_place(step: Step, operation: Pointwise, sources: dict[str, _Source], free: frozenset[str]) -> None:
    read = operation.operands[0]
    itself = Read(read.source, sources[read.source].shape)
    if read.source not in free or read != itself or not overwrites(operation.function):
        _fail(f"step `{step.name}`", f"overwrites `{read.source}`")


# -- reads -------------------------------------------------------------------------------------


def _seen(read: Read, sources: dict[str, _Source], count: int, where: str) -> _Seen:
    """What a read sees, over ``count`` iterations."""
    where = f"{where}: `{read.source}`"
    if read.source not in sources:
        _fail(where, "is not defined there")
    source = sources[read.source]
    shape, strided = source.shape, source.strided
    if read.select is not None:
        axis, index = read.select
        _pick(shape, axis, index, count, where)
        strided = strided or any(size != 1 for size in shape[:axis])
        shape = shape[:axis] + shape[axis + 1 :]
    if extent(shape) != extent(read.shape):
        _fail(where, f"of shape {_text(shape)} is read as {_text(read.shape)}")
    if strided and not _only_splits(shape, read.shape):
        _fail(where, f"is strided, and no view of {_text(shape)} has shape {_text(read.shape)}")
    if read.perm is not None:
        if sorted(read.perm) != list(range(len(read.shape))):
            _fail(where, f"is read in the order {read.perm}")
        if read.perm != tuple(range(len(read.perm))):
            strided = True
    return _Seen(read.seen, strided, source.integers)


def _pick(shape: Shape, axis: int, index: Index, count: int, where: str) -> None:
    if not 0 <= axis < len(shape):
        _fail(where, f"has no axis {axis} to pick from")
    size = shape[axis]
    ends = index.start, index.start + index.step * (count - 1)
    if not isinstance(size, int) or not all(0 <= end < size for end in ends):
        _fail(where, f"has no entries {ends[0]} to {ends[1]} along axis {axis}")


def _only_splits(old: Shape, new: Shape) -> bool:
    """Whether the new shape arises by splitting axes, and adding or dropping axes of size 1."""
    pending = [size for size in reversed(new) if size != 1]
    for size in old:
        if size == 1:
            continue
        parts: list[Extent] = []
        while pending and extent(parts) != size:
            parts.append(pending.pop())
        if extent(parts) != size:
            return False
    return not pending


def _text(shape: Sequence[Extent]) -> str:
    return f"({', '.join(map(str, shape))})"


# -- steps -------------------------------------------------------------------------------------


def _step(step: Step, sources: dict[str, _Source], count: int) -> _Source:
    """Check one step; what it defines."""
    where = f"step `{step.name}`"
    operation = step.operation
    seen = [_seen(read, sources, count, where) for read in reads(operation)]
    if isinstance(operation, Loop):
        expected = _repeat(step, operation, seen[0], sources, count)
    else:
        expected = _shape(step, seen, where)
    if expected != step.shape:
        _fail(where, f"has shape {_text(step.shape)}, its operation gives {_text(expected)}")
    strided = _is_strided(step, seen)
    if strided and not step.strided:
        _fail(where, "claims to be contiguous")
    if step.strided and not isinstance(operation, NamedView | Slice):
        _fail(where, "is strided, but not a view")
    return _Source(step.shape, step.strided, _is_of_integers(operation, seen, where))


def _is_of_integers(operation: Operation, seen: Sequence[_Seen], where: str) -> bool:
    """Whether a step makes integers: only views and copies of integers do, and only gathers read integers as such."""
    integers = [each.integers for each in seen]
    if isinstance(operation, NamedView | Contiguous):
        return integers[0]
    if integers != [isinstance(operation, Gather) and place == 1 for place in range(len(seen))]:
        _fail(where, "reads integers as numbers, or numbers as integers")
    return False


def _is_strided(step: Step, seen: Sequence[_Seen]) -> bool:
    match step.operation:
        case NamedView():
            return seen[0].strided
        case Slice():
            return seen[0].strided or any(
                new != old for new, old in zip(step.shape[1:], seen[0].shape[1:], strict=True)
            )
        case _:
            return False


def _repeat(step: Step, repeat: Loop, initial: _Seen, sources: dict[str, _Source], outer: int) -> Shape:
    where = f"loop `{step.name}`"
    if repeat.count < 1 or not repeat.body or outer != 1:
        _fail(where, "is empty, or within a loop")
    if initial.shape != step.shape or initial.strided:
        _fail(where, f"starts from {_text(initial.shape)}")
    inner = dict(sources)
    _define(inner, repeat.carried, _Source(step.shape))
    for each in repeat.body:
        _define(inner, each.name, _step(each, inner, repeat.count))
    last = repeat.body[-1]
    if last.strided:
        _fail(where, "carries a strided view")
    return last.shape


def _shape(step: Step, seen: Sequence[_Seen], where: str) -> Shape:
    """The shape that the operation gives."""
    shapes = [operand.shape for operand in seen]
    match step.operation:
        case ScalarConstant():
            return ()
        case Eye(size=size):
            if size < 1:
                _fail(where, f"is an identity with {size} rows")
            return size, size
        case Matmul():
            return _matmul(shapes[0], shapes[1], where)
        case Multiply() | Add():
            return _broadcast(shapes, where)
        case Kron():
            if any(len(operand.shape) != 2 or operand.strided for operand in seen):
                _fail(where, f"takes the Kronecker product of {_text(shapes[0])} and {_text(shapes[1])}")
            return tuple(extent(sizes) for sizes in zip(*shapes, strict=True))
        case Scale() | Contiguous() | NamedView() | Conjugate():
            return shapes[0]
        case ReduceSum(axes=axes):
            if not axes or not set(axes) <= set(range(len(shapes[0]))):
                _fail(where, f"sums axes {axes}")
            return tuple(size for axis, size in enumerate(shapes[0]) if axis not in axes)
        case Diagonal():
            if len(shapes[0]) < 2 or shapes[0][0] != shapes[0][1]:
                _fail(where, "takes the diagonal of what is not square")
            return shapes[0][1:]
        case Embed():
            if not shapes[0]:
                _fail(where, "embeds a scalar")
            return (shapes[0][0], *shapes[0])
        case Broadcast():
            if _broadcast([shapes[0], step.shape], where) != step.shape:
                _fail(where, f"cannot repeat {_text(shapes[0])}")
            return step.shape
        case Slice():
            if len(step.shape) != len(shapes[0]) or not all(map(_crops, step.shape, shapes[0])):
                _fail(where, f"crops {_text(shapes[0])}")
            return step.shape
        case Pointwise(function=function):
            if _highest(function) >= len(shapes) or any(shapes[1:]):
                _fail(where, "has too few operands, or further operands that are not scalars")
            return shapes[0]
        case Normalize(axes=axes):
            if not set(axes) <= set(range(len(shapes[0]))):
                _fail(where, f"normalizes along {axes}")
            return shapes[0]
        case Gather() as gather:
            return _gather(gather, seen, where)
        case Sweep() as sweep:
            return _sweep(sweep, seen, where)
        case Loop():
            raise AssertionError
        case _:
            assert_never(step.operation)


def _gather(gather: Gather, seen: Sequence[_Seen], where: str) -> Shape:
    matrix, index = seen
    if len(matrix.shape) != 2 or not isinstance(matrix.shape[0], int) or matrix.strided:
        _fail(where, f"gathers rows of {_text(matrix.shape)}, not of a contiguous matrix")
    if len(index.shape) != 1 or gather.divisor < 1:
        _fail(where, f"gathers by an index of shape {_text(index.shape)} over {gather.divisor}")
    return index.shape[0], matrix.shape[1]


def _sweep(sweep: Sweep, seen: Sequence[_Seen], where: str) -> Shape:
    operand, *gates = seen
    match operand.shape:
        case (int() as entries,) if not operand.strided:
            pass
        case _:
            _fail(where, f"sweeps over {_text(operand.shape)}, which is not flat in memory")
    if not gates:
        _fail(where, "sweeps without windows")
    for window, gate in zip(sweep.windows, gates, strict=True):
        match gate.shape:
            case (int() as new, int() as summed):
                pass
            case _:
                _fail(where, f"has a gate of shape {_text(gate.shape)}")
        if window.front < 1 or entries % (window.front * summed):
            _fail(where, f"cannot see {entries} entries as ({window.front}, {summed}, …)")
        entries = entries // summed * new
    return shape_after(sweep)


def _matmul(left: Shape, right: Shape, where: str) -> Shape:
    fits = len(left) == len(right) in (2, 3) and left[-1] == right[-2]
    if not fits or (left[:-2] != right[:-2] and 1 not in (left[0], right[0])):
        _fail(where, f"multiplies matrices {_text(left)} and {_text(right)}")
    batch = right[:-2] if left[:-2] == (1,) else left[:-2]
    return (*batch, left[-2], right[-1])


def _broadcast(shapes: Sequence[Shape], where: str) -> Shape:
    if len({len(shape) for shape in shapes}) != 1:
        _fail(where, "combines operands of different ranks")
    result: list[Extent] = []
    for sizes in zip(*shapes, strict=True):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            _fail(where, f"combines axes of sizes {', '.join(map(str, sizes))}")
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def _crops(new: Extent, old: Extent) -> bool:
    return new == old or (isinstance(new, int) and isinstance(old, int) and 1 <= new <= old)


def _highest(function: Scalar) -> int:
    match function:
        case Argument(index=index):
            return index
        case Literal():
            return 0
        case Apply(operands=operands):
            return max(map(_highest, operands), default=0)
        case _:
            assert_never(function)
