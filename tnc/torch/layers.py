"""Layers whose weight is generated, alone or on top of a dense one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, cast

import torch
from torch import nn

from tnc.torch.compiled import CompiledWeight
from tnc.torch.kinds import Kind

GENERATOR: Final = "generator"
"""The submodule that has the cores."""

RECORD: Final = "untrained"
"""The attribute with the fingerprints of the whole model, from when its layers were replaced."""

COMPILED: Final = "_compiled"
"""The attribute with the compiled weight."""

ON_DATA: Final = "_function_on_data"
"""The attribute with the compiled function that applies the weight."""

OWN: Final = frozenset(
    {
        "kind",
        "original",
        "order",
        "compiled",
        "builds",
        "adapters",
        "shard",
        "blocks",
        COMPILED,
        GENERATOR,
        ON_DATA,
        RECORD,
    }
)
"""The attributes and submodules that the dense layer has not."""


class Generates(nn.Module):
    """A module with the cores of one weight, in a submodule of a generated class."""

    generator: nn.Module
    builds = 0
    """How many callers ask for a weight that is built, as inside ``cached``."""

    @property
    def compiled(self) -> CompiledWeight:
        """The weight that the cores generate."""
        compiled: CompiledWeight = self.__dict__[COMPILED]
        return compiled

    @compiled.setter
    def compiled(self, compiled: CompiledWeight) -> None:
        self.__dict__[COMPILED] = compiled
        applied = compiled.applied  # its class is made here, since `torch.compile` cannot trace that
        self.__dict__[ON_DATA] = None if applied is None else applied.module_class().forward

    def applies(self, x: torch.Tensor) -> bool:
        """Whether data go through the cores, rather than meet the weight that they build."""
        applied = self.compiled.applied
        if applied is None or self.builds:
            return False
        if torch.compiler.is_compiling():
            return applied.planned
        most = applied.training if torch.is_grad_enabled() else applied.forward
        return most is None or x.numel() <= most * x.shape[-1]

    def apply_to(self, x: torch.Tensor) -> torch.Tensor:
        """The product of data, along their last axis, with the weight, which is not built."""
        on_data: Callable[[nn.Module, torch.Tensor], torch.Tensor] = getattr(self, ON_DATA)
        y = on_data(self.generator, x.reshape(-1, x.shape[-1]))
        return y.reshape(*x.shape[:-1], y.shape[-1])

    def _generate(self, like: torch.Tensor, generator: torch.Generator | None) -> None:
        """Draw cores on the device and in the dtype of the dense weight."""
        self.generator = self.compiled.module_class()(device=like.device, dtype=like.dtype, generator=generator)

    def __getstate__(self) -> dict[str, Any]:
        """The state without a function of a generated class, which other processes cannot import."""
        return {name: value for name, value in vars(self).items() if name not in (ON_DATA, "builds")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state, and the function that applies the weight."""
        cast("Any", super()).__setstate__(state)
        self.compiled = state[COMPILED]


class Weightless(nn.Module):
    """A layer in the place of a dense one, of which it keeps all but the way to its weight.

    Attributes, biases, buffers, hooks and the training flag are those of the dense layer. ``original`` is its class,
    ``order`` are the names of its parameters.
    """

    kind: Kind
    original: type[nn.Module]
    order: tuple[str, ...]

    def _take_over(self, layer: nn.Module, kind: Kind) -> None:
        """Take the state of the dense layer, which is not changed itself."""
        containers = ("_parameters", "_buffers", "_modules")
        for name, value in vars(layer).items():
            self.__dict__[name] = dict(value) if name in containers else value
        self.kind = kind
        self.original = type(layer)
        self.order = tuple(layer._parameters)

    def built(self) -> torch.Tensor:
        """The weight, differentiable with respect to the cores."""
        raise NotImplementedError

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the dense layer computes with this weight."""
        return self.kind.forward(self, self.built(), *inputs, **options)

    @torch.no_grad()
    def dense(self) -> nn.Module:
        """The layer with a dense weight, of the class that it had, in which nothing of ours is left."""
        return self._restored(self.built().detach().clone(memory_format=torch.contiguous_format))

    def _restored(self, weight: torch.Tensor) -> nn.Module:
        """The dense layer with this weight."""
        parameters: dict[str, Any] = dict(self._parameters)
        parameters[self.kind.weight] = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight)
        dense = self.original.__new__(self.original)
        state = {name: value for name, value in vars(self).items() if name not in OWN}
        state["_modules"] = {name: module for name, module in self._modules.items() if name not in OWN}
        added = [name for name in parameters if name not in self.order]
        state["_parameters"] = {name: parameters[name] for name in (*self.order, *added) if name in parameters}
        dense.__dict__.update(state)
        return dense

    def _get_name(self) -> str:
        return f"Generated{self.original.__name__}"

    def _described(self, generated: Iterable[str]) -> str:
        """The class, the attributes as the dense layer prints them, and what is generated."""
        own = self.original.extra_repr(self)
        return f"{self._get_name()}({', '.join(filter(None, [own, *generated]))})"


class _WithWeight(Weightless):
    @property
    def weight(self) -> torch.Tensor:
        """The weight, built from the cores: read-only, differentiable, not in the ``state_dict``."""
        return self.built()


class _WithProjection(Weightless):
    merge_masks = nn.MultiheadAttention.merge_masks

    @property
    def in_proj_weight(self) -> torch.Tensor:
        """The weight of the projections of query, key and value, built from the cores."""
        return self.built()


# -- the weight is generated -----------------------------------------------------------------------------


class Replaced(Generates, Weightless):
    """A layer whose weight is generated by cores, anew in every call."""

    shard: str | None = None
    """The axis along which ``shard_layers`` shards it."""

    def __init__(
        self, layer: nn.Module, kind: Kind, compiled: CompiledWeight, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self._take_over(layer, kind)
        weight = self._parameters.pop(kind.weight)
        assert weight is not None
        self.compiled = compiled
        self._generate(weight, generator)
        self.generator.train(layer.training)

    def built(self) -> torch.Tensor:
        """The weight, differentiable with respect to the cores."""
        return self.kind.finish(self, self.generator())

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the dense layer computes, with a weight that is built, or with data that go through the cores."""
        if self.compiled.applied is not None and self.applies(inputs[0]):
            y = self.apply_to(inputs[0])
            bias: Any = self.bias
            return y if bias is None else y + bias
        return super().forward(*inputs, **options)

    def reset_parameters(self) -> None:
        """Draw the cores anew."""
        draw: Any = self.generator.reset_parameters
        draw()

    def __repr__(self) -> str:
        """Such as ``GeneratedLinear(in_features=8, out_features=4, bias=True, 12 → 32, attn chi=2, built)``."""
        return self._described([f"{self.compiled}, {self.compiled.through}"])


