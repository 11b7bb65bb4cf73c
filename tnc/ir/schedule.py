"""The Schedule: the steps of a generated module in an explicit memory layout, for any backend.

Every tensor lies contiguous, row-major, unless its step says ``strided``. A step reads its operands
through :class:`Read`, which moves nothing: take one entry of one axis (a member of a stack), see
the rest under another shape, see that with its axes in another order. What does move memory is a step of
its own (:class:`Contiguous`). So an emitter decides nothing: it writes each step as one assignment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from tnc.ir.cost import Cost, Totals
from tnc.ir.extent import Extent
from tnc.ir.program import Dim, Init, Origin, Scalar
from tnc.ir.traits import Traits
from tnc.source import Span

# -- parameters --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """A core in its stack: canonical name, position (None if it is not stacked), resolved initialisation.

    ``inputs`` counts the axes before the arrow, which initialisations ask for. With a ``seed`` the entries are a
    function of seed and name.
    """

    name: str
    position: int | None
    inputs: int
    init: Init
    seed: int | None = None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Stack:
    """The members of a family that agree in shape, in being frozen, seeded and declared complex, as one tensor.

    ``key`` is the name in weights on every backend; ``shape`` is one member's.
    ``stacked`` is False for the one core without subscripts, whose tensor has no leading axis.
    """

    key: str
    shape: tuple[int, ...]
    frozen: bool
    stacked: bool
    members: tuple[Member, ...]
    is_complex: bool = False

    @property
    def seeded(self) -> bool:
        """Whether the members are drawn from seeds, so that files of weights need not have them."""
        return self.members[0].seed is not None

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of the tensor. A core without axes has one of size 1, since FSDP2 does not shard scalars."""
        return (len(self.members), *self.shape) if self.stacked else self.shape or (1,)


def has_complex_cores(stacks: Iterable[Stack]) -> bool:
    """Whether some cores are complex whatever the dtype of the module, so that products with them are."""
    return any(stack.is_complex for stack in stacks)


@dataclass(frozen=True, slots=True)
class InputTensor:
    """An input of ``forward``; ``grad`` says whether the plan counts its gradient.

    Where ``values`` is a number, the entries are integers below it, which only a :class:`Gather` reads.

    ``cost`` is that of putting the gradient together from those of the entries that steps pick, if they pick any.
    """

    name: str
    shape: tuple[Dim, ...]
    grad: bool = False
    values: int | None = None
    cost: Cost = field(default=Cost(), compare=False)
    span: Span | None = field(default=None, compare=False, repr=False)


# -- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Index:
    """A position; inside a :class:`Loop` it advances: ``start + step * iteration``."""

    start: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """How a step reads a tensor: select, then reshape, then permute. Nothing moves.

    ``source`` is a value, an input or a stack's key. ``select`` is (axis, index) of an axis that vanishes; ``shape``
    is the shape then seen (row-major; where the picked tensor is not contiguous, axes may be split, and axes of size 1
    come and go, but none are fused);
    ``perm``, if not None, permutes that view's axes: axis i of what the step sees is axis ``perm[i]`` of the view.
    """

    source: str
    shape: tuple[Extent, ...]
    select: tuple[int, Index] | None = None
    perm: tuple[int, ...] | None = None

    @property
    def seen(self) -> tuple[Extent, ...]:
        """The shape that the step sees."""
        return self.shape if self.perm is None else tuple(self.shape[axis] for axis in self.perm)


# -- operations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScalarConstant:
    """A scalar constant, shape ``()``."""

    value: float


@dataclass(frozen=True, slots=True)
class Eye:
    """The identity matrix with ``size`` rows."""

    size: int


@dataclass(frozen=True, slots=True)
class Matmul:
    """``left @ right`` on matrices (…, m, k) and (…, k, n): rank 2, or rank 3 with a batch axis first.

    One of the two batch axes may have size 1: that matrix is used anew for every entry of the other one's. This is how
    a small gate acts on legs in the middle of a large state.
    """

    left: Read
    right: Read


@dataclass(frozen=True, slots=True)
class Multiply:
    """Entrywise product of equal ranks, broadcasting axes of size 1: outer and Hadamard products."""

    left: Read
    right: Read


@dataclass(frozen=True, slots=True)
class Kron:
    """The Kronecker product of two contiguous matrices: gates on separate legs as one gate."""

    left: Read
    right: Read


