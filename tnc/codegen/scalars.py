"""Pointwise functions as Python expressions: infix operators here, everything else by a backend's table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from tnc.codegen.documents import Doc, Group, call, parse_call, prefixed
from tnc.codegen.names import Names
from tnc.codegen.writer import Writer
from tnc.ir.activations import COMPARISONS, ENTRIES
from tnc.ir.entries import Composite
from tnc.ir.expansion import spell
from tnc.ir.guards import Guarded, guarded
from tnc.ir.program import Apply, Argument, Literal, Scalar
from tnc.ir.scalar import evaluate, is_builtin

# How tightly an expression binds, loosest first.
_COMPARISON, _SUM, _PRODUCT, _SIGN, _ATOM = range(5)

_INFIX: Mapping[str, tuple[str, int]] = {
    "add": ("+", _SUM),
    "sub": ("-", _SUM),
    "mul": ("*", _PRODUCT),
    "div": ("/", _PRODUCT),
    "lt": ("<", _COMPARISON),
    "le": ("<=", _COMPARISON),
    "gt": (">", _COMPARISON),
    "ge": (">=", _COMPARISON),
    "eq": ("==", _COMPARISON),
    "ne": ("!=", _COMPARISON),
}

_TOO_LONG, _SHORT = 70, 20


@dataclass(frozen=True, slots=True)
class Helper:
    """A function that the generated module defines for itself: its text, and which other helpers that calls."""

    text: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Functions:
    """How a backend spells pointwise functions.

    ``namespace`` has ``exp``, ``sin``, ``where``, ``full_like`` and the like under their usual names; ``calls`` are
    templates for the rest, by variant (see :func:`variant`), and ``helpers`` the functions that they call. ``in_place``
    are templates for what overwrites its operand; nothing is where the framework has no such thing. ``tensor`` is the
    type of their operands.
    """

    namespace: str
    tensor: str
    calls: Mapping[str, str]
    helpers: Mapping[str, Helper]
    in_place: Mapping[str, str] = field(default_factory=dict[str, str])


def variant(name: str, operands: tuple[Scalar, ...]) -> str:
    """What is looked up for an application: frameworks treat numbers and tensors as further operands differently."""
    match name, operands:
        case (("leaky_relu" | "elu"), (_, Literal())):
            return f"{name}_number"
        case (("min" | "max"), (_, Literal()) | (Literal(), _)):
            return f"{name}_number"
        case _:
            return name


def number_text(value: float) -> str:
    """A float literal; infinities and NaN have none of their own."""
    return repr(value) if math.isfinite(value) else f'float("{value}")'


class ScalarWriter:
    """Spells pointwise functions, remembers the helpers that they need, and names the author's own functions."""

    def __init__(self, functions: Functions, names: Names) -> None:
        self._functions = functions
        self._names = names
        self._authored: dict[Scalar, tuple[str, str]] = {}
        self._composites: dict[str, str] = {}
        self._needed: dict[str, None] = {}

    def apply(self, function: Scalar, function_name: str, operands: Sequence[str], *, in_place: bool = False) -> Doc:
        """The text of ``function`` at tensors: written out if short, else a call of a helper of the author's name."""
        if in_place and isinstance(function, Apply):
            template = self._functions.in_place.get(variant(function.operator, function.operands))
            if template is not None:
                further = [self._text(operand, operands)[0] for operand in function.operands[1:]]
                return parse_call(template.format(operands[0], *further))
        if self._is_short(function):
            return parse_call(self._text(function, operands)[0])
        if function not in self._authored:
            name = self._names.fresh(function_name, "activation")
            self._authored[function] = (name, self._define(name, function, function_name, len(operands)))
        return call(self._authored[function][0], *operands)

    def need(self, helper: str) -> None:
        """Ask for a helper of the table."""
        for other in self._functions.helpers[helper].needs:
            self.need(other)
        self._needed[helper] = None

    @property
    def needed(self) -> frozenset[str]:
        """The helpers asked for so far."""
        return frozenset(self._needed)

    def definitions(self) -> list[str]:
        """The text of every helper asked for, those that others call first."""
        table = self._functions.helpers
        helpers = [table[name].text if name in table else self._composites[name] for name in self._needed]
        return helpers + [text for _, text in self._authored.values()]

    # -- functions -----------------------------------------------------------------------------

    def _is_short(self, function: Scalar) -> bool:
        return is_builtin(function) or (_size(function) <= 2 and _uses_of_tensor(function) == 1)

    def _define(self, name: str, function: Scalar, author: str, count: int) -> str:
        parameters = ["t", *(f"p{index}" for index in range(1, count))]
        summary = f"The function `{author}` of the source, entry by entry." if author else "Entry by entry."
        return self._function_text(name, parameters, function, summary)

    def _define_composite(self, name: str, entry: Composite) -> str:
        parameters = ["t", *(parameter for parameter, _ in entry.parameters)]
        return self._function_text(name, parameters, entry.body, entry.summary)

    def _function_text(self, name: str, parameters: Sequence[str], function: Scalar, docstring: str) -> str:
        """The definition of a pointwise function: guarded subexpressions first, then the result."""
        tensor = self._functions.tensor
        further = f"{tensor} | float"
        typed = [f"{p}: {tensor if i == 0 else further}" for i, p in enumerate(parameters)]
        writer = Writer()
        with writer.block(Group(f"def {name}(", tuple(typed), f") -> {tensor}:")):
            writer.line(f'"""{docstring}"""')
            known, names = list(parameters), Names(parameters)
            straight = guarded(function, len(parameters))
            if straight.parts:
                writer.comment("A branch that is not taken sees constants, at which its derivatives are finite.")
            for part in straight.parts:
                local = names.fresh(_part_name(part, straight, parameters))
                writer.line(prefixed(f"{local} = ", parse_call(self._shorten(part, known, writer, names))))
                known.append(local)
            result = self._shorten(straight.result, known, writer, names)
            if not _uses_of_tensor(function):
                result = f"{self._functions.namespace}.ones_like({parameters[0]}) * ({result})"
            writer.line(prefixed("return ", parse_call(result)))
        return writer.finish()

    def _shorten(self, function: Scalar, texts: Sequence[str], writer: Writer, names: Names) -> str:
        """The text of a function, its parts assigned to names first where it would be long."""
        text = self._text(function, texts)[0]
        if len(text) <= _TOO_LONG or not isinstance(function, Apply):
            return text
        names_of_parts = list(texts)
        parts: list[Scalar] = []
        for operand in function.operands:
            if not isinstance(operand, Apply) or len(self._text(operand, texts)[0]) <= _SHORT:
                parts.append(operand)
                continue
            value = self._shorten(operand, texts, writer, names)
            part = names.fresh("part")
            writer.line(f"{part} = {value}")
            parts.append(Argument(len(names_of_parts)))
            names_of_parts.append(part)
        return self._text(Apply(function.operator, tuple(parts)), names_of_parts)[0]

    # -- expressions ---------------------------------------------------------------------------

    def _text(self, function: Scalar, texts: Sequence[str]) -> tuple[str, int]:
        match function:
            case Argument(index=index):
                return texts[index], _ATOM
            case Literal(value=value):
                return number_text(value), _SIGN if value < 0 else _ATOM
            case Apply(operator=name, operands=operands):
                return self._application(spell(name, operands), texts)
            case _:
                assert_never(function)

    def _application(self, function: Apply, texts: Sequence[str]) -> tuple[str, int]:
        name, operands = function.operator, function.operands
        if all(isinstance(operand, Literal) for operand in operands):
            return self._text(Literal(evaluate(function, ())), texts)
        if name == "neg":
            return f"-{self._bound(operands[0], texts, _ATOM)}", _SIGN
        if name == "pow":
            return self._power(operands, texts), _SIGN
        if name in _INFIX:
            return self._infix(name, operands, texts)
        return self._call(name, operands, texts), _ATOM

    def _bound(self, function: Scalar, texts: Sequence[str], level: int) -> str:
        text, own = self._text(function, texts)
        return f"({text})" if own < level else text

    def _infix(self, name: str, operands: tuple[Scalar, ...], texts: Sequence[str]) -> tuple[str, int]:
        left, right = operands
        match name, right:
            case "add", Literal(value=value) if value < 0:
                name, right = "sub", Literal(-value)
            case "sub", Literal(value=value) if value < 0:
                name, right = "add", Literal(-value)
            case _:
                pass
        symbol, level = _INFIX[name]
        # Comparisons chain in Python, so both their sides stand in brackets.
        left_level = level + 1 if level == _COMPARISON else level
        return f"{self._bound(left, texts, left_level)} {symbol} {self._bound(right, texts, level + 1)}", level

    def _power(self, operands: tuple[Scalar, ...], texts: Sequence[str]) -> str:
        if "pow" in self._functions.calls and not any(isinstance(operand, Literal) for operand in operands):
            return self._call("pow", operands, texts)
        base = self._bound(operands[0], texts, _ATOM)
        match operands[1]:
            case Literal(value=value) if value.is_integer() and abs(value) < 2**31:
                exponent = str(int(value))
            case Literal(value=value):
                exponent = number_text(value)
            case other:
                exponent = self._bound(other, texts, _ATOM)
        # The formatter lets `**` touch names and numbers, and spaces it out between all else.
        return f"{base}**{exponent}" if _is_simple(base) and _is_simple(exponent) else f"{base} ** {exponent}"

    def _call(self, name: str, operands: tuple[Scalar, ...], texts: Sequence[str]) -> str:
        namespace = self._functions.namespace
        shown = [self._text(operand, texts)[0] for operand in operands]
        match name, operands:
            case "sin", _:
                return f"{namespace}.sin({shown[0]})"
            case "where", (Literal() as condition, a, b):
                return self._bound(a if condition.value else b, texts, _ATOM)
            case "where", (_, Literal(), Literal()):
                # Two numbers would forget the tensor's precision.
                shown[1] = f"{namespace}.full_like({texts[0]}, {shown[1]})"
            case (("min" | "max"), (Literal(), _)):
                shown.reverse()
            case _ if isinstance(entry := ENTRIES[name], Composite):
                if name not in self._composites:
                    self._composites[name] = self._define_composite(name, entry)
                self._needed[name] = None
                return f"{name}({', '.join(shown)})"
            case _:
                pass
        template = self._functions.calls.get(variant(name, operands))
        if template is None:
            return f"{namespace}.{name}({', '.join(shown)})"
        text = template.format(*shown)
        helper = text.partition("(")[0]
        if helper in self._functions.helpers:
            self.need(helper)
        return text


