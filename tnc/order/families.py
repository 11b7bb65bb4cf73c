"""Through or build: the two ways of applying a generated weight to data, as candidates of their own.

The data may meet one factor of the weight after the other (the weight never exists), or the weight may be built and
meet the data once. Which is cheaper depends on the batch; a general search finds the one or the other by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tnc.order.cotengra import searched
from tnc.order.frontier import frontier
from tnc.order.tree import Network, Path, fold

_MOST = 4
"""With more data than this there is no one weight to build."""


def families(network: Network) -> Iterator[tuple[str, Path]]:
    """Trees in which the data are in every product, and trees in which they meet the finished weight."""
    data = _data(network)
    rest = [operand for operand in range(len(network.operands)) if operand not in data]
    if not data or len(data) > _MOST or len(rest) < 2:
        return
    first = data[0]
    for order in (frontier(network, first), (*data, *rest), (*data, *reversed(rest))):
        yield "data first", fold(order)
    for path in _built(network, data, rest):
        yield "weight first", path


def _data(network: Network) -> list[int]:
    """The operands with a dynamic leg; where there is none, those that are not trained."""
    dynamic = [number for number, legs in enumerate(network.operands) if network.dynamic.intersection(legs)]
    return dynamic or [number for number, grad in enumerate(network.grads) if not grad]


def _built(network: Network, data: Sequence[int], rest: Sequence[int]) -> Iterator[Path]:
    """The rest contracted as the searches find best, then the data."""
    needed = {*network.result, *(leg for operand in data for leg in network.operands[operand])}
    held = dict.fromkeys(leg for operand in rest for leg in network.operands[operand])
    weight = Network(
        tuple(network.operands[operand] for operand in rest),
        tuple(leg for leg in held if leg in needed),
        network.sizes,
        tuple(network.grads[operand] for operand in rest),
    )
    paths = [fold(range(len(rest)))]
    if len(rest) > 2:
        paths += [path for _, path in searched(weight)]
    for path in dict.fromkeys(paths):
        yield _onto(path, rest, data, len(network.operands))


def _onto(path: Path, rest: Sequence[int], data: Sequence[int], count: int) -> Path:
    """A path over some of the operands among all of them, and then the others one by one."""

    def place(node: int) -> int:
        return rest[node] if node < len(rest) else count + node - len(rest)

    steps = [(place(left), place(right)) for left, right in path]
    for operand in data:
        steps.append((operand, count + len(steps) - 1))
    return tuple(steps)
