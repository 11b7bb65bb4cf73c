"""The scalar language: one entry for every activation, function and operator.

Everything the compiler knows of one of them is read from its entry: values at compile time, derivatives, what autograd
saves, costs, complex rules, lints, the names of the language. To add an activation, add an entry and spell it in each
backend (a :class:`Composite` needs no spelling); tests name what else is missing.

Derivatives are those of PyTorch at kinks (decision 24): 0 for ``relu`` and ``abs``, half of the gradient for each of
two equal operands of ``min`` and ``max``, the left slope for ``leaky_relu`` and ``elu``.
"""

# Values are lambdas of floats, of as many as the entry has operands, which their type cannot say.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from types import MappingProxyType

from tnc.ir import ieee
from tnc.ir.entries import Alias, Composite, Entry, Primitive, Saved, Sign, Work, always, no_singularity
from tnc.ir.program import Apply, Argument, Literal, Scalar

# -- expressions for derivatives and bodies ----------------------------------------------------

_T, _A = Argument(0), Argument(1)


def _call(name: str, *operands: Scalar | float) -> Apply:
    return Apply(name, tuple(Literal(float(o)) if isinstance(o, int | float) else o for o in operands))


def _sum(*terms: Scalar | float) -> Apply:
    first, *rest = terms
    total = first
    for term in rest:
        total = _call("add", total, term)
    assert isinstance(total, Apply)
    return total


def _mul(a: Scalar | float, b: Scalar | float) -> Apply:
    return _call("mul", a, b)


def _where(condition: Scalar, a: Scalar | float, b: Scalar | float) -> Apply:
    return _call("where", condition, a, b)


def _sin(angle: Scalar) -> Apply:
    return _call("sin", angle, 1.0)


_SQUARE = _call("pow", _T, 2.0)
_SIGMOID = _call("sigmoid", _T)
_POSITIVE = _call("gt", _T, 0.0)
_ZERO, _ONE = Literal(0.0), Literal(1.0)


def _share(wins: str) -> tuple[Scalar, Scalar]:
    """The derivatives of ``min`` and ``max``: the operand that wins gets the gradient, equal ones half of it."""
    half = _where(_call("eq", _T, _A), 0.5, 0.0)
    return _where(_call(wins, _T, _A), 1.0, half), _where(_call(wins, _A, _T), 1.0, half)


def _by_exponent() -> Scalar:
    """The derivative of ``a ^ b`` by ``b``, 0 at ``0 ^ b``."""
    usual = _mul(_call("pow", _T, _A), _call("log", _T))
    return _where(_call("eq", _T, 0.0), _where(_call("ge", _A, 0.0), 0.0, usual), usual)


def _gelu_derivative() -> Scalar:
    below = _mul(0.5, _sum(1.0, _call("erf", _mul(math.sqrt(0.5), _T))))
    density = _mul(1 / math.sqrt(2 * math.pi), _call("exp", _mul(-0.5, _SQUARE)))
    return _sum(below, _mul(_T, density))


def _mish_derivative() -> Scalar:
    gate = _call("tanh", _call("softplus", _T))
    return _sum(gate, _mul(_mul(_T, _SIGMOID), _call("sub", 1.0, _call("pow", gate, 2.0))))


def _snake() -> Scalar:
    wave = _sin(_mul(_A, _T))
    return _sum(_T, _call("div", _call("pow", wave, 2.0), _A))


def _rational() -> Scalar:
    t, a0, a1, a2, a3, b1, b2 = (Argument(index) for index in range(7))
    numerator = _sum(a0, _mul(t, _sum(a1, _mul(t, _sum(a2, _mul(t, a3))))))
    return _call("div", numerator, _sum(1.0, _call("abs", _mul(t, _sum(b1, _mul(t, b2))))))


# -- the table ---------------------------------------------------------------------------------

