"""Each device of a mesh axis generates its own block of a weight, from the same cores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from jax.sharding import Mesh

from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import known_names
from tnc.jax.expanding import Build, Compiled, Cores, Expand, compiled
from tnc.jax.untyped import Array, jax, jnp
from tnc.layers.blocks import Selector
from tnc.layers.sharding import Sharded
from tnc.layers.sharding import shard as shard_network


@dataclass(frozen=True, eq=False)
class ShardedExpand:
    """As ``expand``, except that arrays with ``shard`` are generated in blocks, one for each device of a mesh axis.

    ``specs`` has a ``PartitionSpec`` for each of them, by path.
    """

    expand: Expand
    mesh: Mesh
    axis: str
    specs: Mapping[str, Any]
    sharded: tuple[Sharded | None, ...] = field(repr=False)
    modules: tuple[Compiled, ...] = field(repr=False)

    def __call__(self, params: Any, base: Any = None) -> Any:
        """The full pytree; ``base`` is the original one, from which frozen arrays are taken."""
        return self.expand.assembled(params, base, self._weights)

    def _weights(self, cores: Sequence[Cores]) -> list[Array]:
        whole = [number for number, each in enumerate(self.sharded) if each is None]
        blocks = [number for number, each in enumerate(self.sharded) if each is not None]
        weights = self._built(whole, [cores[number] for number in whole], lambda module: module.apply)
        found = dict(zip(whole, weights, strict=True))
        if blocks:
            generate = jax.shard_map(
                partial(self._blocks, blocks),
                mesh=self.mesh,
                in_specs=jax.P(),
                out_specs=[self.specs[self.expand.layers[number].path] for number in blocks],
            )
            found.update(zip(blocks, generate([cores[number] for number in blocks]), strict=True))
        return [found[number] for number in range(len(cores))]

    def _built(self, numbers: Sequence[int], cores: Sequence[Cores], build: Callable[[Compiled], Build]) -> list[Array]:
        return self.expand.batched(numbers, [self.modules[number] for number in numbers], cores, build)

    def _blocks(self, numbers: Sequence[int], cores: Sequence[Cores]) -> list[Array]:
        """What one device computes; its place on the mesh axis is a traced value."""
        rank = jax.lax.axis_index(self.axis)
        selectors = {id(self.modules[number]): _selectors(self.sharded[number]) for number in numbers}

        def build(module: Compiled) -> Build:
            picks = [picked(selector, rank) for selector in selectors[id(module)]]
            return lambda given: module.apply(given, *(pick.astype(_dtype(given)) for pick in picks))

        return self._built(numbers, cores, build)


def _selectors(sharded: Sharded | None) -> tuple[Selector, ...]:
    return () if sharded is None else sharded.selectors


def _dtype(cores: Mapping[str, Array]) -> Any:
    return jnp.result_type(*(jnp.real(core) for core in cores.values()))


def picked(selector: Selector, rank: Any) -> Array:
    """The value of a selector: rows of the identity, from a place that may be traced."""
    rows = jnp.eye(selector.dim)
    block: Array = jax.lax.dynamic_slice_in_dim(rows, selector.start(rank), selector.block.size)
    return block.reshape(selector.shape)


def shard(expand: Expand, mesh: Mesh, axis: str) -> ShardedExpand:
    """The same function, whose arrays with ``shard`` are generated where they are used: a block on each device.

    Cores are equal on all devices. Nothing is sent to generate a weight; the gradient sends that of the cores.

    Raises:
        CompileError: TN063 for a network that every device would compute whole, TN064 for an axis that the devices do
            not divide, TN068 for an unknown mesh axis, or if no array has ``shard``.
    """
    if axis not in mesh.shape:
        help_text = known_names("mesh axis", axis, tuple(map(str, mesh.shape)))
        raise CompileError((Diagnostic("TN068", f"the mesh has no axis `{axis}`", help=help_text),))
    if all(layer.shard is None for layer in expand.layers):
        message = "no generated array is to be sharded"
        raise CompileError((Diagnostic("TN068", message, help='ask for it: `Generated("attn", shard="out")`'),))
    ranks = mesh.shape[axis]
    found: dict[tuple[int, int | None], Sharded | None] = {}
    wrong: list[Diagnostic] = []
    for layer in expand.layers:
        place = id(layer.network), layer.shard
        if place in found:
            continue
        found[place] = None
        if layer.shard is not None and ranks > 1:
            try:
                found[place] = shard_network(layer.network, layer.shard, ranks)
            except CompileError as error:
                wrong += error.diagnostics
    if wrong:
        raise CompileError(wrong)
    sharded = tuple(found[id(layer.network), layer.shard] for layer in expand.layers)
    own = {id(each): compiled(each.network) for each in sharded if each is not None}
    modules = tuple(
        module if each is None else own[id(each)] for module, each in zip(expand.modules, sharded, strict=True)
    )
    specs = {
        layer.path: jax.P(*(axis if number == layer.shard else None for number in range(len(layer.shape))))
        for layer in expand.layers
        if layer.shard is not None
    }
    return ShardedExpand(expand, mesh, axis, specs, sharded, modules)
