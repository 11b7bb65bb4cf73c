"""Which layers are generated from what: everything is checked here, before anything changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import nn

from tnc.api import expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import listed
from tnc.layers.applied import ROWS
from tnc.layers.names import try_select
from tnc.torch.compiled import CompiledWeight, Wanted, compile_weight, dtype_name
from tnc.torch.generated import Choice, Generated, Request, Settings
from tnc.torch.kinds import Kind, find_kind, objection, refusal
from tnc.torch.layers import OWN, Adapted, Replaced
from tnc.torch.modules import named_modules, parameters_of, submodules


@dataclass(frozen=True, slots=True)
class Target:
    """A layer of the model and what its weight will be generated from."""

    name: str
    layer: nn.Module
    kind: Kind
    request: Request
    compiled: CompiledWeight

    @property
    def weight(self) -> torch.Tensor:
        """The dense weight."""
        weight: torch.Tensor = getattr(self.layer, self.kind.weight)
        return weight


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A selected layer, not checked yet."""

    name: str
    layer: nn.Module
    kind: Kind
    request: Request


def targets(model: nn.Module, choice: Choice, settings: Settings) -> tuple[Target, ...]:
    """The layers that the choice selects, in the order of the model, each with its compiled weight.

    Raises:
        CompileError: with everything that is wrong: names, layers, tied weights, templates.
        TypeError: for arguments of other types.
    """
    if not isinstance(cast("object", model), nn.Module):
        raise expected("the first argument", "a `torch.nn.Module`", model)
    candidates, wrong = _selected(model, choice, settings)
    owners = _owners(model)
    if torch.is_inference_mode_enabled():
        advice = "call it before `torch.inference_mode()`: cores that are made inside cannot be trained"
        wrong.append(Diagnostic("TN049", "layers cannot be generated under inference mode", help=advice))
    fitting: list[_Candidate] = []
    for candidate in candidates:
        objections = [*_objections(candidate, settings, owners)]
        wrong += objections
        if not objections:
            fitting.append(candidate)
    found, misfits = _compiled(fitting, settings)
    if wrong or misfits:
        raise CompileError((*wrong, *misfits))
    return found


def _refusals(names: Mapping[str, nn.Module]) -> dict[str, str]:
    """Why each of the modules cannot be generated."""
    return {name: refusal(module) for name, module in names.items()}


# -- from patterns to layers -------------------------------------------------------------------------


def _selected(model: nn.Module, choice: Choice, settings: Settings) -> tuple[list[_Candidate], list[Diagnostic]]:
    """The layers that the patterns select, those inside of them included, and what is wrong with the patterns."""
    modules = named_modules(model)
    kinds = {name: kind for name, module in modules.items() if name and (kind := _kind(module)) is not None}
    wrong: list[Diagnostic] = []
    chosen: dict[str, Generated | str] = {}
    if isinstance(choice, Mapping):
        if settings.filter is not None:
            raise TypeError("with `filter`, `choice` is one template, not a mapping")
        others = _refusals({name: module for name, module in modules.items() if name not in kinds and name})
        selected, wrong = try_select(tuple(choice), tuple(kinds), others)
        chosen = {name: choice[pattern] for name, pattern in selected.items()}
    elif settings.filter is None:
        raise expected("`choice`", 'a mapping such as `{"features.*": "attn"}`, unless `filter` is given', choice)
    else:
        chosen = {name: choice for name in kinds if settings.filter(name, modules[name])}
        if not chosen:
            advice = f"layers that can be generated: {listed(kinds, most=8)}" if kinds else "the model has none"
            wrong.append(Diagnostic("TN045", "`filter` selects no layer", help=advice))
    requests: dict[Generated | str, Request] = {}
    for template in choice.values() if isinstance(choice, Mapping) else (choice,):
        try:
            requests[template] = settings.request(template)
        except CompileError as error:
            wrong += [each for each in error.diagnostics if each not in wrong]
    found: dict[str, _Candidate] = {}
    for name, template in chosen.items():
        if template not in requests:
            continue
        kind = kinds[name]
        for each in (name, *(f"{name}.{inner}" for inner in kind.inner)):
            found.setdefault(each, _Candidate(each, modules[each], kinds[each], requests[template]))
    return sorted(found.values(), key=lambda candidate: list(modules).index(candidate.name)), wrong


def _kind(module: nn.Module) -> Kind | None:
    return module.kind if isinstance(module, Replaced | Adapted) else find_kind(module)


def _owners(model: nn.Module) -> dict[int, list[str]]:
    """The names under which the model has each parameter, by its identity."""
    owners: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        owners.setdefault(id(parameter), []).append(name)
    return owners


