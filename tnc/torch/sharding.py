"""Linear layers whose weight is generated in blocks, one on each rank of a device mesh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final, TypeVar, cast

import torch
from torch import nn

from tnc.api import expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.layers import weight_network
from tnc.layers.blocks import Selector
from tnc.layers.sharding import shard
from tnc.modules import module_of_source, torch_class
from tnc.options import Options
from tnc.torch.compiled import NETWORK, CompiledWeight
from tnc.torch.layers import GeneratedLayer, Replaced
from tnc.torch.modules import named_modules, put

Model = TypeVar("Model", bound=nn.Module)

_AXIS: Final = "out"


@dataclass(frozen=True, slots=True)
class Blocks:
    """The compiled network of a rank's block, the same text on every rank, and the mesh of the ranks."""

    source: str
    selectors: tuple[Selector, ...]
    mesh: Any

    @property
    def rank(self) -> int:
        """Which block is built here."""
        return int(self.mesh.get_local_rank())

    def forward(self) -> Callable[..., torch.Tensor]:
        """The generated function: it reads parameters by their keys, and takes the selectors."""
        generated: Any = torch_class(module_of_source(NETWORK, "torch", self.source))
        return cast("Callable[..., torch.Tensor]", generated.forward)

    def picks(self, like: torch.Tensor) -> list[torch.Tensor]:
        """The values of the selectors on this rank: rows of the identity."""
        return [_picked(selector, self.rank, like) for selector in self.selectors]


def _picked(selector: Selector, rank: int, like: torch.Tensor) -> torch.Tensor:
    rows = torch.eye(selector.dim, dtype=like.dtype, device=like.device)
    return rows.narrow(0, selector.start(rank), selector.block.size).reshape(selector.shape)


class SharedCores(torch.autograd.Function):
    """Cores as they are; backward, the sum of their gradients over the ranks, in one message."""

    @staticmethod
    def forward(ctx: Any, group: Any, *cores: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The cores."""
        ctx.group = group
        return tuple(core.view_as(core) for core in cores)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients, summed over the ranks."""
        dist: Any = import_module("torch.distributed")
        together: Any = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(together, group=ctx.group)
        parts = together.split([gradient.numel() for gradient in gradients])
        return (None, *(part.view_as(own) for part, own in zip(parts, gradients, strict=True)))


class ShardedLayer(GeneratedLayer):
    """A linear layer, each rank of which builds its own rows of the weight from the same cores."""

    blocks: Blocks

    def local_block(self) -> torch.Tensor:
        """The rows of the weight on this rank, differentiable; the gradient of a core is summed over the ranks."""
        parameters = dict(self.generator.named_parameters())
        trained = {name: value for name, value in parameters.items() if value.requires_grad}
        shared = cast("Any", SharedCores).apply(self.blocks.mesh.get_group(), *trained.values()) if trained else ()
        cores = {**dict(self.generator.named_buffers()), **parameters, **dict(zip(trained, shared, strict=True))}
        like = next(iter(cores.values()))
        return self.blocks.forward()(SimpleNamespace(**cores), *self.blocks.picks(like))

    def built(self) -> torch.Tensor:
        """The weight as a ``DTensor``, sharded by rows."""
        from torch.distributed.tensor import DTensor, Shard

        return DTensor.from_local(self.local_block(), self.blocks.mesh, [Shard(0)], run_check=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the dense layer computes: each rank its own outputs, which DTensor gathers."""
        from torch.distributed.tensor import DTensor, Partial, Replicate, Shard

        mesh = self.blocks.mesh
        replicated = DTensor.from_local(x, mesh, [Replicate()], run_check=False)
        local = nn.functional.linear(replicated.to_local(grad_placements=[Partial()]), self.local_block())
        y = DTensor.from_local(local, mesh, [Shard(local.dim() - 1)], run_check=False).full_tensor()
        bias: Any = self.bias
        return y if bias is None else y + bias

    def dense(self) -> nn.Module:
        """The layer with the whole weight, of the class that it had."""
        with torch.no_grad():
            weight = cast("Any", self.built()).full_tensor().detach().clone()
        return self._restored(weight)


def shard_layers(model: Model, mesh: Any, /) -> Model:
    """The model, in place, with the generated layers that have ``shard="out"`` sharded over a mesh of one dimension.

    Every rank holds the same cores and builds its own rows of the weight. A step sends the gradients of the cores, and
    what DTensor sends for the activations.

    Raises:
        CompileError: TN063 for a network that every rank would compute whole, TN064 for an axis that the ranks do not
            divide, TN068 if the mesh has several dimensions, or no layer is to be sharded; the model is not changed.
    """
    if not isinstance(cast("object", model), nn.Module):
        raise expected("the first argument", "a `torch.nn.Module`", model)
    found = {
        name: module
        for name, module in named_modules(model, repeated=True).items()
        if isinstance(module, Replaced) and module.shard is not None
    }
    wrong: list[Diagnostic] = []
    if mesh.ndim != 1:
        message = f"the mesh has {mesh.ndim} dimensions, and a weight is sharded over one"
        wrong.append(Diagnostic("TN068", message, help='pass one of them, such as `mesh["model"]`'))
    if not found:
        advice = 'ask for it: `Generated("attn", shard="out")`'
        wrong.append(Diagnostic("TN068", "no generated layer is to be sharded", help=advice))
    if wrong:
        raise CompileError(wrong)
    new: dict[str, ShardedLayer] = {}
    for name, layer in found.items():
        if layer.shard != _AXIS or layer.kind.name != "Linear":
            message = f"layer `{name}` cannot be sharded along `{layer.shard}`"
            wrong.append(Diagnostic("TN064", message, help='a `Linear` can be sharded, along `"out"`'))
            continue
        try:
            blocks = _blocks(layer.compiled, mesh)
        except CompileError as error:
            wrong += error.diagnostics
            continue
        sharded = ShardedLayer.__new__(ShardedLayer)
        sharded.__dict__.update(layer.__dict__)
        sharded.blocks = blocks
        new[name] = sharded
    if wrong:
        raise CompileError(wrong)
    for name, layer in new.items():
        put(model, name, layer)
    return model


def _blocks(compiled: CompiledWeight, mesh: Any) -> Blocks:
    wanted = compiled.wanted
    network = weight_network(wanted.template, wanted.shape, wanted.std, wanted.axes, Options(dtype=wanted.dtype))
    sharded = shard(network, 0, mesh.size())
    return Blocks(sharded.network.source("torch"), sharded.selectors, mesh)
