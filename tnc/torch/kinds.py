"""The layers whose weights can be generated: one entry for each kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from tnc.torch.modules import parameters_of

Forward = Callable[..., Any]
"""``forward(layer, weight, *inputs)``: what the layer computes with this weight."""


def _none(layer: nn.Module) -> str | None:
    del layer
    return None


def _same(layer: Any, weight: torch.Tensor) -> torch.Tensor:
    del layer
    return weight


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of layer.

    ``names`` are the module and the class of the dense layer; a subclass that keeps its ``forward`` counts, too.
    ``weight`` is the attribute that is generated, ``axes`` are the names of its axes. ``fan_in`` counts the inputs of
    an output for the default deviation, None where the framework starts with deviation 1. ``contracted`` is the axis
    of a matrix that is summed with the last one of the data, None where the weight is always built. ``inner`` are
    layers inside that are generated with it. ``objection`` says what keeps a layer from being replaced, ``finish``
    what is done to the weight.
    """

    name: str
    names: tuple[tuple[str, str], ...]
    weight: str
    axes: tuple[str, ...]
    forward: Forward
    fan_in: Callable[[tuple[int, ...]], int] | None
    contracted: int | None = None
    inner: tuple[str, ...] = ()
    objection: Callable[[nn.Module], str | None] = _none
    finish: Callable[[Any, torch.Tensor], torch.Tensor] = _same

    def __reduce__(self) -> tuple[Callable[[str], Kind], tuple[str]]:
        """A kind is copied and pickled by its name."""
        return kind_named, (self.name,)

    def default_deviation(self, shape: tuple[int, ...]) -> float:
        """The deviation with which the framework starts such a weight."""
        return 1.0 if self.fan_in is None else (3 * self.fan_in(shape)) ** -0.5


# -- what the layers compute with a given weight ---------------------------------------------------


