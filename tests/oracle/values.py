"""What expressions of the language can be while the oracle interprets them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tnc.syntax import tree

    from .elaborate import Frame, Scope


class OracleError(Exception):
    """The program is wrong, or it is beyond what the oracle understands."""


Value: TypeAlias = object
"""int, float, bool, str, list, and the classes below."""


# -- legs ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leg:
    """``x'[1, 2]``: name, number of primes, subscripts."""

    base: str
    primes: int
    subscripts: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: a leg, or several as a group."""

    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """``[k]``."""

    index: int


@dataclass(frozen=True, slots=True)
class Digit:
    """``[ids(b)]``: where integers select; ``axes`` are those of the integers."""

    index: InputTensor
    axes: tuple[Axis | Pick, ...]


# -- tensors -------------------------------------------------------------------------------------


@dataclass(eq=False)
class CoreTensor:
    """A declared core; ``init`` is its kind and its numbers; ``complex`` ones are complex whatever the dtype."""

    name: str
    shape: tuple[int, ...]
    inputs: int
    init: tuple[str, tuple[float, ...]]
    frozen: bool
    complex: bool = False
    seed: int | None = None


@dataclass(eq=False)
class InputTensor:
    """Declared data; a dimension is a number or the name of a dynamic one.

    Integers are one-hot along a last axis, which is not given.
    """

    name: str
    shape: tuple[int | str, ...]
    is_index: bool = False


@dataclass(eq=False)
class LeftAxis:
    """One axis on the left of a definition; a crop may be the name of a dynamic dimension."""

    legs: tuple[Leg, ...]
    name: str | None
    crop: int | str | None


@dataclass(eq=False)
class DefinedTensor:
    """An intermediate or an output."""

    name: str
    left: tuple[LeftAxis, ...]
    reshape: tuple[int | str, ...] | None
    value: Node
    axes: tuple[str | None, ...] = ()


@dataclass(eq=False)
class BoundTensor:
    """The output of an instance whose inputs are bound to tensors."""

    output: Tensor
    bindings: tuple[tuple[InputTensor, Tensor], ...]


Tensor: TypeAlias = CoreTensor | InputTensor | DefinedTensor | BoundTensor


# -- tensor expressions --------------------------------------------------------------------------


@dataclass(eq=False)
class Use:
    """A tensor with something written on every axis."""

    tensor: Tensor
    axes: tuple[Axis | Pick, ...]


@dataclass(eq=False)
class Delta:
    """``delta(i, j)``."""

    legs: tuple[Leg, ...]


@dataclass(eq=False)
class Ones:
    """``ones(i, j)``."""

    legs: tuple[Leg, ...]


@dataclass(eq=False)
class Scale:
    """A number among tensors."""

    value: float


@dataclass(eq=False)
class Product:
    """Factors; never a product itself."""

    factors: tuple[Node, ...]


@dataclass(eq=False)
class Sum:
    """Terms."""

    terms: tuple[Node, ...]


@dataclass(eq=False)
class Activated:
    """A pointwise function of a tensor."""

    function: Scalar
    argument: Node


@dataclass(eq=False)
class Normalised:
    """``rms(e)``."""

    argument: Node


@dataclass(eq=False)
class Conjugated:
    """``conj(e)``."""

    argument: Node


Node: TypeAlias = Use | Delta | Ones | Scale | Product | Sum | Activated | Normalised | Conjugated
NODES = (Use, Delta, Ones, Scale, Product, Sum, Activated, Normalised, Conjugated)


# -- pointwise functions -------------------------------------------------------------------------


@dataclass(eq=False)
class Entry:
    """The entry that a pointwise function is applied to."""


@dataclass(eq=False)
class Applied:
    """An operator or a function of scalars."""

    operator: str
    operands: tuple[Scalar, ...]


Scalar: TypeAlias = Entry | Applied | Node | float
"""A Node within a Scalar is a tensor without legs."""


# -- other values --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function that the language has: compared by name."""

    name: str


@dataclass(eq=False)
class UserFunction:
    """``fn``."""

    syntax: tree.Function
    scope: Scope


@dataclass(eq=False)
class UserDef:
    """``def``."""

    syntax: tree.Def
    scope: Scope


@dataclass(eq=False)
class NetworkValue:
    """A network, not yet an instance; ``given`` are the arguments of the applications that led to it."""

    syntax: tree.Network
    scope: Scope
    given: dict[str, Value] = field(default_factory=dict[str, "Value"])

    @property
    def parameters(self) -> list[tree.NetworkParameter]:
        """What it still takes."""
        return [parameter for parameter in self.syntax.parameters if parameter.name not in self.given]


@dataclass(eq=False)
class Pending:
    """A network with its arguments, waiting for the name that ``let`` gives."""

    network: NetworkValue
    arguments: dict[str, Value]


@dataclass(eq=False)
class Module:
    """An imported file."""

    names: dict[str, Value]


@dataclass(eq=False)
class StandardLibrary:
    """``std``: files are read as they are named."""

    loaded: dict[str, Value] = field(default_factory=dict[str, Value])


@dataclass(eq=False)
class Instance:
    """An elaborated network under a path."""

    frame: Frame
