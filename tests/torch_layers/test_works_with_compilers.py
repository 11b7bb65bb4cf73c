"""Generated layers under compilers: `torch.compile`, `torch.export`, AOTInductor, ONNX; and in another process."""

# torch is typed in part
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportPrivateUsage=false

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import requirements
from tests.torch_layers.small_models import Small, generated, gradients, images

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]

close = torch.testing.assert_close
BATCH = torch.export.Dim("batch")


@pytest.fixture(name="model")
def made() -> Small:
    torch.compiler.reset()
    return generated()


def compiled(model: Small, **options: Any) -> Any:
    return torch.compile(model, fullgraph=True, **options)


@pytest.mark.parametrize("dynamic", [None, True])
def test_compile_in_one_graph(model: Small, dynamic: bool | None) -> None:
    requirements.program("g++")
    fast = compiled(model, dynamic=dynamic)
    for count in (2, 5):
        model.zero_grad()
        model(images(count)).square().sum().backward()
        expected = {name: value.clone() for name, value in gradients(model).items()}
        model.zero_grad()
        result = fast(images(count))
        close(result, model(images(count)), atol=1e-5, rtol=1e-5)
        result.square().sum().backward()
        close(gradients(model), expected, atol=1e-4, rtol=1e-4)


def test_equal_layers_are_compiled_once(model: Small) -> None:
    """No class and no attribute of an instance guards the graph: two models share it."""
    torch._dynamo.utils.counters.clear()
    layers = [generated(seed).built for seed in range(3)]

    def call(layer: Any, x: torch.Tensor) -> Any:
        return layer(x)

    fast: Any = torch.compile(call, fullgraph=True, backend="eager")
    with torch.no_grad():
        for layer in layers:
            x = torch.randn(2, 128)
            close(fast(layer, x), layer(x))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


def test_compile_under_autocast_and_checkpointing(model: Small) -> None:
    from torch.utils.checkpoint import checkpoint

    def call(x: torch.Tensor) -> Any:
        return checkpoint(model, x, use_reentrant=False)

    fast: Any = torch.compile(call, fullgraph=True, backend="aot_eager")
    with torch.autocast("cpu", torch.bfloat16):
        close(fast(images()), model(images()), atol=0.05, rtol=0.05)


def test_export_with_a_dynamic_batch(model: Small, tmp_path: Path) -> None:
    program = torch.export.export(model, (images(4),), dynamic_shapes=({0: BATCH},))
    torch.export.save(program, tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2")
    assert set(loaded.state_dict) == set(model.state_dict())
    for count in (2, 9):
        close(loaded.module()(images(count)), model(images(count)), atol=1e-5, rtol=1e-5)


def test_an_exported_program_runs_without_tnc(model: Small, tmp_path: Path) -> None:
    torch.export.save(torch.export.export(model, (images(),)), tmp_path / "model.pt2")
    torch.save((images(), model(images()).detach()), tmp_path / "pair.pt")
    script = (
        "import sys\nsys.modules['tnc'] = None\nimport torch\n"
        "x, y = torch.load(sys.argv[2])\n"
        "torch.testing.assert_close(torch.export.load(sys.argv[1]).module()(x), y)\n"
    )
    run(script, tmp_path / "model.pt2", tmp_path / "pair.pt")


def test_aot_inductor(model: Small, tmp_path: Path) -> None:
    requirements.program("g++")
    program = torch.export.export(model, (images(4),), dynamic_shapes=({0: BATCH},))
    path = torch._inductor.aoti_compile_and_package(program, package_path=str(tmp_path / "model.pt2"))
    loaded = torch._inductor.aoti_load_package(path)
    for count in (3, 8):
        close(loaded(images(count)), model(images(count)), atol=1e-5, rtol=1e-5)


def test_onnx(model: Small, tmp_path: Path) -> None:
    requirements.package("onnxscript")
    runtime = requirements.package("onnxruntime")
    path = str(tmp_path / "model.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (images(4),), path, dynamo=True, dynamic_shapes=({0: BATCH},), input_names=["x"], verbose=False
        )
    session = runtime.InferenceSession(path)
    for count in (2, 7):
        (result,) = session.run(None, {"x": images(count).numpy()})
        close(torch.as_tensor(result), model(images(count)).detach(), atol=1e-4, rtol=1e-4)


def test_a_pickle_loads_in_another_process(model: Small, tmp_path: Path) -> None:
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    torch.save((images(), model(images()).detach()), tmp_path / "pair.pt")
    script = (
        "import pickle, sys, torch\n"
        "x, y = torch.load(sys.argv[2])\n"
        "model = pickle.load(open(sys.argv[1], 'rb'))\n"
        "torch.testing.assert_close(model(x), y)\n"
        "pickle.loads(pickle.dumps(model))\n"
    )
    run(script, tmp_path / "model.pickle", tmp_path / "pair.pt")


def run(script: str, *arguments: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr
