"""Weights generated in blocks on two and four forced host devices, against the whole ones."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.peers

ROOT = Path(__file__).parents[2]

SCRIPT = """
    import re
    import jax
    import jax.numpy as jnp
    import tnc.jax

    devices = len(jax.devices())
    params = {
        "first": {"kernel": jnp.zeros((16, 64)), "bias": jnp.zeros(64)},
        "second": {"kernel": jnp.zeros((64, 64))},
        "third": {"kernel": jnp.zeros((64, 64))},
    }
    choice = {
        "second/kernel": tnc.jax.Generated("mps", chi=3, shard="in"),
        "third/kernel": tnc.jax.Generated("mps", chi=3, shard="in"),
        "first/kernel": tnc.jax.Generated("mps"),
    }
    small, expand = tnc.jax.replace(params, choice, key=jax.random.key(0))
    mesh = jax.make_mesh((devices,), ("model",))
    sharded = tnc.jax.shard(expand, mesh, "model")

    def loss(function):
        return lambda small: sum(jnp.sin(3 * leaf).sum() for leaf in jax.tree.leaves(function(small)))

    def distance(one, two):
        scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(two))
        found = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), one, two)
        return max(jax.tree.leaves(found)) / scale

    blocks = jax.jit(sharded)(small)
    assert {shard.data.shape for shard in blocks["second"]["kernel"].addressable_shards} == {(64 // devices, 64)}
    assert distance(blocks, expand(small)) <= 1e-6
    gradient = jax.jit(jax.grad(loss(sharded)))
    assert distance(gradient(small), jax.grad(loss(expand))(small)) <= 1e-6

    pattern = r" (all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)\\("
    sent = lambda function: re.findall(pattern, jax.jit(function).lower(small).compile().as_text())
    assert sent(sharded) == []
    assert set(sent(jax.grad(loss(sharded)))) == {"all-reduce"}

    dense = jax.jit(expand, out_shardings=jax.NamedSharding(mesh, jax.P()))(small)
    assert distance(dense, expand(small)) <= 1e-6
"""


@pytest.mark.parametrize("devices", [2, 4])
def test_blocks_on_devices_are_the_whole(devices: int) -> None:
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **flags}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
