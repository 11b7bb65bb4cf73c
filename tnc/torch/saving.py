"""Models with generated layers are saved as files of cores."""

# torch keeps the parameters of a module in `_parameters`
# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast

import torch
from torch import nn

from tnc.api import expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import listed, unknown
from tnc.layers.core_file import CoreHeader, StoredLayer, StoredNetwork, write_core_file
from tnc.layers.tensor_file import DTYPE_NAMES, TensorSpec
from tnc.torch.compiled import CompiledWeight, dtype_name
from tnc.torch.layers import Adapted, Adapter, Replaced, Weightless
from tnc.torch.modules import named_modules
from tnc.torch.untrained import Fingerprint, fingerprint, known_fingerprints

Rest: TypeAlias = Literal["trainable", "all"]

RESTS: Final = ("trainable", "all")
_OPTION: Final = "TN049"

STORED: Final = {
    **{getattr(torch, name): stored for stored, name in DTYPE_NAMES.items()},
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}
"""The dtypes of safetensors files by those of torch."""


def save_layers(model: nn.Module, path: str | os.PathLike[str], *, rest: Rest | None = None) -> None:
    """Write the cores of a model's generated layers, and the biases of replaced ones, as a file of cores.

    The file appears whole or not at all. Of a model that is sharded over several processes (FSDP2, DTensor), every
    process calls this, and the first one writes.

    Args:
        model: a model with generated layers.
        path: the safetensors file.
        rest: ``"trainable"`` adds every other parameter that requires a gradient, ``"all"`` all parameters and buffers.

    Warns:
        UserWarning: names what has changed since :func:`replace_layers` and is not in the file.

    Raises:
        CompileError: TN008 if the file cannot be written, TN049 for a model without generated layers and for an
            unknown value of ``rest``.
    """
    if rest is not None and rest not in RESTS:
        raise CompileError((unknown(_OPTION, "value of `rest`", str(rest), RESTS),))
    layers = generated_layers(model)
    if not layers:
        message = f"the {type(model).__name__} has no generated layers to save"
        raise CompileError((Diagnostic(_OPTION, message, help="call `replace_layers(model, …)` first"),))
    state = named_tensors(model)
    names = _names_of_tensors(state)
    networks: dict[str, StoredNetwork] = {}
    stored: list[StoredLayer] = []
    kept: dict[str, torch.Tensor] = {}
    for name, layer in layers.items():
        for entry, weight in _entries(name, layer, names):
            networks.setdefault(weight.digest, _stored_network(weight))
            stored.append(entry)
            kept.update((tensor, state[tensor]) for tensor in entry.tensors)
        if isinstance(layer, Replaced):
            kept.update((f"{name}.{own}", state[f"{name}.{own}"]) for own in _own_tensors(layer))
    kept |= {key: state[key] for key in _rest(model, state, rest)}
    _warn(model, state, kept)
    whole = {key: _whole(value) for key, value in kept.items()}
    if _writes(kept):
        specs = {key: TensorSpec(STORED[value.dtype], tuple(value.shape)) for key, value in whole.items()}
        header = CoreHeader(tuple(networks.values()), tuple(stored))
        write_core_file(Path(path), header, specs, lambda key: [_bytes(whole[key])])


# -- what is saved ---------------------------------------------------------------------------------------


def generated_layers(model: nn.Module) -> dict[str, Weightless]:
    """The generated layers under all their names."""
    if not isinstance(cast("object", model), nn.Module):
        raise expected("the first argument", "a `torch.nn.Module`", model)
    modules = named_modules(model, repeated=True)
    return {name: module for name, module in modules.items() if isinstance(module, Weightless)}


def named_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors of the model's ``state_dict``, which holds the parameters themselves."""
    state = model.state_dict(keep_vars=True)
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}


def _names_of_tensors(state: Mapping[str, torch.Tensor]) -> dict[int, str]:
    """The first name of each tensor, by identity."""
    names: dict[int, str] = {}
    for name, value in state.items():
        names.setdefault(id(value), name)
    return names


