"""Modules by name, and their parameters as they are stored: PyTorch declares no types for these."""

from __future__ import annotations

from typing import Any

from torch import nn


def named_modules(model: nn.Module, *, repeated: bool = False) -> dict[str, nn.Module]:
    """The modules of a model by their dotted names; with ``repeated`` under each name that they have."""
    untyped: Any = model
    return dict(untyped.named_modules(remove_duplicate=not repeated))


def submodules(module: nn.Module) -> dict[str, nn.Module | None]:
    """The modules that a module has itself; a change of the result is one of the module."""
    stored: dict[str, nn.Module | None] = vars(module)["_modules"]
    return stored


def parameters_of(module: nn.Module) -> dict[str, nn.Parameter | None]:
    """The parameters that a module has itself; a change of the result is one of the module."""
    stored: dict[str, nn.Parameter | None] = vars(module)["_parameters"]
    return stored


def put(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of the one with this name."""
    parent, _, own = name.rpartition(".")
    submodules(model.get_submodule(parent))[own] = module
