"""The names of the language itself: compile-time functions, activations, and what else stands in tensor expressions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn, TypeVar

from tnc.ir.activations import ACTIVATIONS, FUNCTIONS
from tnc.ir.entries import Parameters
from tnc.sema.meter import Meter
from tnc.sema.names.scope import Bound, Builtin, Scope, StandardLibrary, Value
from tnc.sema.names.value_text import kind_of, short_text
from tnc.sema.problem import fail
from tnc.sema.values import prime_factors
from tnc.sema.values.arithmetic import GUARD, arithmetic, checked, is_integer, is_number
from tnc.source import Span

T = TypeVar("T")

ACTIVATION_PARAMETERS: MappingProxyType[str, Parameters] = MappingProxyType(
    {**{name: entry.parameters for name, entry in ACTIVATIONS.items()}, "rms": (), "identity": ()}
)
"""Activations and their further parameters with defaults."""

SCALAR_FUNCTIONS: MappingProxyType[str, int | None] = MappingProxyType(
    {name: None if name in ("min", "max") else entry.operands for name, entry in FUNCTIONS.items()}
)
"""What else a ``fn`` may call, with the number of operands; None for two or more."""

INIT_KINDS: Mapping[str, Parameters] = MappingProxyType(
    {
        "normal": (("std", None),),
        "uniform": (("low", None), ("high", None)),
        "orthogonal": (("gain", 1.0),),
        "identity": (("noise", 0.0),),
        "zeros": (),
        "ones": (),
        "glorot": (),
        "he": (),
        "auto": (),
    }
)
"""The kinds of initialisation with their parameters and defaults."""

TENSOR_FORMS = frozenset({"delta", "ones", "conj"})
"""What else stands in tensor expressions."""

_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "len": "it counts the entries of a list: `len([2, 3])`",
        "min": "it takes numbers, or a list of them: `min(2, 3)`",
        "max": "it takes numbers, or a list of them: `max(2, 3)`",
        "sum": "it adds the entries of a list: `sum([2, 3])`",
        "prod": "it multiplies the entries of a list: `prod([2, 3])`",
        "range": "it counts: `range(0, n)`",
        "reversed": "it turns a list around: `reversed([2, 3])`",
        "interleave": "it deals lists into one: `interleave([2, 2], [3, 3])`",
        "ceil_div": "it divides integers and rounds up: `ceil_div(7, 2)`",
        "factors": "it gives prime factors: `factors(12)` is `[2, 2, 3]`",
        "smooth": "it rounds up to an integer with small prime factors: `smooth(11)` is 12",
    }
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a compile-time function: what it may need to complain or to pay."""

    name: str
    span: Span
    meter: Meter

    def wrong(self, expected: str, value: Value) -> NoReturn:
        """Complain about an argument."""
        fail(
            "TN215",
            f"`{self.name}` needs {expected}, not {kind_of(value)}",
            self.span,
            label=short_text(value),
            help=_EXAMPLES.get(self.name),
        )


def _len(call: Call, value: Value) -> Value:
    if not isinstance(value, tuple):
        call.wrong("a list", value)
    return len(value)


def _numbers(call: Call, arguments: tuple[Value, ...]) -> list[int | float]:
    """The numbers of ``min(a, b)`` or ``min(list)``."""
    items = arguments
    if len(arguments) == 1:
        first = arguments[0]
        if isinstance(first, tuple):
            items = first
    call.meter.pay(len(items), call.span)
    numbers: list[int | float] = []
    for item in items:
        if not is_number(item):
            call.wrong("numbers", item)
        numbers.append(item)
    return numbers


def _extreme(choose: Callable[[list[int | float]], int | float]) -> Callable[[Call, tuple[Value, ...]], Value]:
    def extreme(call: Call, arguments: tuple[Value, ...]) -> Value:
        numbers = _numbers(call, arguments)
        if not numbers:
            fail(
                "TN216",
                f"`{call.name}` of an empty list",
                call.span,
                help="check `len` first, or add an entry that is always there",
            )
        return choose(numbers)

    return extreme