def _linear(layer: Any, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return functional.linear(x, weight, layer.bias)


def _transposed_linear(layer: Any, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return functional.linear(x, weight.T, layer.bias)


def _convolution(cls: Any) -> Forward:
    def forward(layer: Any, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = cls._conv_forward(layer, x, weight, layer.bias)
        return result

    return forward


def _transposed_convolution(cls: Any, function: Any, spatial: int) -> Forward:
    def forward(
        layer: Any, weight: torch.Tensor, x: torch.Tensor, output_size: list[int] | None = None
    ) -> torch.Tensor:
        geometry = (layer.stride, layer.padding, layer.kernel_size, spatial, layer.dilation)
        extra = cls._output_padding(layer, x, output_size, *geometry)
        settings = (layer.stride, layer.padding, extra, layer.groups, layer.dilation)
        result: torch.Tensor = function(x, weight, layer.bias, *settings)
        return result

    return forward


def _embedding(layer: Any, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return functional.embedding(x, weight, layer.padding_idx, None, layer.norm_type, layer.scale_grad_by_freq)


def _attention(
    layer: Any,
    weight: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    key_padding_mask: torch.Tensor | None = None,
    need_weights: bool = True,
    attn_mask: torch.Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """As the dense layer without its fast path, which takes no gradients."""
    swapped = layer.batch_first and query.dim() == 3
    if swapped:
        query, key, value = (x.transpose(0, 1) for x in (query, key, value))
    result, weights = functional.multi_head_attention_forward(
        query,
        key,
        value,
        layer.embed_dim,
        layer.num_heads,
        weight,
        layer.in_proj_bias,
        layer.bias_k,
        layer.bias_v,
        layer.add_zero_attn,
        layer.dropout,
        layer.out_proj.weight,
        layer.out_proj.bias,
        training=layer.training,
        key_padding_mask=key_padding_mask,
        need_weights=need_weights,
        attn_mask=attn_mask,
        average_attn_weights=average_attn_weights,
        is_causal=is_causal,
    )
    return (result.transpose(0, 1) if swapped else result), weights


def _without_padding(layer: Any, weight: torch.Tensor) -> torch.Tensor:
    """The weight whose row for padding is zero, as that of a new embedding."""
    if layer.padding_idx is None:
        return weight
    return weight.index_fill(0, torch.tensor([layer.padding_idx], device=weight.device), 0)


# -- what cannot be generated -----------------------------------------------------------------------


def _embedding_objection(layer: Any) -> str | None:
    if layer.max_norm is not None:
        return "has `max_norm`, which changes the weight in place"
    return "has `sparse=True`, and a generated weight has a dense gradient" if layer.sparse else None


def _attention_objection(layer: Any) -> str | None:
    if layer.in_proj_weight is None:
        return "has separate projections for keys and values of other dimensions"
    return None


# -- the table --------------------------------------------------------------------------------------

_SPATIAL: Final = {1: ("kw",), 2: ("kh", "kw"), 3: ("kd", "kh", "kw")}
_TRANSPOSED: Final = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}


def _matrix_fan_in(shape: tuple[int, ...]) -> int:
    return math.prod(shape[1:])


def _columns_fan_in(shape: tuple[int, ...]) -> int:
    return shape[0]


def _torch(name: str) -> tuple[tuple[str, str], ...]:
    return ((f"torch.nn.modules.{name.partition('.')[0]}", name.partition(".")[2]),)


def _table() -> Iterator[Kind]:
    yield Kind("Linear", _torch("linear.Linear"), "weight", ("out", "in"), _linear, _matrix_fan_in, contracted=1)
    for count, spatial in _SPATIAL.items():
        name = f"Conv{count}d"
        forward = _convolution(getattr(nn, name))
        yield Kind(name, _torch(f"conv.{name}"), "weight", ("out", "in", *spatial), forward, _matrix_fan_in)
    for count, spatial in _SPATIAL.items():
        name = f"ConvTranspose{count}d"
        forward = _transposed_convolution(getattr(nn, name), _TRANSPOSED[count], count)
        yield Kind(name, _torch(f"conv.{name}"), "weight", ("in", "out", *spatial), forward, _matrix_fan_in)
    embedding = _torch("sparse.Embedding")
    yield Kind(
        "Embedding",
        embedding,
        "weight",
        ("row", "column"),
        _embedding,
        None,
        objection=_embedding_objection,
        finish=_without_padding,
    )
    transformers = (("transformers.pytorch_utils", "Conv1D"),)
    yield Kind("Conv1D", transformers, "weight", ("in", "out"), _transposed_linear, _columns_fan_in, contracted=0)
    yield Kind(
        "MultiheadAttention",
        _torch("activation.MultiheadAttention"),
        "in_proj_weight",
        ("out", "in"),
        _attention,
        _matrix_fan_in,
        inner=("out_proj",),
        objection=_attention_objection,
    )


KINDS: Final = tuple(_table())
"""Every kind of layer."""

_BY_NAME: Final = {kind.name: kind for kind in KINDS}
_BY_CLASS: Final = {each: kind for kind in KINDS for each in kind.names}


def kind_named(name: str) -> Kind:
    """The kind with this name."""
    return _BY_NAME[name]


def find_kind(module: nn.Module) -> Kind | None:
    """The kind of a layer: that of its class, or of a base class whose ``forward`` it keeps; None for other modules."""
    cls: Any
    for cls in type(module).__mro__:
        kind = _BY_CLASS.get((cls.__module__, cls.__qualname__))
        if kind is not None:
            return kind if type(module).forward is cls.forward else None
    return None


def refusal(module: nn.Module) -> str:
    """Why a module has no weight to generate, as a message continues its name."""
    cls = type(module)
    if parametrize.is_parametrized(module):
        return "is parametrized"
    if isinstance(module, LazyModuleMixin):
        return f"is a `{cls.__name__}`, whose shape is not known yet"
    for base in cls.__mro__[1:]:
        if (base.__module__, base.__qualname__) in _BY_CLASS:
            return f"is a `{cls.__name__}`, a `{base.__name__}` with a `forward` of its own"
    return f"is a `{cls.__name__}`, which has no weight to generate"


def objection(module: nn.Module, kind: Kind) -> str | None:
    """What keeps the weight of a layer of this kind from being replaced, as a message continues its name; or None."""
    if parametrize.is_parametrized(module):
        return "is parametrized"
    if isinstance(module, LazyModuleMixin):
        return f"is a `{type(module).__name__}`, whose shape is not known yet"
    stored = parameters_of(module)
    weight = stored.get(kind.weight)
    if weight is None and kind.weight in stored:
        return kind.objection(module) or f"has no `{kind.weight}`"
    if weight is None:
        return f"computes its `{kind.weight}` from other parameters"
    if is_lazy(weight):
        return f"has an uninitialized `{kind.weight}`"
    if type(weight.data) is not torch.Tensor:
        return f"has a weight of type `{type(weight.data).__name__}`"
    if not weight.is_floating_point():
        return f"has a weight of dtype {str(weight.dtype).removeprefix('torch.')}"
    return kind.objection(module)