def _part_name(part: Scalar, straight: Guarded, parameters: Sequence[str]) -> str:
    """``taken`` for a condition; ``safe_t`` for the argument `t` as a branch sees it; ``safe`` for anything else."""
    if isinstance(part, Apply) and part.operator in COMPARISONS:
        return "taken"
    while isinstance(part, Apply):
        part = next((operand for operand in part.operands[1:] if isinstance(operand, Argument)), Literal(0.0))
        if isinstance(part, Argument) and part.index >= straight.arguments:
            part = straight.parts[part.index - straight.arguments]
    return f"safe_{parameters[part.index]}" if isinstance(part, Argument) else "safe"


def _size(function: Scalar) -> int:
    return 1 + sum(map(_size, function.operands)) if isinstance(function, Apply) else 0


def _uses_of_tensor(function: Scalar) -> int:
    match function:
        case Argument(index=index):
            return int(index == 0)
        case Literal():
            return 0
        case Apply(operands=operands):
            return sum(map(_uses_of_tensor, operands))
        case _:
            assert_never(function)


_SIMPLE: Callable[[str], object] = re.compile(r"-?[A-Za-z0-9_.]+(e[+-]?\d+)?").fullmatch


def _is_simple(text: str) -> bool:
    return _SIMPLE(text) is not None
