"""Einsum equations as networks: an equation becomes a ``.tn`` text and goes the way of every other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from tnc.api import Network, network_of_source
from tnc.diagnostics import CompileError, Diagnostic
from tnc.driver import Options
from tnc.source import Source, Span


def einsum_program(equation: str, /, *shapes: Sequence[int], cores: Collection[int] = ()) -> Network:
    """The network of an explicit einsum equation, one shape an operand.

    Every equation with an arrow is taken: hyperedges, diagonals, legs summed alone, scalars, dimensions of size 1 that
    broadcast, any letters. Only the ellipsis is not.

    Args:
        equation: such as ``"ij,jk->ik"``.
        *shapes: the shapes of the operands.
        cores: which operands, by index, are trainable cores ``x0``, ``x1``, …; the others are inputs of these names.

    Raises:
        CompileError: for an equation that is malformed or does not fit the shapes.
    """
    source = Source("<einsum>", einsum_text(equation, shapes, cores))
    return network_of_source(source, Options("einsum"), {})


def einsum_text(equation: str, shapes: Sequence[Sequence[int]], cores: Collection[int] = ()) -> str:
    """The ``.tn`` text of an equation; the output is called ``out``."""
    operands, result = _parse(equation, len(shapes))
    sizes = _sizes(equation, operands, shapes)
    strangers = [index for index in cores if not 0 <= index < len(shapes)]
    if strangers:
        raise _error(equation, "TN015", f"there is no operand {strangers[0]} to be a core")
    lines = ["network einsum() {"]
    factors: list[str] = []
    uses: Counter[str] = Counter()
    for index, (letters, shape) in enumerate(zip(operands, shapes, strict=True)):
        kind = "core" if index in cores else "input"
        lines.append(f"  {kind} x{index}({', '.join(map(str, shape))})")
        spread = [size == 1 < sizes[letter] for letter, size in zip(letters, shape, strict=True)]
        uses.update(letter for letter, picked in zip(letters, spread, strict=True) if not picked)
        axes = ("[0]" if picked else _leg(letter) for letter, picked in zip(letters, spread, strict=True))
        factors.append(f"x{index}({', '.join(axes)})")
    alone = [letter for letter, count in uses.items() if count == 1 and letter not in result]
    if alone:
        factors.append(f"ones({', '.join(map(_leg, alone))})")
    lines.append(f"  output out({', '.join(map(_leg, result))}) = {' * '.join(factors)}")
    return "\n".join([*lines, "}", ""])


def _parse(equation: str, count: int) -> tuple[list[str], str]:
    """The letters of every operand and of the result."""
    text = "".join(equation.split())
    if "..." in text or "…" in text:
        raise _error(equation, "TN014", "the equation has an ellipsis, whose legs have no names", "name every leg")
    left, arrow, result = text.partition("->")
    if not arrow:
        raise _error(equation, "TN014", "the equation has no arrow", "say what to keep, as in `ij,jk->ik`")
    operands = left.split(",")
    wrong = next((c for c in [*"".join(operands), *result] if not c.isalpha()), None)
    if wrong is not None:
        raise _error(equation, "TN014", f"`{wrong}` is no letter", "legs of an equation are single letters")
    if len(operands) != count:
        raise _error(equation, "TN015", f"the equation has {len(operands)} operands, but {_shapes(count)} given")
    twice = next((letter for letter, uses in Counter(result).items() if uses > 1), None)
    if twice is not None:
        raise _error(equation, "TN014", f"leg `{twice}` stands twice in the result")
    missing = next((letter for letter in result if letter not in left), None)
    if missing is not None:
        raise _error(equation, "TN014", f"leg `{missing}` of the result is in no operand")
    return operands, result


def _sizes(equation: str, operands: list[str], shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """The dimension of every letter; 1 gives way to any other."""
    sizes: dict[str, int] = {}
    for index, (letters, shape) in enumerate(zip(operands, shapes, strict=True)):
        if len(letters) != len(shape):
            message = f"operand {index} has {len(letters)} legs `{letters}`, but its shape has {len(shape)} axes"
            raise _error(equation, "TN015", message)
        for letter, size in zip(letters, shape, strict=True):
            if size < 1:
                raise _error(equation, "TN015", f"operand {index} has an axis of size {size}")
            known = sizes.setdefault(letter, size)
            if size not in (1, known) and known != 1:
                raise _error(equation, "TN015", f"leg `{letter}` has the dimensions {known} and {size}")
            sizes[letter] = max(known, size)
    return sizes


def _leg(letter: str) -> str:
    """A leg's name in the language, whose names are ASCII."""
    return letter if letter.isascii() else f"u{ord(letter)}"


def _error(equation: str, code: str, message: str, help_text: str | None = None) -> CompileError:
    source = Source("<equation>", equation)
    return CompileError((Diagnostic(code, message, Span(source, 0, len(equation)), help=help_text),))


def _shapes(count: int) -> str:
    return "1 shape is" if count == 1 else f"{count} shapes are"
