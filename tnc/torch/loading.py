"""Models get their generated layers, and other tensors, from files of cores."""

# torch keeps the parameters of a module in `_parameters`
# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar, cast

import torch
from torch import nn

from tnc.api import expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import listed
from tnc.layers.core_file import CoreFile, StoredLayer, compiled, open_core_file
from tnc.layers.template import make_template
from tnc.options import Options
from tnc.torch.compiled import CompiledWeight, Wanted, compiled_from, dtype_name
from tnc.torch.generated import Through
from tnc.torch.kinds import Kind, find_kind, objection, refusal
from tnc.torch.layers import Adapted, Adapter, Replaced, Weightless, adapted_class, replaced_class
from tnc.torch.modules import named_modules, put
from tnc.torch.saving import STORED, named_tensors
from tnc.torch.untrained import remember

Model = TypeVar("Model", bound=nn.Module)

_OPTION, _MISFIT = "TN049", "TN054"
_DTYPES: Final = {stored: dtype for dtype, stored in STORED.items()}
_AGAIN: Final = "make the model as it was when the file was saved"
_MERGE: Final = "call `merge_layers(model)` first"


def load_layers(model: Model, path: str | os.PathLike[str]) -> Model:
    """The model, in place, with the generated layers and the other tensors of a file of cores.

    Layers are dense ones, as in a fresh model, or generated already. Each keeps its device and its dtype; what is on
    the meta device is loaded to the processor. If adapters were saved on frozen weights, the parameters of the model
    are frozen here as well.

    Raises:
        CompileError: as :func:`tnc.layers.core_file.open_core_file` for the file, TN054 with everything that does not
            fit the model, which is not changed then.
    """
    if not isinstance(cast("object", model), nn.Module):
        raise expected("the first argument", "a `torch.nn.Module`", model)
    if torch.is_inference_mode_enabled():
        advice = "call it before `torch.inference_mode()`: cores that are made inside cannot be trained"
        raise CompileError((Diagnostic(_OPTION, "layers cannot be loaded under inference mode", help=advice),))
    with open_core_file(Path(path)) as file:
        parts = _planned(model, file)
        tensors = {name: _tensor(file, name) for name in file.tensors.tensors}
        _commit(model, parts, file.others, tensors)
    remember(model, anew=True)
    return model


# -- what is loaded --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A layer of the file, the module of the model that it is for, and its compiled weight."""

    stored: StoredLayer
    module: nn.Module
    kind: Kind
    weight: CompiledWeight


@dataclass(frozen=True, slots=True)
class _Problem:
    """What does not fit, and what to do."""

    message: str
    advice: str = _AGAIN


def _planned(model: nn.Module, file: CoreFile) -> list[_Part]:
    """The parts of a file that fits the model.

    Raises:
        CompileError: with all that does not fit.
    """
    modules = named_modules(model, repeated=True)
    wrong = [problem for layer in file.header.layers for problem in _misfits(modules, layer, file)]
    wrong += _misfits_of_others(named_tensors(model), file)
    wrong += _tied(model, file)
    if wrong:
        path = file.tensors.path
        raise CompileError(Diagnostic(_MISFIT, f"{path}: {each.message}", help=each.advice) for each in wrong)
    weights: dict[tuple[str, torch.dtype, str, str], CompiledWeight] = {}
    parts: list[_Part] = []
    for layer in file.header.layers:
        module = modules[layer.name]
        kind = _kind(module)
        assert kind is not None
        dtype = _dense(module, kind).dtype
        key = layer.network, dtype, layer.kind, layer.through
        if key not in weights:
            weights[key] = _compiled(file, layer, kind, dtype)
        parts.append(_Part(layer, module, kind, weights[key]))
    return parts


def _kind(module: nn.Module) -> Kind | None:
    return module.kind if isinstance(module, Weightless) else find_kind(module)


def _dense(module: nn.Module, kind: Kind) -> torch.Tensor:
    """A tensor of the device and dtype of a layer's weight: the dense weight itself, or a core."""
    if isinstance(module, Replaced):
        return next(chain(module.generator.parameters(), module.generator.buffers()))
    weight = module._parameters[kind.weight]
    assert weight is not None
    return weight


def _misfits(modules: Mapping[str, nn.Module], layer: StoredLayer, file: CoreFile) -> Iterator[_Problem]:
    """What keeps a layer of the file from being put into the model."""
    module = modules.get(layer.name)
    if module is None:
        yield _Problem(f"the model has no layer `{layer.name}`")
        return
    kind = _kind(module)
    if kind is None or kind.name != layer.kind:
        reason = refusal(module) if kind is None else f"is a `{kind.name}`"
        yield _Problem(f"layer `{layer.name}` {reason}, and a `{layer.kind}` in the file")
        return
    if isinstance(module, Adapted) and layer.mode == "replace":
        yield _Problem(f"layer `{layer.name}` has adapters, and a generated weight in the file", _MERGE)
    elif isinstance(module, Replaced) and layer.mode == "add":
        yield _Problem(f"layer `{layer.name}` has a generated weight, and an adapter in the file", _MERGE)
    elif not isinstance(module, Weightless) and (why := objection(module, kind)) is not None:
        yield _Problem(f"layer `{layer.name}` {why}")
    else:
        shape = module.compiled.shape if isinstance(module, Replaced) else tuple(_dense(module, kind).shape)
        yield from _wrong_axes(layer, kind, shape, file.header.network(layer).shape)


