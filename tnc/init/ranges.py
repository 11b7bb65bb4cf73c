"""Whether values and gradients stay in the range of the dtype at the start, from their predicted root mean squares.

All magnitudes are natural logarithms of second moments: products of thousands of cores leave the range of any float.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, assert_never

from tnc.diagnostics import Diagnostic
from tnc.init.moments import homogeneous_gain, isometry_moment
from tnc.init.partial_products import partial_products
from tnc.init.variances import Variances, product_logarithm
from tnc.ir.legs import used_tensors
from tnc.ir.program import (
    Constant,
    Contract,
    Dim,
    Entries,
    Normal,
    Normalize,
    Orthogonal,
    Parameter,
    Pointwise,
    Scalar,
    Statement,
    Sum,
    Uniform,
    Use,
    View,
)
from tnc.ir.scalar import slope
from tnc.source import Span

RANGES: Final[dict[str, tuple[float, float]]] = {
    "float16": (5.96e-8, 65504.0),
    "bfloat16": (1.176e-38, 3.389e38),
    "float32": (1.176e-38, 3.402e38),
    "float64": (2.226e-308, 1.797e308),
    "complex64": (1.176e-38, 3.402e38),
    "complex128": (2.226e-308, 1.797e308),
}
"""The smallest number that no backend rounds to zero, and the largest; for complex dtypes, those of the parts.

XLA rounds subnormal numbers to zero, except those of float16, which it computes in float32.
"""

_EPSILON = math.log(1e-12)
"""What ``rms`` adds to the mean square."""

_CHOSEN = (
    "the compiler chose this scale to balance the rest of a product: "
    "leave its other cores without `init`, or keep its numbers closer to 1"
)


@dataclass(frozen=True, slots=True)
class _Range:
    """The range of a dtype: ``low`` and ``high`` are logarithms of squares."""

    low: float
    high: float

    def holds(self, moment: float) -> bool:
        """Whether a root mean square is in range; exact zeros are, and so are moments that are not known."""
        return not math.isfinite(moment) or self.low <= moment <= self.high


@dataclass(frozen=True, slots=True)
class _Finding:
    """What leaves the range: a clause such as "`h` starts with entries", and the moment of these."""

    clause: str
    moment: float
    span: Span | None
    help: str = ""

    def diagnostic(self, dtype: str) -> Diagnostic:
        low, high = RANGES[dtype]
        large = self.moment > 0
        limit = f"holds numbers up to {high:.2g}" if large else f"loses numbers below {low:.2g}"
        return Diagnostic(
            "TN813",
            f"{self.clause} about {_number_text(self.moment / 2)}, and {dtype} {limit}",
            self.span,
            label="overflows" if large else "underflows",
            help=self.help or _way_out(large),
        )


def _way_out(large: bool, automatic: bool = True) -> str:
    """``automatic`` says whether cores without ``init`` get a scale that keeps the product in range."""
    change = f"a {'smaller' if large else 'larger'} `std`, or put `rms` between fewer factors"
    return f"leave its cores without `init`, give them {change}" if automatic else f"give its cores {change}"


def range_lints(variances: Variances, dtype: str) -> Iterator[Diagnostic]:
    """A warning for the first core, value or intermediate tensor that leaves the range of the dtype, else gradient.

    What follows from the first is not reported.
    """
    low, high = RANGES[dtype]
    limits = _Range(2 * math.log(low), 2 * math.log(high))
    magnitudes = _magnitudes(variances)
    found = next(_values(variances, magnitudes, limits), None) or next(_gradients(variances, magnitudes, limits), None)
    if found is not None:
        yield found.diagnostic(dtype)


# -- values ------------------------------------------------------------------------------------


def _values(variances: Variances, magnitudes: dict[str, float], limits: _Range) -> Iterator[_Finding]:
    """The cores and values out of range, in the order of the Program.

    A region is also reported for its intermediate tensors if they leave the range from both ends of its product.
    """
    for name, parameter in variances.parameters.items():
        if not limits.holds(magnitudes[name]):
            way_out = _CHOSEN if name in variances.scales else "give it another `init`, or none"
            yield _Finding(f"core `{name}` starts with entries of", magnitudes[name], parameter.span, way_out)
    for statement in variances.program.statements:
        name = statement.name
        factor = 2 * _logarithm(_largest_number(statement))
        if factor > limits.high:
            way_out = "multiply the cores of the product by smaller numbers, or choose a wider dtype"
            yield _Finding(f"`{name}` multiplies by", factor, statement.span, way_out)
        if not limits.holds(magnitudes[name]):
            way_out = _way_out(magnitudes[name] > 0, variances.is_predicted(name))
            yield _Finding(f"`{name}` starts with entries of", magnitudes[name], statement.span, way_out)
        elif isinstance(statement, Contract):
            lost = [
                next((moment for moment in moments if not limits.holds(moment)), None)
                for moments in partial_products(statement, magnitudes)
            ]
            if lost[0] is not None and None not in lost:
                way_out = _way_out(lost[0] > 0, variances.is_predicted(name))
                clause = f"an intermediate tensor of `{name}` starts with entries of"
                yield _Finding(clause, lost[0], statement.span, way_out)


def _largest_number(statement: Statement) -> float:
    """The largest absolute value of the numbers that a statement multiplies by."""
    match statement:
        case Contract(scale=scale):
            return abs(scale)
        case Sum(terms=terms):
            return max((abs(term.coefficient) for term in terms), default=1.0)
        case Pointwise() | Normalize() | View():
            return 1.0
        case _:
            assert_never(statement)


def _magnitudes(variances: Variances) -> dict[str, float]:
    """The logarithm of the second moment of every tensor: nan where it is not known, -inf where it is zero."""
    found = {given.name: _logarithm(variances.moment(given.name)) for given in variances.program.inputs}
    for name, parameter in variances.parameters.items():
        found[name] = _core_logarithm(parameter, variances.moment(name))
    for statement in variances.program.statements:
        core = variances.cores.get(statement.name)
        moment = variances.moment(statement.name)
        if core is not None:
            found[statement.name] = found[core]
        elif 0 < moment < math.inf and not isinstance(statement, Normalize):
            found[statement.name] = math.log(moment)
        else:
            found[statement.name] = _law(statement, found, variances)
    return found


def _core_logarithm(parameter: Parameter, moment: float) -> float:
    """The logarithm of a core's second moment, also where no float holds the square of its numbers."""
    if 0 < moment < math.inf:
        return math.log(moment)
    match parameter.init:
        case Normal(std=value) | Constant(value=value):
            return 2 * _logarithm(abs(value))
        case Orthogonal(gain=gain):
            return 2 * _logarithm(abs(gain)) + math.log(isometry_moment(parameter))
        case Uniform(low=low, high=high):
            return 2 * _logarithm(max(abs(low), abs(high)))
        case Entries(values=values):
            return 2 * _logarithm(max(map(abs, values), default=0.0))
        case _:
            return _logarithm(moment)


