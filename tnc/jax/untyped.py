"""JAX as values of any type, since its own annotations are incomplete."""

from __future__ import annotations

from typing import Any

import jax as _jax

Array = _jax.Array
jax: Any = _jax
jnp: Any = _jax.numpy
