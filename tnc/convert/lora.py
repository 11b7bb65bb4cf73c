"""Adapters of low rank: read from PEFT, and the one that is nearest to a given change of a weight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tnc.api import integer
from tnc.convert.networks import Converted, _array, _unsupported, from_einsum  # pyright: ignore[reportPrivateUsage]
from tnc.diagnostics import CompileError, Diagnostic

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Lora:
    """``b @ a`` with shapes (out, rank) and (rank, in), and the relative Frobenius error that it leaves."""

    a: Array = field(repr=False)
    b: Array = field(repr=False)
    error: float


def to_lora(delta: object, rank: int) -> Lora:
    """The best adapter of a rank for a change of a weight, by its singular values; their roots are on both sides.

    Raises:
        CompileError: TN061 if the change is not a matrix, or the rank is not between 1 and its smaller side.
    """
    import numpy as np

    matrix = _array(delta)
    wanted = integer("`rank`", "a positive integer", rank)
    if matrix.ndim != 2:
        message = f"an adapter of low rank wants a matrix, not {matrix.ndim} axes"
        raise CompileError((Diagnostic("TN061", message, help="reshape the weight to (out, in)"),))
    if not 1 <= wanted <= min(matrix.shape):
        message = f"rank {wanted} is out of range for a matrix of shape {matrix.shape[0]} × {matrix.shape[1]}"
        raise CompileError((Diagnostic("TN061", message, help=f"ranks are 1 to {min(matrix.shape)}"),))
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    roots = np.sqrt(values[:wanted])
    size = float(np.linalg.norm(values))
    error = float(np.linalg.norm(values[wanted:])) / size if size else 0.0
    kind = matrix.dtype if matrix.dtype.kind == "f" else np.dtype(np.float32)
    b, a = left[:, :wanted] * roots, roots[:, None] * right[:wanted]
    return Lora(a.astype(kind), b.astype(kind), error)


def from_peft(model: Any, /, adapter: str = "default") -> dict[str, Converted]:
    """The LoRA adapter of every linear layer of a PEFT model, by the layer's name: cores ``b`` and ``a``.

    The scaling of the adapter is part of ``b``, so that the network is the change of the weight.

    Raises:
        CompileError: TN060 for a model without such an adapter, and for adapters of other layers than linear ones.
    """
    if not hasattr(model, "named_modules"):
        raise _unsupported(model, "a `PeftModel`")
    found: dict[str, Converted] = {}
    for name, module in model.named_modules():
        if not hasattr(module, "lora_A") or adapter not in module.lora_A:
            continue
        a, b = _array(module.lora_A[adapter].weight), _array(module.lora_B[adapter].weight)
        if a.ndim != 2 or b.ndim != 2 or getattr(module, "fan_in_fan_out", False):
            raise _unsupported(module, "adapters of linear layers")
        b = b * b.dtype.type(module.scaling[adapter])
        found[name.removeprefix("base_model.model.")] = from_einsum("or,ri->oi", b, a, names=["b", "a"])
    if not found:
        message = f"the model has no LoRA adapter `{adapter}`"
        raise CompileError((Diagnostic("TN060", message, help="give a `PeftModel` and the name of its adapter"),))
    return found