def _objections(candidate: _Candidate, settings: Settings, owners: Mapping[int, list[str]]) -> Iterator[Diagnostic]:
    """What keeps a selected layer from being generated."""
    name, layer, kind, mode = candidate.name, candidate.layer, candidate.kind, candidate.request.mode
    if isinstance(layer, Replaced):
        advice = "select other layers, or call `merge_layers(model)` first"
        yield Diagnostic("TN046", f"layer `{name}` is generated already: {layer.compiled}", help=advice)
        return
    if isinstance(layer, Adapted):
        if mode == "replace":
            message = f"layer `{name}` has adapters: {listed(layer.adapters)}"
            yield Diagnostic(
                "TN046", message, help='add another one with `mode="add"`, or call `merge_layers(model)` first'
            )
        elif settings.name in layer.adapters:
            advice = "give the new one another `name`"
            yield Diagnostic("TN046", f"layer `{name}` has an adapter `{settings.name}` already", help=advice)
    elif (reason := objection(layer, kind) or _clash(layer)) is not None:
        yield Diagnostic("TN047", f"layer `{name}` {reason}", help=_WAYS_OUT.get(reason.split()[1], _OTHERWISE))
        return
    dense = parameters_of(layer)[kind.weight]
    if candidate.request.start == "fit" and dense is not None and (dense.is_meta or not dense.detach().any()):
        message = f"the weight of layer `{name}` is {'on the meta device' if dense.is_meta else 'zero'}: nothing to fit"
        yield Diagnostic("TN049", message, help='leave out `start="fit"`')
    own = f"{name}.{kind.weight}"
    tied = [other for other in owners.get(id(parameters_of(layer)[kind.weight]), []) if other != own]
    if tied:
        message = f"the weight of layer `{name}` is also {listed(tied)}"
        yield Diagnostic("TN048", message, help=_untied(name, kind))


def _clash(layer: nn.Module) -> str | None:
    """The objection to a layer that has an attribute of the name of one of ours."""
    taken = sorted(OWN.intersection((*vars(layer), *submodules(layer))))
    return f"has attributes of its own called {listed(taken)}" if taken else None


def _untied(name: str, kind: Kind) -> str:
    path = "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in name.split("."))
    place = f"model{path}.{kind.weight}"
    return f"leave the layer dense, or untie it first: `{place} = torch.nn.Parameter({place}.detach().clone())`"


_OTHERWISE = "leave the layer out"
_WAYS_OUT = {
    "parametrized": "remove it first: `torch.nn.utils.parametrize.remove_parametrizations(layer, name)`",
    "computes": "make it a parameter again, as by `torch.nn.utils.remove_weight_norm` or `prune.remove`",
}


# -- compilation --------------------------------------------------------------------------------------


def _compiled(candidates: list[_Candidate], settings: Settings) -> tuple[tuple[Target, ...], list[Diagnostic]]:
    """The layers with their weights, each distinct one compiled once, and what is wrong with their templates."""
    weights: dict[Wanted, CompiledWeight | tuple[Diagnostic, ...]] = {}
    compiled: list[Target] = []
    wrong: dict[Diagnostic, list[str]] = {}
    for candidate in candidates:
        wanted = _wanted(candidate, settings)
        if wanted not in weights:
            weights[wanted] = _attempted(wanted)
        weight = weights[wanted]
        if isinstance(weight, CompiledWeight):
            compiled.append(Target(candidate.name, candidate.layer, candidate.kind, candidate.request, weight))
        else:
            for diagnostic in weight:
                wrong.setdefault(diagnostic, []).append(candidate.name)
    return tuple(compiled), [_of_layers(diagnostic, names) for diagnostic, names in wrong.items()]


def _attempted(wanted: Wanted) -> CompiledWeight | tuple[Diagnostic, ...]:
    """The compiled weight, or what is wrong with it."""
    try:
        return compile_weight(wanted)
    except CompileError as error:
        return error.diagnostics


def _of_layers(diagnostic: Diagnostic, names: list[str]) -> Diagnostic:
    """The diagnostic of a template with the names of its layers, unless it has a place in a file."""
    if diagnostic.span is not None:
        return diagnostic
    layers = f"layer{'' if len(names) == 1 else 's'} {listed(names, most=4)}"
    return replace(diagnostic, message=f"{layers}: {diagnostic.message}")


def _wanted(candidate: _Candidate, settings: Settings) -> Wanted:
    weight = parameters_of(candidate.layer)[candidate.kind.weight]
    assert weight is not None
    shape = tuple(weight.shape)
    std = _deviation(weight, candidate.kind.default_deviation(shape))
    kind, request = candidate.kind, candidate.request
    rows = dict(settings.sizes).get(ROWS)
    through = request.through if kind.contracted is not None else "build"
    placed = (kind.contracted, through, rows, settings.device)
    return Wanted(request.template, shape, kind.axes, std, dtype_name(weight.dtype), *placed)


def _deviation(weight: torch.Tensor, default: float) -> float:
    """The root mean square of the weight, rounded so that equal layers agree in it and share one class.

    That is the framework's default, if the weight is within a tenth of it or has no deviation, else two digits.
    """
    if weight.is_meta or not weight.numel():
        return default
    found = weight.detach().double().square().mean().sqrt().item()
    if not math.isfinite(found) or found == 0 or abs(found / default - 1) < 0.1:
        return default
    return float(f"{found:.2g}")