@dataclass(frozen=True, slots=True)
class Add:
    """The sum of coefficient times operand, equal ranks, broadcasting axes of size 1. 1 multiplies nothing."""

    terms: tuple[tuple[float, Read], ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """``factor`` times the operand."""

    operand: Read
    factor: float


@dataclass(frozen=True, slots=True)
class ReduceSum:
    """The sum over some axes, which vanish."""

    operand: Read
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Diagonal:
    """The diagonal of the first two axes, which become one, the first; contiguous."""

    operand: Read


@dataclass(frozen=True, slots=True)
class Embed:
    """The inverse of :class:`Diagonal`: the first axis becomes two, zero off their diagonal; contiguous."""

    operand: Read


@dataclass(frozen=True, slots=True)
class Broadcast:
    """The operand repeated along its axes of size 1 up to the step's shape; contiguous."""

    operand: Read


@dataclass(frozen=True, slots=True)
class Contiguous:
    """The operand as the read sees it, made contiguous: the permutation that really moves memory."""

    operand: Read


@dataclass(frozen=True, slots=True)
class NamedView:
    """The operand as the read sees it, under a name: a view. ``strided`` unless the read has no order."""

    operand: Read


@dataclass(frozen=True, slots=True)
class Slice:
    """The first entries of every axis, as many as the step's shape says: a view.

    ``strided``, unless only the first axis of a contiguous operand is cropped.
    """

    operand: Read


@dataclass(frozen=True, slots=True)
class Conjugate:
    """The complex conjugate; at run time the operand itself where that is real."""

    operand: Read


@dataclass(frozen=True, slots=True)
class Pointwise:
    """``function`` at every entry of ``operands[0]``; the further operands are scalars of shape ``()``.

    Where ``in_place``, the result may overwrite ``operands[0]``: nothing else reads that value, and neither its own
    derivative nor this one's asks for it. Backends without mutation ignore this.
    """

    function: Scalar
    operands: tuple[Read, ...]
    function_name: str = field(default="", compare=False)
    in_place: bool = False


@dataclass(frozen=True, slots=True)
class Normalize:
    """The operand over its root mean square along ``axes``, with ``epsilon`` under the root."""

    operand: Read
    axes: tuple[int, ...]
    epsilon: float


@dataclass(frozen=True, slots=True)
class Gather:
    """The rows of a contiguous matrix that integers pick: row ``index // divisor % rows`` for each entry of the index.

    The result has a row for every entry of the index. Where ``leads``, the digit is the leading one of its index and
    takes no remainder, so that a number that is too large is out of the range of the rows.
    """

    operand: Read
    index: Read
    divisor: int = 1
    leads: bool = True


@dataclass(frozen=True, slots=True)
class Loop:
    """``body`` run ``count`` times, handing one tensor on.

    In the first iteration ``carried`` is what ``initial`` reads; afterwards it is what the body's last step defined,
    and that is the result in the end. All have one shape. Names defined in the body are not visible
    outside. A read whose index has a step advances with the iteration.
    """

    count: int
    initial: Read
    carried: str
    body: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Where a gate of a :class:`Sweep` acts.

    ``gate`` is seen as a matrix (new, summed); ``front`` is the number of entries of the legs before the summed ones.
    """

    gate: Read
    front: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Small matrices applied in turn to neighbouring legs of a large state, whose legs keep their order.

    A window sees the state as (front, summed, back) and makes it (front, new, back). The operand is flat and of a size
    that is known; the step's shape is what the last window leaves, without axes of legs that are not there.
    ``tnc.ir.sweep.products`` lowers it to products of matrices; a backend may instead compute all windows together,
    for example in one kernel that keeps blocks of the state in cache.
    """

    operand: Read
    windows: tuple[Window, ...]


Unary: TypeAlias = (
    Scale | ReduceSum | Diagonal | Embed | Broadcast | Contiguous | NamedView | Slice | Conjugate | Normalize
)
"""What reads one ``operand`` and nothing else."""

Operation: TypeAlias = ScalarConstant | Eye | Matmul | Multiply | Kron | Add | Unary | Pointwise | Gather | Sweep | Loop


@dataclass(frozen=True, slots=True)
class Step:
    """One assignment: ``name`` becomes what ``operation`` computes.

    ``legs`` names the axes in the order of memory, finer than ``shape`` where axes are fused; ``region`` is the
    program statement that the step belongs to, empty for a copy that only an output needs. Neither is compared.
    """

    name: str
    shape: tuple[Extent, ...]
    operation: Operation
    strided: bool = False
    region: str = field(default="", compare=False)
    legs: tuple[str, ...] = field(default=(), compare=False)
    cost: Cost = field(default=Cost(), compare=False)


# -- the whole ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """An output: its name and the value that it reads (``order`` gives a strided view; nothing moves).

    ``cost`` is that of putting its gradient into the order of the value, where that takes a copy.
    """

    name: str
    read: Read
    axes: tuple[str | None, ...]
    span: Span | None = field(default=None, compare=False, repr=False)
    cost: Cost = field(default=Cost(), compare=False)


@dataclass(frozen=True, slots=True)
class Region:
    """A statement that computes something: a contraction, a sum or an activation barrier.

    ``text`` is what it computes, as the flat file writes it. ``planner`` found the order of a contraction; it is empty
    for other statements. Steps whose ``region`` has no such entry only copy: views, and outputs put in order.
    """

    name: str
    text: str
    operands: int
    planner: str = ""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All steps of a network, with parameters, inputs and outputs. ``sizes`` are the dynamic sizes planned for.

    ``origins`` has the author's definition for every region, and every statement that is a view.
    """

    name: str
    stacks: tuple[Stack, ...]
    inputs: tuple[InputTensor, ...]
    steps: tuple[Step, ...]
    results: tuple[Result, ...]
    sizes: tuple[tuple[str, int], ...] = ()
    regions: tuple[Region, ...] = field(default=(), compare=False)
    origins: tuple[tuple[str, Origin], ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The target that a plan is made for, and the seconds of a step there at nominal sizes.

    The target is a backend, and a device by the name and digest of its profile, which was measured with the backend
    ``measured_with``.
    """

    backend: str
    device: str
    digest: str
    measured_with: str
    forward: float
    backward: float

    @property
    def label(self) -> str:
        """The target as headers and reports print it; PyTorch goes without saying."""
        device = f"{self.device} ({self.digest[:12]})"
        if self.measured_with != self.backend:
            return f"{self.backend} on {device}, by the times of {self.measured_with}"
        return device if self.backend == "torch" else f"{self.backend} on {device}"

    @property
    def training(self) -> float:
        """Seconds of a training step, without the optimizer."""
        return self.forward + self.backward


@dataclass(frozen=True, slots=True)
class Plan:
    """A Schedule for the nominal sizes, where it comes from, and what it costs.

    ``traits`` are those of the backend that it is made for.
    """

    program_name: str
    program_digest: str
    arguments: tuple[tuple[str, str], ...]
    dtype: str
    schedule: Schedule
    totals: Totals
    predicted: Prediction
    traits: Traits = field(default_factory=Traits)