ACTIVATIONS: MappingProxyType[str, Entry] = MappingProxyType(
    {
        "relu": Primitive(
            value=lambda t: ieee.maximum(t, 0.0),
            derivative=(_where(_POSITIVE, 1.0, 0.0),),
            saved=Saved.RESULT,
            work=Work.SIMPLE,
            real_only=True,
            sign=Sign.NOT_NEGATIVE,
            in_place=always,
            selects=True,
        ),
        "leaky_relu": Primitive(
            value=lambda t, slope: t if t > 0 else slope * t,
            derivative=(_where(_POSITIVE, 1.0, _A), _where(_POSITIVE, 0.0, _T)),
            saved=Saved.ARGUMENT,
            work=Work.SIMPLE,
            real_only=True,
            parameters=(("slope", 0.01),),
            in_place=lambda slope: slope > 0,
        ),
        "prelu": Alias(of="leaky_relu", parameters=(("a", None),)),
        "elu": Primitive(
            value=lambda t, alpha: t if t > 0 else alpha * math.expm1(t),
            derivative=(
                _where(_POSITIVE, 1.0, _mul(_A, _call("exp", _T))),
                _where(_POSITIVE, 0.0, _call("elu", _T, 1.0)),
            ),
            saved=Saved.ARGUMENT,
            work=Work.SERIES,
            real_only=True,
            parameters=(("alpha", 1.0),),
        ),
        "gelu": Primitive(
            value=ieee.gelu,
            derivative=(_gelu_derivative(),),
            saved=Saved.ARGUMENT,
            work=Work.SERIES,
            real_only=True,
            shared=3,
        ),
        "silu": Primitive(
            value=lambda t: t * ieee.sigmoid(t),
            derivative=(_mul(_SIGMOID, _sum(1.0, _mul(_T, _call("sigmoid", _call("neg", _T))))),),
            saved=Saved.ARGUMENT,
            work=Work.SERIES,
            real_only=False,
            shared=1,
        ),
        "mish": Primitive(
            value=lambda t: t * math.tanh(ieee.softplus(t)),
            derivative=(_mish_derivative(),),
            saved=Saved.ARGUMENT,
            work=Work.SERIES,
            real_only=True,
            shared=2,
        ),
        "tanh": Primitive(
            value=math.tanh,
            derivative=(_call("sub", 1.0, _call("pow", _call("tanh", _T), 2.0)),),
            saved=Saved.RESULT,
            work=Work.SERIES,
            real_only=False,
            in_place=always,
        ),
        "sigmoid": Primitive(
            value=ieee.sigmoid,
            derivative=(_mul(_SIGMOID, _call("sigmoid", _call("neg", _T))),),
            saved=Saved.RESULT,
            work=Work.SERIES,
            real_only=False,
            sign=Sign.POSITIVE,
            in_place=always,
        ),
        "softplus": Primitive(
            value=ieee.softplus,
            derivative=(_SIGMOID,),
            saved=Saved.ARGUMENT,
            work=Work.SERIES,
            real_only=True,
            sign=Sign.POSITIVE,
            shared=1,
        ),
        "sin": Primitive(
            value=lambda t, w: ieee.sin(w * t),
            derivative=(_mul(_A, _call("cos", _mul(_A, _T))), _mul(_T, _call("cos", _mul(_A, _T)))),
            saved=Saved.ARGUMENT,
            work=Work.SERIES,
            real_only=False,
            parameters=(("w", 1.0),),
        ),
        "snake": Composite(
            body=_snake(),
            summary="A line with a ripple of frequency a.",
            parameters=(("a", 1.0),),
        ),
        "rational": Composite(
            body=_rational(),
            summary="A cubic over a quadratic without real roots.",
            parameters=tuple((name, None) for name in ("a0", "a1", "a2", "a3", "b1", "b2")),
        ),
    }
)
"""The built-in activations: what may be applied to a tensor by name."""

FUNCTIONS: MappingProxyType[str, Primitive] = MappingProxyType(
    {
        "exp": Primitive(
            value=ieee.exp,
            derivative=(_call("exp", _T),),
            saved=Saved.RESULT,
            work=Work.SERIES,
            real_only=False,
            in_place=always,
        ),
        "log": Primitive(
            value=ieee.log,
            derivative=(_call("div", 1.0, _T),),
            saved=Saved.ARGUMENT,
            work=Work.SERIES,
            real_only=False,
            singularity=lambda t: t,
        ),
        "cos": Primitive(
            value=ieee.cos,
            derivative=(_call("neg", _sin(_T)),),
            saved=Saved.ARGUMENT,
            work=Work.SERIES,
            real_only=False,
        ),
        "erf": Primitive(
            value=math.erf,
            derivative=(_mul(2 / math.sqrt(math.pi), _call("exp", _call("neg", _SQUARE))),),
            saved=Saved.ARGUMENT,
            work=Work.SERIES,
            real_only=True,
        ),
        "abs": Primitive(
            value=lambda t: abs(t),
            derivative=(_where(_POSITIVE, 1.0, _where(_call("lt", _T, 0.0), -1.0, 0.0)),),
            saved=Saved.ARGUMENT,
            work=Work.SIMPLE,
            real_only=False,
            real_valued=True,
            selects=True,
        ),
        "sqrt": Primitive(
            value=ieee.sqrt,
            derivative=(_call("div", 0.5, _call("sqrt", _T)),),
            saved=Saved.RESULT,
            work=Work.DIVISION,
            real_only=False,
            singularity=lambda t: t,
        ),
        "min": Primitive(
            value=ieee.minimum,
            derivative=_share("lt"),
            saved=Saved.OPERANDS,
            work=Work.SIMPLE,
            real_only=True,
            selects=True,
        ),
        "max": Primitive(
            value=ieee.maximum,
            derivative=_share("gt"),
            saved=Saved.OPERANDS,
            work=Work.SIMPLE,
            real_only=True,
            selects=True,
        ),
        "where": Primitive(
            value=lambda condition, a, b: a if condition else b,
            derivative=(_ZERO, _where(_T, 1.0, 0.0), _where(_T, 0.0, 1.0)),
            saved=Saved.OPERANDS,
            work=Work.SIMPLE,
            real_only=False,
            selects=True,
        ),
    }
)
"""What else a ``fn`` may call; these alone activate nothing."""


