"""The syntax tree: what an author wrote, node by node.

There is one family of expressions. Whether ``relu(x)`` applies an activation, uses a tensor with the
leg ``x`` or calls a compile-time function is a question of names, so it is answered by ``tnc.sema``.
Chains of one precedence level are flat (``a + b - c`` is one node), so that long sums and products
do not nest. Parentheses are kept as :class:`Group`, so that the formatter prints what was written.
Spans never take part in equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from tnc.source import Source, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every node has: its place."""

    span: Span = field(compare=False, repr=False)


# -- expressions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number(Node):
    """``3``, ``0.5``, ``1e-3``, ``4GiB``: ``text`` as written, ``value`` with the unit multiplied in."""

    value: int | float
    text: str


@dataclass(frozen=True, slots=True)
class String(Node):
    """``"text"``; ``value`` is without quotes and escapes."""

    value: str


@dataclass(frozen=True, slots=True)
class Boolean(Node):
    """``true`` or ``false``."""

    value: bool


@dataclass(frozen=True, slots=True)
class Name(Node):
    """``chi``, ``std``, ``x'``: primes belong to the name and are legal on legs only."""

    text: str


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """``base.name``."""

    base: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    """``base[items]``; items may be :class:`Range`."""

    base: Expr
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """``value``, ``name = value``, or on the left of a definition ``name: crop = value``."""

    value: Expr
    name: str | None = None
    crop: Expr | None = None


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``function(arguments)``: a tensor with legs, an activation, an instance or a compile-time call."""

    function: Expr
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class List(Node):
    """``[a, b]``; as a leg list's entry ``[k]`` picks entry k."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Binder(Node):
    """``k in a..b`` or ``k in list``."""

    name: str
    iterable: Expr


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """``[element for k in R for l in S if c]``."""

    element: Expr
    binders: tuple[Binder, ...]
    condition: Expr | None


@dataclass(frozen=True, slots=True)
class Group(Node):
    """``(a)``, ``(i, j)``, ``()``: parentheses around an expression, or a group of legs."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """``-a`` or ``not a``; ``operator`` is ``"-"`` or ``"not"``."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """``a + b - c`` or ``a * b / c``: one precedence level, left to right, one operator fewer than operands."""

    operands: tuple[Expr, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Power(Node):
    """``base ^ exponent``, grouping to the right."""

    base: Expr
    exponent: Expr


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """``a < b <= c``, chained as in Python."""

    operands: tuple[Expr, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logical(Node):
    """``a and b and c`` or ``a or b``; ``operator`` is ``"and"`` or ``"or"``."""

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """``if condition then value else otherwise``."""

    condition: Expr
    value: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Fold(Node):
    """``prod(k in a..b, l in c..d) body``; ``operator`` is ``"prod"`` or ``"sum"``; binds to the next factor."""

    operator: str
    binders: tuple[Binder, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Range(Node):
    """``start..stop`` or ``start..stop by step``, half-open."""

    start: Expr
    stop: Expr
    step: Expr | None


Expr: TypeAlias = (
    Number
    | String
    | Boolean
    | Name
    | Attribute
    | Subscript
    | Call
    | List
    | Comprehension
    | Group
    | Unary
    | Arithmetic
    | Power
    | Comparison
    | Logical
    | Conditional
    | Fold
    | Range
)


# -- statements --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PathPart(Node):
    """One dotted part of a declared name with its subscripts: ``iso[s, k in 0..n]``."""

    name: str
    subscripts: tuple[Expr | Binder, ...] | None = None


@dataclass(frozen=True, slots=True)
class Path(Node):
    """A declared name: usually one part; ``expand`` writes canonical dotted ones, ``t[0].iso[1, 0]``."""

    parts: tuple[PathPart, ...]


@dataclass(frozen=True, slots=True)
class NetworkParameter(Node):
    """``name: type = default``; ``type`` is one of int float bool str fn ints floats."""

    name: str
    type: str
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Network(Node):
    """``network name(parameters) { body }``."""

    name: str
    parameters: tuple[NetworkParameter, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Application(Node):
    """``network name = value``, where ``value`` calls a network: some of its parameters get values."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Core(Node):
    """``core path(dims -> outputs) complex init I seed S frozen``; without an arrow ``outputs`` is None.

    ``complex`` is accepted in any place among these words; the formatter puts it first.
    """

    path: Path
    dims: tuple[Expr, ...]
    outputs: tuple[Expr, ...] | None
    complex: bool
    init: Expr | None
    seed: Expr | None
    frozen: bool


