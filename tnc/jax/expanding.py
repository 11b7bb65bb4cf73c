"""From the small pytree to the full one: a pure function."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias, cast

from tnc.api import Network
from tnc.diagnostics import CompileError, Diagnostic
from tnc.jax.leaves import CORES, SCALE
from tnc.jax.planning import Layer, LayerPlan, plan_of
from tnc.jax.untyped import Array, jax, jnp

Cores: TypeAlias = dict[str, Array]

Build: TypeAlias = Callable[[Cores], Array]
"""From cores to a weight."""

BATCHED = 2**10
"""Weights of at most this size are generated in one call for all that share a network.

Measured by ``python -m benchmarks.jax_batches``: a batch of larger weights takes up to 71 % longer than one after
the other, and one of smaller weights half the time.
"""


@dataclass(frozen=True, eq=False, slots=True)
class Compiled:
    """The JAX module of a network, and its ``apply`` under ``jit``, so that equal arrays are traced once."""

    module: ModuleType
    apply: Callable[..., Array]


def compiled(network: Network) -> Compiled:
    """The JAX module of a network."""
    module = network.jax()
    return Compiled(module, jax.jit(module.apply))


@dataclass(frozen=True, eq=False)
class Expand:
    """A pure function: ``expand(small)`` is the pytree that a model takes.

    If dense arrays are kept frozen (``mode="add"``), they come from the original pytree: ``expand(small, params)``.
    """

    treedef: Any = field(repr=False)
    layers: tuple[Layer, ...] = field(repr=False)
    modules: tuple[Compiled, ...] = field(repr=False)
    batch: bool | None = field(default=None, repr=False)
    errors: tuple[float | None, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        """How many arrays are generated."""
        return f"<tnc.jax.Expand of {len(self.layers)} arrays>"

    @property
    def plan(self) -> LayerPlan:
        """The table of the arrays that are generated, with the error of those that were fitted."""
        return plan_of(self.layers, self.errors)

    def __call__(self, params: Any, base: Any = None) -> Any:
        """The full pytree; ``base`` is the original one, from which frozen arrays are taken.

        Raises:
            CompileError: TN067 if a pytree has another structure than the one that was replaced.
        """
        return self.assembled(params, base, self._weights)

    def assembled(self, params: Any, base: Any, weights: Callable[[Sequence[Cores]], Sequence[Array]]) -> Any:
        """The full pytree, whose generated arrays ``weights`` computes from their cores."""
        leaves = self.flat(params, "the small params")
        adds = any(layer.request.mode == "add" for layer in self.layers)
        if base is None and (adds or any(leaf is None for leaf in leaves)):
            message = "the frozen arrays are missing: the small params have what is trained"
            raise CompileError((Diagnostic("TN067", message, help="call `expand(small, params)`"),))
        originals = leaves if base is None else self.flat(base, "the original params")
        full = [original if leaf is None else leaf for leaf, original in zip(leaves, originals, strict=True)]
        subtrees = [self.subtree(leaves[layer.number], layer) for layer in self.layers]
        built = weights([subtree[CORES] for subtree in subtrees])
        for layer, subtree, weight in zip(self.layers, subtrees, built, strict=True):
            full[layer.number] = weight
            if layer.request.mode == "add":
                dense = jax.lax.stop_gradient(originals[layer.number])
                full[layer.number] = (dense + subtree[SCALE] * weight).astype(dense.dtype)
        return self.treedef.unflatten(full)

    def flat(self, tree: Any, what: str) -> list[Any]:
        """The leaves of a pytree, subtrees of cores as one leaf.

        Raises:
            CompileError: TN067 if it has another structure.
        """
        try:
            return list(self.treedef.flatten_up_to(tree))
        except (ValueError, TypeError, KeyError) as error:
            detail = " ".join(str(error).split()).rstrip(".")
            message = f"{what} have another structure than those that were replaced: {detail}"
            raise CompileError((Diagnostic("TN067", message, help=_SAME),)) from None

    def subtree(self, leaf: Any, layer: Layer) -> Mapping[str, Any]:
        """The cores of a layer, and its scale.

        Raises:
            CompileError: TN067 if the leaf of the small params is something else.
        """
        wanted = {CORES, SCALE} if layer.request.mode == "add" else {CORES}
        given: object = leaf
        if isinstance(given, Mapping) and set(cast("Mapping[str, Any]", given)) == wanted:
            return cast("Mapping[str, Any]", given)
        kind = "an array" if hasattr(leaf, "shape") else f"a value of type `{type(leaf).__name__}`"
        message = f"`{layer.path}` of the small params is {kind}, expected the cores of its weight"
        raise CompileError((Diagnostic("TN067", message, help=_SAME),))

    def _weights(self, cores: Sequence[Cores]) -> list[Array]:
        return self.batched(range(len(self.layers)), self.modules, cores, lambda module: module.apply)

    def batched(
        self,
        numbers: Sequence[int],
        modules: Sequence[Compiled],
        cores: Sequence[Cores],
        build: Callable[[Compiled], Build],
    ) -> list[Array]:
        """The weights of some layers; small ones of one network and dtype are generated by one call for all."""
        groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for number, place in enumerate(numbers):
            is_small = math.prod(self.layers[place].shape) <= BATCHED if self.batch is None else self.batch
            alone = () if is_small else (number,)
            dtypes = tuple(str(core.dtype) for core in cores[number].values())
            groups[(id(modules[number]), dtypes, *alone)].append(number)
        weights: dict[int, Array] = {}
        for members in groups.values():
            apply = build(modules[members[0]])
            if len(members) == 1:
                weights[members[0]] = apply(cores[members[0]])
            else:
                keys = cores[members[0]]
                stacked = {key: jnp.stack([cores[number][key] for number in members]) for key in keys}
                weights.update(zip(members, jax.vmap(apply)(stacked), strict=True))
        return [weights[number] for number in range(len(numbers))]


_SAME = "pass the params that `replace` returned, or what training made of them, and their own `expand`"


class Replaced(NamedTuple):
    """A small pytree, and the function that gives the full one."""

    params: Any
    expand: Expand
