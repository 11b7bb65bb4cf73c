"""Kronecker products as the broadcast products that they are."""

from __future__ import annotations

from tnc.ir.schedule import Kron, Multiply, Read


def as_multiply(kron: Kron) -> Multiply:
    """The product of four axes, whose result has the same entries in memory; operands may be transposed."""
    left, right = kron.left, kron.right
    (a, b), (c, d) = left.shape, right.shape
    return Multiply(
        Read(left.source, (a, 1, b, 1), left.select, None if left.perm is None else (2, 1, 0, 3)),
        Read(right.source, (1, c, 1, d), right.select, None if right.perm is None else (0, 3, 2, 1)),
    )
