"""Through or build: the two ways of applying a generated weight to data, as candidates of their own.

The data may meet one factor of the weight after the other (the weight never exists), or the weight may be built and
meet the data once. Which is cheaper depends on the batch; a general search finds the one or the other by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tnc.order.cotengra import searched
from tnc.order.frontier import frontier
from tnc.order.tree import FoundPath, Network, Path, fold

_MOST = 4
"""With more data than this there is no one weight to build."""


@dataclass(frozen=True, slots=True)
class Weight:
    """The part of a network that is a weight: which operands it is made of, as a network, and which are data.

    Its result has the legs of the network's result first, and then those that the data have.
    """

    data: tuple[int, ...]
    operands: tuple[int, ...]
    network: Network


def weight_of(network: Network) -> Weight | None:
    """The weight and its data; None if there is nothing to tell apart."""
    data = _data(network)
    rest = tuple(operand for operand in range(len(network.operands)) if operand not in data)
    if not data or len(data) > _MOST or len(rest) < 2:
        return None
    held = {leg for operand in rest for leg in network.operands[operand]}
    asked = dict.fromkeys((*network.result, *(leg for operand in data for leg in network.operands[operand])))
    weight = Network(
        tuple(network.operands[operand] for operand in rest),
        tuple(leg for leg in asked if leg in held),
        network.sizes,
        tuple(network.grads[operand] for operand in rest),
        network.dynamic & held,
    )
    return Weight(data, rest, weight)


def families(network: Network) -> Iterator[FoundPath]:
    """Trees in which the data are in every product, and trees in which they meet the finished weight."""
    weight = weight_of(network)
    if weight is None:
        return
    data, rest = weight.data, weight.operands
    for order in (frontier(network, data[0]), (*data, *rest), (*data, *reversed(rest))):
        if order:
            yield FoundPath("data first", fold(order), regular=True)
    for path in building(weight.network):
        yield FoundPath("weight first", _onto(path, rest, data, len(network.operands)))


def building(weight: Network) -> Iterator[Path]:
    """Trees for the weight alone: as written, and as the searches find best."""
    paths = [fold(range(len(weight.operands)))]
    if len(weight.operands) > 2:
        paths += [path for _, path in searched(weight)]
    yield from dict.fromkeys(paths)


def _data(network: Network) -> tuple[int, ...]:
    """The operands with a dynamic leg; where there is none, those that are not trained."""
    dynamic = tuple(number for number, legs in enumerate(network.operands) if network.dynamic.intersection(legs))
    return dynamic or tuple(number for number, grad in enumerate(network.grads) if not grad)


def _onto(path: Path, rest: Sequence[int], data: Sequence[int], count: int) -> Path:
    """A path over some of the operands among all of them, and then the others one by one."""

    def place(node: int) -> int:
        return rest[node] if node < len(rest) else count + node - len(rest)

    steps = [(place(left), place(right)) for left, right in path]
    for operand in data:
        steps.append((operand, count + len(steps) - 1))
    return tuple(steps)
