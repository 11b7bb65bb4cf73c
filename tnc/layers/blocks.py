"""A block of an output: the Program that computes one of several equal parts of an axis, which one is run-time data.

The slice of an output is carried up through the statements that compute it. Pointwise functions keep legs open, a
reshape turns a block of rows into digits of legs, and a product hands the leg to the factors that hold it. Where it
arrives at a core, a *selector* picks the block: an input of the new Program, rows of the identity. Parameters, keys
and values stay as they are, so that all ranks hold the same cores and run the same code.

A statement that cannot be cut (``rms``, a reshape that does not align) is computed whole and cut afterwards. The value
is exact in any case; ``tnc.layers.sharding`` refuses the cases that save nothing.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from tnc.ir.legs import contract, replace_legs, sum_of, used_tensors
from tnc.ir.program import (
    Contract,
    Crop,
    Delta,
    Dim,
    Factor,
    FlatCrop,
    Input,
    Normalize,
    Ones,
    Output,
    Pointwise,
    Program,
    Reshape,
    Select,
    Statement,
    Sum,
    Term,
    Use,
    View,
    statement_shape,
)
from tnc.layers.reshapes import axes_cut
from tnc.passes.merge_deltas import MergeDeltas


@dataclass(frozen=True, slots=True)
class Block:
    """``size`` entries of an axis from ``index(rank) * size`` on."""

    stride: int
    count: int
    size: int

    def index(self, rank: int) -> int:
        """The number of the block that a rank computes, below ``count``."""
        return rank // self.stride % self.count


@dataclass(frozen=True, slots=True)
class Selector:
    """An input that picks a block of an axis of ``dim`` entries: those rows of the identity, one row as a vector."""

    name: str
    block: Block
    dim: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the input."""
        return (self.dim,) if self.block.size == 1 else (self.block.size, self.dim)

    def start(self, rank: int) -> int:
        """The first row of the identity."""
        return self.block.index(rank) * self.block.size


@dataclass(frozen=True, slots=True)
class Blocked:
    """A Program whose output is one block; ``selectors`` are its last inputs."""

    program: Program
    selectors: tuple[Selector, ...]


Demand: TypeAlias = tuple[tuple[int, Block], ...]
"""The axes of a tensor that are cut, ascending, each with its block; ``()`` is the whole tensor."""

Version: TypeAlias = tuple[str, Demand]
"""A tensor as one of its users needs it."""

_SUBSCRIPTS = re.compile(r"\[[^\[\]]*\]$")


