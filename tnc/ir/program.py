"""The Program: a network as statements over named tensors, every shape known, nothing yet decided.

A Program is what a network *means*. Statements are in static single assignment: each defines one
tensor under a name of its own and uses only names defined before. Legs are integers local to one
statement, numbered by first appearance (factors from left to right, then the result), so that equal
statements are equal values. ``tnc.ir.program_text`` prints a Program as a ``.tn`` file that
parses back to an equal Program.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from tnc.source import Span

Dim: TypeAlias = int | str
"""A dimension: a number, or the name of a dynamic size (``batch?``)."""

# -- cores -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Normal:
    """Independent normal entries with this standard deviation."""

    std: float


@dataclass(frozen=True, slots=True)
class Uniform:
    """Independent uniform entries in [low, high)."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """A random isometry from input to output axes (or its transpose, where that is the tall side), times ``gain``.

    Where the long side is q times the short one (of at least 2), it is q random orthogonal blocks side by side over
    √q, so that all vectors along the long side have one norm: products of such isometries have no heavy tails.
    Elsewhere its law is Haar's.
    """

    gain: float


@dataclass(frozen=True, slots=True)
class Identity:
    """The (rectangular) identity from input to output axes plus normal noise with deviation ``noise``."""

    noise: float


@dataclass(frozen=True, slots=True)
class Constant:
    """Every entry the same number: ``init 0``, ``zeros``, ``ones``."""

    value: float


@dataclass(frozen=True, slots=True)
class Entries:
    """Given entries, row-major."""

    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Glorot:
    """Normal with deviation sqrt(2 / (fan_in + fan_out)), fans from the core's own axes."""


@dataclass(frozen=True, slots=True)
class He:
    """Normal with deviation sqrt(2 / fan_in), the fan from the core's own axes."""


@dataclass(frozen=True, slots=True)
class Auto:
    """Chosen by the compiler, so that outputs have their declared deviation."""


SEEDS = 2**64
"""Seeds are integers from 0 up to this one."""

LARGEST_SEEDED = 2**32
"""The most entries that a seeded core has: entries are numbered by one word of the generator."""

Init: TypeAlias = Normal | Uniform | Orthogonal | Identity | Constant | Entries | Glorot | He | Auto


@dataclass(frozen=True, slots=True)
class CoreName:
    """``tree.iso[1, 0]`` taken apart: the instance (``"tree"``, ``"t[0]"`` or ``""``), the family, the subscripts."""

    path: str
    family: str
    subscripts: tuple[int, ...] | None

    def __str__(self) -> str:
        """The canonical name."""
        prefix = f"{self.path}." if self.path else ""
        suffix = "" if self.subscripts is None else f"[{', '.join(map(str, self.subscripts))}]"
        return f"{prefix}{self.family}{suffix}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A core. The first ``inputs`` of its axes stand before the arrow (max(1, ⌊m/2⌋) of m where none was written).

    Where ``is_complex``, its entries are complex whatever the dtype of the module. With a ``seed`` its entries are a
    function of the seed and its name; it is ``frozen`` then.
    """

    name: CoreName
    shape: tuple[int, ...]
    inputs: int
    init: Init
    frozen: bool
    is_complex: bool = False
    seed: int | None = None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Entries of mean zero with this root mean square."""

    std: float = 1.0


@dataclass(frozen=True, slots=True)
class OneHot:
    """Along the last axis one entry is 1, each with the same probability, and the others are 0."""


@dataclass(frozen=True, slots=True)
class Index:
    """Integers are given, without the last axis; the tensor is one-hot: entry ``v`` along its last axis is 1 for ``v``.

    So rows are selected by a contraction, which the planner turns into a gather.
    """


Values: TypeAlias = Numbers | OneHot | Index
"""What an author says about the data of an input."""


@dataclass(frozen=True, slots=True)
class Input:
    """Data given to ``forward``, of this shape (except for :class:`Index`); ``values`` decides how cores start."""

    name: str
    shape: tuple[Dim, ...]
    values: Values = Numbers()
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def data_shape(self) -> tuple[Dim, ...]:
        """The shape of what is given to ``forward``."""
        return self.shape if self.index_values is None else self.shape[:-1]

    @property
    def index_values(self) -> int | None:
        """The number of values of an index; None for other inputs."""
        count = self.shape[-1] if isinstance(self.values, Index) else None
        return count if isinstance(count, int) else None


# -- statements --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """The author's definition that a statement is a part of, for comments and names of generated code.

    ``path`` is the instance that it is in (``"net"``, ``""``), ``name`` what the definition calls its tensor
    (``h``, ``h[2]``), ``span`` its text, and ``bindings`` are the values of the loop variables there, outermost first.
    """

    path: str
    name: str
    span: Span = field(repr=False)
    bindings: tuple[tuple[str, int], ...] = ()

    @property
    def place(self) -> str:
        """The file's base name, the line, and the loops around: ``std/ttn.tn:44, s = 2``."""
        source = self.span.source
        name = source.name.replace("\\", "/")
        is_standard = name.startswith("<std>/")
        place = f"std/{name.removeprefix('<std>/')}" if is_standard else name.rpartition("/")[2]
        line = source.position(self.span.start).line
        return ", ".join([f"{place}:{line}", *(f"{variable} = {value}" for variable, value in self.bindings)])


