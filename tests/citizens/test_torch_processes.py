"""Generated PyTorch modules on several processes: each on a part of the batch takes the step that one takes alone."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from tests.citizens.networks import source

pytestmark = pytest.mark.peers  # DDP and FSDP2 in several processes

LAYER = """
network layer() {
  input x(batch?, 12)
  core a(12, 5)
  core b[k in 0..3](5, 7)
  core gain() init 2
  core slope() init 0.25
  core shift() init 0.1 frozen
  core weight[k in 0..3]() init 0.5
  h(n, i) = prelu(x(n, j) * a(j, i), slope())
  output y(n, o) = sum(k in 0..3) (gain() * weight[k]() * h(n, i) * b[k](i, o)) + shift()
}
"""

_SCRIPT = """
    import sys
    import torch
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.nn.parallel import DistributedDataParallel
    from layer import CORES, Layer

    rank, folder = int(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    x = torch.randn(8, 12, generator=torch.Generator().manual_seed(4))


    def trained(network, x):
        optimizer = torch.optim.Adam(network.parameters(), 0.1)
        for _ in range(2):
            optimizer.zero_grad()
            network(x).square().mean().backward()
            optimizer.step()
        return network


    def layer():
        return Layer(generator=torch.Generator().manual_seed(3))


    part = x[4 * rank : 4 * rank + 4]
    alone = trained(layer(), x)
    replicated = trained(DistributedDataParallel(layer()), part).module
    sharded = trained(fully_shard(layer(), mesh=init_device_mesh("cpu", (2,))), part)
    assert all(value.to_local().numel() < value.numel() or value.numel() == 1 for value in sharded.parameters())
    assert {name: tuple(core.shape) for name, core in sharded.cores().items()} == {
        name: shape for name, (_, _, shape) in CORES.items()
    }
    whole = {name: getattr(value, "full_tensor", lambda v=value: v)() for name, value in sharded.state_dict().items()}
    torch.save([alone.state_dict(), replicated.state_dict(), whole], f"{folder}/{rank}.pt")
    dist.destroy_process_group()
"""


def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    """Replicated (DDP) and sharded (FSDP2), with every kind of core: stacked, frozen, without axes."""
    (tmp_path / "layer.py").write_text(source(LAYER, "torch"), encoding="utf-8")
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(_SCRIPT), encoding="utf-8")
    processes = [
        subprocess.Popen([sys.executable, str(script), str(rank), str(tmp_path)], cwd=tmp_path, stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    for rank in range(2):
        alone, *together = torch.load(tmp_path / f"{rank}.pt")
        assert all(value.ndim > 0 for value in alone.values())
        for state in together:
            assert state.keys() == alone.keys()
            for name, value in alone.items():
                torch.testing.assert_close(state[name], value)