def block_of_output(program: Program, output: str, axis: int, count: int) -> Blocked:
    """The Program that computes one of ``count`` equal blocks of an axis of an output; other outputs stay whole.

    ``count`` divides the axis, which is not dynamic.
    """
    program = MergeDeltas().run(program)
    shapes = program.shapes()
    (tensor,) = (given.tensor for given in program.outputs if given.name == output)
    size = shapes[tensor][axis]
    assert isinstance(size, int), "the axis is dynamic"
    cut: Demand = ((axis, Block(1, count, size // count)),)
    wanted = [(given.tensor, cut if given.name == output else ()) for given in program.outputs]
    return _Builder(program, shapes, _versions(program, shapes, wanted)).build(wanted, axis)


# -- what is needed of every tensor ------------------------------------------------------------


def _versions(
    program: Program, shapes: Mapping[str, tuple[Dim, ...]], wanted: Sequence[Version]
) -> dict[str, tuple[Demand, ...]]:
    """The versions of every tensor that the wanted ones need; one that another is cut from comes first."""
    statements = {statement.name: statement for statement in program.statements}
    found: dict[str, dict[Demand, None]] = {name: {} if name in statements else {(): None} for name in shapes}
    for tensor, demand in wanted:
        found[tensor][demand] = None
    for statement in reversed(program.statements):
        for demand in tuple(found[statement.name]):
            kept = _kept(statement, demand, shapes)
            found[statement.name][kept] = None
            for tensor, need in _needs(statement, kept, shapes, statements):
                found[tensor][need] = None
    return {
        name: tuple(sorted(demands, key=lambda demand: _is_cut_afterwards(statements.get(name), demand, shapes)))
        for name, demands in found.items()
    }


def _is_cut_afterwards(statement: Statement | None, demand: Demand, shapes: Mapping[str, tuple[Dim, ...]]) -> bool:
    """Whether a version is cut from another version of the same tensor; of cores and inputs every cut is."""
    return bool(demand) if statement is None else _kept(statement, demand, shapes) != demand


def _kept(statement: Statement, demand: Demand, shapes: Mapping[str, tuple[Dim, ...]]) -> Demand:
    """The part of a demand that the statement itself can meet; the rest is cut from its result."""
    match statement:
        case Contract() | Sum() | Pointwise():
            return demand
        case Normalize():
            return ()
        case View(kind=kind, argument=argument, shape=shape):
            match kind:
                case Crop() | Select():
                    return demand
                case FlatCrop():
                    return ()
                case Reshape():
                    cuts = {axis: (block.count, block.size) for axis, block in demand}
                    aligned = axes_cut(shape, shapes[argument], cuts)
                    return tuple((axis, block) for axis, block in demand if axis in aligned)
                case _:
                    assert_never(kind)
        case _:
            assert_never(statement)


def _needs(
    statement: Statement, demand: Demand, shapes: Mapping[str, tuple[Dim, ...]], computed: Container[str]
) -> list[Version]:
    """What a statement reads to compute a version that it can meet, one entry a use, in the order of its uses.

    A product reads cores and inputs whole, next to selectors.
    """
    match statement:
        case Contract():
            cut = _cut_legs(statement, demand)
            pinned = _pinned(statement)
            open_legs = {leg: block for leg, block in cut.items() if leg not in pinned}
            uses = [factor for factor in statement.factors if isinstance(factor, Use)]
            return [(use.tensor, _on_axes(use, open_legs) if use.tensor in computed else ()) for use in uses]
        case Sum():
            return [(term.use.tensor, _on_axes(term.use, _cut_legs(statement, demand))) for term in statement.terms]
        case Pointwise(arguments=(first, *others)):
            return [(first, demand), *((other, ()) for other in others)]
        case Pointwise() | Normalize():
            return [(tensor, ()) for tensor in used_tensors(statement)]
        case View():
            return [(statement.argument, _before_view(statement, demand, shapes[statement.argument]))]
        case _:
            assert_never(statement)


def _before_view(view: View, demand: Demand, old: tuple[Dim, ...]) -> Demand:
    match view.kind:
        case Crop() | FlatCrop():
            return demand
        case Select(axis=removed):
            return tuple((axis + (axis >= removed), block) for axis, block in demand)
        case Reshape():
            cuts = axes_cut(view.shape, old, {axis: (block.count, block.size) for axis, block in demand})
            before: list[tuple[int, Block]] = []
            for axis, block in demand:
                stride = block.stride * block.count
                for inner, count, size in cuts[axis]:
                    stride //= count
                    before.append((inner, Block(stride, count, size)))
            return tuple(sorted(before, key=lambda each: each[0]))
        case _:
            assert_never(view.kind)


def _cut_legs(statement: Contract | Sum, demand: Demand) -> dict[int, Block]:
    return {statement.legs[axis]: block for axis, block in demand}


def _pinned(statement: Contract) -> set[int]:
    """The legs of copy tensors: a diagonal is embedded whole."""
    return {leg for factor in statement.factors if isinstance(factor, Delta) for leg in factor.legs}


def _on_axes(use: Use, cut: Mapping[int, Block]) -> Demand:
    return tuple((axis, cut[leg]) for axis, leg in enumerate(use.legs) if leg in cut)


# -- the new Program ---------------------------------------------------------------------------


class _Builder:
    """Writes the versions of all tensors, statement by statement."""

    def __init__(
        self, program: Program, shapes: Mapping[str, tuple[Dim, ...]], versions: Mapping[str, tuple[Demand, ...]]
    ) -> None:
        self._program = program
        self._old = shapes
        self._versions = versions
        self._computed = {statement.name for statement in program.statements}
        self._taken = set(shapes)
        self._names: dict[Version, str] = {}
        self._selectors: dict[tuple[Block, int], Selector] = {}
        self._statements: list[Statement] = []
        self._origins = dict(program.origins)

    def build(self, wanted: Sequence[Version], axis: int) -> Blocked:
        for name, demands in self._versions.items():
            self._name_versions(name, demands)
        for leaf in self._old:
            if leaf not in self._computed:
                for demand in self._versions[leaf]:
                    if demand:
                        self._cut_afterwards((leaf, demand), (leaf, ()), demand)
        for statement in self._program.statements:
            for demand in self._versions[statement.name]:
                self._write(statement, demand)
        shapes = self._program.shapes()
        shapes.update(self._shapes())
        outputs = tuple(
            self._output(output, version, axis, shapes)
            for output, version in zip(self._program.outputs, wanted, strict=True)
        )
        selectors = tuple(self._selectors.values())
        inputs = (*self._program.inputs, *(Input(each.name, each.shape) for each in selectors))
        program = replace(
            self._program,
            inputs=inputs,
            statements=tuple(self._statements),
            outputs=outputs,
            origins=tuple(self._origins.items()),
        )
        return Blocked(program, selectors)

    def _shapes(self) -> dict[str, tuple[Dim, ...]]:
        shapes = {name: self._old[name] for name in self._old if name not in self._computed}
        shapes.update((each.name, each.shape) for each in self._selectors.values())
        for statement in self._statements:
            shapes[statement.name] = statement_shape(statement, shapes)
        return shapes

    def _name_versions(self, name: str, demands: tuple[Demand, ...]) -> None:
        """The whole tensor keeps its name; where nobody needs it, so does its first block."""
        for number, demand in enumerate(demands):
            keeps = not demand or (name in self._computed and not number and () not in demands)
            fresh = name if keeps else self._fresh(name, "_block")
            self._names[name, demand] = fresh
            if name in self._origins:
                self._origins[fresh] = self._origins[name]

    def _fresh(self, tensor: str, suffix: str) -> str:
        wanted = _SUBSCRIPTS.sub("", tensor) + suffix
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name

    def _selector(self, block: Block, dim: Dim) -> Selector:
        assert isinstance(dim, int), "only static axes are cut"
        if (block, dim) not in self._selectors:
            self._selectors[block, dim] = Selector(self._fresh("block", ""), block, dim)
        return self._selectors[block, dim]

    def _write(self, statement: Statement, demand: Demand) -> None:
        name = statement.name
        kept = _kept(statement, demand, self._old)
        if kept != demand:
            self._cut_afterwards((name, demand), (name, kept), tuple(each for each in demand if each not in kept))
            return
        tensors = [self._names[need] for need in _needs(statement, demand, self._old, self._computed)]
        self._statements.append(self._version(statement, demand, self._names[name, demand], tensors))

    def _version(self, statement: Statement, demand: Demand, name: str, tensors: list[str]) -> Statement:
        match statement:
            case Contract():
                return self._contract(statement, demand, name, tensors)
            case Sum():
                return self._sum(statement, demand, name, tensors)
            case Pointwise():
                return replace(statement, name=name, arguments=tuple(tensors))
            case Normalize():
                return replace(statement, name=name, argument=tensors[0])
            case View(kind=kind):
                if isinstance(kind, Select):
                    cut = dict(_before_view(statement, demand, self._old[statement.argument]))
                    gone = sum(axis < kind.axis and block.size == 1 for axis, block in cut.items())
                    kind = replace(kind, axis=kind.axis - gone)
                shape = _cut_shape(statement.shape, demand)
                return replace(statement, name=name, argument=tensors[0], kind=kind, shape=shape)
            case _:
                assert_never(statement)

    def _contract(self, statement: Contract, demand: Demand, name: str, tensors: Sequence[str]) -> Contract:
        cut = _cut_legs(statement, demand)
        ends, dims, names = _ends(statement, cut)
        pinned = _pinned(statement)
        after = {leg: end for leg, end in ends.items() if leg not in pinned}
        picked = set(pinned)
        factors: list[Factor] = []
        reads = iter(tensors)
        for factor in statement.factors:
            match factor:
                case Use():
                    tensor = next(reads)
                    if factor.tensor in self._computed:
                        factor = replace(factor, legs=_carried(factor.legs, after))
                    else:
                        picked.update(factor.legs)
                    factors.append(replace(factor, tensor=tensor))
                case Ones():
                    legs = _carried(factor.legs, ends)
                    factors += [replace_legs(factor, legs)] if legs else []
                case Delta():
                    factors.append(factor)
                case _:
                    assert_never(factor)
        for leg, block in cut.items():
            if leg in picked:
                selector = self._selector(block, statement.dims[leg])
                factors.append(Use(selector.name, (*ends[leg], leg)))
        made = contract(name, factors, _carried(statement.legs, ends), dims, scale=statement.scale, leg_names=names)
        return replace(made, span=statement.span)

    def _sum(self, statement: Sum, demand: Demand, name: str, tensors: Sequence[str]) -> Sum:
        ends, dims, names = _ends(statement, _cut_legs(statement, demand))
        terms = [
            Term(term.coefficient, replace(term.use, tensor=tensor, legs=_carried(term.use.legs, ends)))
            for term, tensor in zip(statement.terms, tensors, strict=True)
        ]
        return replace(sum_of(name, terms, _carried(statement.legs, ends), dims, leg_names=names), span=statement.span)

    def _cut_afterwards(self, version: Version, source: Version, demand: Demand) -> None:
        """Select blocks of a tensor that exists; ``demand`` counts the axes of the whole tensor."""
        tensor, kept = source
        gone = [axis for axis, block in kept if block.size == 1]
        shape = _cut_shape(self._old[tensor], kept)
        moved = tuple((axis - sum(each < axis for each in gone), block) for axis, block in demand)
        legs = tuple(range(len(shape)))
        whole = contract(self._names[version], [Use(self._names[source], legs)], legs, shape)
        ends, dims, _ = _ends(whole, dict(moved))
        picks = [Use(self._selector(block, shape[leg]).name, (*ends[leg], leg)) for leg, block in moved]
        self._statements.append(contract(whole.name, [*whole.factors, *picks], _carried(legs, ends), dims))

    def _output(self, output: Output, version: Version, axis: int, shapes: Mapping[str, tuple[Dim, ...]]) -> Output:
        """The output reads its version; a block of one row keeps its axis."""
        demand, name = version[1], self._names[version]
        if demand and demand[0][1].size == 1:
            shape = shapes[name]
            view = View(self._fresh(name, "_rows"), name, Reshape(), (*shape[:axis], 1, *shape[axis:]))
            self._statements.append(replace(view, span=output.span))
            if name in self._origins:
                self._origins[view.name] = self._origins[name]
            name = view.name
        return replace(output, tensor=name)


def _ends(
    statement: Contract | Sum, cut: Mapping[int, Block]
) -> tuple[dict[int, tuple[int, ...]], list[Dim], list[str]]:
    """What each cut leg becomes on the result: a new leg, or nothing where one entry is left; dims and names of all."""
    dims, names = list(statement.dims), list(statement.leg_names)
    ends: dict[int, tuple[int, ...]] = {}
    for leg, block in cut.items():
        ends[leg] = ()
        if block.size > 1:
            ends[leg] = (len(dims),)
            dims.append(block.size)
            if names:
                base, bracket, rest = names[leg].partition("[")
                names.append(f"{base}'{bracket}{rest}")
    return ends, dims, names


def _carried(legs: Sequence[int], ends: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(new for leg in legs for new in ends.get(leg, (leg,)))


def _cut_shape(shape: tuple[Dim, ...], demand: Demand) -> tuple[Dim, ...]:
    sizes = {axis: () if block.size == 1 else (block.size,) for axis, block in demand}
    return tuple(dim for axis, whole in enumerate(shape) for dim in sizes.get(axis, (whole,)))
