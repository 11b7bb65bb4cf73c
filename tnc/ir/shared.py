"""Matrices that serve a whole batch, as backends and costs see them."""

from __future__ import annotations

from collections.abc import Mapping

from tnc.ir.extent import count
from tnc.ir.schedule import Matmul


def is_light(operation: Matmul, sizes: Mapping[str, int]) -> bool:
    """Whether the matrix has less than half the entries of a member of the batch, operand and result together."""
    left = operation.left.seen[:-2] == (1,)
    shared, others = (operation.left, operation.right) if left else (operation.right, operation.left)
    matrix, moved = count(shared.seen[1:], sizes), count(others.seen[1:], sizes)
    return 2 * matrix < moved + count((operation.left.seen[-2], operation.right.seen[-1]), sizes)
