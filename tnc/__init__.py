"""A compiler for tensor networks with activations: ``.tn`` files to PyTorch, JAX and NumPy modules.

>>> import tnc
>>> text = "network n(chi: int = 2) { core a(4, chi)  core b(chi, 3)  output w(i, j) = a(i, r) * b(r, j) }"
>>> net = tnc.loads(text, chi=1)
>>> net.report().networks[0].parameters
7
>>> net.source("numpy").splitlines()[0].strip('"')
'The tensor network `n` for NumPy, compiled by tnc.'

``net.module("torch")`` is an ``nn.Module`` class, ``net.module("jax")`` a module of functions; docs/python.md has all.

Importing this module loads nothing: every name is looked up at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tnc.api import Network as Network
    from tnc.api import load as load
    from tnc.api import loads as loads
    from tnc.diagnostics import CompileError as CompileError
    from tnc.diagnostics import render as render
    from tnc.einsum import einsum_program as einsum_program
    from tnc.report import Report as Report

__version__ = "0.1.0"

__all__ = ["CompileError", "Network", "Report", "__version__", "einsum_program", "load", "loads", "render"]

_HOMES = {
    "CompileError": "tnc.diagnostics",
    "Network": "tnc.api",
    "Report": "tnc.report",
    "einsum_program": "tnc.einsum",
    "load": "tnc.api",
    "loads": "tnc.api",
    "render": "tnc.diagnostics",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tnc' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
