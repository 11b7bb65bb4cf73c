"""A region as a network of operands: conjugates, diagonals, copy tensors and lonely legs dealt with first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tnc.ir.extent import evaluate
from tnc.ir.legs import tied
from tnc.ir.program import Contract, Dim, Use
from tnc.ir.schedule import Broadcast, Diagonal, Embed, Multiply, Read, ReduceSum, ScalarConstant, Scale
from tnc.order.builder import Builder
from tnc.order.lookup import Contracted, Picker, Selection, Way, one_hot, picks_rows, whole_tensor
from tnc.order.tensor_layout import Layout


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor and its distinct legs, one for each axis of memory, in that order."""

    tensor: Layout
    legs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is left to contract: operands with legs, scalars, and a number.

    Legs that a ``delta`` identifies are one (``leaders`` maps to it); ``absent`` are legs of the result that no operand
    has. ``dims`` is by leg.
    """

    operands: tuple[Operand, ...]
    scalars: tuple[Layout, ...]
    scale: float
    result: tuple[int, ...]
    absent: tuple[int, ...]
    leaders: tuple[int, ...]
    dims: tuple[Dim, ...]
    pickers: tuple[Picker, ...] = ()

    @property
    def tensors(self) -> tuple[tuple[Layout, tuple[int, ...]], ...]:
        """The operands as layouts and legs."""
        return tuple((operand.tensor, operand.legs) for operand in self.operands)


def prepare(
    statement: Contract, located: Mapping[str, Layout], selections: Mapping[str, Selection], builder: Builder
) -> Prepared:
    """Append the steps that each operand needs on its own, and say what remains.

    ``selections`` are the one-hot tensors that are not located; they become operands only where they pick no rows.
    """
    leaders = tied(statement)
    dims = statement.dims
    names = statement.leg_names or tuple(f"l{leg}" for leg in range(len(dims)))
    result = tuple(dict.fromkeys(leaders[leg] for leg in statement.legs if dims[leg] != 1))
    held = Counter(
        leader
        for factor in statement.factors
        if isinstance(factor, Use)
        for leader in {leaders[leg] for leg in factor.legs}
    )
    operands: list[Operand] = []
    scalars: list[Layout] = []

    def place(tensor: Layout, legs: list[int]) -> None:
        operand = _without_repeats(_entire(tensor, legs, dims, builder), builder, names)
        lonely = {leg for leg in operand.legs if held[leg] == 1 and leg not in result}
        operand = _summed(operand, lonely, builder, names)
        if operand.legs:
            operands.append(operand)
        else:
            scalars.append(operand.tensor)

    selected: list[tuple[Selection, list[int]]] = []
    for factor in statement.factors:
        if not isinstance(factor, Use):
            continue
        legs = [leaders[leg] for leg in factor.legs]
        if factor.tensor in selections:
            selected.append((selections[factor.tensor], legs))
            continue
        place(builder.conjugated(located[factor.tensor]) if factor.conjugate else located[factor.tensor], legs)
    pickers: list[Picker] = []
    for number, (selection, legs) in enumerate(selected):
        other = [leg for place_, (_, held_) in enumerate(selected) if place_ != number for leg in held_]
        found = _picker(selection, legs, dims)
        if picks_rows([operand.legs for operand in operands], found, frozenset({*result, *other})):
            pickers.append(found)
        else:
            place(one_hot(selection, builder), legs)
    scale = statement.scale
    for leg in _unheld(statement, leaders, held):
        dim = dims[leg]
        if isinstance(dim, int):
            scale *= dim
        else:
            scalars.append(_count(dim, builder))
    absent = tuple(leg for leg in result if not held[leg])
    return Prepared(tuple(operands), tuple(scalars), scale, result, absent, leaders, dims, tuple(pickers))


def _picker(selection: Selection, legs: Sequence[int], dims: Sequence[Dim]) -> Picker:
    """A one-hot tensor with its legs, those of the integers in the order of memory."""
    data = selection.data
    held = sorted((axis[0], leg) for axis, leg in zip(data.axes, legs, strict=False) if axis)
    digits = tuple(leg if dims[leg] != 1 else None for leg in legs[len(data.axes) :])
    return Picker(selection, tuple(leg for _, leg in held), digits)


def with_rows(
    prepared: Prepared, way: Way, contracted: Contracted, names: tuple[str, ...], builder: Builder
) -> Prepared | None:
    """What is left to contract after integers picked their rows in this way; None if it takes too large a tensor."""
    tensors: Sequence[tuple[Layout, tuple[int, ...]]] = prepared.tensors
    for number, picker in enumerate(prepared.pickers):
        later = [leg for other in prepared.pickers[number + 1 :] for leg in (*other.legs, *other.values)]
        outside = frozenset({*prepared.result, *later})
        if not picks_rows([legs for _, legs in tensors], picker, outside):
            # Integers on the same axes came first: the rows have those axes now.
            tensors = [*tensors, whole_tensor(picker, builder)]
            continue
        found = way(tensors, picker, outside, contracted, builder)
        if found is None:
            return None
        tensors = found
    held = Counter(leg for _, legs in tensors for leg in legs)
    lonely = {leg for leg, number in held.items() if number == 1 and leg not in prepared.result}
    operands = tuple(
        _summed(Operand(tensor, legs), lonely.intersection(legs), builder, names) for tensor, legs in tensors
    )
    return replace(prepared, operands=operands, pickers=())


def _unheld(statement: Contract, leaders: tuple[int, ...], held: Counter[int]) -> list[int]:
    """Summed legs that only copy tensors and ones have: each is a factor of its size."""
    result = {leaders[leg] for leg in statement.legs}
    legs = dict.fromkeys(leaders[leg] for factor in statement.factors for leg in factor.legs)
    return [leg for leg in legs if not held[leg] and leg not in result]


def _count(dim: Dim, builder: Builder) -> Layout:
    """A dynamic size as a scalar: a sum of ones."""
    one = builder.add(ScalarConstant(1.0), (), ())
    ones = builder.add(Broadcast(Read(one.source, (1,))), (dim,), (dim,))
    return builder.add(ReduceSum(Read(ones.source, (dim,)), (0,)), (), ())


def _entire(tensor: Layout, legs: list[int], dims: tuple[Dim, ...], builder: Builder) -> Operand:
    """The tensor with every leg one axis of memory; moved if a leg's parts are apart."""
    if not all(tensor.is_fusable(axis) for axis in tensor.axes):
        tensor = builder.row_major(tensor)
    parts = sorted((axis[0], leg) for axis, leg in zip(tensor.axes, legs, strict=True) if axis)
    memory = tuple(dims[leg] for _, leg in parts)
    axes = tuple((number,) for number in range(len(memory)))
    return Operand(replace(tensor, memory=memory, axes=axes, raw=None), tuple(leg for _, leg in parts))