def _wrong_axes(layer: StoredLayer, kind: Kind, shape: tuple[int, ...], stored: tuple[int, ...]) -> Iterator[_Problem]:
    if len(shape) != len(stored):
        yield _Problem(f"the weight of layer `{layer.name}` has {len(shape)} axes, {len(stored)} in the file")
        return
    for axis, own, its in zip(kind.axes, shape, stored, strict=True):
        if own != its:
            yield _Problem(f"axis `{axis}` of the weight of layer `{layer.name}` has {own} entries, {its} in the file")


def _misfits_of_others(state: Mapping[str, torch.Tensor], file: CoreFile) -> Iterator[_Problem]:
    """Other tensors of the file that the model lacks, or has in another shape."""
    for name in file.others:
        spec = file.tensors.tensors[name]
        if name not in state:
            yield _Problem(f"the model has no parameter or buffer `{name}`")
        elif tuple(state[name].shape) != spec.shape:
            yield _Problem(f"`{name}` has shape {tuple(state[name].shape)}, {spec.shape} in the file")
        elif spec.dtype not in _DTYPES:
            yield _Problem(f"`{name}` has the dtype {spec.dtype}, which torch lacks", "save the file again")


def _tied(model: nn.Module, file: CoreFile) -> Iterator[_Problem]:
    """Dense weights that would be replaced in one place and stay in another."""
    owners: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        owners.setdefault(id(parameter), []).append(name)
    generated = {layer.weight for layer in file.header.layers}
    for tied in owners.values():
        replaced = [name for name in tied if name in generated]
        if replaced and len(replaced) < len(tied):
            own = f"model.{replaced[0]}"
            advice = f"untie it first: `{own} = torch.nn.Parameter({own}.detach().clone())`"
            others = listed(name for name in tied if name != replaced[0])
            yield _Problem(f"the weight `{replaced[0]}` is also {others}", advice)


def _compiled(file: CoreFile, layer: StoredLayer, kind: Kind, dtype: torch.dtype) -> CompiledWeight:
    """The weight of a layer, compiled from the text in the file.

    Raises:
        CompileError: as :func:`tnc.layers.core_file.compiled`.
    """
    stored = file.header.network(layer)
    net = compiled(file, stored, Options(dtype=dtype_name(dtype)))
    template = make_template(stored.template, dict(stored.arguments))
    std = net.outputs[0].std or 1.0
    through = cast("Through", layer.through if kind.contracted is not None else "build")
    wanted = Wanted(template, stored.shape, kind.axes, std, dtype_name(dtype), kind.contracted, through)
    return compiled_from(wanted, net, stored.source)


def _tensor(file: CoreFile, name: str) -> torch.Tensor:
    spec = file.tensors.tensors[name]
    data = file.tensors.read(name)
    if not data:
        return torch.empty(spec.shape, dtype=_DTYPES[spec.dtype])
    return torch.frombuffer(data, dtype=_DTYPES[spec.dtype]).reshape(spec.shape)


@torch.no_grad()
def _commit(model: nn.Module, parts: list[_Part], others: tuple[str, ...], tensors: Mapping[str, torch.Tensor]) -> None:
    """Change the model; everything was checked. Layers whose cores are the same tensors share them."""
    if any(part.stored.frozen for part in parts):
        model.requires_grad_(False)
    generators: dict[tuple[str, ...], nn.Module] = {}
    adapted: dict[nn.Module, Adapted] = {}
    for part in parts:
        stored = part.stored
        if stored.mode == "add":
            layer = part.module if isinstance(part.module, Adapted) else adapted.get(part.module)
            layer = layer or adapted_class(part.kind)(part.module, part.kind)
            adapted[part.module] = layer
            adapter = Adapter(layer.base, part.weight).train(layer.training)
            adapter.enabled = stored.enabled
            _fill(adapter, "scale", tensors[str(stored.scale)])
            layer.adapters[stored.adapter] = adapter.requires_grad_(stored.trainable)
            generator = adapter.generator
            put(model, stored.name, layer)
        else:
            replaced = _replaced(part)
            replaced.generator = generators.setdefault(
                stored.tensors, replaced.generator.requires_grad_(stored.trainable)
            )
            generator = replaced.generator
            put(model, stored.name, replaced)
        for key, tensor in stored.cores:
            _fill(generator, key, tensors[tensor])
    for name in others:
        parent, _, own = name.rpartition(".")
        _fill(model.get_submodule(parent), own, tensors[name])


def _replaced(part: _Part) -> Replaced:
    """The layer with new cores of its network."""
    if not isinstance(part.module, Replaced):
        return replaced_class(part.kind)(part.module, part.kind, part.weight)
    layer = part.module
    layer.compiled = part.weight
    layer._generate(_dense(layer, part.kind), None)
    layer.generator.train(layer.training)
    return layer


def _fill(module: nn.Module, name: str, value: torch.Tensor) -> None:
    """Copy a value into a parameter or buffer; one on the meta device is made anew."""
    own: torch.Tensor = getattr(module, name)
    value = value.reshape(own.shape)
    if not own.is_meta:
        own.copy_(value)
    elif isinstance(own, nn.Parameter):
        setattr(module, name, nn.Parameter(value.to(own.dtype, copy=True), own.requires_grad))
    else:
        setattr(module, name, value.to(own.dtype, copy=True))
