"""Arrays of a pytree give way to their cores."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from tnc.api import expected
from tnc.jax.expanding import Cores, Expand, Replaced, compiled
from tnc.jax.generated import Choice, Mode, Start
from tnc.jax.leaves import CORES, SCALE, is_generator
from tnc.jax.planning import Layer, chosen
from tnc.jax.untyped import Array, jax, jnp


def replace(
    params: Any,
    choice: Choice,
    *,
    key: Array,
    mode: Mode = "replace",
    start: Start = "random",
    freeze: bool = True,
    batch: bool | None = None,
) -> Replaced:
    """A small pytree, in which cores stand for the arrays that ``choice`` selects, and the function that expands it.

    ``params`` may be any pytree: nested dicts, ``nnx.State``, equinox modules. It stays as it is; the small one has the
    same type, with ``{"cores": {…}}`` in the place of an array. Arrays may be abstract (``jax.eval_shape``).

    With ``mode="add"`` the arrays stay, frozen, and the generated weight times ``scale``, which starts at zero, is
    added. The small pytree then holds what is trained, and None elsewhere; ``expand(small, params)`` takes frozen
    arrays from the original. ``freeze=False`` leaves the arrays that are not selected in the small pytree.

    Args:
        params: the arrays of a model.
        choice: a template for each pattern of paths (``"**/kernel"``): a :class:`Generated` or the name of a topology.
        key: for the start of the cores. Each array has a key made from its path, whatever else is replaced.
        mode: ``"replace"`` or ``"add"``, where a template leaves that open.
        start: ``"random"``, or ``"fit"`` for cores fitted to the arrays that are there.
        freeze: whether everything but cores and scales is frozen where a template has ``mode="add"``.
        batch: whether arrays that share a network are generated in one call, which compiles faster and runs slower; if
            None, only small ones are.

    Raises:
        CompileError: TN040 to TN049 for templates and patterns that do not fit, and for arrays under two paths, TN057
            for a fit to arrays without values, TN064 for an axis that is not there; with everything that is wrong.
        TypeError: for arguments of the wrong type.
    """
    _check_key(key)
    layers = chosen(params, choice, mode, start)
    own = {id(layer.network): layer for layer in layers}
    modules = {place: compiled(layer.network) for place, layer in own.items()}
    leaves, treedef = jax.tree.flatten(params)
    adds = any(layer.request.mode == "add" for layer in layers)
    small: list[Any] = [None] * len(leaves) if adds and freeze else list(leaves)
    errors: list[float | None] = []
    for layer in layers:
        module, dense = modules[id(layer.network)].module, leaves[layer.number]
        own_key = jax.random.fold_in(key, zlib.crc32(layer.path.encode()))
        cores, error = _start(layer, module, dense, own_key)
        errors.append(error)
        small[layer.number] = {CORES: cores}
        if layer.request.mode == "add":
            small[layer.number][SCALE] = jnp.zeros((), dense.dtype)
    expand = Expand(
        treedef,
        layers,
        tuple(modules[id(layer.network)] for layer in layers),
        batch=batch,
        errors=tuple(errors),
    )
    return Replaced(treedef.unflatten(small), expand)


def _start(layer: Layer, module: ModuleType, dense: Any, key: Array) -> tuple[Cores, float | None]:
    """The first cores of an array, and the relative error of those that are fitted to it."""
    if layer.request.start == "random":
        return module.init(key, dtype=dense.dtype), None
    from tnc.fit import fit_cores

    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    fitted = fit_cores(layer.network, np.asarray(dense, np.float32), seed=seed)
    cores = {name: jnp.asarray(core.numpy(), dense.dtype) for name, core in fitted.cores.items()}
    return module.params_from_cores(cores), fitted.error


def _check_key(key: object) -> None:
    """Refuse what is not a random key.

    Raises:
        TypeError: for anything but a key.
    """
    if isinstance(key, Array):
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ():
            return
        if key.dtype == jnp.uint32 and key.ndim == 1:
            return
    raise expected("`key`", "a random key, such as `jax.random.key(0)`", key)


def core_labels(params: Any) -> Any:
    """A pytree of labels for ``optax.partition``: "cores" for cores and scales, "rest" for every other array.

    Cores are few numbers and want a larger learning rate than dense arrays.
    """

    def label(keys: Sequence[object], _: object) -> str:
        return "cores" if is_generator(keys) else "rest"

    return jax.tree_util.tree_map_with_path(label, params)