@dataclass(frozen=True, slots=True)
class Use:
    """A tensor with a leg on each axis; a leg may occur twice (a diagonal)."""

    tensor: str
    legs: tuple[int, ...]
    conjugate: bool = False


@dataclass(frozen=True, slots=True)
class Delta:
    """The copy tensor: one where all its legs agree, else zero."""

    legs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ones:
    """One everywhere."""

    legs: tuple[int, ...]


Factor: TypeAlias = Use | Delta | Ones


@dataclass(frozen=True, slots=True)
class Contract:
    """``scale`` times the product of the factors, summed over the legs that are not in ``legs``.

    ``dims[leg]`` is the dimension of a leg. No factors at all is the number ``scale``.
    """

    name: str
    factors: tuple[Factor, ...]
    legs: tuple[int, ...]
    dims: tuple[Dim, ...]
    scale: float = 1.0
    leg_names: tuple[str, ...] = field(default=(), compare=False, repr=False)
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Term:
    """``coefficient`` times a tensor; legs that it lacks are broadcast. Its legs are distinct."""

    coefficient: float
    use: Use


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of the terms, each of whose legs is in ``legs``; every leg is in some term."""

    name: str
    terms: tuple[Term, ...]
    legs: tuple[int, ...]
    dims: tuple[Dim, ...]
    leg_names: tuple[str, ...] = field(default=(), compare=False, repr=False)
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Argument:
    """The n-th argument of a pointwise function; the 0th is the tensor, the others are scalar tensors."""

    index: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A number; always a float, so that ``2`` and ``2.0`` are one value."""

    value: float


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator of the scalar language applied: ``add sub mul div pow neg lt le gt ge eq ne`` or a function's name.

    ``tnc.ir.scalar`` lists them with the number of their operands.
    """

    operator: str
    operands: tuple[Scalar, ...]


Scalar: TypeAlias = Argument | Literal | Apply
"""What a pointwise function computes for one entry."""


@dataclass(frozen=True, slots=True)
class Pointwise:
    """``function`` at every entry of ``arguments[0]``; the further arguments are scalars (shape ``()``). A barrier."""

    name: str
    function: Scalar
    arguments: tuple[str, ...]
    function_name: str = field(default="", compare=False)
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Normalize:
    """``argument`` over its root mean square along all axes that are not dynamic. A barrier.

    ε = 1e-12 is added under the root.
    """

    name: str
    argument: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same entries, row-major, under another shape."""


@dataclass(frozen=True, slots=True)
class Crop:
    """The first entries of every axis, as many as the new shape says."""


@dataclass(frozen=True, slots=True)
class FlatCrop:
    """Flattened row-major, the first entries kept, reshaped."""


@dataclass(frozen=True, slots=True)
class Select:
    """Entry ``index`` of one axis, which vanishes."""

    axis: int
    index: int


ViewKind: TypeAlias = Reshape | Crop | FlatCrop | Select


@dataclass(frozen=True, slots=True)
class View:
    """``argument`` seen otherwise: no arithmetic."""

    name: str
    argument: str
    kind: ViewKind
    shape: tuple[Dim, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


Statement: TypeAlias = Contract | Sum | Pointwise | Normalize | View


# -- the whole ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Output:
    """A result: a tensor, the names of its axes (None where the author gave none), and its declared deviation."""

    name: str
    tensor: str
    axes: tuple[str | None, ...]
    std: float | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A budget: ``metric relation bound``, as in ``params <= 500``; ``device`` and ``sizes`` only for ``step_time``."""

    metric: str
    relation: str
    bound: float
    message: str | None
    device: str | None = None
    sizes: tuple[tuple[str, int], ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Program:
    """A network, elaborated. Only what an output needs is in ``parameters`` and ``statements``; all inputs are kept.

    ``arguments`` (parameter and canonical text of its value) and ``origins`` (name of a statement and the author's
    definition) are not compared.
    """

    name: str
    parameters: tuple[Parameter, ...]
    inputs: tuple[Input, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[Output, ...]
    requirements: tuple[Requirement, ...] = ()
    arguments: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    origins: tuple[tuple[str, Origin], ...] = field(default=(), compare=False, repr=False)

    def shapes(self) -> dict[str, tuple[Dim, ...]]:
        """The shape of every tensor by name: parameters, inputs, then statements in order."""
        shapes: dict[str, tuple[Dim, ...]] = {str(p.name): p.shape for p in self.parameters}
        shapes.update((i.name, i.shape) for i in self.inputs)
        for statement in self.statements:
            shapes[statement.name] = statement_shape(statement, shapes)
        return shapes


def statement_shape(statement: Statement, shapes: dict[str, tuple[Dim, ...]]) -> tuple[Dim, ...]:
    """The shape of what a statement defines, given the shapes of what it uses."""
    match statement:
        case Contract(legs=legs, dims=dims) | Sum(legs=legs, dims=dims):
            return tuple(dims[leg] for leg in legs)
        case Pointwise(arguments=arguments):
            return shapes[arguments[0]]
        case Normalize(argument=argument):
            return shapes[argument]
        case View(shape=shape):
            return shape
