"""JAX as values of any type, since its own annotations are incomplete; without JAX, the error names the extra."""

from __future__ import annotations

from typing import Any

from tnc.extras import missing

try:
    import jax as _jax
except ModuleNotFoundError as error:
    if error.name != "jax":
        raise
    raise missing("jax", "`tnc.jax` cannot be used") from None

jax: Any = _jax
jnp: Any = _jax.numpy
