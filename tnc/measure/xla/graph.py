"""A computation as XLA has it: a graph of arrays, and the kernels that are left after fusion.

Arrays are views (:class:`Strided`) of nodes; the number of a view's storage is the number of its node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import prod
from typing import Final, TypeAlias

from tnc.cost.strided import Storage, Strided, reshaped, row_major

_SUMMED_AT_ONCE: Final = 1024
"""Entries from which on a sum is computed together with the product of matrices that it is taken of."""

Shape: TypeAlias = tuple[int, ...]


class Kind(Enum):
    """What becomes of a node.

    A product of matrices and what is solid want their operands in memory. What is computed entry by entry, a loop, is
    computed where it is wanted, also inside of a sum.
    """

    ARGUMENT = auto()
    DOT = auto()
    SOLID = auto()
    REDUCE = auto()
    LOOP = auto()

    @property
    def fuses(self) -> bool:
        """Whether what it reads may be computed in it."""
        return self in (Kind.REDUCE, Kind.LOOP)


@dataclass(frozen=True, slots=True)
class View:
    """A node as an operand: its shape in memory as it is seen, and whether that is its own and the reader's as well.

    A reader that is ``late`` is the last of several to become ready after the node.
    """

    node: int
    shape: Shape
    straight: bool
    late: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """An array that is computed from others. What is ``costly`` is computed once, however often it is wanted.

    What ``turns`` is a copy of a matrix by columns.
    """

    kind: Kind
    shape: Shape
    operands: tuple[View, ...]
    costly: bool = False
    turns: bool = False


@dataclass(frozen=True, slots=True)
class Kernel:
    """An array that lies in memory; or, with no bytes, another shape of one that does.

    What it ``overwrites`` are operands in whose place it can be put if nothing else reads them; ``late`` ones tell it
    after their other users that they are there.
    """

    kind: Kind
    bytes: int
    operands: tuple[int, ...]
    overwrites: tuple[int, ...] = ()
    late: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Kernels:
    """All kernels, operands before their users; which of them are results, and which are visited ``first``."""

    all: tuple[Kernel, ...]
    results: tuple[int, ...]
    first: tuple[int, ...]


class Graph:
    """Collects nodes; operands come before what uses them."""

    def __init__(self, itemsize: int) -> None:
        self.nodes: list[Node] = []
        self.itemsize = itemsize
        self._copies: dict[tuple[int, Shape, Shape], Strided] = {}

    def argument(self, shape: Shape) -> Strided:
        """What the caller hands in."""
        return self._add(Kind.ARGUMENT, shape, ())

    def loop(self, shape: Shape, operands: Iterable[Strided], *, costly: bool = False) -> Strided:
        """Every entry of the result for itself."""
        return self._add(Kind.LOOP, shape, operands, costly)

    def reduce(self, shape: Shape, operands: Iterable[Strided]) -> Strided:
        """Sums of what is computed of the operands."""
        return self._add(Kind.REDUCE, shape, operands)

    def gradient(self, operand: Strided, factors: Sequence[Strided]) -> Strided:
        """That of an operand of what is computed entry by entry, summed where it was broadcast.

        The first factor is the gradient of the result.
        """
        make = self.loop if operand.entries == factors[0].entries else self.reduce
        return make(operand.shape, factors)

    def solid(self, shape: Shape, operands: Iterable[Strided]) -> Strided:
        """What is fused with nothing."""
        return self._add(Kind.SOLID, shape, operands)

    def dot(self, shape: Shape, left: Strided, right: Strided, *, forward: bool = False) -> Strided:
        """Products of matrices, whose operands are copied where their axes lie in an order that it cannot read.

        Where the ``forward`` one transposes an operand, XLA folds the transposition into all products that read it; the
        place of the transposition among the operand's users goes to the last of these, so the first becomes the last.
        """
        made = self._add(Kind.DOT, shape, (self._readable(left), self._readable(right)))
        if forward:
            node = self.nodes[-1]
            late = (not left.contiguous, not right.contiguous)
            views = tuple(replace(view, late=turned) for view, turned in zip(node.operands, late, strict=True))
            self.nodes[-1] = replace(node, operands=views)
        return made

    def reshape(self, array: Strided, shape: Shape) -> Strided:
        """Another shape of the same entries; a copy where no view would do."""
        found = reshaped(array.shape, array.strides, shape)
        if found is None:
            return self.reshape(self._copy(array), shape)
        return Strided(array.storage, shape, found, array.grad)

    def packed(self, array: Strided) -> Strided:
        """The array with its axes in their order in memory."""
        return array if array.contiguous else self._copy(array)

    def _readable(self, array: Strided) -> Strided:
        """Matrices by rows or by columns, one after another."""
        if array.contiguous or transposed(array).contiguous:
            return array
        other = transposed(array)
        if _key(other) in self._copies:
            return transposed(self._copies[_key(other)])
        return self._copy(array)

    def _copy(self, array: Strided) -> Strided:
        """One copy serves all who want the same."""
        if _key(array) not in self._copies:
            self._copies[_key(array)] = self.loop(array.shape, (array,))
            whole = self.nodes[array.storage.number].shape == array.shape[::-1]
            if len(array.shape) == 2 and whole and transposed(array).contiguous:
                self.nodes[-1] = replace(self.nodes[-1], turns=True)
        return self._copies[_key(array)]

    def _add(self, kind: Kind, shape: Shape, operands: Iterable[Strided], costly: bool = False) -> Strided:
        self.nodes.append(Node(kind, shape, tuple(self._view(operand, shape) for operand in operands), costly))
        storage = Storage(len(self.nodes) - 1, prod(shape) * self.itemsize, kind is Kind.ARGUMENT)
        return Strided(storage, shape, row_major(shape), True)

    def _view(self, array: Strided, shape: Shape) -> View:
        number = array.storage.number
        seen, own = _in_memory(array), _squeezed(self.nodes[number].shape)
        return View(number, seen, array.contiguous and seen == own == _squeezed(shape))


def fused(graph: Graph, results: Sequence[Strided], first: Sequence[Strided]) -> Kernels:
    """The kernels of all that the results need."""
    wanted = {array.storage.number for array in results}
    nodes = _turned(graph.nodes, wanted)
    lies = _lie_in_memory(nodes, wanted)
    operands: dict[int, tuple[View, ...]] = {}
    kinds: dict[int, Kind] = {}
    inside: dict[int, tuple[View, ...]] = {}
    for number, node in enumerate(nodes):
        if lies[number] is None:
            continue
        found = tuple(_leaves(node, inside, lies))
        if lies[number]:
            operands[number] = found
            # A sum that is computed together with a product of matrices reads as that does.
            product = any(not lies[view.node] and nodes[view.node].kind is Kind.DOT for view in node.operands)
            kinds[number] = Kind.DOT if product else node.kind
        # What costs nothing is computed anew by whatever fuses with it, also where others want it in memory.
        if not lies[number] or (node.kind is Kind.LOOP and not node.costly):
            inside[number] = found
    shapes = _shapes(nodes, operands, kinds, wanted)
    placed, kernels = _placed(graph, operands, kinds, shapes)
    early = (array.storage.number for array in first)
    return Kernels(
        tuple(kernels),
        tuple(placed[array.storage.number] for array in results),
        tuple(placed[number] for number in early if number in placed),
    )


def _turned(nodes: Sequence[Node], results: Container[int]) -> list[Node]:
    """A product of which only the transposed copy is wanted is the product of the transposed matrices."""
    users = Counter(view.node for node in nodes for view in node.operands)
    found = list(nodes)
    for number, node in enumerate(nodes):
        if node.turns:
            inner = node.operands[0].node
            if nodes[inner].kind is Kind.DOT and users[inner] == 1 and inner not in results:
                found[number] = replace(nodes[inner], shape=node.shape, operands=nodes[inner].operands[::-1])
    return found


def _lie_in_memory(nodes: Sequence[Node], results: Container[int]) -> list[bool | None]:
    """For every node whether it is a kernel, or else computed in those that use it; None if nothing does."""
    users: list[list[int]] = [[] for _ in nodes]
    kernels: list[frozenset[int]] = [frozenset()] * len(nodes)  # those in which a node is computed
    found: list[bool | None] = [None] * len(nodes)
    for number in range(len(nodes) - 1, -1, -1):
        node = nodes[number]
        if number not in results and not users[number]:
            continue
        into = frozenset[int]().union(*(kernels[user] for user in users[number]))
        inside = number not in results and _fuses(node, [nodes[user].kind for user in users[number]], len(into))
        found[number], kernels[number] = not inside, into if inside else frozenset((number,))
        for view in node.operands:
            users[view.node].append(number)
    return found


def _fuses(node: Node, users: Sequence[Kind], kernels: int) -> bool:
    match node.kind:
        case Kind.LOOP:
            return all(user.fuses for user in users) and (kernels == 1 or not node.costly)
        case Kind.DOT:
            return users == [Kind.REDUCE] and kernels == 1 and prod(node.shape) >= _SUMMED_AT_ONCE
        case _:
            return False


def _leaves(node: Node, inside: Mapping[int, Sequence[View]], lies: Sequence[bool | None]) -> Iterable[View]:
    """What a node reads from memory, each view once."""
    found: dict[tuple[int, Shape], View] = {}
    for view in node.operands:
        fuses = view.node in inside and (node.kind.fuses or not lies[view.node])
        for leaf in inside[view.node] if fuses else (view,):
            before = found.get((leaf.node, leaf.shape))
            straight = leaf.straight and view.straight and (before is None or before.straight)
            found[leaf.node, leaf.shape] = View(leaf.node, leaf.shape, straight, view.late)
    return found.values()


def _shapes(
    nodes: Sequence[Node], operands: Mapping[int, Sequence[View]], kinds: Mapping[int, Kind], results: Container[int]
) -> dict[int, Shape]:
    """The shape in which a kernel leaves its result: a loop that which its users want, if they agree on one."""
    wanted: dict[int, set[Shape]] = {number: set() for number in operands}
    for number, views in operands.items():
        for view in views:
            wanted[view.node].add(_squeezed(nodes[view.node].shape) if kinds[number].fuses else view.shape)
    shapes: dict[int, Shape] = {}
    for number, found in wanted.items():
        agreed = kinds[number] is Kind.LOOP and len(found) == 1 and number not in results
        shapes[number] = found.pop() if agreed else _squeezed(nodes[number].shape)
    return shapes


def _placed(
    graph: Graph, operands: Mapping[int, Sequence[View]], kinds: Mapping[int, Kind], shapes: Mapping[int, Shape]
) -> tuple[dict[int, int], list[Kernel]]:
    """The kernels, and where among them each node is; other shapes of what they leave are kernels without bytes."""
    kernels: list[Kernel] = []
    placed: dict[int, int] = {}
    seen: dict[tuple[int, Shape], int] = {}
    for number, views in operands.items():
        reads: dict[int, bool] = {}
        late: list[int] = []
        for view in views:
            source = placed[view.node]
            if not kinds[number].fuses and view.shape != shapes[view.node]:
                if (view.node, view.shape) not in seen:
                    seen[view.node, view.shape] = len(kernels)
                    kernels.append(Kernel(kinds[view.node], 0, (source,)))
                source = seen[view.node, view.shape]
            straight = view.straight and view.shape == shapes[view.node] == shapes[number]
            reads[source] = reads.get(source, True) and straight
            late += [source] if view.late else []
        over = tuple(source for source, straight in reads.items() if straight and kinds[number] is Kind.LOOP)
        placed[number] = len(kernels)
        size = prod(graph.nodes[number].shape) * graph.itemsize
        kernels.append(Kernel(kinds[number], size, tuple(reads), over, tuple(late)))
    return placed, kernels


def ordered(array: Strided, order: Sequence[int]) -> Strided:
    """The axes of an array in another order."""
    shape = tuple(array.shape[axis] for axis in order)
    return Strided(array.storage, shape, tuple(array.strides[axis] for axis in order), array.grad)


def transposed(array: Strided) -> Strided:
    """Matrices with rows and columns exchanged."""
    rank = len(array.shape)
    return ordered(array, (*range(rank - 2), rank - 1, rank - 2))


def _key(array: Strided) -> tuple[int, Shape, Shape]:
    return array.storage.number, array.shape, array.strides


def _in_memory(array: Strided) -> Shape:
    axes = [(stride, size) for stride, size in zip(array.strides, array.shape, strict=True) if size != 1]
    return tuple(size for _, size in sorted(axes, key=lambda axis: -axis[0]))


def _squeezed(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)
