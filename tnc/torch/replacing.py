"""Layers of a model are planned, replaced and merged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import torch
from torch import nn

from tnc.api import expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import unknown
from tnc.layers.applied import ROWS
from tnc.torch.fitting import fitted_cores
from tnc.torch.generated import Choice, Filter, Mode, Settings, Start, Through
from tnc.torch.layers import Adapted, Adapter, Weightless, adapted_class, replaced_class
from tnc.torch.modules import named_modules, put
from tnc.torch.plan import LayerPlan, LayerRow
from tnc.torch.planning import Target, targets
from tnc.torch.untrained import remember

Model = TypeVar("Model", bound=nn.Module)

_DEVICE = "generic-cpu"


def plan_layers(
    model: nn.Module,
    choice: Choice,
    /,
    *,
    mode: Mode = "replace",
    start: Start = "random",
    through: Through = "auto",
    freeze: bool = True,
    filter: Filter | None = None,
    name: str = "default",
    sizes: Mapping[str, int] | None = None,
    device: str | None = None,
) -> LayerPlan:
    """What :func:`replace_layers` would do with the same arguments; the model is not changed."""
    settings = _settings(mode, start, through, freeze, filter, name, sizes, device)
    return _plan(model, targets(model, choice, settings), device)


def replace_layers(
    model: nn.Module,
    choice: Choice,
    /,
    *,
    mode: Mode = "replace",
    start: Start = "random",
    through: Through = "auto",
    freeze: bool = True,
    filter: Filter | None = None,
    name: str = "default",
    sizes: Mapping[str, int] | None = None,
    device: str | None = None,
    steps: int | None = None,
    generator: torch.Generator | None = None,
) -> LayerPlan:
    """Generate the weights of some layers of a model, in place, and return the plan.

    Everything is checked first; after an error the model is as it was. Cores start such that the weight has the
    deviation that it had, to two digits; or the framework's default where it is near that, or was zero.

    Args:
        model: the model; it may be on any device, and have any floating dtype.
        choice: templates by pattern: exact names, globs, or ``re:`` and a regular expression. With ``filter``, one
            template for all the layers that it selects.
        mode: ``"replace"``, or ``"add"`` for an adapter on the dense weight.
        start: how cores start: ``"random"``, or ``"fit"``, as near as they come to the weight that is there; the plan
            has the error of each layer.
        through: whether a matrix is built in every call (``"build"``), or data go through its cores (``"apply"``);
            ``"auto"`` compares the number of rows with the predicted times. Other weights are always built.
        freeze: for ``mode="add"``: no parameter that the model has so far requires a gradient any more.
        filter: selects layers by name and module.
        name: the name of the adapter.
        sizes: the number of rows to plan for, as ``{"batch": 64}``; where nothing looks at the data, as in
            ``torch.compile`` and ``torch.export``, it decides whether they go through the cores.
        device: what is planned for: a name such as ``"h100"``, or a profile; a generic processor if None.
        steps: the most steps of each fit, as :func:`tnc.fit.fit` takes them.
        generator: draws the cores.

    Raises:
        CompileError: TN045 to TN049 for names and layers, TN040 to TN044 for templates, and their own errors.
        TypeError: for arguments of other types.
    """
    settings = _settings(mode, start, through, freeze, filter, name, sizes, device)
    found = targets(model, choice, settings)
    fitted = fitted_cores(found, steps)
    plan = _plan(model, found, device, {name: fit.error for name, fit in fitted.items()})
    adding = [target for target in found if target.request.mode == "add"]
    new: dict[str, nn.Module] = {}
    adapters: list[tuple[Adapted, Adapter]] = []
    for target in found:
        if target in adding:
            layer = target.layer
            adapted = layer if isinstance(layer, Adapted) else adapted_class(target.kind)(layer, target.kind)
            adapters.append((adapted, Adapter(adapted.base, target.compiled, generator).train(layer.training)))
            new[target.name] = adapted
        else:
            replaced = replaced_class(target.kind)(target.layer, target.kind, target.compiled, generator)
            replaced.shard = target.request.shard
            new[target.name] = replaced
    for name_, fit in fitted.items():
        cores: Any = new[name_].generator
        cores.load_cores(fit.cores)
    # from here on nothing fails
    if adding and settings.freeze:
        model.requires_grad_(False)
    for adapted, adapter in adapters:
        adapted.adapters[settings.name] = adapter
    for name_, module in new.items():
        put(model, name_, module)
    remember(model)
    return plan


def merge_layers(model: Model, /) -> Model:
    """The model, in place, with dense weights in place of all generated ones and of adapters that are enabled.

    Each layer is of its own class again, with the keys of its own ``state_dict`` in their order.
    """
    if not isinstance(cast("object", model), nn.Module):
        raise expected("the first argument", "a `torch.nn.Module`", model)
    modules = named_modules(model, repeated=True)
    found = {name: module for name, module in modules.items() if isinstance(module, Weightless)}
    if "" in found:
        advice = "merge the model that has it, or call its method `dense()`"
        raise CompileError((Diagnostic("TN049", "a layer alone cannot be merged in place", help=advice),))
    if torch.is_inference_mode_enabled():
        advice = "call it before `torch.inference_mode()`: weights that are made inside cannot be trained"
        raise CompileError((Diagnostic("TN049", "layers cannot be merged under inference mode", help=advice),))
    dense: dict[Weightless, nn.Module] = {}  # a layer with several names stays one
    for name in reversed(found):  # inner layers first: the outer one takes its submodules over
        layer = found[name]
        if layer not in dense:
            dense[layer] = layer.dense()
        put(model, name, dense[layer])
    return model


def _settings(
    mode: Mode,
    start: Start,
    through: Through,
    freeze: bool,
    filter: Filter | None,
    name: str,
    sizes: Mapping[str, int] | None,
    device: str | None,
) -> Settings:
    """The options of a call.

    Raises:
        CompileError: TN049 for a name that no adapter can have, TN007 for a size of anything but the batch.
    """
    wrong: list[Diagnostic] = []
    if not name.isidentifier() or hasattr(nn.ModuleDict, name):
        advice = "letters, digits and `_`, such as `french`"
        wrong.append(Diagnostic("TN049", f"no adapter can be called `{name}`", help=advice))
    wrong += [unknown("TN007", "dynamic dimension", size, (ROWS,)) for size in sizes or {} if size != ROWS]
    if wrong:
        raise CompileError(wrong)
    return Settings(mode, start, through, freeze, name, tuple((sizes or {}).items()), device, filter)


def _plan(
    model: nn.Module, found: tuple[Target, ...], device: str | None, errors: Mapping[str, float] | None = None
) -> LayerPlan:
    rows = tuple(_row(target, (errors or {}).get(target.name)) for target in found)
    return LayerPlan(rows, sum(each.numel() for each in model.parameters()), device or _DEVICE)


def _row(target: Target, error: float | None) -> LayerRow:
    compiled = target.compiled
    extra = 1 if target.request.mode == "add" else 0
    return LayerRow(
        target.name,
        target.kind.name,
        compiled.shape,
        compiled.padding,
        compiled.parameters + extra,
        str(compiled.wanted.template),
        target.request.mode,
        compiled.through,
        compiled.training,
        error,
    )
