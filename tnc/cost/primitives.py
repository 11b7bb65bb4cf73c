"""How many primitives a pointwise function applies to an entry."""

from __future__ import annotations

from typing import assert_never

from tnc.ir.expansion import COMPOSITES, spell
from tnc.ir.program import Apply, Argument, Literal, Scalar


def primitives(function: Scalar) -> int:
    """Applications in the function, composites taken apart."""
    match function:
        case Argument() | Literal():
            return 0
        case Apply(operator=name, operands=operands):
            own = spell(name, operands)
            within = primitives(COMPOSITES[name]) if name in COMPOSITES else 1
            return within + sum(primitives(operand) for operand in own.operands)
        case _:
            assert_never(function)
