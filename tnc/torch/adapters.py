"""Adapters of a model are switched on and off, and removed."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from tnc.diagnostics import CompileError
from tnc.diagnostics.suggest import unknown
from tnc.torch.layers import Adapted
from tnc.torch.modules import named_modules, put


def adapter_names(model: nn.Module, /) -> tuple[str, ...]:
    """The names of the adapters of a model, in the order in which its layers have them."""
    layers = (module for module in model.modules() if isinstance(module, Adapted))
    return tuple(dict.fromkeys(name for layer in layers for name in layer.adapters))


def enable_adapters(model: nn.Module, /, *names: str) -> None:
    """Let adapters take part in the weights again; all of them if none is named.

    Raises:
        CompileError: TN056 for a name that no adapter of the model has.
    """
    _switch(model, names, enabled=True)


def disable_adapters(model: nn.Module, /, *names: str) -> None:
    """Leave adapters out of the weights, and out of :func:`merge_layers`; all of them if none is named.

    Raises:
        CompileError: TN056 for a name that no adapter of the model has.
    """
    _switch(model, names, enabled=False)


def remove_adapters(model: nn.Module, /, *names: str) -> None:
    """Remove adapters without merging them; all of them if none is named. A layer without any is dense again.

    Raises:
        CompileError: TN056 for a name that no adapter of the model has.
    """
    chosen = _known(model, names)
    layers = {name: module for name, module in named_modules(model).items() if name and isinstance(module, Adapted)}
    for name, layer in reversed(layers.items()):
        for adapter in chosen:
            if adapter in layer.adapters:
                del layer.adapters[adapter]
        if not layer.adapters:
            put(model, name, layer.without_adapters())


def _switch(model: nn.Module, names: Sequence[str], *, enabled: bool) -> None:
    chosen = _known(model, names)
    for module in model.modules():
        if isinstance(module, Adapted):
            for name, adapter in module.named_adapters():
                if name in chosen:
                    adapter.enabled = enabled


def _known(model: nn.Module, names: Sequence[str]) -> tuple[str, ...]:
    """The names, or all if there are none.

    Raises:
        CompileError: TN056 for unknown ones.
    """
    there = adapter_names(model)
    wrong = [unknown("TN056", "adapter", name, there) for name in names if name not in there]
    if wrong:
        raise CompileError(wrong)
    return tuple(names) or there
