"""Initialisation, made ready for emitters: runs of members of a stack that are drawn in the same way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tnc.codegen.documents import Doc, Group, flat, tuple_of
from tnc.codegen.scalars import number_text
from tnc.diagnostics import InternalError
from tnc.ir.program import Auto, Constant, Entries, Glorot, He, Identity, Init, Normal, Orthogonal, Uniform
from tnc.ir.schedule import Member, Stack

_ROW = 64  # characters of numbers on one line

Fill = Normal | Uniform | Orthogonal | Identity | Constant | Entries
"""What is left when fans are numbers and ``auto`` is resolved."""


@dataclass(frozen=True, slots=True)
class Run:
    """Members ``start`` to ``stop`` of a stack, all with the same ``fill`` and ``seed``.

    ``rows`` and ``columns`` are the sides of a member as a matrix from input to output axes; ``whole`` says that
    the run is all of the stack.
    """

    start: int
    stop: int
    fill: Fill
    rows: int
    columns: int
    whole: bool
    seed: int | None


def runs(stack: Stack) -> list[Run]:
    """A stack's members by what is to be drawn, neighbours together."""
    found: list[Run] = []
    position = 0
    for (fill, inputs, seed), group in groupby(stack.members, key=lambda member: _kind(stack, member)):
        count = len(list(group))
        rows = math.prod(stack.shape[:inputs])
        columns = math.prod(stack.shape[inputs:])
        found.append(Run(position, position + count, fill, rows, columns, count == len(stack.members), seed))
        position += count
    return found


def _kind(stack: Stack, member: Member) -> tuple[Fill, int, int | None]:
    """What a member is filled with, its number of input axes where that matters, and its seed."""
    fill = _resolved(member.init, math.prod(stack.shape[: member.inputs]), math.prod(stack.shape[member.inputs :]))
    matters = isinstance(fill, Orthogonal | Identity)
    return fill, member.inputs if matters else 0, member.seed


def _resolved(init: Init, fan_in: int, fan_out: int) -> Fill:
    match init:
        case Glorot():
            return Normal(math.sqrt(2 / (fan_in + fan_out)))
        case He():
            return Normal(math.sqrt(2 / fan_in))
        case Auto():
            raise InternalError("an `auto` initialisation reached a backend")
        case _:
            return init


def in_one_row(values: Sequence[float]) -> bool:
    """Whether a line holds these numbers, so that their list has one axis."""
    return sum(len(number_text(value)) + 2 for value in values) <= _ROW


def numbers(values: Sequence[float]) -> Doc:
    """Numbers as a list, in rows of equal length where one line does not hold them."""
    texts = [number_text(value) for value in values]
    widest = max(map(len, texts)) + 2
    per_row = max(1, _ROW // widest)
    if in_one_row(values):
        return Group("[", tuple(texts), "]", display=True)
    length = next(size for size in range(min(per_row, len(texts)), 0, -1) if len(texts) % size == 0)
    rows = [flat(Group("[", tuple(texts[i : i + length]), "]")) for i in range(0, len(texts), length)]
    return Group("[", tuple(rows), "]", display=True)


def shape_text(shape: Sequence[int]) -> str:
    """A shape as a tuple."""
    return flat(tuple_of([str(size) for size in shape]))
