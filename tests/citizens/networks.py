"""Two networks as people use them: one that generates a weight, one that acts on data; each as a file to import."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import tnc

WEIGHT = """
network generated(chi: int = 3, act: fn = tanh) {
  let tree = std.mera([2] * 6, chi, act = act)
  core gain() init 1
  core base(4, 4, 4) init normal(0.1) frozen
  output weight(out = (x[0..3]), in = (x[3..6])) std 0.5
    = gain() * tree(x[0..6])
    + base((x[0], x[1]), (x[2], x[3]), (x[4], x[5]))
}
"""

LAYER = """
network layer(act: fn = gelu) {
  input x(batch?, 12)
  core a(12, 5)
  core b(5, 7)
  core shift(7) init 0.1
  hidden(n, h) = act(x(n, i) * a(i, h))
  output y(n, o) = hidden(n, h) * b(h, o) + shift(o)
}
"""


def source(text: str, backend: str) -> str:
    """The generated module as text."""
    return tnc.loads(text, sizes={"batch": 4} if "batch" in text else {}).source(backend)


def imported(text: str, backend: str, folder: Path, name: str) -> ModuleType:
    """The generated module, written to a folder and imported from there, as a user would."""
    path = folder / f"{name}.py"
    path.write_text(source(text, backend), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
