"""Einsum equations as networks: an equation becomes a ``.tn`` text and goes the way of every other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias, cast

from tnc.api import Network, expected, integer, network_of_source
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.program import Dim
from tnc.ir.program_text import RESERVED, TAKEN
from tnc.options import Options
from tnc.source import Source, Span

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ELLIPSIS: Final = "..."
_LARGE: Final = 10**18
_A_SHAPE: Final = "a shape such as `(2, 3)` or an array"

Shape: TypeAlias = tuple[Dim, ...]
Legs: TypeAlias = tuple[str, ...]


class _Equation(NamedTuple):
    """The letters of every operand and of the result; an ellipsis is one of them."""

    text: str
    operands: tuple[Legs, ...]
    result: Legs


def einsum_program(
    equation: str, /, *operands: object, cores: Collection[int] = (), names: Sequence[str] | None = None
) -> Network:
    """The network of an explicit einsum equation, whose output is called ``out``.

    Every equation with an arrow is taken: hyperedges, diagonals, legs summed alone, scalars, dimensions of size 1 that
    broadcast, any letters. An ellipsis stands for the remaining axes, which broadcast from the right, as in NumPy.

    >>> import tnc
    >>> net = tnc.einsum_program("...i,ij->...j", ("batch", 64), (64, 10), cores=[1], names=["data", "weight"])
    >>> print(net.expand())
    network einsum() {
      core weight(64, 10)
    <BLANKLINE>
      input data(batch?, 64)
    <BLANKLINE>
      out(e1, j) = data(e1, i) * weight(i, j)
    <BLANKLINE>
      output out(a, b) = out(a, b)
    }
    <BLANKLINE>

    Args:
        equation: such as ``"ij,jk->ik"``.
        *operands: for each operand its shape, or an array (anything with a ``shape``), which is not read. A size is a
            positive integer, or a name for a dynamic dimension.
        cores: which operands, by index, are trainable cores; the others are inputs.
        names: what the operands are called; ``x0``, ``x1``, … if None.

    Raises:
        CompileError: for an equation that is malformed or does not fit the shapes, and for bad values of the options.
        TypeError: for arguments of other types.
    """
    return network_of_source(Source("<einsum>", einsum_text(equation, operands, cores, names)), Options("einsum"), {})


def einsum_text(
    equation: str, operands: Sequence[object], cores: Collection[int] = (), names: Sequence[str] | None = None
) -> str:
    """The ``.tn`` text of an equation."""
    shapes = [_shape(index, operand) for index, operand in enumerate(operands)]
    parsed = _without_ellipsis(_parse(equation, len(shapes)), shapes)
    sizes = _sizes(parsed, shapes)
    trained = _cores(equation, cores, shapes)
    called = _names(equation, names, len(shapes))
    lines = ["network einsum() {"]
    factors: list[str] = []
    uses: Counter[str] = Counter()
    for index, (legs, shape) in enumerate(zip(parsed.operands, shapes, strict=True)):
        dims = ", ".join(f"{size}?" if isinstance(size, str) else str(size) for size in shape)
        lines.append(f"  {'core' if index in trained else 'input'} {called[index]}({dims})")
        spread = [size == 1 != sizes[leg] for leg, size in zip(legs, shape, strict=True)]
        uses.update(leg for leg, picked in zip(legs, spread, strict=True) if not picked)
        axes = ("[0]" if picked else _leg(leg) for leg, picked in zip(legs, spread, strict=True))
        factors.append(f"{called[index]}({', '.join(axes)})")
    alone = [leg for leg, count in uses.items() if count == 1 and leg not in parsed.result]
    if alone:
        factors.append(f"ones({', '.join(map(_leg, alone))})")
    lines.append(f"  output out({', '.join(map(_leg, parsed.result))}) = {' * '.join(factors)}")
    return "\n".join([*lines, "}", ""])


# -- arguments ---------------------------------------------------------------------------------


def _shape(index: int, operand: object) -> Shape:
    """The shape that is given for an operand, or that its array has.

    Raises:
        TypeError: for anything else.
    """
    what = f"operand {index}"
    shape = getattr(operand, "shape", operand)
    if isinstance(shape, str | bytes | bytearray) or not isinstance(shape, Sequence):
        raise expected(what, _A_SHAPE, operand)
    return tuple(_size(what, axis, size) for axis, size in enumerate(cast("Sequence[object]", shape)))


def _size(what: str, axis: int, size: object) -> Dim:
    if isinstance(size, str):
        return size
    wanted = "an integer or the name of a dynamic dimension"
    return integer(f"the size of axis {axis} in the shape of {what}", wanted, size)


def _cores(equation: str, cores: object, shapes: Sequence[Shape]) -> frozenset[int]:
    """The operands that are cores."""
    wanted = "a collection of the indices of operands, such as `[1]`"
    if isinstance(cores, str | bytes | bytearray) or not isinstance(cores, Iterable):
        raise expected("`cores`", wanted, cores)
    entries = cast("Iterable[object]", cores)
    found = [integer("an entry of `cores`", "the index of an operand", core) for core in entries]
    for core in found:
        if not 0 <= core < len(shapes):
            shown = core if abs(core) < _LARGE else "of so large an index"
            advice = f"the {len(shapes)} operands are numbered from 0"
            raise _error(equation, "TN015", f"there is no operand {shown} to be a core", advice)
        if found.count(core) > 1:
            raise _error(equation, "TN015", f"operand {core} is in `cores` twice", "keep one of the two")
        dynamic = next((size for size in shapes[core] if isinstance(size, str)), None)
        if dynamic is not None:
            message = f"the shape of operand {core}, a core, has the dynamic dimension `{dynamic}`"
            raise _error(equation, "TN015", message, "give the sizes of cores as integers")
    return frozenset(found)


def _names(equation: str, names: object, count: int) -> list[str]:
    """What the operands are called."""
    if names is None:
        return [f"x{index}" for index in range(count)]
    if isinstance(names, str | bytes | bytearray) or not isinstance(names, Sequence):
        raise expected("`names`", "a sequence of strings, one for each operand", names)
    found: list[str] = []
    for name in cast("Sequence[object]", names):
        if not isinstance(name, str):
            raise expected("an entry of `names`", "a string", name)
        if not _NAME.fullmatch(name) or name in TAKEN:
            reason = "is built in" if name in TAKEN else "is not made of a to z, A to Z, 0 to 9 and _"
            raise _error(equation, "TN017", f"no operand can be called `{name}`, which {reason}", "choose another name")
        if name in found:
            raise _error(equation, "TN017", f"two operands are called `{name}`", "choose another name for one of them")
        found.append(name)
    if len(found) != count:
        raise _error(equation, "TN017", f"the equation has {count} operands, but {len(found)} names are given")
    return found


# -- the equation ------------------------------------------------------------------------------


def _parse(equation: object, count: int) -> _Equation:
    """The letters of every operand and of the result."""
    if not isinstance(equation, str):
        raise expected("the first argument", "an equation such as `ij,jk->ik`, before the shapes", equation)
    text = "".join(equation.split())
    left, arrow, right = text.partition("->")
    if not arrow:
        raise _error(equation, "TN014", "the equation has no arrow", "say what to keep, as in `ij,jk->ik`")
    operands = tuple(_letters(equation, letters) for letters in left.split(","))
    result = _letters(equation, right)
    if len(operands) != count:
        raise _error(equation, "TN015", f"the equation has {len(operands)} operands, but {_shapes(count)} given")
    twice = next((letter for letter, uses in Counter(result).items() if uses > 1), None)
    if twice is not None:
        raise _error(equation, "TN014", f"leg `{twice}` stands twice in the result")
    there = {_ELLIPSIS}.union(*operands)
    missing = next((letter for letter in result if letter not in there), None)
    if missing is not None:
        raise _error(equation, "TN014", f"leg `{missing}` of the result is in no operand")
    return _Equation(equation, operands, result)


def _letters(equation: str, text: str) -> Legs:
    """The letters of one operand, with at most one ellipsis."""
    legs = tuple(re.findall(r"\.\.\.|.", text, re.DOTALL))
    wrong = next((leg for leg in legs if leg != _ELLIPSIS and not leg.isalpha()), None)
    if wrong is not None:
        advice = "an ellipsis is three dots: `...`" if wrong in (".", "…") else "legs of an equation are single letters"
        raise _error(equation, "TN014", f"`{wrong}` is not a letter", advice)
    if legs.count(_ELLIPSIS) > 1:
        raise _error(
            equation, "TN014", f"`{text}` has two ellipses", "keep one: it stands for all axes without letters"
        )
    return legs


def _without_ellipsis(equation: _Equation, shapes: Sequence[Shape]) -> _Equation:
    """The equation with names for the axes that an ellipsis stands for: `e1` is the last one, so that they align right.

    Raises:
        CompileError: if an operand has too few or too many axes, or the result lacks the ellipsis.
    """
    counts: list[int] = []
    for index, (legs, shape) in enumerate(zip(equation.operands, shapes, strict=True)):
        count = len(shape) - len(legs) + (_ELLIPSIS in legs)
        if count < 0 or (count and _ELLIPSIS not in legs):
            at_least = "at least " if _ELLIPSIS in legs else ""
            shown = "".join(legs)
            named = len(legs) - (_ELLIPSIS in legs)
            message = f"operand {index} has {at_least}{named} legs `{shown}`, but its shape has {len(shape)} axes"
            raise _error(equation.text, "TN015", message)
        counts.append(count)
    most = max(counts, default=0)
    if most and _ELLIPSIS not in equation.result:
        message = "the axes of the ellipsis are not in the result"
        raise _error(
            equation.text, "TN014", message, "write `...` after the arrow, or letters in place of the ellipsis"
        )
    operands = tuple(_filled(legs, count) for legs, count in zip(equation.operands, counts, strict=True))
    return _Equation(equation.text, operands, _filled(equation.result, most))


def _filled(legs: Legs, count: int) -> Legs:
    batch = tuple(f"e{number}" for number in range(count, 0, -1))
    return tuple(name for leg in legs for name in (batch if leg == _ELLIPSIS else (leg,)))


def _sizes(equation: _Equation, shapes: Sequence[Shape]) -> dict[str, Dim]:
    """The dimension of every leg; 1 gives way to any other."""
    sizes: dict[str, Dim] = {}
    for index, (legs, shape) in enumerate(zip(equation.operands, shapes, strict=True)):
        for axis, (leg, size) in enumerate(zip(legs, shape, strict=True)):
            if isinstance(size, str) and (not _NAME.fullmatch(size) or size in RESERVED):
                message = (
                    f"the shape of operand {index} has the size `{size}`, which is not the name of a dynamic dimension"
                )
                raise _error(equation.text, "TN015", message, 'sizes are integers, or names such as "batch"')
            if isinstance(size, int) and not 0 < size < _LARGE:
                shown = f"size {size}" if abs(size) < _LARGE else "more than 18 digits"
                message = f"the shape of operand {index} has an axis of {shown}"
                raise _error(equation.text, "TN015", message, f"axis {axis} needs a positive size of at most 18 digits")
            known = sizes.setdefault(leg, size)
            if size not in (1, known) and known != 1:
                which = f"axis -{leg[1:]} of the ellipsis" if len(leg) > 1 else f"leg `{leg}`"
                raise _error(equation.text, "TN015", f"{which} has the dimensions {known} and {size}")
            sizes[leg] = known if size == 1 else size
    return sizes


def _leg(letter: str) -> str:
    """A leg's name in the language, whose names are ASCII."""
    return letter if letter.isascii() else f"u{ord(letter)}"


def _error(equation: str, code: str, message: str, help_text: str | None = None) -> CompileError:
    source = Source("<equation>", equation)
    return CompileError((Diagnostic(code, message, Span(source, 0, len(equation)), help=help_text),))


def _shapes(count: int) -> str:
    return "1 shape is" if count == 1 else f"{count} shapes are"