def _sum(call: Call, value: Value) -> Value:
    return _fold(call, value, "+", 0)


def _prod(call: Call, value: Value) -> Value:
    return _fold(call, value, "*", 1)


def _fold(call: Call, value: Value, operator: str, result: int | float) -> Value:
    if not isinstance(value, tuple):
        call.wrong("a list", value)
    numbers = _numbers(call, (value,))
    integers = [number for number in numbers if isinstance(number, int)]
    if len(integers) == len(numbers) and sum(map(int.bit_length, integers)) <= call.meter.limits.number_bits:
        return sum(integers) if operator == "+" else math.prod(integers)  # no step of it can become too large
    for number in numbers:
        result = arithmetic(operator, result, number, call.span, call.meter)
    return result


def _number(call: Call, value: Value) -> int | float:
    if not is_number(value):
        call.wrong("a number", value)
    return value


def _integer(call: Call, value: Value) -> int:
    if not is_integer(value):
        call.wrong("an integer", value)
    return value


def _ceil(call: Call, value: Value) -> Value:
    return math.ceil(_number(call, value))


def _floor(call: Call, value: Value) -> Value:
    return math.floor(_number(call, value))


def _log2(call: Call, value: Value) -> Value:
    number = _number(call, value)
    if number <= 0:
        fail(
            "TN214", f"`log2` of {short_text(number)} is not a number", call.span, help="its argument must be positive"
        )
    return math.log2(number)


def _sqrt(call: Call, value: Value) -> Value:
    number = _number(call, value)
    if number < 0:
        fail(
            "TN214",
            f"`sqrt` of {short_text(number)} is not a real number",
            call.span,
            help="its argument must not be negative",
        )
    try:
        return math.sqrt(number)
    except OverflowError:
        fail("TN213", "the result is too large for a float", call.span)


def _abs(call: Call, value: Value) -> Value:
    return checked(abs(_number(call, value)), call.span, call.meter)