def _law(statement: Statement, found: dict[str, float], variances: Variances) -> float:
    """What follows from the arguments, where no float holds the moment itself."""
    match statement:
        case Contract():
            return product_logarithm(statement, found.__getitem__) + variances.correction(statement.name)
        case Sum(terms=terms):
            return _total([found[term.use.tensor] + 2 * _logarithm(abs(term.coefficient)) for term in terms])
        case Pointwise(function=function, arguments=arguments):
            gain = homogeneous_gain(function, variances.scalars(statement))
            return math.nan if gain is None else found[arguments[0]] + _logarithm(gain)
        case Normalize(argument=argument):
            return found[argument] - _total([found[argument], _EPSILON])
        case View(argument=argument):
            return found[argument]
        case _:
            assert_never(statement)


# -- gradients ---------------------------------------------------------------------------------


def _gradients(variances: Variances, magnitudes: dict[str, float], limits: _Range) -> Iterator[_Finding]:
    """The gradients out of range, from the outputs back, of what depends on trained cores.

    They depend on the loss. Only what leaves the range both for a loss whose gradient has entries of 1 and for one
    whose gradient has entries of 1 over their number (a sum and a mean) is reported.
    """
    program = variances.program
    shapes = program.shapes()
    trained = _trained(variances)
    spans = {name: parameter.span for name, parameter in variances.parameters.items()}
    spans |= {statement.name: statement.span for statement in program.statements}
    mean = -2 * max((sum(map(_size, shapes[output.tensor])) for output in program.outputs), default=0.0)
    gradients: dict[str, list[float]] = {output.tensor: [0.0] for output in program.outputs}
    for statement in reversed(program.statements):
        incoming = _total(gradients.pop(statement.name, []))
        for tensor, moment in _passed_back(statement, incoming, magnitudes, variances):
            if tensor not in trained:
                continue
            gradients.setdefault(tensor, []).append(moment)
            smallest = moment + mean
            if math.isfinite(moment) and (smallest > limits.high or moment < limits.low):
                entries = smallest if smallest > limits.high else moment
                yield _Finding(f"the gradient of `{tensor}` starts with entries of", entries, spans[tensor])


