"""Python identifiers for the author's names: legal, unique, and as close to the source as can be."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

_LONGEST = 32

# What generated modules write at module level or use unqualified; local names and class names keep clear of all of it.
MODULE_NAMES = frozenset(
    {
        *dir(builtins),
        *("annotations", "torch", "nn", "jax", "jnp", "lax", "np", "math", "self", "params", "cores", "key", "seed"),
        *("Any", "Array", "Callable", "DTypeLike", "Iterable", "Iterator", "Mapping", "NamedTuple", "Self", "Sequence"),
        *("RLock", "contextmanager", "forward_ad", "parametrize", "suppress", "wraps"),
        *("COMPLEX", "CORES", "FROZEN", "init", "apply", "params_from_cores"),
    }
)


def identifier(text: str, fallback: str = "value") -> str:
    """A legal identifier that reads like ``text``: ``tree.h[2, 0]`` becomes ``tree_h_2_0``."""
    name = re.sub(r"[^0-9A-Za-z_]+", "_", text).strip("_")
    name = name[-_LONGEST:].lstrip("_")
    if not name:
        return fallback
    if name[0].isdigit():
        name = f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) or keyword.issoftkeyword(name) else name


def class_name(network: str) -> str:
    """The class of a network in CamelCase: ``tt_linear`` becomes ``TtLinear``."""
    camel = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^0-9A-Za-z]+", network))
    if not camel:
        return "Network"
    if camel[0].isdigit():
        camel = f"Network{camel}"
    return f"{camel}_" if keyword.iskeyword(camel) or camel in MODULE_NAMES else camel


class Names:
    """Hands out identifiers, each once."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(MODULE_NAMES)
        self._taken.update(reserved)

    def fresh(self, wish: str, fallback: str = "value") -> str:
        """An identifier like ``wish`` that nobody has yet."""
        base = identifier(wish, fallback)
        name, count = base, 1
        while name in self._taken:
            count += 1
            name = f"{base.rstrip('_')}_{count}"
        self._taken.add(name)
        return name


def field_names(names: Iterable[str]) -> list[str]:
    """Identifiers for the fields of a named tuple, which may not begin with an underscore or hide its methods."""
    taken = Names({"count", "index"})
    return [taken.fresh(f"x{name}" if identifier(name).startswith("_") else name) for name in names]
