"""What differs between backends; everything else is common.

A backend of one assignment a step is a :class:`Dialect`. In its members, texts are Python expressions that bind as
tightly as a name, a :class:`~tnc.codegen.documents.Doc` is an expression that can be broken over lines, and a *stack*
is a parameter: the cores of one family, along a first axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tnc.codegen.documents import Doc
from tnc.codegen.loops import LoopText
from tnc.codegen.scalars import Functions
from tnc.codegen.writer import Writer
from tnc.ir.schedule import Stack


@dataclass(frozen=True, slots=True)
class Shared:
    """A matrix, the left or the right one, that serves a whole batch, and the shape that it has repeated for it.

    ``matrix`` is its text without the batch axis.

    It is ``light`` if it has less than half the entries of a member of the batch, operand and result together.
    """

    left: bool
    matrix: str
    shape: tuple[str, ...]
    light: bool


class Dialect(Protocol):
    """What differs between frameworks."""

    @property
    def functions(self) -> Functions:
        """How pointwise functions are spelled."""
        ...

    @property
    def reserved(self) -> frozenset[str]:
        """The names that modules of this framework define or import, which no local variable and no class may have."""
        ...

    @property
    def permute(self) -> str:
        """The method that reorders axes."""
        ...

    @property
    def solid(self) -> str:
        """The suffix that makes a view contiguous (``.contiguous()``); empty where the compiler chooses layouts."""
        ...

    @property
    def walks_members(self) -> bool:
        """Whether a loop iterates over the tuple that :meth:`unstack` gives, or else over the whole tensor."""
        ...

    @property
    def frees(self) -> bool:
        """Whether a variable keeps memory allocated, so that large values are deleted after their last use."""
        ...

    @property
    def loops_are_functions(self) -> bool:
        """Whether a loop is a function that takes its initial value (``scan``), instead of a ``for`` statement."""
        ...

    def stack(self, stack: Stack) -> str:
        """The text of a stack's tensor."""
        ...

    def unstack(self, tensor: str, axis: int) -> str | None:
        """The text of the tuple of all entries along an axis; None where indexing one by one is as good."""
        ...

    def along(self, tensor: str, axis: int) -> str:
        """The text of a tensor with this axis first, to be walked along."""
        ...

    def shared(self, left: str, right: str, shared: Shared) -> Doc:
        """The product of matrices of which the left or the right one, of batch size 1, serves a whole batch."""
        ...

    def number(self, value: str, reference: str | None) -> Doc:
        """A scalar tensor, of the reference's dtype if there is one."""
        ...

    @property
    def kron(self) -> str:
        """The function that makes the Kronecker product of two matrices."""
        ...

    def eye(self, size: int, reference: str | None) -> Doc:
        """An identity matrix, of the reference's dtype if there is one."""
        ...

    def gather(self, matrix: str, index: str) -> Doc:
        """The rows of a matrix that an array of integers picks."""
        ...

    def check_index(self, index: str, values: int) -> Sequence[tuple[str, str, str]]:
        """What is wrong with an input of integers: conditions, each with an exception and its message."""
        ...

    def converted(self, operand: str, like: str) -> str:
        """The operand in the dtype of another tensor; the operand itself where the framework converts by itself."""
        ...

    def conjugate(self, operand: str) -> str:
        """The complex conjugate; the operand itself where it is real."""
        ...

    def embed(self, operand: str, rank: int) -> Doc:
        """The first axis of an operand of this rank as the diagonal of the first two."""
        ...

    def broadcast(self, operand: str, shape: Sequence[str]) -> Doc:
        """The operand repeated up to a shape."""
        ...

    def repeat(self, writer: Writer, loop: LoopText, write_body: Callable[[], None]) -> None:
        """Write a loop; ``write_body`` writes the steps inside, which assign ``loop.carried`` last."""
        ...


@runtime_checkable
class WritesSweeps(Protocol):
    """The part of a dialect whose backend has a kernel for sweeps (:class:`tnc.ir.traits.Traits`)."""

    def sweep(self, operand: str, gates: Sequence[str], fronts: Sequence[int]) -> Doc:
        """A sweep as one call: ``gates`` are matrices (new, summed), each with the entries in front of its legs.

        The operand is flat; the result has the shape that the last window leaves.
        """
        ...
