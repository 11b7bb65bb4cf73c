"""What a caller asks for: a template with the options of one array."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tnc.api import expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import unknown
from tnc.layers import Template
from tnc.layers.asked import Asked

Mode: TypeAlias = Literal["replace", "add"]
Start: TypeAlias = Literal["random", "fit"]

MODES: Final = ("replace", "add")
STARTS: Final = ("random", "fit")


class Generated(Asked):
    """A template for the arrays that a pattern selects: a topology of ``std.weight``, or a network of a file.

    >>> Generated("attn", chi=2)
    Generated('attn', chi=2)

    Args:
        network: ``"attn"``, ``"mine.tn"``, or ``"mine.tn:fc2"``.
        mode: ``"replace"`` or ``"add"``; that of the call if None, and likewise for ``start``.
        start: ``"random"`` or ``"fit"``.
        std: the deviation that the entries start with; by the kind of the array if None.
        shard: the axis whose blocks ranks generate for themselves under :func:`tnc.jax.shard`: ``"out"`` or a number.
        args: arguments as a mapping, for parameters that are called like one of these options.
        **arguments: Python values for the network's parameters; activations by name.
    """

    __slots__ = ("mode", "shard", "start", "std")

    OPTIONS = ("mode", "start", "std", "shard")

    def __init__(
        self,
        network: str,
        /,
        *,
        mode: Mode | None = None,
        start: Start | None = None,
        std: float | None = None,
        shard: str | int | None = None,
        args: Mapping[str, object] | None = None,
        **arguments: object,
    ) -> None:
        super().__init__(network, args, arguments)
        if std is not None and not (math.isfinite(std) and std > 0):
            raise ValueError(f"`std` must be a positive number, not {std}")
        self.mode: Mode | None = mode
        self.start: Start | None = start
        self.std = std
        self.shard = shard


Choice: TypeAlias = Mapping[str, Generated | str]
"""Templates by pattern."""


@dataclass(frozen=True, slots=True)
class Request:
    """A template with every option decided; ``std`` and ``shard`` are None where the kind of the array decides."""

    template: Template
    mode: Mode
    start: Start
    std: float | None
    shard: str | int | None


def request(given: object, mode: Mode, start: Start) -> Request:
    """What a caller asks for; ``mode`` and ``start`` count where the template leaves them open.

    Raises:
        CompileError: TN049 for an unknown option.
        TypeError: for another type than a template or a string.
    """
    if isinstance(given, str):
        return request(Generated(given), mode, start)
    if not isinstance(given, Generated):
        raise expected("a value of `choice`", 'a `Generated` or a string such as `"attn"`', given)
    found = Request(given.template, given.mode or mode, given.start or start, given.std, given.shard)
    options: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("mode", found.mode, MODES),
        ("start", found.start, STARTS),
    )
    wrong: list[Diagnostic] = []
    for what, value, known in options:
        if value not in known:
            wrong.append(unknown("TN049", what, str(value), known))
    if wrong:
        raise CompileError(wrong)
    return found
