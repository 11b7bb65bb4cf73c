"""Linear layers sharded over two and four gloo processes, against the same layer on one."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.requirements import package

torch: Any = package("torch")

ROOT = Path(__file__).parents[2]

SCRIPT = """
    import sys
    import torch
    import torch.distributed as dist
    from torch import nn
    from torch.distributed.device_mesh import init_device_mesh
    from tnc.torch import Generated, merge_layers, replace_layers, shard_layers

    rank, ranks, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=ranks)
    mesh = init_device_mesh("cpu", (ranks,))
    sent = []
    all_reduce = dist.all_reduce

    def counted(tensor, *arguments, **options):
        sent.append(tensor.numel())
        return all_reduce(tensor, *arguments, **options)

    dist.all_reduce = counted


    def model():
        torch.manual_seed(0)
        found = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4))
        replace_layers(found, {"0": Generated("attn", shard="out")}, generator=torch.Generator().manual_seed(0))
        return found


    x = torch.randn(5, 16, generator=torch.Generator().manual_seed(1))
    whole, blocks = model(), shard_layers(model(), mesh)
    assert sorted(blocks.state_dict()) == sorted(whole.state_dict())
    values, gradients = [], []
    for each in (whole, blocks):
        given = x.clone().requires_grad_()
        values.append(each(given))
        values[-1].square().sum().backward()
        gradients.append([given.grad, *(parameter.grad for parameter in each.parameters())])
    cores = sum(parameter.numel() for parameter in blocks[0].generator.parameters())
    assert sent == [cores], (sent, cores)
    assert blocks[0].weight.to_local().shape == (32 // ranks, 16)
    assert blocks[0].weight.full_tensor().shape == (32, 16)
    merged = merge_layers(blocks)[0]
    assert type(merged) is nn.Linear
    torch.save([values, gradients, merged.weight.detach(), whole[0].weight.detach()], f"{folder}/{rank}.pt")
    dist.destroy_process_group()
"""


def distance(one: Any, two: Any) -> float:
    return float((one - two).abs().max().detach() / two.abs().max().detach())


@pytest.mark.peers
@pytest.mark.parametrize("ranks", [2, 4])
def test_blocks_are_the_layer_and_send_the_gradients_of_cores(ranks: int, tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    command = [sys.executable, str(script)]
    processes = [
        subprocess.Popen([*command, str(rank), str(ranks), str(tmp_path)], cwd=ROOT, env=_environment())
        for rank in range(ranks)
    ]
    assert [process.wait(500) for process in processes] == [0] * ranks
    for rank in range(ranks):
        values, gradients, merged, weight = torch.load(tmp_path / f"{rank}.pt")
        assert distance(values[1], values[0]) <= 1e-6
        assert max(distance(one, two) for one, two in zip(gradients[1], gradients[0], strict=True)) <= 1e-6
        assert distance(merged, weight) <= 1e-6


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


class FakeMesh:
    ndim = 1

    def size(self) -> int:
        return 3


def test_what_cannot_be_sharded_is_refused() -> None:
    from torch import nn

    from tnc.diagnostics import CompileError
    from tnc.torch import Generated, replace_layers, shard_layers

    model = nn.Sequential(nn.Linear(16, 32))
    with pytest.raises(CompileError, match="no generated layer is to be sharded"):
        shard_layers(model, FakeMesh())
    replace_layers(model, {"0": Generated("ttn", shard="out")})
    before = model[0]
    with pytest.raises(CompileError, match="TN064"):
        shard_layers(model, FakeMesh())
    assert model[0] is before