def _entries(name: str, layer: Weightless, names: Mapping[int, str]) -> Iterator[tuple[StoredLayer, CompiledWeight]]:
    """The entries of a layer: one, or one for each adapter."""
    weight = f"{name}.{layer.kind.weight}" if name else layer.kind.weight
    row: int | None = getattr(layer, "padding_idx", None)
    if isinstance(layer, Replaced):
        cores, compiled_weight = _cores(layer.generator, names), layer.compiled
        dtype = dtype_name(next(chain(layer.generator.parameters(), layer.generator.buffers())).dtype)
        entry = StoredLayer(name, layer.kind.name, weight, compiled_weight.digest, dtype, cores, padding_row=row)
        through = compiled_weight.wanted.through
        yield replace(entry, trainable=_trains(layer.generator), through=through), compiled_weight
    if isinstance(layer, Adapted):
        for adapter_name, adapter in layer.adapters.items():
            assert isinstance(adapter, Adapter)
            yield (
                StoredLayer(
                    name,
                    layer.kind.name,
                    weight,
                    adapter.compiled.digest,
                    dtype_name(layer.base.dtype),
                    _cores(adapter.generator, names),
                    mode="add",
                    through=adapter.compiled.wanted.through,
                    adapter=adapter_name,
                    scale=names[id(adapter.scale)],
                    padding_row=row,
                    enabled=adapter.enabled,
                    frozen=not layer.base.requires_grad,
                    trainable=_trains(adapter),
                ),
                adapter.compiled,
            )


def _cores(generator: nn.Module, names: Mapping[int, str]) -> tuple[tuple[str, str], ...]:
    """The tensor of the model for each parameter of a compiled network."""
    return tuple((key, names[id(value)]) for key, value in generator.state_dict(keep_vars=True).items())


def _trains(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def _own_tensors(layer: Replaced) -> list[str]:
    """The biases and buffers of a layer itself."""
    own = [name for name, value in layer._parameters.items() if value is not None]
    return own + [name for name in layer._buffers if name not in layer._non_persistent_buffers_set]


def _stored_network(weight: CompiledWeight) -> StoredNetwork:
    template = weight.wanted.template
    padding = () if weight.padding == weight.shape else weight.padding
    return StoredNetwork(
        weight.flat, weight.digest, weight.shape, template.network, template.arguments, weight.author, padding
    )


def _rest(model: nn.Module, state: Mapping[str, torch.Tensor], rest: Rest | None) -> list[str]:
    """The names of further tensors to save."""
    if rest is None:
        return []
    return [name for name, value in state.items() if rest == "all" or value.requires_grad]


def _warn(model: nn.Module, state: Mapping[str, torch.Tensor], kept: Mapping[str, torch.Tensor]) -> None:
    """Warn of what has changed since layers were replaced, and is lost."""
    before = known_fingerprints(model)
    identities = {id(value) for value in kept.values()}
    lost = [
        name
        for name, value in state.items()
        if name not in kept and id(value) not in identities and _changed(value, before.get(name))
    ]
    if lost:
        advice = 'rest="trainable" saves parameters, rest="all" buffers as well'
        message = f"{listed(lost)} changed since the layers were replaced, and the file has none of it; {advice}"
        warnings.warn(message, UserWarning, stacklevel=3)


def _changed(value: torch.Tensor, before: Fingerprint | None) -> bool:
    """Whether a tensor is another one than before; where that is not known, whether it can be trained."""
    now = fingerprint(value)
    return value.requires_grad if now is None or before is None else now != before


def _whole(value: torch.Tensor) -> torch.Tensor:
    """The tensor itself, gathered from all processes if it is sharded."""
    gather: Any = getattr(value, "full_tensor", None)
    found: torch.Tensor = value.detach() if gather is None else gather().detach()
    return found


def _writes(kept: Mapping[str, torch.Tensor]) -> bool:
    """Whether this process writes: the first one does, if the tensors are sharded over several."""
    sharded = any(hasattr(value, "full_tensor") for value in kept.values())
    return not sharded or torch.distributed.get_rank() == 0


def _bytes(value: torch.Tensor) -> memoryview:
    flat = value.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8)
    return flat.numpy().data