def _trained(variances: Variances) -> frozenset[str]:
    """The trained cores and all that depends on one."""
    found = {name for name, parameter in variances.parameters.items() if not parameter.frozen}
    for statement in variances.program.statements:
        if not found.isdisjoint(used_tensors(statement)):
            found.add(statement.name)
    return frozenset(found)


def _passed_back(
    statement: Statement, incoming: float, magnitudes: dict[str, float], variances: Variances
) -> Iterator[tuple[str, float]]:
    """The second moment of what a statement adds to the gradient of each of its arguments."""
    match statement:
        case Contract():
            yield from _passed_by_product(statement, incoming, magnitudes)
        case Sum(terms=terms):
            for term in terms:
                yield term.use.tensor, incoming + 2 * _logarithm(abs(term.coefficient))
        case Pointwise(function=function, arguments=arguments):
            gain = _slope_logarithm(function, magnitudes[arguments[0]], variances.scalars(statement))
            yield arguments[0], incoming + gain
        case Normalize(argument=argument):
            yield argument, incoming - _total([magnitudes[argument], _EPSILON])
        case View(argument=argument):
            yield argument, incoming
        case _:
            assert_never(statement)


def _passed_by_product(
    statement: Contract, incoming: float, magnitudes: dict[str, float]
) -> Iterator[tuple[str, float]]:
    """To each factor: the gradient times the other factors, summed over the legs that the factor lacks."""
    uses = [factor for factor in statement.factors if isinstance(factor, Use)]
    unusual = sum(not math.isfinite(magnitudes[use.tensor]) for use in uses)
    whole = product_logarithm(statement, lambda tensor: _finite(magnitudes[tensor]))
    whole += incoming + math.fsum(_size(statement.dims[leg]) for leg in statement.legs)
    for use in uses:
        own = magnitudes[use.tensor]
        if unusual == (0 if math.isfinite(own) else 1):  # no other factor is zero or not known
            yield use.tensor, whole - _finite(own) - math.fsum(_size(statement.dims[leg]) for leg in set(use.legs))


_POINTS = tuple(sign * point / 8 for point in range(1, 33) for sign in (1.0, -1.0))


@lru_cache(maxsize=1024)
def _slope_logarithm(function: Scalar, logarithm: float, scalars: tuple[float, ...]) -> float:
    """The logarithm of E[f'(z)²] for a normal variable of a second moment; nan if a derivative is not finite."""
    if homogeneous_gain(function, scalars) is not None:
        logarithm = 0.0  # slopes do not depend on the scale of the argument
    if not abs(logarithm) < 600:
        return math.nan
    deviation = math.exp(logarithm / 2)
    terms: list[float] = []
    for point in _POINTS:
        found = slope(function, (deviation * point, *scalars))
        terms.append(math.exp(-point * point / 2) * found * found)
    weight = math.fsum(math.exp(-point * point / 2) for point in _POINTS)
    return _logarithm(math.fsum(terms) / weight) if all(map(math.isfinite, terms)) else math.nan


# -- numbers -----------------------------------------------------------------------------------


def _total(terms: Sequence[float]) -> float:
    """The logarithm of a sum of exponentials."""
    if any(map(math.isnan, terms)):
        return math.nan
    top = max(terms, default=-math.inf)
    return top if math.isinf(top) else top + math.log(math.fsum(math.exp(term - top) for term in terms))


def _finite(logarithm: float) -> float:
    return logarithm if math.isfinite(logarithm) else 0.0


def _logarithm(value: float) -> float:
    if math.isnan(value):
        return math.nan
    return math.log(value) if value > 0 else -math.inf


def _size(dim: Dim) -> float:
    """The logarithm of a dimension; a dynamic one counts as 1."""
    return math.log(dim) if isinstance(dim, int) else 0.0


def _number_text(logarithm: float) -> str:
    """The exponential of a number to one digit, as ``3e+90``."""
    exponent, fraction = divmod(logarithm / math.log(10.0), 1.0)
    digit = round(10.0**fraction)
    if digit == 10:
        exponent, digit = exponent + 1, 1
    return f"{digit}e{int(exponent):+d}"