@dataclass(frozen=True, slots=True)
class DynamicDim(Node):
    """``batch?``: a dimension known at run time only."""

    name: str


@dataclass(frozen=True, slots=True)
class InputStd(Node):
    """``std value``: the root mean square of an input."""

    value: Expr


@dataclass(frozen=True, slots=True)
class OneHot(Node):
    """``one_hot``: one entry along the last axis of an input is 1, the others are 0."""


@dataclass(frozen=True, slots=True)
class Index(Node):
    """``index(count)``: an input of integers in 0..count."""

    count: Expr


InputValues: TypeAlias = InputStd | OneHot | Index


@dataclass(frozen=True, slots=True)
class Input(Node):
    """``input name(dims) values``; ``values`` is None where the author says nothing about them."""

    name: str
    dims: tuple[Expr | DynamicDim, ...]
    values: InputValues | None = None


@dataclass(frozen=True, slots=True)
class Let(Node):
    """``let path = value``."""

    path: Path
    value: Expr


@dataclass(frozen=True, slots=True)
class Definition(Node):
    """``path(legs) reshape(shape) = value``."""

    path: Path
    legs: tuple[Argument, ...]
    reshape: tuple[Argument, ...] | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Output(Node):
    """``output name(axis: crop = legs) reshape(axis = size) std S = value``."""

    name: str
    legs: tuple[Argument, ...]
    reshape: tuple[Argument, ...] | None
    std: Expr | None
    value: Expr


@dataclass(frozen=True, slots=True)
class FunctionParameter(Node):
    """``t`` or ``w = 1`` of a ``fn`` or ``def``."""

    name: str
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Function(Node):
    """``fn name(t, …) = body``: a pointwise activation."""

    name: str
    parameters: tuple[FunctionParameter, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Def(Node):
    """``def name(a, …) = body``: a compile-time helper."""

    name: str
    parameters: tuple[FunctionParameter, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class For(Node):
    """``for k in a..b { body }``."""

    binder: Binder
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """One ``if condition { body }`` of an ``if`` statement."""

    condition: Expr
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class If(Node):
    """``if c { … } else if d { … } else { … }``; ``otherwise`` is None where there is no ``else``."""

    branches: tuple[Branch, ...]
    otherwise: tuple[Statement, ...] | None


@dataclass(frozen=True, slots=True)
class Import(Node):
    """``import "file.tn" as alias``."""

    path: str
    alias: str | None


@dataclass(frozen=True, slots=True)
class Assert(Node):
    """``assert condition, "message"``."""

    condition: Expr
    message: str | None


@dataclass(frozen=True, slots=True)
class Require(Node):
    """``require condition, "message"``: a budget on the finished plan."""

    condition: Expr
    message: str | None


Statement: TypeAlias = (
    Network
    | Application
    | Core
    | Input
    | Let
    | Definition
    | Output
    | Function
    | Def
    | For
    | If
    | Import
    | Assert
    | Require
)


@dataclass(frozen=True, slots=True)
class Comment(Node):
    """``# text`` with its hash sign; ``own_line`` if nothing but white space stands before it."""

    text: str
    own_line: bool


@dataclass(frozen=True, slots=True)
class File(Node):
    """A whole file. Comments lie beside the tree, in order of place, and do not take part in equality.

    ``broken`` are the places of statements that could not be read: what they would have declared is unknown.
    """

    source: Source = field(compare=False, repr=False)
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(compare=False)
    broken: tuple[Span, ...] = field(default=(), compare=False)
