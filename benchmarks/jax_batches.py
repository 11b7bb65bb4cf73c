"""Equal weights generated one by one, or in one batch: ``python -m benchmarks.jax_batches 48 128 attn``."""

from __future__ import annotations

import sys
import time
from typing import Any

import tnc.jax
from tnc.jax.untyped import jax, jnp


def measured(count: int, size: int, topology: str, batch: bool) -> str:
    """Seconds of processor time for compiling, and for the fastest of seven training steps."""
    weight = jax.ShapeDtypeStruct((size, size), jnp.float32)
    params: Any = {f"layer_{number}": {"kernel": weight} for number in range(count)}
    small, expand = tnc.jax.replace(params, {"**/kernel": topology}, key=jax.random.key(0), batch=batch)

    def loss(small: Any) -> Any:
        x = jnp.ones((32, size))
        for layer in expand(small).values():
            x = jnp.tanh(x @ layer["kernel"])
        return (x**2).sum()

    start = time.process_time()
    step = jax.jit(jax.value_and_grad(loss)).lower(small).compile()
    compiling = time.process_time() - start
    times: list[float] = []
    for _ in range(10):
        start = time.process_time()
        jax.block_until_ready(step(small))
        times.append(time.process_time() - start)
    return f"{'batch' if batch else 'one by one'}: compiled in {compiling:.2f} s, step {min(times[3:]) * 1e3:.1f} ms"


if __name__ == "__main__":
    for batched in (False, True):
        sys.stdout.write(measured(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], batched) + "\n")