class GeneratedLayer(_WithWeight, Replaced):
    """A layer whose ``weight`` is generated."""


class GeneratedAttention(_WithProjection, Replaced):
    """An ``nn.MultiheadAttention`` whose ``in_proj_weight`` is generated."""


# -- something generated is added to the weight ----------------------------------------------------------


class Adapter(Generates):
    """Cores and a scale; what they add to a weight is exactly zero at the start, since the scale is."""

    scale: nn.Parameter

    def __init__(self, like: torch.Tensor, compiled: CompiledWeight, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.compiled = compiled
        self.enabled = True
        self.scale = nn.Parameter(torch.zeros(1, device=like.device, dtype=like.dtype))
        self._generate(like, generator)

    def forward(self) -> torch.Tensor:
        """What is added to the weight."""
        generated: torch.Tensor = self.generator()
        return self.scale * generated

    def __repr__(self) -> str:
        """Such as ``12 → 32, attn chi=2, built``."""
        return f"{self.compiled}, {self.compiled.through}{'' if self.enabled else ', disabled'}"


class Adapted(Weightless):
    """A layer with adapters: the weight is the dense one, under its own key, plus what the adapters generate."""

    adapters: nn.ModuleDict

    def __init__(self, layer: nn.Module, kind: Kind) -> None:
        super().__init__()
        self._take_over(layer, kind)
        self.adapters = nn.ModuleDict()

    def named_adapters(self) -> Iterator[tuple[str, Adapter]]:
        """The adapters by name, in the order in which they were added."""
        for name, adapter in self.adapters.items():
            assert isinstance(adapter, Adapter)
            yield name, adapter

    def without_adapters(self) -> nn.Module:
        """The dense layer as it was."""
        return self._restored(self.base)

    @torch.no_grad()
    def dense(self) -> nn.Module:
        """The layer with the enabled adapters merged into its weight, which keeps its dtype and its flag."""
        weight = self.built().detach().to(self.base.dtype, copy=True)
        return self._restored(nn.Parameter(weight, requires_grad=self.base.requires_grad))

    @property
    def base(self) -> nn.Parameter:
        """The dense weight."""
        weight = self._parameters[self.kind.weight]
        assert weight is not None
        return weight

    def built(self) -> torch.Tensor:
        """The dense weight and the enabled adapters together."""
        return self._with(adapter for _, adapter in self.named_adapters() if adapter.enabled)

    def _with(self, adapters: Iterable[Adapter]) -> torch.Tensor:
        """The dense weight and some adapters together."""
        weight: torch.Tensor = self.base
        for adapter in adapters:
            weight = weight + self.kind.finish(self, adapter())
        return weight

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the dense layer computes, plus what the adapters do: each is built, or data go through its cores."""
        enabled = [adapter for _, adapter in self.named_adapters() if adapter.enabled]
        if all(adapter.compiled.applied is None for adapter in enabled):
            return super().forward(*inputs, **options)
        (x,) = inputs
        applied = [adapter for adapter in enabled if adapter.applies(x)]
        y = self.kind.forward(self, self._with(adapter for adapter in enabled if adapter not in applied), x)
        for adapter in applied:
            y = y + adapter.scale * adapter.apply_to(x)
        return y

    def __repr__(self) -> str:
        """Such as ``AdaptedLinear(in_features=8, out_features=4, bias=True, default: 12 → 32, attn chi=2, built)``."""
        return self._described(f"{name}: {adapter!r}" for name, adapter in self.named_adapters())

    def _get_name(self) -> str:
        return f"Adapted{self.original.__name__}"


class AdaptedLayer(_WithWeight, Adapted):
    """A layer with adapters on its ``weight``."""


class AdaptedAttention(_WithProjection, Adapted):
    """An ``nn.MultiheadAttention`` with adapters on its ``in_proj_weight``."""


def replaced_class(kind: Kind) -> type[Replaced]:
    """The class of layers of this kind whose weight is generated."""
    return GeneratedLayer if kind.weight == "weight" else GeneratedAttention


def adapted_class(kind: Kind) -> type[Adapted]:
    """The class of layers of this kind with adapters."""
    return AdaptedLayer if kind.weight == "weight" else AdaptedAttention
