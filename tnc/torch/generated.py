"""What a caller asks for: a template with the options of one layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from torch import nn

from tnc.api import expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import unknown
from tnc.layers import Template
from tnc.layers.asked import Asked

Mode: TypeAlias = Literal["replace", "add"]
Through: TypeAlias = Literal["auto", "build", "apply"]
Start: TypeAlias = Literal["random", "fit"]

MODES: Final = ("replace", "add")
THROUGH: Final = ("auto", "build", "apply")
STARTS: Final = ("random", "fit")


class Generated(Asked):
    """A template for the layers that a pattern selects: a topology of ``std.weight``, or a network of a file.

    >>> Generated("attn", chi=2)
    Generated('attn', chi=2)

    Args:
        network: ``"attn"``, ``"mine.tn"``, or ``"mine.tn:fc2"``.
        mode: ``"replace"`` or ``"add"``; that of the call if None, and likewise for the other options.
        start: ``"random"`` or ``"fit"``.
        through: ``"auto"``, ``"build"`` or ``"apply"``.
        shard: the axis of the weight whose blocks ranks generate for themselves under ``shard_layers``: ``"out"``.
        args: arguments as a mapping, for parameters that are called like one of these options.
        **arguments: Python values for the network's parameters; activations by name.
    """

    __slots__ = ("mode", "shard", "start", "through")

    OPTIONS = ("mode", "start", "through", "shard")

    def __init__(
        self,
        network: str,
        /,
        *,
        mode: Mode | None = None,
        start: Start | None = None,
        through: Through | None = None,
        shard: str | None = None,
        args: Mapping[str, object] | None = None,
        **arguments: object,
    ) -> None:
        super().__init__(network, args, arguments)
        self.mode: Mode | None = mode
        self.start: Start | None = start
        self.through: Through | None = through
        self.shard = shard


Choice: TypeAlias = "Mapping[str, Generated | str] | Generated | str"
"""Templates by pattern; or one template, for the layers that ``filter`` selects."""

Filter: TypeAlias = Callable[[str, nn.Module], bool]


@dataclass(frozen=True, slots=True)
class Request:
    """A template with every option decided."""

    template: Template
    mode: Mode
    start: Start
    through: Through
    shard: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a call; those of templates come first."""

    mode: Mode = "replace"
    start: Start = "random"
    through: Through = "auto"
    freeze: bool = True
    name: str = "default"
    sizes: tuple[tuple[str, int], ...] = ()
    device: str | None = None
    filter: Filter | None = field(default=None, compare=False)

    def request(self, generated: Generated | str) -> Request:
        """What a caller asks for, its open options filled in.

        Raises:
            CompileError: TN049 for unknown options.
            TypeError: for another type than a template or a string.
        """
        if isinstance(generated, str):
            generated = Generated(generated)
        if not isinstance(cast("object", generated), Generated):
            raise expected("a value of `choice`", 'a `Generated` or a string such as `"attn"`', generated)
        mode, start, through = (
            generated.mode or self.mode,
            generated.start or self.start,
            generated.through or self.through,
        )
        wrong: list[Diagnostic] = []
        for what, value, known in (("mode", mode, MODES), ("start", start, STARTS), ("through", through, THROUGH)):
            if value not in known:
                wrong.append(unknown("TN049", f"{what}", str(value), known))
        if start == "fit" and mode == "add":
            message = "an adapter starts at zero and cannot be fitted to the weight"
            wrong.append(Diagnostic("TN049", message, help='leave out `start="fit"`, or replace the weight'))
        if wrong:
            raise CompileError(wrong)
        return Request(generated.template, mode, start, through, generated.shard)