def _single(operand: Operand, order: list[int]) -> Read:
    return operand.tensor.view([(axis,) for axis in order])


def _without_repeats(operand: Operand, builder: Builder, names: tuple[str, ...]) -> Operand:
    while len(set(operand.legs)) < len(operand.legs):
        leg, _ = Counter(operand.legs).most_common(1)[0]
        first, second, *_ = (axis for axis, other in enumerate(operand.legs) if other == leg)
        rest = [axis for axis in range(len(operand.legs)) if axis not in (first, second)]
        legs = (leg, *(operand.legs[axis] for axis in rest))
        memory = [operand.tensor.memory[axis] for axis in (first, *rest)]
        read = _single(operand, [first, second, *rest])
        tensor = builder.add(Diagonal(read), memory, memory, legs=[names[leg] for leg in legs])
        operand = Operand(tensor, legs)
    return operand


def _summed(operand: Operand, lonely: set[int], builder: Builder, names: tuple[str, ...]) -> Operand:
    if not lonely:
        return operand
    axes = tuple(axis for axis, leg in enumerate(operand.legs) if leg in lonely)
    kept = [axis for axis in range(len(operand.legs)) if axis not in axes]
    memory = [operand.tensor.memory[axis] for axis in kept]
    legs = tuple(operand.legs[axis] for axis in kept)
    read = _single(operand, list(range(len(operand.legs))))
    return Operand(builder.add(ReduceSum(read, axes), memory, memory, legs=[names[leg] for leg in legs]), legs)


