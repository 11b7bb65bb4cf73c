"""What a model was like when its layers were replaced, so that files can say what they lack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import torch
from torch import nn

from tnc.torch.layers import RECORD, Weightless

Fingerprint: TypeAlias = tuple[tuple[int, ...], torch.dtype, int]
"""The shape and dtype of a tensor, and the sum of its bits: exact, and equal on every device."""

_INTEGERS: Final = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def remember(model: nn.Module, *, anew: bool = False) -> None:
    """Keep the fingerprints of a model's tensors in its generated layers; unless ``anew``, those known stay."""
    record = {**_fingerprints(model), **({} if anew else known_fingerprints(model))}
    for module in model.modules():
        if isinstance(module, Weightless):
            setattr(module, RECORD, record)


def known_fingerprints(model: nn.Module) -> Mapping[str, Fingerprint]:
    """The fingerprints that were kept last."""
    for module in model.modules():
        found: Mapping[str, Fingerprint] | None = getattr(module, RECORD, None)
        if found is not None:
            return found
    return {}


@torch.no_grad()
def fingerprint(value: torch.Tensor) -> Fingerprint | None:
    """The fingerprint of a tensor; None where its bits cannot be read here."""
    if type(value) not in (torch.Tensor, nn.Parameter) or value.is_meta:
        return None
    bits = value.detach().contiguous().reshape(-1).view(_INTEGERS[min(value.element_size(), 8)])
    return tuple(value.shape), value.dtype, int(bits.sum(dtype=torch.int64))


def _fingerprints(model: nn.Module) -> dict[str, Fingerprint]:
    state: dict[str, Any] = model.state_dict(keep_vars=True)
    found = {name: fingerprint(value) for name, value in state.items() if isinstance(value, torch.Tensor)}
    return {name: value for name, value in found.items() if value is not None}
