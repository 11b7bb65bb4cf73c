"""Cores in training and inference: parameter groups of an optimizer, and weights that are built once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from tnc.torch.layers import Adapter, Generates


def core_groups(
    model: nn.Module,
    /,
    lr: float,
    *,
    core_lr: float | None = None,
    scale_lr: float | None = None,
    weight_decay: float = 0.0,
) -> list[dict[str, Any]]:
    """The trainable parameters in groups for an optimizer: ``cores``, ``scales`` of adapters, and the ``rest``.

    Only the rest decays: a weight is a product of many cores and would shrink with each of them. A group without
    parameters is left out.

    Args:
        model: the model.
        lr: the learning rate of the rest.
        core_lr: that of the cores; ``lr`` if None. Few numbers want large rates: networks of a few hundred numbers a
            layer learned best with 1e-2, beside 3e-2 for norms, first layer and head.
        scale_lr: that of the scales; ``lr`` if None.
        weight_decay: that of the rest.
    """
    cores: dict[int, nn.Parameter] = {}
    scales: dict[int, nn.Parameter] = {}
    for module in model.modules():
        if isinstance(module, Generates):
            cores.update((id(parameter), parameter) for parameter in module.generator.parameters())
        if isinstance(module, Adapter):
            scales[id(module.scale)] = module.scale
    rest = {id(each): each for each in model.parameters() if id(each) not in cores and id(each) not in scales}
    groups: list[dict[str, Any]] = [
        _group("cores", cores, lr if core_lr is None else core_lr, 0.0),
        _group("scales", scales, lr if scale_lr is None else scale_lr, 0.0),
        _group("rest", rest, lr, weight_decay),
    ]
    return [group for group in groups if group["params"]]


def _group(name: str, parameters: dict[int, nn.Parameter], lr: float, weight_decay: float) -> dict[str, Any]:
    trained = [parameter for parameter in parameters.values() if parameter.requires_grad]
    return {"name": name, "params": trained, "lr": lr, "weight_decay": weight_decay}


@contextmanager
def cached(model: nn.Module, /) -> Generator[None]:
    """Inside, every weight is built, once, until a bit of its cores changes.

    Calls that need gradients share nothing: use it with ``torch.no_grad()`` or ``torch.inference_mode()``.
    """
    found = [module for module in model.modules() if isinstance(module, Generates)]
    with ExitStack() as stack:
        for module in found:
            generator: Any = module.generator
            stack.enter_context(generator.cached())
            stack.enter_context(_built(module))
        yield


@contextmanager
def _built(module: Generates) -> Generator[None]:
    """Inside, the weight is built: once it is known, a product with it is the fastest way."""
    module.builds += 1
    try:
        yield
    finally:
        module.builds -= 1
