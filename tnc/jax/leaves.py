"""The arrays of a pytree under paths: ``params/Dense_0/kernel``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from tnc.jax.untyped import jax

CORES = "cores"
"""The key under which a replaced array has its cores."""

SCALE = "scale"
"""The key of the factor before a generated weight that is added to a dense one."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An array of a pytree; ``parent`` is the object whose attribute or item it is, None if that is unknown.

    ``bias`` is the shape of the array ``bias`` beside it.
    """

    path: str
    value: Any = field(repr=False)
    parent: object = field(repr=False)
    bias: tuple[int, ...] | None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape; None of what is not an array."""
        shape: Any = getattr(self.value, "shape", None)
        is_array = isinstance(shape, tuple) and hasattr(self.value, "dtype")
        return cast("tuple[int, ...]", shape) if is_array else None


def leaves_of(tree: object) -> tuple[Leaf, ...]:
    """The leaves of a pytree in its order; a box around an array, such as ``nnx.Param``, has no part in the path."""
    found = [(*_named(tree, keys), value) for keys, value in jax.tree_util.tree_flatten_with_path(tree)[0]]
    shapes = {path: getattr(value, "shape", None) for path, _, value in found}
    return tuple(Leaf(path, value, parent, shapes.get(_beside(path))) for path, parent, value in found)


def replaced_under(tree: object) -> set[str]:
    """The paths of arrays that have cores in their place."""
    return {
        path.partition(f"/{CORES}/")[0]
        for path, *_ in (_named(tree, keys) for keys, _ in jax.tree_util.tree_flatten_with_path(tree)[0])
        if f"/{CORES}/" in path
    }


def is_generator(keys: Sequence[object]) -> bool:
    """Whether the keys lead to a core, or to the scale beside cores."""
    parts = [_part(key) for key in keys]
    return CORES in parts[-2:-1] or parts[-1:] == [SCALE]


def _beside(path: str) -> str:
    return "/".join([*path.split("/")[:-1], "bias"])


def _named(tree: object, keys: Sequence[object]) -> tuple[str, object]:
    """The path of a leaf and its parent."""
    parts: list[str] = []
    parents: list[object] = []
    current: object = tree
    for number, key in enumerate(keys):
        is_last = number == len(keys) - 1
        if not _is_box(current, key):
            parts.append(_part(key))
            parents.append(current)
        current = None if is_last else _child(current, key)
    return "/".join(parts), parents[-1] if parents else None


def _is_box(container: object, key: Any) -> bool:
    """Whether a container is flax's box of one value with metadata: ``nnx.Param``, ``nn.Partitioned``."""
    module = type(container).__module__
    is_value = isinstance(key, jax.tree_util.GetAttrKey) and key.name == "value"
    return is_value and module.startswith(("flax.nnx", "flax.core.meta"))


def _part(key: Any) -> str:
    for attribute in ("key", "idx", "name"):  # of items of mappings, of sequences, and of attributes
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)


def _child(container: Any, key: Any) -> object:
    try:
        if isinstance(key, jax.tree_util.GetAttrKey):
            return getattr(container, key.name)
        return container[key.idx if isinstance(key, jax.tree_util.SequenceKey) else key.key]
    except Exception:  # what a class of another library raises
        return None
