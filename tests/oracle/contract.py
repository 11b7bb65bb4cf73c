"""The numbers: tensor expressions to arrays, contracted in written order and nothing cleverer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .pointwise import Array, apply
from .primes import legs_in
from .values import (
    Activated,
    Applied,
    Axis,
    BoundTensor,
    Conjugated,
    CoreTensor,
    DefinedTensor,
    Delta,
    Entry,
    InputTensor,
    Leg,
    Node,
    Normalised,
    Ones,
    OracleError,
    Pick,
    Product,
    Scalar,
    Scale,
    Sum,
    Tensor,
    Use,
)

EPSILON = 1e-12


@dataclass(frozen=True)
class Entries:
    """An array, and which of its axes are dynamic."""

    array: Array
    dynamic: tuple[bool, ...]


@dataclass(frozen=True)
class Labelled:
    """An array with a leg on each axis, all different."""

    array: Array
    legs: tuple[Leg, ...]


# -- which tensors are needed --------------------------------------------------------------------


def tensors_in(node: Node) -> Iterator[Tensor]:
    """The tensors that an expression uses, those of its pointwise functions included."""
    match node:
        case Use(tensor=tensor):
            yield tensor
        case Delta() | Ones() | Scale():
            pass
        case Product(factors=parts) | Sum(terms=parts):
            for part in parts:
                yield from tensors_in(part)
        case Activated(function=function, argument=argument):
            yield from tensors_in(argument)
            yield from _scalar_tensors(function)
        case Normalised(argument=argument) | Conjugated(argument=argument):
            yield from tensors_in(argument)


def _scalar_tensors(function: Scalar) -> Iterator[Tensor]:
    match function:
        case Applied(operands=operands):
            for operand in operands:
                yield from _scalar_tensors(operand)
        case Entry() | int() | float():
            pass
        case _:
            yield from tensors_in(function)


def needs(tensor: Tensor) -> tuple[Tensor, ...]:
    """What a tensor is made of."""
    match tensor:
        case CoreTensor() | InputTensor():
            return ()
        case DefinedTensor(value=value):
            return tuple(tensors_in(value))
        case BoundTensor(output=output, bindings=bindings):
            return (output, *(bound for _, bound in _bindings(output, bindings)))


def _bindings(
    output: Tensor, bindings: tuple[tuple[InputTensor, Tensor], ...]
) -> tuple[tuple[InputTensor, Tensor], ...]:
    """The bindings that the output of an instance depends on."""
    within = {id(each) for each in needed([output])}
    return tuple((declared, bound) for declared, bound in bindings if id(declared) in within)


def needed(roots: list[Tensor]) -> list[Tensor]:
    """The roots and all they are made of, what is used before what uses it."""
    order: list[Tensor] = []
    seen: set[int] = set()
    stack: list[tuple[Tensor, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        tensor, ready = stack.pop()
        if ready:
            order.append(tensor)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            stack.append((tensor, True))
            stack.extend((used, False) for used in reversed(needs(tensor)))
    return order


# -- evaluation ----------------------------------------------------------------------------------


class Evaluation:
    """The values of tensors, given cores, inputs and the sizes of dynamic dimensions."""

    def __init__(self, cores: Mapping[str, Array], inputs: dict[int, Entries], sizes: Mapping[str, int]) -> None:
        self.cores = cores
        self.sizes = sizes
        self.values: dict[int, Entries] = dict(inputs)

    def value(self, tensor: Tensor) -> Entries:
        """The value of one tensor."""
        for each in self._order(tensor):
            if id(each) not in self.values:
                self.values[id(each)] = self._compute(each)
        return self.values[id(tensor)]

    def _order(self, tensor: Tensor) -> list[Tensor]:
        """What must be computed first, the tensor last."""
        order: list[Tensor] = []
        seen: set[int] = set()
        stack: list[tuple[Tensor, bool]] = [(tensor, False)]
        while stack:
            each, ready = stack.pop()
            if ready:
                order.append(each)
            elif id(each) not in seen and id(each) not in self.values:
                seen.add(id(each))
                stack.append((each, True))
                # the inside of an instance with bound inputs is an evaluation of its own
                inner = needs(each)[1:] if isinstance(each, BoundTensor) else needs(each)
                stack.extend((used, False) for used in reversed(inner))
        return order

    def _compute(self, tensor: Tensor) -> Entries:
        match tensor:
            case CoreTensor(name=name, shape=shape):
                array = np.asarray(self.cores[name])
                if array.shape != shape:
                    raise OracleError(f"{name} has shape {array.shape}, not {shape}")
                return Entries(array, (False,) * array.ndim)
            case InputTensor(name=name):
                raise OracleError(f"input {name} is not given")
            case BoundTensor(output=output, bindings=bindings):
                inputs: dict[int, Entries] = {}
                sizes: dict[str, int] = {}
                for declared, bound in _bindings(output, bindings):
                    given = self.values[id(bound)]
                    inputs[id(declared)] = given
                    sizes.update(sizes_of(declared, given.array))
                return Evaluation(self.cores, inputs, sizes).value(output)
            case DefinedTensor():
                return _Definition(self, tensor).result()

    def scalar(self, function: Scalar, entry: Array) -> Array:
        """A pointwise function at every entry."""
        match function:
            case Entry():
                return entry
            case Applied(operator=operator, operands=operands):
                return apply(operator, [self.scalar(operand, entry) for operand in operands])
            case int() | float():
                return np.asarray(float(function))
            case _:
                alone = DefinedTensor("", (), None, function)
                return _Definition(self, alone).result().array


def sizes_of(declared: InputTensor, array: Array) -> dict[str, int]:
    """The sizes of the dynamic dimensions of an input, from the array given for it."""
    if array.ndim != len(declared.shape):
        raise OracleError(f"input {declared.name} has {len(declared.shape)} axes, not {array.ndim}")
    sizes: dict[str, int] = {}
    for dim, size in zip(declared.shape, array.shape, strict=True):
        if isinstance(dim, int) and dim != size:
            raise OracleError(f"input {declared.name}: {size} for {dim}")
        if isinstance(dim, str) and sizes.setdefault(dim, size) != size:
            raise OracleError(f"two sizes for {dim}")
    return sizes


def _deltas(node: Node) -> Iterator[tuple[Leg, ...]]:
    """The legs of every delta: they have one dimension."""
    match node:
        case Delta(legs=legs):
            yield legs
        case Use() | Ones() | Scale():
            pass
        case Product(factors=parts) | Sum(terms=parts):
            for part in parts:
                yield from _deltas(part)
        case Activated(argument=argument) | Normalised(argument=argument) | Conjugated(argument=argument):
            yield from _deltas(argument)


class _Definition:
    """One statement: its legs' dimensions, then its value."""

    def __init__(self, evaluation: Evaluation, tensor: DefinedTensor) -> None:
        self.evaluation = evaluation
        self.tensor = tensor
        self.dims: dict[Leg, int] = {}
        self.dynamic: set[Leg] = set()
        self._unify(list(self._used_axes(tensor.value)), list(_deltas(tensor.value)))

    def result(self) -> Entries:
        """The value, with the axes of the left side, cropped and reshaped."""
        left = self.tensor.left
        wanted = tuple(leg for axis in left for leg in axis.legs)
        if len(set(wanted)) != len(wanted):
            raise OracleError("a leg twice on the left")
        value = self._value(self.tensor.value, frozenset(wanted))
        missing = [leg for leg in wanted if leg not in value.legs]
        if missing:
            raise OracleError(f"{self.tensor.name}: no term has {missing}")
        array = np.transpose(value.array, [value.legs.index(leg) for leg in wanted])
        array = array.reshape([math.prod(self.dims[leg] for leg in axis.legs) for axis in left])
        array = array[tuple(slice(self._size(axis.crop)) for axis in left)]
        dynamic = tuple(any(leg in self.dynamic for leg in axis.legs) for axis in left)
        if self.tensor.reshape is None:
            return Entries(array, dynamic)
        sizes = self.evaluation.sizes
        shape = [sizes[dim] if isinstance(dim, str) else dim for dim in self.tensor.reshape]
        flat = array.reshape(-1)[: math.prod(shape)]
        return Entries(flat.reshape(shape), tuple(isinstance(dim, str) for dim in self.tensor.reshape))

    # dimensions

    def _used_axes(self, node: Node) -> Iterator[tuple[Axis, int, bool]]:
        match node:
            case Use(tensor=tensor, axes=axes):
                entries = self.evaluation.value(tensor)
                if len(axes) != entries.array.ndim:
                    raise OracleError(f"{len(axes)} legs for {entries.array.ndim} axes of {tensor}")
                for axis, dim, dynamic in zip(axes, entries.array.shape, entries.dynamic, strict=True):
                    if isinstance(axis, Axis):
                        yield axis, dim, dynamic
            case Delta() | Ones() | Scale():
                pass
            case Product(factors=parts) | Sum(terms=parts):
                for part in parts:
                    yield from self._used_axes(part)
            case Activated(argument=argument) | Normalised(argument=argument) | Conjugated(argument=argument):
                yield from self._used_axes(argument)

    def _size(self, crop: int | str | None) -> int | None:
        return self.evaluation.sizes[crop] if isinstance(crop, str) else crop

    def _declare(self) -> None:
        """``axis: d = leg`` on the left: the dimension of a leg that nothing else gives one."""
        for axis in self.tensor.left:
            size = self._size(axis.crop)
            if size is not None and len(axis.legs) == 1 and axis.legs[0] not in self.dims:
                self.dims[axis.legs[0]] = size
                if isinstance(axis.crop, str):
                    self.dynamic.add(axis.legs[0])

    def _unify(self, axes: list[tuple[Axis, int, bool]], deltas: list[tuple[Leg, ...]]) -> None:
        """Find the dimensions: from single legs, from groups with one leg missing, through deltas."""
        for axis, _, dynamic in axes:
            if dynamic:
                self.dynamic.update(axis.legs)
        self._spread(axes, deltas)
        self._declare()
        self._spread(axes, deltas)
        for axis, dim, _ in axes:
            if any(leg not in self.dims for leg in axis.legs):
                raise OracleError(f"{self.tensor.name}: dimensions cannot be inferred")
            if math.prod(self.dims[leg] for leg in axis.legs) != dim:
                raise OracleError(f"{self.tensor.name}: {axis.legs} is not {dim}")
        for legs in deltas:
            if len({self._dim(leg) for leg in legs}) > 1:
                raise OracleError(f"{self.tensor.name}: a delta of different dimensions")

    def _spread(self, axes: list[tuple[Axis, int, bool]], deltas: list[tuple[Leg, ...]]) -> None:
        waiting, progress = axes, True
        while progress:
            progress = False
            for axis, dim, _ in waiting:
                unknown = [leg for leg in axis.legs if leg not in self.dims]
                known = math.prod(self.dims[leg] for leg in axis.legs if leg in self.dims)
                if len(unknown) == 1 and dim % known == 0:
                    self.dims[unknown[0]] = dim // known
                    progress = True
            waiting = [entry for entry in waiting if any(leg not in self.dims for leg in entry[0].legs)]
            for legs in deltas:
                for leg in legs:
                    for other in legs:
                        if leg in self.dims and other not in self.dims:
                            self.dims[other] = self.dims[leg]
                            progress = True
                        if leg in self.dynamic and other not in self.dynamic:
                            self.dynamic.add(other)
                            progress = True

    # values

    def _value(self, node: Node, wanted: frozenset[Leg]) -> Labelled:
        """The value with the legs that it has among the wanted ones; the others are summed here or deeper."""
        match node:
            case Use(tensor=tensor, axes=axes):
                return self._use(self.evaluation.value(tensor).array, axes, wanted)
            case Delta(legs=legs):
                shape = [self._dim(leg) for leg in legs]
                array = np.zeros(shape)
                for k in range(min(shape, default=1)):
                    array[(k,) * len(shape)] = 1.0
                return self._summed(array, legs, wanted)
            case Ones(legs=legs):
                return self._summed(np.ones([self._dim(leg) for leg in legs]), legs, wanted)
            case Scale(value=value):
                return Labelled(np.asarray(value), ())
            case Product(factors=factors):
                return self._product(factors, wanted)
            case Sum(terms=terms):
                return self._sum([self._value(term, wanted) for term in terms])
            case Activated(function=function, argument=argument):
                inner = self._value(argument, wanted)
                return Labelled(self.evaluation.scalar(function, inner.array) + np.zeros(inner.array.shape), inner.legs)
            case Normalised(argument=argument):
                inner = self._value(argument, wanted)
                fixed = tuple(k for k, leg in enumerate(inner.legs) if leg not in self.dynamic)
                square = np.mean(np.abs(inner.array) ** 2, axis=fixed, keepdims=True)
                return Labelled(inner.array / np.sqrt(square + EPSILON), inner.legs)
            case Conjugated(argument=argument):
                inner = self._value(argument, wanted)
                return Labelled(np.conj(inner.array), inner.legs)

    def _dim(self, leg: Leg) -> int:
        if leg not in self.dims:
            raise OracleError(f"{self.tensor.name}: {leg} has no dimension")
        return self.dims[leg]

    def _use(self, array: Array, axes: tuple[Axis | Pick, ...], wanted: frozenset[Leg]) -> Labelled:
        for axis in axes:
            if isinstance(axis, Pick) and not axis.index >= 0:
                raise OracleError("[k] with k < 0")
        array = array[tuple(axis.index if isinstance(axis, Pick) else slice(None) for axis in axes)]
        legs = tuple(leg for axis in axes if isinstance(axis, Axis) for leg in axis.legs)
        return self._summed(array.reshape([self.dims[leg] for leg in legs]), legs, wanted)

    def _summed(self, array: Array, legs: tuple[Leg, ...], wanted: frozenset[Leg]) -> Labelled:
        """One tensor by itself: diagonals taken, what nothing outside needs summed, if it is used here twice."""
        kept: list[Leg] = []
        for leg in legs:
            if leg not in wanted and legs.count(leg) < 2:
                raise OracleError(f"{self.tensor.name}: {leg} is used once")
            if leg in wanted and leg not in kept:
                kept.append(leg)
        return _einsum([Labelled(array, legs)], tuple(kept))

    def _product(self, factors: tuple[Node, ...], wanted: frozenset[Leg]) -> Labelled:
        written = [frozenset(legs_in(factor)) for factor in factors]
        times: dict[Leg, int] = {}
        for legs in written:
            for leg in legs:
                times[leg] = times.get(leg, 0) + 1
        result = Labelled(np.asarray(1.0), ())
        for position, factor in enumerate(factors):
            shared = frozenset(leg for leg in written[position] if times[leg] > 1)
            value = self._value(factor, wanted | shared)
            later = frozenset[Leg]().union(*written[position + 1 :])
            both = (*result.legs, *(leg for leg in value.legs if leg not in result.legs))
            result = _einsum([result, value], tuple(leg for leg in both if leg in wanted or leg in later))
        return result

    def _sum(self, terms: list[Labelled]) -> Labelled:
        legs: list[Leg] = []
        for term in terms:
            legs.extend(leg for leg in term.legs if leg not in legs)
        total: Array = np.zeros([self.dims[leg] for leg in legs])
        for term in terms:
            present = [leg for leg in legs if leg in term.legs]
            array = np.transpose(term.array, [term.legs.index(leg) for leg in present])
            total = total + array.reshape([self.dims[leg] if leg in term.legs else 1 for leg in legs])
        return Labelled(total, tuple(legs))


def _einsum(operands: list[Labelled], result: tuple[Leg, ...]) -> Labelled:
    numbers: dict[Leg, int] = {}
    for operand in operands:
        for leg in operand.legs:
            numbers.setdefault(leg, len(numbers))
    arguments: list[object] = []
    for operand in operands:
        arguments.extend((operand.array, [numbers[leg] for leg in operand.legs]))
    einsum: Callable[..., Array] = np.einsum
    return Labelled(einsum(*arguments, [numbers[leg] for leg in result]), result)
