"""What a generated model takes in each form in which it can be deployed, and what its files keep.

``python -m studies.deployment CHOICE FOLDER`` loads one form in a process of its own and prints what it took, as JSON.
"""

# torch is typed in part
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportPrivateUsage=false

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from studies.models import logits, tiny_llama, tiny_vit, vgg16, vision_transformer

BATCHES = (1, 32)
WARM, ROUNDS = 1, 9

Model = Callable[[Any], Any]


@dataclass(frozen=True)
class Form:
    """A form of a model: bytes of its file, and seconds of one thread.

    ``load`` ends with the logits of the first image. ``error`` is the largest difference of a logit from the model with
    generated layers.
    """

    name: str
    size: int
    load: float
    seconds: tuple[float, ...]
    error: float


@dataclass(frozen=True)
class Kept:
    """What the files of a model keep: largest differences of a logit after each step, and whether keys are equal.

    ``lines`` is what the user writes, ``size`` the bytes of the file of cores, ``dense`` those of the dense model.
    """

    name: str
    lines: int
    size: int
    dense: int
    scale: float
    loaded: float
    merged: float
    merged_file: float
    keys: bool


@dataclass(frozen=True)
class Deployment:
    """What was measured, and on what. ``scale`` is the largest logit of the measured forms."""

    machine: str
    versions: str
    scale: float
    forms: tuple[Form, ...]
    kept: tuple[Kept, ...]


# -- the forms: how each is loaded from a folder -----------------------------------------------------

BLOCKS = "blocks.*"
"""The layers of the measured model that are generated: all linear layers of its blocks."""


def _merged(folder: Path, name: str = "merged.safetensors") -> Any:
    """The plain model with the weights of a file."""
    from safetensors.torch import load_file

    model = _empty()
    model.load_state_dict(load_file(folder / name), assign=True)
    return model


def _empty() -> Any:
    """The plain model without weights."""
    import torch

    with torch.device("meta"):
        return vision_transformer()


def _generated(folder: Path) -> Any:
    from tnc.torch import load_layers

    return load_layers(_empty().to_empty(device="cpu"), folder / "cores.safetensors")


def _generated_once(folder: Path) -> Any:
    from tnc.torch import merge_layers

    return merge_layers(_generated(folder))


def _exported(folder: Path) -> Model:
    import torch

    return torch.export.load(folder / "exported.pt2").module()


def _aot(folder: Path) -> Model:
    import torch

    load: Any = torch._inductor.aoti_load_package
    found: Model = load(str(folder / "aot.pt2"))
    return found


def _onnx(folder: Path) -> Model:
    import torch

    runtime: Any = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(folder / "model.onnx"), options)
    return lambda x: torch.as_tensor(session.run(None, {"x": x.numpy()})[0])


def _bfloat16(folder: Path) -> Model:
    import torch

    model = _merged(folder, "bfloat16.safetensors")
    return lambda x: model(x.to(torch.bfloat16)).float()


def _int8(folder: Path) -> Model:
    import torch

    model = _empty()
    model.load_state_dict(torch.load(folder / "int8.pt", weights_only=False), assign=True)
    found: Model = model
    return found


FORMS: dict[str, tuple[str, Callable[[Path], Model]]] = {
    "cores, generated in every call": ("cores.safetensors", _generated),
    "cores, generated on load": ("cores.safetensors", _generated_once),
    "merged, float32": ("merged.safetensors", _merged),
    "merged, bfloat16": ("bfloat16.safetensors", _bfloat16),
    "merged, int8 by torchao": ("int8.pt", _int8),
    "merged, torch.export": ("exported.pt2", _exported),
    "merged, AOTInductor": ("aot.pt2", _aot),
    "merged, ONNX": ("model.onnx", _onnx),
}
"""The file and the loader of each form."""


def images(count: int, seed: int = 1) -> Any:
    """Noise in the shape of images."""
    import torch

    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def write_forms(folder: Path) -> None:
    """Write the files of every form."""
    import torch

    from tnc.layers.merge import merge_file
    from tnc.torch import Generated, replace_layers, save_layers

    model = vision_transformer()
    replace_layers(model, {BLOCKS: Generated("attn", chi=4, act="silu")})
    save_layers(model, folder / "cores.safetensors", rest="all")
    torch.save({count: logits(model, images(count)) for count in BATCHES}, folder / "logits.pt")
    merge_file(folder / "cores.safetensors", folder / "merged.safetensors")
    merge_file(folder / "cores.safetensors", folder / "bfloat16.safetensors", dtype="bfloat16")
    plain = _merged(folder)
    batch = torch.export.Dim("batch")
    program = torch.export.export(plain, (images(2),), dynamic_shapes=({0: batch},))
    torch.export.save(program, folder / "exported.pt2")
    package: Any = torch._inductor.aoti_compile_and_package
    package(program, package_path=str(folder / "aot.pt2"))
    torch.onnx.export(
        plain,
        (images(2),),
        str(folder / "model.onnx"),
        dynamo=True,
        dynamic_shapes=({0: batch},),
        input_names=["x"],
        external_data=False,
        verbose=False,
    )
    quantization: Any = import_module("torchao.quantization")
    quantization.quantize_(plain, quantization.Int8WeightOnlyConfig())
    torch.save(plain.state_dict(), folder / "int8.pt")


