"""Instances of networks: ``let t = std.mera(…)``."""

from __future__ import annotations

from dataclasses import dataclass, field

from tnc.sema.names.scope import Scope, Tensor
from tnc.sema.names.values import NetworkValue
from tnc.source import Span


@dataclass(slots=True, eq=False)
class Instance:
    """A network with arguments and cores of its own.

    ``path`` prefixes the canonical names of all it holds. ``scope`` has the parameters bound. ``cores`` are those
    of an earlier elaboration, shared by later ones; ``results`` are the outputs, by what the inputs were bound to:
    None for an output that failed, or for all if the elaboration did not come to an end.
    """

    path: str
    shown: str
    network: NetworkValue
    scope: Scope = field(repr=False)
    span: Span = field(repr=False)
    cores: dict[str, Tensor] = field(default_factory=dict[str, Tensor], repr=False)
    results: dict[tuple[tuple[str, str], ...], dict[str, Tensor | None] | None] = field(
        default_factory=dict[tuple[tuple[str, str], ...], dict[str, Tensor | None] | None], repr=False
    )
    used: bool = False
