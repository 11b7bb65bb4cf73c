"""A sweep as steps: each window's matrix from its small tensors, and then all windows in one operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tnc.cost.time import Clock
from tnc.ir.schedule import Read, Sweep, Window
from tnc.ir.sweep import shape_after
from tnc.order.builder import Builder
from tnc.order.layout_constraints import LARGE
from tnc.order.leg_orders import Leaf, Order, arrange, moving
from tnc.order.lower import lower, with_identity
from tnc.order.region import Operand, Prepared
from tnc.order.spine import folded
from tnc.order.tensor_layout import Layout
from tnc.order.tree import Network
from tnc.order.windows import Place, StateSweep

_NARROW = 8
"""Maximum number of summed entries at which a window's matrix is stored as the product reads it, for a large result.

Autograd makes the gradient of a matrix that is read transposed from the transposed product, and where the sum is
narrow, BLAS libraries take 3 to 10 times as long for that one.
"""


def lower_sweep(
    sweep: StateSweep, network: Network, prepared: Prepared, names: Sequence[str], builder: Builder, clock: Clock
) -> Operand:
    """Append the steps of a sweep; the state with its legs in the order of memory."""
    windows = tuple(
        Window(_gate(place, network, prepared, names, builder, clock), place.front) for place in sweep.places
    )
    state = prepared.operands[sweep.state]
    tensor = state.tensor
    if sweep.start != state.legs:
        axis = {leg: number for number, leg in enumerate(state.legs)}
        tensor = builder.permuted_copy(tensor, [axis[leg] for leg in sweep.start], [names[leg] for leg in sweep.start])
    read = tensor.view([tuple(range(len(sweep.start)))])
    operation = Sweep(read, windows)
    memory = [prepared.dims[leg] for leg in sweep.result]
    legs = [names[leg] for leg in sweep.result]
    result = builder.add(operation, shape_after(operation), memory, legs=legs)
    return Operand(result, sweep.result)


def _gate(
    place: Place, network: Network, prepared: Prepared, names: Sequence[str], builder: Builder, clock: Clock
) -> Read:
    """A window's small tensors contracted, as a matrix (given, taken)."""
    entries = network.entries
    on_the_right = place.back == 1 and place.front > 1
    rows, columns = (place.taken, place.given) if on_the_right else (place.given, place.taken)
    orders = [(*rows, *columns)]
    if entries(place.taken) > _NARROW or place.front * entries(place.given) * place.back < LARGE:
        orders.append((*columns, *rows))
    tree = folded(place.trees)
    inside = tree.operands
    own = Network(
        tuple(network.operands[member] for member in inside),
        (*place.given, *place.taken),
        network.sizes,
        tuple(network.grads[member] for member in inside),
    )
    chosen = [prepared.operands[member] for member in inside]

    def wanted(order: Order) -> float:
        return 0.0 if order in orders else moving(own, order, orders[0], clock)

    leaves = [Leaf(operand.legs, operand.tensor.strided) for operand in chosen]
    blocks = frozenset[int](), frozenset(rows), frozenset(columns)
    made, choices = arrange(own, tree.path, leaves, wanted, clock, blocks)
    gate = lower(chosen, made, choices, prepared.dims, names, builder)
    axis = {leg: number for number, leg in enumerate(gate.legs)}
    tensor = gate.tensor
    if gate.legs not in orders or not all(tensor.is_fusable([axis[leg] for leg in legs]) for legs in (rows, columns)):
        tensor = builder.permuted_copy(tensor, [axis[leg] for leg in orders[0]], [names[leg] for leg in orders[0]])
        axis = {leg: number for number, leg in enumerate(orders[0])}
    given, taken = ([axis[leg] for leg in legs] for legs in (place.given, place.taken))
    if place.idle:
        assert on_the_right
        return _with_identity(tensor, given, taken, entries(place.idle), builder)
    return tensor.view([given, taken])


def _with_identity(tensor: Layout, given: list[int], taken: list[int], size: int, builder: Builder) -> Read:
    """A gate times the identity on legs that it leaves as they are, lying in memory as a matrix on the right."""
    gate = tensor.view([taken, given])
    product = with_identity(gate, size, builder)
    return replace(product, perm=(1, 0))
