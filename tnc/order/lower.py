"""A contraction tree with its layouts as steps."""

from __future__ import annotations

from collections.abc import Sequence

from tnc.ir.extent import Extent, count, extent
from tnc.ir.kron import as_multiply
from tnc.ir.program import Dim
from tnc.ir.schedule import Eye, Kron, Matmul, Multiply, Read
from tnc.order.builder import Builder
from tnc.order.leg_orders import Arrangement, Order, Product
from tnc.order.region import Operand
from tnc.order.tree import Pair


def lower(
    operands: Sequence[Operand],
    made: Sequence[Pair],
    choices: Sequence[Arrangement],
    dims: Sequence[Dim],
    names: Sequence[str],
    builder: Builder,
) -> Operand:
    """Append the steps of a tree; the result with its legs in the order of memory."""
    values = list(operands)
    for pair, choice in zip(made, choices, strict=True):
        assert choice.how is not None
        product = choice.how
        left = _placed(values[pair.left], product.left, product.left_moved, names, builder)
        right = _placed(values[pair.right], product.right, product.right_moved, names, builder)
        legs = [names[leg] for leg in product.result]
        memory = [dims[leg] for leg in product.result]
        if pair.summed:
            operation = _idle_matmul(left, right, product, builder) if product.idle else _matmul(left, right, product)
            shape = _matmul_shape(operation)
            tensor = builder.add(operation, shape, memory, legs=legs)
        else:
            entrywise = _multiply(left, right, product)
            sides = zip(entrywise.left.seen, entrywise.right.seen, strict=True)
            if isinstance(entrywise, Kron):
                shape = tuple(extent(side) for side in sides)
            else:
                shape = tuple(b if a == 1 else a for a, b in sides)
            tensor = builder.add(entrywise, shape, memory, legs=legs)
        values.append(Operand(tensor, product.result))
    return values[-1]


def _placed(operand: Operand, order: Order, moved: bool, names: Sequence[str], builder: Builder) -> Operand:
    if not moved:
        return operand
    axis = {leg: number for number, leg in enumerate(operand.legs)}
    tensor = builder.permuted_copy(operand.tensor, [axis[leg] for leg in order], [names[leg] for leg in order])
    return Operand(tensor, order)


def _seen(operand: Operand, blocks: Sequence[Sequence[int]]) -> Read:
    axis = {leg: number for number, leg in enumerate(operand.legs)}
    return operand.tensor.view([[axis[leg] for leg in block] for block in blocks])


def _idle_matmul(left: Operand, right: Operand, product: Product, builder: Builder) -> Matmul:
    """The Kronecker product of the small operand and the identity on the idle legs, on the right of the large one."""
    large, small = (left, right) if product.front[0] in left.legs else (right, left)
    own = [leg for leg in small.legs if leg not in product.summed]
    axis = {leg: number for number, leg in enumerate(large.legs)}
    idle = count((large.tensor.memory[axis[leg]] for leg in product.idle), {})
    matrix = with_identity(_seen(small, [product.summed, own]), idle, builder)
    return Matmul(_seen(large, [product.front, [*product.summed, *product.idle]]), matrix)


def with_identity(gate: Read, size: int, builder: Builder) -> Read:
    """The Kronecker product of a matrix and an identity, for legs behind its own that it leaves as they are."""
    identity = builder.add(Eye(size), (size, size), ())
    kron = Kron(gate, Read(identity.source, (size, size)))
    rows, columns = (extent((side, size)) for side in gate.seen)
    if gate.perm is None:
        product = builder.add(kron, (rows, columns), ())
    else:
        multiply = as_multiply(kron)
        product = builder.add(multiply, (gate.seen[0], size, gate.seen[1], size), ())
    return Read(product.source, (rows, columns))


def _matmul(left: Operand, right: Operand, product: Product) -> Matmul:
    if product.swapped:
        left, right = right, left
    shared = {*product.batch, *product.front, *product.summed}
    rows = [leg for leg in left.legs if leg not in shared]
    columns = [leg for leg in right.legs if leg not in shared]
    return Matmul(
        _seen(left, [*_batch(left, product), rows, product.summed]),
        _seen(right, [*_batch(right, product), product.summed, columns]),
    )


def _batch(operand: Operand, product: Product) -> list[Order]:
    """The batch axis of an operand, if there is one: of size 1 where the batch is the other operand's own."""
    if product.front:
        return [product.front if product.front[0] in operand.legs else ()]
    return [product.batch] if product.batch else []


def _matmul_shape(operation: Matmul) -> tuple[Extent, ...]:
    left, right = operation.left.seen, operation.right.seen
    batch = right[:-2] if left[:-2] == (1,) else left[:-2]
    return (*batch, left[-2], right[-1])


def _multiply(left: Operand, right: Operand, product: Product) -> Multiply | Kron:
    """The operand that has the legs in the result's order stands first: frameworks lay results out like it."""
    if product.swapped:
        left, right = right, left
    runs = _runs(product.result, left, right)
    owners = [(run[0] in left.legs, run[0] in right.legs) for run in runs]
    dynamic = any(isinstance(dim, str) for operand in (left, right) for dim in operand.tensor.memory)
    if owners == [(True, False), (False, True)] * 2 and not dynamic:
        matrices = _seen(left, runs[::2]), _seen(right, runs[1::2])
        if all(matrix.perm is None for matrix in matrices) and not (left.tensor.strided or right.tensor.strided):
            return Kron(*matrices)
    return Multiply(_broadcast(left, runs), _broadcast(right, runs))


def _runs(result: Order, left: Operand, right: Operand) -> list[list[int]]:
    """Neighbouring legs of the result that both operands can read as one axis."""
    runs: list[list[int]] = []
    for leg in result:
        if runs and all(_joins(operand, [*runs[-1], leg]) for operand in (left, right)):
            runs[-1].append(leg)
        else:
            runs.append([leg])
    return runs


def _joins(operand: Operand, legs: Sequence[int]) -> bool:
    places = [operand.legs.index(leg) for leg in legs if leg in operand.legs]
    if len(places) not in (0, len(legs)):
        return False
    return operand.tensor.is_fusable(places)


def _broadcast(operand: Operand, runs: Sequence[Sequence[int]]) -> Read:
    return _seen(operand, [run if run[0] in operand.legs else () for run in runs])