def _ceil_div(call: Call, a: Value, b: Value) -> Value:
    numerator, denominator = _integer(call, a), _integer(call, b)
    if denominator == 0:
        fail("TN212", "division by zero", call.span, help=GUARD)
    return -(-numerator // denominator)


def _factored(call: Call, value: Value) -> int:
    """An integer that can be factored."""
    n = _integer(call, value)
    if not 1 <= n <= prime_factors.LARGEST:
        fail(
            "TN219",
            f"`{call.name}` of {short_text(n)}",
            call.span,
            help="it takes the length of an axis, an integer from 1 to 2^40",
        )
    return n


def _factors(call: Call, value: Value) -> Value:
    return prime_factors.factors(_factored(call, value), lambda work: call.meter.pay(work, call.span))


def _smooth(call: Call, arguments: tuple[Value, ...]) -> Value:
    n = _factored(call, arguments[0])
    most = _integer(call, arguments[1]) if len(arguments) > 1 else 7
    if most < 2:
        fail(
            "TN219",
            f"`smooth` with factors up to {short_text(most)}",
            call.span,
            help="the smallest prime is 2, so `most` must be at least 2",
        )
    return prime_factors.smooth(n, most, lambda work: call.meter.pay(work, call.span))


def _range(call: Call, arguments: tuple[Value, ...]) -> Value:
    bounds = [_integer(call, value) for value in arguments]
    if len(bounds) == 3 and bounds[2] == 0:
        fail("TN217", "the step of a range must not be zero", call.span, help="`range(6, 0, -1)` counts down")
    numbers = range(*bounds)
    call.meter.list_length(range_length(numbers), call.span)
    return tuple(numbers)


def range_length(numbers: range) -> int:
    """``len`` without its overflow beyond 2^63."""
    if numbers.step > 0:
        return max(0, -((numbers.start - numbers.stop) // numbers.step))
    return max(0, -((numbers.stop - numbers.start) // -numbers.step))


def _reversed(call: Call, value: Value) -> Value:
    if not isinstance(value, tuple):
        call.wrong("a list", value)
    call.meter.list_length(len(value), call.span)
    return value[::-1]


def _interleave(call: Call, arguments: tuple[Value, ...]) -> Value:
    lists: list[tuple[Value, ...]] = []
    for argument in arguments:
        if not isinstance(argument, tuple):
            call.wrong("lists", argument)
        lists.append(argument)
    call.meter.list_length(sum(map(len, lists)), call.span)
    return tuple(interleave(lists))


def interleave(lists: Sequence[Sequence[T]]) -> list[T]:
    """One from each in turn; those that are shorter end earlier."""
    result: list[T] = []
    active: list[Sequence[T]] = [items for items in lists if items]
    position = 0
    while active:
        result.extend(items[position] for items in active)
        position += 1
        active = [items for items in active if position < len(items)]
    return result


def _unary(function: Callable[[Call, Value], Value]) -> Callable[[Call, tuple[Value, ...]], Value]:
    return lambda call, arguments: function(call, arguments[0])


@dataclass(frozen=True, slots=True)
class CompileTimeFunction:
    """A function of compile-time values, with the least and the largest number of its arguments.

    If it has ``names``, one for each argument, the arguments can be given by name.
    """

    apply: Callable[[Call, tuple[Value, ...]], Value]
    least: int = 1
    most: int | None = 1
    names: tuple[str, ...] = ()


COMPILE_TIME: MappingProxyType[str, CompileTimeFunction] = MappingProxyType(
    {
        "len": CompileTimeFunction(_unary(_len)),
        "min": CompileTimeFunction(_extreme(min), 1, None),
        "max": CompileTimeFunction(_extreme(max), 1, None),
        "sum": CompileTimeFunction(_unary(_sum)),
        "prod": CompileTimeFunction(_unary(_prod)),
        "ceil": CompileTimeFunction(_unary(_ceil)),
        "floor": CompileTimeFunction(_unary(_floor)),
        "log2": CompileTimeFunction(_unary(_log2)),
        "sqrt": CompileTimeFunction(_unary(_sqrt)),
        "ceil_div": CompileTimeFunction(lambda call, arguments: _ceil_div(call, arguments[0], arguments[1]), 2, 2),
        "abs": CompileTimeFunction(_unary(_abs)),
        "range": CompileTimeFunction(_range, 1, 3),
        "reversed": CompileTimeFunction(_unary(_reversed)),
        "interleave": CompileTimeFunction(_interleave, 1, None),
        "factors": CompileTimeFunction(_unary(_factors)),
        "smooth": CompileTimeFunction(_smooth, 1, 2, ("n", "most")),
    }
)
"""The functions of compile-time expressions."""


def call_compile_time(name: str, arguments: tuple[Value, ...], span: Span, meter: Meter) -> Value:
    """The value of a compile-time function."""
    function = COMPILE_TIME[name]
    count = len(arguments)
    if count < function.least or (function.most is not None and count > function.most):
        fail("TN218", f"`{name}` takes {_arity(function)}, not {count}", span)
    return function.apply(Call(name, span, meter), arguments)


def _arity(function: CompileTimeFunction) -> str:
    least, most = function.least, function.most
    if most is None:
        return f"{least} or more arguments"
    if least == most:
        return f"{least} argument{'s' if least != 1 else ''}"
    return f"{least} to {most} arguments"


def prelude() -> Scope:
    """A scope that holds every built-in name."""
    scope = Scope()
    for name in [*COMPILE_TIME, *ACTIVATION_PARAMETERS, *SCALAR_FUNCTIONS, *sorted(TENSOR_FORMS)]:
        scope.names[name] = Bound("builtin", Builtin(name), None)
    scope.names["std"] = Bound("import", StandardLibrary(), None)
    return scope


BUILTIN_NAMES = frozenset([*COMPILE_TIME, *ACTIVATION_PARAMETERS, *SCALAR_FUNCTIONS, *TENSOR_FORMS])
"""All names of the language itself."""
