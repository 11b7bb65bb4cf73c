"""Calls of torch and JAX whose signatures the frameworks leave partly untyped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch

F = TypeVar("F")

_torch: Any = torch


def backward(result: torch.Tensor, cotangent: torch.Tensor) -> None:
    """Propagate a cotangent to all leaves."""
    run: Callable[[torch.Tensor], None] = getattr(result, "backward")  # noqa: B009  untyped in torch
    run(cotangent)


def tensordot(left: torch.Tensor, right: torch.Tensor, axes: tuple[Sequence[int], Sequence[int]]) -> torch.Tensor:
    """``torch.tensordot`` over lists of axes."""
    result: torch.Tensor = _torch.tensordot(left, right, dims=(list(axes[0]), list(axes[1])))
    return result


def compiled(function: F) -> F:
    """``function`` under ``torch.compile``, for fixed shapes."""
    result: F = _torch.compile(function, dynamic=False)
    return result


def seed(number: int) -> None:
    """Seed torch's own generator."""
    _torch.manual_seed(number)