def measure_form(name: str, folder: Path) -> Form:
    """Load a form and run it, in this process, with one thread."""
    import torch

    torch.set_num_threads(1)
    for framework in ("safetensors.torch", "tnc.torch", "onnxruntime", "torchao.quantization", "torch._inductor"):
        import_module(framework)
    file, load = FORMS[name]
    start = process_time()
    model = load(folder)
    with torch.inference_mode():
        model(images(1))
    loaded = process_time() - start
    expected = torch.load(folder / "logits.pt")
    seconds: list[float] = []
    error = 0.0
    with torch.inference_mode():
        for count in BATCHES:
            x = images(count)
            error = max(error, float((model(x) - expected[count]).abs().max()))
            seconds.append(_timed(partial(model, x)))
    return Form(name, (folder / file).stat().st_size, loaded, tuple(seconds), error)


def _timed(call: Callable[[], object]) -> float:
    """The median of the seconds of the processor that a call takes."""
    for _ in range(WARM):
        call()
    times: list[float] = []
    for _ in range(ROUNDS):
        start = process_time()
        call()
        times.append(process_time() - start)
    return median(times)


# -- what files keep -----------------------------------------------------------------------------------

LINES = {
    "VGG-16, six convolutions": r"""
from tnc.torch import Generated, load_layers, merge_layers, replace_layers, save_layers
replace_layers(model, {r"re:features\.(24|27|30|34|37|40)": Generated("attn", chi=4, act="silu")})
save_layers(model, path, rest="all")
again = load_layers(fresh, path)
merge_layers(again)
""",
    "tiny Llama, adapters on all projections": """
from tnc.torch import Generated, load_layers, merge_layers, replace_layers, save_layers
replace_layers(model, {"*_proj": Generated("ttn", chi=2)}, mode="add")
save_layers(model, path)
again = load_layers(fresh, path)
merge_layers(again)
""",
    "tiny ViT, every linear layer of its blocks": """
from tnc.torch import Generated, load_layers, merge_layers, replace_layers, save_layers
replace_layers(model, {"vit.layers.*": Generated("attn", chi=2, act="silu")})
save_layers(model, path, rest="all")
again = load_layers(fresh, path)
merge_layers(again)
""",
}
"""What a user writes beyond the usual loop; training comes after the second line."""


def kept(name: str) -> Kept:
    """Run the user's lines for a model, and compare its logits after every step."""
    import torch
    from safetensors.torch import load_file, save_file

    from tnc.layers.merge import merge_file

    makers: tuple[Callable[..., Any], ...] = (vgg16, tiny_llama, tiny_vit)
    make = dict(zip(LINES, makers, strict=True))[name]
    tokens = torch.randint(0, 256, (4, 16), generator=torch.Generator().manual_seed(2))
    given = tokens if make is tiny_llama else images(4)
    model, original = make(), make()
    # adapters belong to the model that they were trained on; where everything is saved, the fresh model is another
    fresh = make() if make is tiny_llama else make(seed=9)
    lines = LINES[name].strip().splitlines()
    with TemporaryDirectory() as place:
        path, base, dense = (
            Path(place) / file for file in ("cores.safetensors", "base.safetensors", "dense.safetensors")
        )
        names: dict[str, Any] = {"model": model, "fresh": fresh, "path": path}
        exec("\n".join(lines[:2]), names)
        _train(model, given)
        exec(lines[2], names)
        expected = logits(model, given)
        exec(lines[3], names)
        loaded = _difference(expected, names["again"], given)
        exec(lines[4], names)
        merged = _difference(expected, names["again"], given)
        save_file({key: value.clone() for key, value in original.state_dict().items()}, base)
        merge_file(path, dense, bases=[base])
        keys = list(names["again"].state_dict()) == list(original.state_dict())
        original.load_state_dict(load_file(dense))
        return Kept(
            name,
            len(lines),
            path.stat().st_size,
            base.stat().st_size,
            float(expected.abs().max()),
            loaded,
            merged,
            _difference(expected, original, given),
            keys and set(load_file(dense)) == set(original.state_dict()),
        )


def _train(model: Any, given: Any) -> None:
    """Two steps, so that no core is as it was drawn."""
    import torch

    model.train()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        result = model(given)
        (result if isinstance(result, torch.Tensor) else result.logits).square().mean().backward()
        optimizer.step()
    model.eval()


def _difference(expected: Any, model: Any, given: Any) -> float:
    return float((logits(model.eval(), given) - expected).abs().max())


# -- the study -------------------------------------------------------------------------------------------


def measure() -> Deployment:
    """Everything: each form in a process of its own, and what files keep."""
    import torch

    with TemporaryDirectory() as place:
        write_forms(Path(place))
        forms = tuple(_elsewhere(name, place) for name in FORMS)
        scale = max(float(each.abs().max()) for each in torch.load(Path(place) / "logits.pt").values())
    versions = ", ".join(f"{name} {import_module(name).__version__}" for name in ("torch", "torchao", "onnxruntime"))
    return Deployment(_machine(), versions, scale, forms, tuple(kept(name) for name in LINES))


def _elsewhere(name: str, folder: str) -> Form:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "studies.deployment", name, folder],
        capture_output=True,
        text=True,
        check=True,
    )
    entry: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    seconds = tuple(entry.pop("seconds"))
    return Form(seconds=seconds, **entry)


def _machine() -> str:
    """The processor, as the system calls it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(measure_form(sys.argv[1], Path(sys.argv[2])))) + "\n")
