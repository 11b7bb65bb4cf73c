"""Python identifiers for the author's names: legal, unique, and as close to the source as possible."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Set

_LONGEST = 32

RESERVED = frozenset({*dir(builtins), "annotations", "math", "Mapping", "NamedTuple", "CORES", "cores"})
"""Names that the modules of every backend use; each backend adds its own (:attr:`Dialect.reserved`)."""

_NOT_FIELDS = RESERVED | {"count", "index", "torch", "nn", "jax", "jnp", "lax", "np", "self", "params", "key", "seed"}
"""Names that no field of a result has, on any backend, so that fields are called the same on all of them."""


def identifier(text: str, fallback: str = "value") -> str:
    """A legal identifier that reads like ``text``: ``tree.h[2, 0]`` becomes ``tree_h_2_0``."""
    name = re.sub(r"[^0-9A-Za-z_]+", "_", text).strip("_")
    name = name[-_LONGEST:].lstrip("_")
    if not name:
        return fallback
    if name[0].isdigit():
        name = f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) or keyword.issoftkeyword(name) else name


def class_name(network: str, reserved: Set[str] = frozenset()) -> str:
    """The class of a network in CamelCase: ``tt_linear`` becomes ``TtLinear``. It is none of the ``reserved`` names."""
    camel = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^0-9A-Za-z]+", network))
    if not camel:
        return "Network"
    if camel[0].isdigit():
        camel = f"Network{camel}"
    return f"{camel}_" if keyword.iskeyword(camel) or camel in RESERVED or camel in reserved else camel


class Names:
    """Gives identifiers, each once."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(RESERVED)
        self._taken.update(reserved)

    def claim(self, name: str) -> bool:
        """Take an identifier, if it is not taken yet."""
        is_new = name not in self._taken
        self._taken.add(name)
        return is_new

    def fresh(self, wish: str, fallback: str = "value") -> str:
        """An identifier like ``wish`` that is not taken."""
        base = identifier(wish, fallback)
        name, count = base, 1
        while name in self._taken:
            count += 1
            name = f"{base.rstrip('_')}_{count}"
        self._taken.add(name)
        return name


def field_names(names: Iterable[str]) -> list[str]:
    """Identifiers for the fields of a named tuple, which may not begin with an underscore or hide its methods."""
    taken = Names(_NOT_FIELDS)
    return [taken.fresh(f"x{name}" if identifier(name).startswith("_") else name) for name in names]
