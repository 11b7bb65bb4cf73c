"""Packages that only some commands need, and the extra of `tnc-lang` that installs each."""

from __future__ import annotations

from types import MappingProxyType

from tnc.diagnostics import CompileError, Diagnostic

EXTRAS: MappingProxyType[str, str] = MappingProxyType(
    {"torch": "torch", "safetensors": "torch", "jax": "jax", "jaxlib": "jax", "networkx": "graph"}
)
"""The extra of `pyproject.toml` by top-level module; the extra `all` has every one of them."""


def missing(module: str, consequence: str, alternative: str = "") -> CompileError:
    """The error of a command or a method whose optional package is not installed.

    Its help names the extra that installs the package, or the package itself if no extra does, and the
    ``alternative``.
    """
    package = module.partition(".")[0]
    install = f"'tnc-lang[{EXTRAS[package]}]'" if package in EXTRAS else package
    help_text = f"install it with `pip install {install}`" + (f", or {alternative}" if alternative else "")
    return CompileError((Diagnostic("TN024", f"{consequence}: `{package}` is not installed", help=help_text),))
