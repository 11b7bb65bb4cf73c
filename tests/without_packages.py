"""Every command and every documented name, in a process that cannot import some packages.

`python -m tests.without_packages torch jax …` prints the outcome of each as JSON: an exit code, and the error.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

TEXT = """network n(chi: int = 2) {
  input x(batch?, 3)
  core a(3, chi)
  core b(chi, 2)
  output y(n, j) = tanh(x(n, i) * a(i, k)) * b(k, j)
}
"""
LAYER_FUNCTIONS = (
    "plan_layers",
    "replace_layers",
    "merge_layers",
    "adapter_names",
    "enable_adapters",
    "disable_adapters",
    "remove_adapters",
    "core_groups",
    "cached",
    "save_layers",
    "load_layers",
)
"""The functions of `tnc.torch`."""

JAX_FUNCTIONS = ("plan_layers", "replace", "core_labels", "shard", "save_layers", "load_layers")
NEEDS = {
    **{f"tnc.jax: {name}": "jax" for name in JAX_FUNCTIONS},
    **{f"tnc.torch: {name}": "torch" for name in LAYER_FUNCTIONS},
    **dict.fromkeys(["bench -b torch", "fit", 'module("torch")', "torch()"], "torch"),
    **dict.fromkeys(["bench -b jax", 'module("jax")', "jax()"], "jax"),
    "graph()": "networkx",
}
"""The optional package of each case that needs one."""


class Hiding:
    """A finder that finds no module of some packages, as if they were not installed; all else is the given finder's."""

    def __init__(self, finder: Any, packages: frozenset[str]) -> None:
        self._finder = finder
        self._packages = packages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in self._packages:
            return None
        found: ModuleSpec | None = self._finder.find_spec(name, path, target)
        return found


def hide(packages: frozenset[str]) -> None:
    """Make packages impossible to import and to find from now on."""
    loaded = {name.partition(".")[0] for name in sys.modules} & packages
    if loaded:
        raise RuntimeError(f"cannot hide what is loaded already: {', '.join(sorted(loaded))}")
    finders: list[MetaPathFinder] = [Hiding(finder, packages) for finder in sys.meta_path]  # type: ignore[misc]
    sys.meta_path[:] = finders


def file_of_cores(path: Path) -> Path:
    """A file of cores with one layer."""
    from tests.layers.stored import Parts

    parts = Parts()
    parts.add_layer("a")
    return parts.write(path)


def target(folder: Path) -> Path:
    """A file with one array."""
    import numpy as np

    path = folder / "target.npy"
    np.save(path, np.arange(6.0).reshape(2, 3))
    return path


def commands(folder: Path) -> dict[str, list[str]]:
    """The arguments of each case of the command line; the first word of a case is its command."""
    file = folder / "n.tn"
    file.write_text(TEXT, encoding="utf-8")
    quick = ["--seconds", "0.01"]
    return {
        "check": ["check", str(file)],
        "fmt": ["fmt", "--check", str(file)],
        "expand": ["expand", str(file)],
        "report": ["report", str(file)],
        "explain": ["explain", str(file)],
        "compile -b torch": ["compile", str(file), "-b", "torch"],
        "compile -b jax": ["compile", str(file), "-b", "jax"],
        "compile -b numpy": ["compile", str(file), "-b", "numpy"],
        "bench -b torch": ["bench", str(file), "-b", "torch", *quick],
        "bench -b jax": ["bench", str(file), "-b", "jax", *quick],
        "calibrate": ["calibrate", "here", "-o", str(folder / "here.json"), *quick],
        "fit": ["fit", "lowrank", "--target", str(target(folder)), "-o", str(folder / "fitted"), "--steps", "3"],
        "merge": ["merge", str(file_of_cores(folder / "cores")), "-o", str(folder / "dense")],
        "help": ["help", "TN024"],
    }


def use_of_layers(function: str, folder: Path) -> object:
    """A call of a function of `tnc.torch` on a small model."""
    import tnc.torch as layers

    nn = import_module("torch.nn")  # after `tnc.torch`, whose error names the extra

    model = nn.Sequential(nn.Linear(4, 4))
    arguments: dict[str, tuple[object, ...]] = {"core_groups": (0.1,)}
    selected = ({"0": layers.Generated("ttn")},)
    arguments |= {"plan_layers": selected, "replace_layers": selected}
    if function in ("save_layers", "load_layers"):
        arguments[function] = (folder / "layers",)
        layers.replace_layers(model, *selected)
        layers.save_layers(model, folder / "layers")
    return getattr(layers, function)(model, *arguments.get(function, ()))