def scaled(prepared: Prepared, builder: Builder) -> Prepared:
    """Scalars and the number multiplied onto the smallest operand, where that costs least."""
    scalar: Layout | None = None
    for other in prepared.scalars:
        scalar = other if scalar is None else _times(scalar, other, builder)
    if scalar is None and prepared.scale == 1.0 and prepared.operands:
        return prepared
    if not prepared.operands:
        return replace(prepared, scalars=(_number(scalar, prepared.scale, builder),), scale=1.0)
    sizes = builder.sizes

    def entries(index: int) -> int:
        number = 1
        for dim in prepared.operands[index].tensor.memory:
            number *= evaluate(dim, sizes)
        return number

    if scalar is not None and prepared.scale != 1.0:
        scalar = _number(scalar, prepared.scale, builder)
    index = min(range(len(prepared.operands)), key=lambda i: (entries(i), i))
    operand = prepared.operands[index]
    axes = list(range(len(operand.legs)))
    read = operand.tensor.try_view([axes]) or _single(operand, axes)
    if scalar is None:
        product = builder.add(Scale(read, prepared.scale), read.seen, operand.tensor.memory)
    else:
        one = scalar.view([() for _ in read.shape])
        product = builder.add(Multiply(read, one), read.seen, operand.tensor.memory)
    operands = (*prepared.operands[:index], Operand(product, operand.legs), *prepared.operands[index + 1 :])
    return replace(prepared, operands=operands, scalars=(), scale=1.0)


def _times(left: Layout, right: Layout, builder: Builder) -> Layout:
    return builder.add(Multiply(left.view([]), right.view([])), (), ())


def _number(scalar: Layout | None, scale: float, builder: Builder) -> Layout:
    if scalar is None:
        return builder.add(ScalarConstant(scale), (), ())
    if scale == 1.0:
        return scalar
    read = scalar.view([])
    return builder.add(Scale(read, scale), (), ())


def finish(prepared: Prepared, tensor: Layout, legs: tuple[int, ...], statement: Contract, builder: Builder) -> Layout:
    """The contracted tensor with legs that no operand had, with diagonals, and with its axes as the statement says."""
    dims = prepared.dims
    if prepared.absent:
        read = tensor.view([*((),) * len(prepared.absent), *((axis,) for axis in range(len(legs)))])
        legs = (*prepared.absent, *legs)
        memory = [dims[leg] for leg in legs]
        tensor = builder.add(Broadcast(read), memory, memory)
    copies = Counter(prepared.leaders[leg] for leg in statement.legs if dims[leg] != 1)
    for leg, number in copies.items():
        for _ in range(number - 1):
            first = legs.index(leg)
            rest = [axis for axis in range(len(legs)) if axis != first]
            read = tensor.view([(first,), *((axis,) for axis in rest)])
            legs = (leg, leg, *(legs[axis] for axis in rest))
            memory = [dims[other] for other in legs]
            tensor = builder.add(Embed(read), memory, memory)
    places: dict[int, list[int]] = {}
    for axis, leg in enumerate(legs):
        places.setdefault(leg, []).append(axis)
    axes = tuple((places[prepared.leaders[leg]].pop(0),) if dims[leg] != 1 else () for leg in statement.legs)
    return replace(tensor, axes=axes)
