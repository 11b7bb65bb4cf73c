"""Contractions of arrays become a ``.tn`` text and its cores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from tnc import driver
from tnc.api import Network, network_of_source
from tnc.diagnostics import CompileError, Diagnostic
from tnc.einsum import einsum_text
from tnc.ir.program_text import TAKEN
from tnc.limits import Limits
from tnc.options import Options
from tnc.source import Source

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Converted:
    """A network as a formatted ``.tn`` text, and the values of its cores by name."""

    text: str
    cores: Mapping[str, Array] = field(repr=False)

    def network(self) -> Network:
        """The network, compiled."""
        return network_of_source(Source("<converted>", self.text), Options(), {})


def from_einsum(equation: str, /, *arrays: object, names: Sequence[str] | None = None) -> Converted:
    """The network of an einsum equation whose operands are all cores.

    The equation may come from elsewhere: ``tree.get_eq()`` of a cotengra tree. A contraction path is not needed; the
    compiler plans its own.

    Raises:
        CompileError: TN014, TN015 and TN017 as :func:`tnc.einsum_program`.
    """
    values = [_array(array) for array in arrays]
    called = [f"x{index}" for index in range(len(values))] if names is None else list(names)
    text = einsum_text(equation, values, range(len(values)), called)
    formatted = driver.format_source(Source("<einsum>", text), Limits())
    return Converted(formatted, dict(zip(called, values, strict=True)))


def from_quimb(network: Any, /) -> Converted:
    """The network of a quimb ``TensorNetwork``; a tensor is called by its first tag that can be a name.

    Raises:
        CompileError: TN060 for an object that is not a tensor network.
    """
    if not (hasattr(network, "tensors") and hasattr(network, "get_equation")):
        raise _unsupported(network, "a quimb `TensorNetwork`")
    tensors = list(network.tensors)
    exponent = float(getattr(network, "exponent", 0.0))
    values = [_array(tensor.data) for tensor in tensors]
    values[0] = values[0] * 10.0**exponent
    return from_einsum(network.get_equation(), *values, names=_names(tensor.tags for tensor in tensors))


def from_tltorch(tensor: Any, /) -> Converted:
    """The network of a factorized tensor of TensorLy-Torch (CP, Tucker or TT), or of a layer with such a weight.

    Raises:
        CompileError: TN060 for any other object.
    """
    given = getattr(tensor, "weight", tensor)
    kind = str(getattr(given, "_name", type(given).__name__)).lower()
    if not hasattr(given, "factors") or "block" in kind:
        raise _unsupported(tensor, "a CP, Tucker or TT tensor of TensorLy-Torch")
    factors = list(given.factors)
    axes, inner = _LETTERS[: len(factors)], _LETTERS[len(factors) :]
    factor_names = [f"factor{index}" for index in range(len(factors))]
    if hasattr(given, "core"):
        operands = [inner[: len(factors)], *(axis + bond for axis, bond in zip(axes, inner, strict=False))]
        return from_einsum(f"{','.join(operands)}->{axes}", given.core, *factors, names=["center", *factor_names])
    if hasattr(given, "weights"):
        operands = ["Z", *(f"{axis}Z" for axis in axes)]
        return from_einsum(f"{','.join(operands)}->{axes}", given.weights, *factors, names=["weights", *factor_names])
    if all(len(factor.shape) == 3 for factor in factors):
        operands = [f"{inner[k]}{axis}{inner[k + 1]}" for k, axis in enumerate(axes)]
        return from_einsum(f"{','.join(operands)}->{axes}", *factors, names=factor_names)
    raise _unsupported(tensor, "a CP, Tucker or TT tensor of TensorLy-Torch")


def _names(tags: Iterable[Iterable[str]]) -> list[str]:
    """A name for each tensor: its first tag that is legal and not taken, else ``x`` and its number."""
    found: list[str] = []
    for index, own in enumerate(tags):
        free = (tag for tag in own if _NAME.fullmatch(tag) and tag not in TAKEN and tag not in found)
        found.append(next(free, f"x{index}"))
    return found


def _array(value: object) -> Array:
    """A NumPy array of what a library calls a tensor."""
    import numpy as np

    given = cast(Any, value)
    for method in ("detach", "cpu"):
        given = getattr(given, method)() if hasattr(given, method) else given
    if "bfloat16" in str(getattr(given, "dtype", "")) and hasattr(given, "float"):
        given = given.float()
    return np.asarray(given)


def _unsupported(value: object, wanted: str) -> CompileError:
    message = f"a value of type `{type(value).__name__}` cannot be converted"
    return CompileError((Diagnostic("TN060", message, help=f"give {wanted}"),))
