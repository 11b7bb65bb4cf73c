"""Generated layers on two processes (gloo): DDP, FSDP2 and DTensor take the steps that one process takes alone."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from tests.torch_layers.small_models import dense
from tnc.torch import load_layers

pytestmark = pytest.mark.peers

ROOT = Path(__file__).parents[2]

_HEAD = """
    import sys
    import torch
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from tests.torch_layers.small_models import generated, images
    from tnc.torch import save_layers

    rank, folder = int(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))


    def trained(model, part=slice(None)):
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for step in range(2):
            optimizer.zero_grad()
            model(images(8, step)[part]).square().mean().backward()
            optimizer.step()
        return model


    def whole(model):
        return {
            name: value.full_tensor() if hasattr(value, "full_tensor") else value
            for name, value in model.state_dict().items()
        }


    half = slice(4 * rank, 4 * rank + 4)
"""

_TAIL = """
    torch.save([trained(generated()).state_dict(), *found], f"{folder}/{rank}.pt")
    dist.destroy_process_group()
"""

_DATA_PARALLEL = """
    from torch.distributed.fsdp import fully_shard
    from torch.nn.parallel import DistributedDataParallel

    found = [trained(DistributedDataParallel(generated()), half).module.state_dict()]
    model = generated()
    for layer in (model.conv, model.built, model.applied):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    sharded = trained(model, half)
    assert any(value.to_local().numel() < value.numel() for value in sharded.parameters())
    found.append(whole(sharded))
    save_layers(sharded, f"{folder}/cores.safetensors", rest="all")
"""

_TENSOR_PARALLEL = """
    from torch.distributed.tensor import DTensor, Replicate, distribute_module
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    # cores are replicated, and work on replicated data between dense layers that are split
    model = distribute_module(generated(), mesh)
    assert all(isinstance(value, DTensor) for value in model.parameters())


    def images(count, seed, images=images):
        return DTensor.from_local(images(count, seed), mesh, [Replicate()])


    found = [whole(trained(model))]
    del images
    from tests.torch_layers.small_models import images

    split = parallelize_module(generated(), mesh, {"head": ColwiseParallel(output_layouts=Replicate())})
    assert split.head.weight.to_local().shape != split.head.weight.shape
    found.append(whole(trained(split)))
"""


@pytest.mark.parametrize("body", [_DATA_PARALLEL, _TENSOR_PARALLEL], ids=["DDP and FSDP2", "DTensor"])
def test_two_processes_train_as_one_does(body: str, tmp_path: Path) -> None:
    """And a model that is sharded over two is saved as one file."""
    script = tmp_path / "train.py"
    script.write_text("".join(map(textwrap.dedent, (_HEAD, body, _TAIL))), encoding="utf-8")
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", str(script), str(rank), str(tmp_path)],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    outcomes = [(process.communicate(timeout=300)[1].decode(), process.returncode) for process in processes]
    assert [code for _, code in outcomes] == [0, 0], "\n".join(errors for errors, _ in outcomes)
    for rank in range(2):
        alone, *together = torch.load(tmp_path / f"{rank}.pt")
        for state in together:
            assert state.keys() == alone.keys()
            for name, value in alone.items():
                torch.testing.assert_close(state[name], value, atol=1e-5, rtol=1e-4)
    path = tmp_path / "cores.safetensors"
    assert path.exists() == ("save_layers" in body)
    if path.exists():  # of the sharded model: the first process wrote the whole tensors
        loaded = load_layers(dense(9), path).state_dict()
        torch.testing.assert_close(loaded, torch.load(tmp_path / "0.pt")[-1])
