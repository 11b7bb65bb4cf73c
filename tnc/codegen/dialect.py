"""What a backend must say for itself; everything else is common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tnc.codegen.documents import Doc
from tnc.codegen.scalars import Functions
from tnc.ir.schedule import Loop, Stack

if TYPE_CHECKING:
    from tnc.codegen.body import Body


@dataclass(frozen=True, slots=True)
class LoopText:
    """A :class:`Loop` with its variables.

    ``carried`` is passed from iteration to iteration, beginning with ``initial``; ``walked`` are pairs of the
    variable for an entry and the expression of what is walked along. ``sources`` are the tensors from outside that the
    body reads; ``grows`` says that what is carried is real or of the module's dtype at first and then of a larger kind.
    """

    operation: Loop
    carried: str
    initial: str
    walked: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    grows: bool


@dataclass(frozen=True, slots=True)
class Shared:
    """A matrix, the left or the right one, that serves a whole batch, and the shape that it has repeated for it.

    It is ``light`` if it has less than half the entries of a member of the batch, operand and result together.
    """

    left: bool
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
        """What makes a view contiguous, as a suffix."""
        ...

    @property
    def walks_members(self) -> bool:
        """Whether a loop walks along unstacked members, or else along slices of the whole."""
        ...

    @property
    def frees(self) -> bool:
        """Whether local variables hold memory, so that large ones should be deleted after their last use."""
        ...

    @property
    def loops_are_functions(self) -> bool:
        """Whether a loop is handed what it starts from, instead of rebinding a variable."""
        ...

    def stack(self, stack: Stack) -> tuple[str, bool]:
        """The text of a stack's tensor, and whether it deserves a local name."""
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

    def repeat(self, body: Body, loop: LoopText) -> None:
        """Write a loop."""
        ...