def use_of_jax(function: str, folder: Path) -> object:
    """A call of a function of `tnc.jax` on small params."""
    import tnc.jax as layers
    from tnc.jax.untyped import jax

    params = {"kernel": jax.numpy.zeros((4, 4))}
    choice = {"kernel": layers.Generated("ttn", shard="out")}
    if function == "plan_layers":
        return layers.plan_layers(params, choice)
    small, expand = layers.replace(params, choice, key=jax.random.key(0))
    path = folder / "jax.safetensors"
    uses: dict[str, Callable[[], object]] = {
        "replace": lambda: expand(small),
        "core_labels": lambda: layers.core_labels(small),
        "shard": lambda: layers.shard(expand, jax.make_mesh((1,), ("model",)), "model")(small),
        "save_layers": lambda: layers.save_layers(small, expand, path),
        "load_layers": lambda: (layers.save_layers(small, expand, path), layers.load_layers(params, path)),
    }
    return uses[function]()


def names(folder: Path) -> dict[str, Callable[[], object]]:
    """A use of each name of the Python interface; a case begins with the name."""
    import tnc

    net = tnc.loads(TEXT)
    file = folder / "n.tn"
    return {
        "__version__": lambda: tnc.__version__,
        "load": lambda: tnc.load(file),
        "loads": lambda: tnc.loads(TEXT, sizes={"batch": 2}, chi=3),
        "einsum_program": lambda: tnc.einsum_program("ij,jk->ik", (2, 3), (3, 4)).source("numpy"),
        "render": lambda: tnc.render(net.warnings),
        "CompileError": lambda: tnc.CompileError,
        "Report": lambda: tnc.Report,
        "Network": lambda: tnc.Network,
        "name": lambda: net.name,
        "program": lambda: net.program,
        "parameters": lambda: net.parameters,
        "outputs": lambda: net.outputs,
        "warnings": lambda: net.warnings,
        "initialised": lambda: net.initialised,
        "options": lambda: net.options,
        "report()": lambda: str(net.report()),
        "explain()": lambda: str(net.explain()),
        "expand()": lambda: net.expand(),
        "source()": lambda: net.source(),
        "graph()": lambda: net.graph(),
        'module("numpy")': lambda: net.module("numpy"),
        'module("torch")': lambda: net.module("torch"),
        'module("jax")': lambda: net.module("jax"),
        "numpy()": lambda: net.numpy(),
        "torch()": lambda: net.torch(),
        "jax()": lambda: net.jax(),
        **{f"tnc.torch: {name}": partial(use_of_layers, name, folder) for name in LAYER_FUNCTIONS},
        **{f"tnc.jax: {name}": partial(use_of_jax, name, folder) for name in JAX_FUNCTIONS},
    }


def shorten_calibration() -> None:
    """Measure a few small products and copies: `tnc calibrate` runs every kind of operation, but not for a minute."""
    from tnc.measure import calibrate

    small: dict[str, object] = {"SIDES": (2, 4), "COARSE": (4,), "ENTRIES": 2**10, "_AXES": 10}
    small |= {"_BYTES": (2**10, 2**12), "_MEMORY": (2**10, 2**12)}
    for name, value in small.items():
        assert hasattr(calibrate, name)
        setattr(calibrate, name, value)


def outcomes(folder: Path) -> dict[str, tuple[int, str]]:
    """The exit code and the error of every case; of a name, 2 if it raised a CompileError, and 0 if it did not."""
    from tnc.cli import main
    from tnc.diagnostics import CompileError

    shorten_calibration()
    found: dict[str, tuple[int, str]] = {}
    for case, argv in commands(folder).items():
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            code = main(argv)
        found[case] = (code, errors.getvalue())
    for case, use in names(folder).items():
        try:
            use()
            found[case] = (0, "")
        except CompileError as error:
            found[case] = (2, str(error))
    return found


if __name__ == "__main__":
    hide(frozenset(sys.argv[1:]))
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(outcomes(Path(place))))