def _arithmetic(
    value: Callable[..., float],
    *derivative: Scalar,
    saved: Saved = Saved.OPERANDS,
    work: Work = Work.SIMPLE,
    singularity: Callable[..., float] = no_singularity,
) -> Primitive:
    return Primitive(
        value=value,
        derivative=derivative,
        saved=saved,
        work=work,
        real_only=False,
        selects=saved is Saved.NOTHING,
        singularity=singularity,
    )


def _comparison(value: Callable[[float, float], bool], *, ordered: bool = True) -> Primitive:
    return Primitive(
        value=lambda a, b: float(value(a, b)),
        derivative=(_ZERO, _ZERO),
        saved=Saved.NOTHING,
        work=Work.SIMPLE,
        real_only=ordered,
        real_valued=True,
    )


_COMPARISONS: MappingProxyType[str, Primitive] = MappingProxyType(
    {
        "lt": _comparison(lambda a, b: a < b),
        "le": _comparison(lambda a, b: a <= b),
        "gt": _comparison(lambda a, b: a > b),
        "ge": _comparison(lambda a, b: a >= b),
        "eq": _comparison(lambda a, b: a == b, ordered=False),
        "ne": _comparison(lambda a, b: a != b, ordered=False),
    }
)

COMPARISONS = frozenset(_COMPARISONS)
"""Operators whose value is a truth value, and whose derivative is 0."""

OPERATORS: MappingProxyType[str, Primitive] = MappingProxyType(
    {
        "neg": _arithmetic(lambda t: -t, Literal(-1.0), saved=Saved.NOTHING),
        "add": _arithmetic(lambda a, b: a + b, _ONE, _ONE, saved=Saved.NOTHING),
        "sub": _arithmetic(lambda a, b: a - b, _ONE, Literal(-1.0), saved=Saved.NOTHING),
        "mul": _arithmetic(lambda a, b: a * b, _A, _T),
        "div": _arithmetic(
            ieee.divide,
            _call("div", 1.0, _A),
            _call("neg", _call("div", _call("div", _T, _A), _A)),
            work=Work.DIVISION,
            singularity=lambda _, b: abs(b),
        ),
        # A power of a number is a polynomial where the exponent is one: tnc.ir.guards allows any base there.
        "pow": _arithmetic(
            ieee.power,
            _where(_call("eq", _A, 0.0), 0.0, _mul(_A, _call("pow", _T, _call("sub", _A, 1.0)))),
            _by_exponent(),
            work=Work.SERIES,
            singularity=lambda base, _: base,
        ),
        **_COMPARISONS,
    }
)
"""The operators of expressions."""

COMPOSITES = tuple(name for name, entry in ACTIVATIONS.items() if isinstance(entry, Composite))
"""Activations that generated modules define by themselves, under these names."""

ENTRIES: MappingProxyType[str, Entry] = MappingProxyType({**ACTIVATIONS, **FUNCTIONS, **OPERATORS})
"""Every name of the scalar language."""


def primitive(name: str) -> Primitive:
    """The entry of a primitive, an alias resolved.

    Raises:
        KeyError: the name is that of a composite, or unknown.
    """
    entry = ENTRIES[name]
    if isinstance(entry, Alias):
        entry = ENTRIES[entry.of]
    if isinstance(entry, Primitive):
        return entry
    raise KeyError(name)


def body_of(name: str) -> Scalar | None:
    """The body of a composite activation, a function of its operands; None for every other name."""
    entry = ENTRIES[name]
    return entry.body if isinstance(entry, Composite) else None


@cache
def is_real_only(name: str) -> bool:
    """Whether a name has no meaning for complex numbers; that of a composite follows from its body."""
    body = body_of(name)
    return primitive(name).real_only if body is None else any(map(is_real_only, _names(body)))


def _names(function: Scalar) -> Iterator[str]:
    if isinstance(function, Apply):
        yield function.operator
        for operand in function.operands:
            yield from _names(operand)
