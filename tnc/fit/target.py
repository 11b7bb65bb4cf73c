"""What cores are fitted to: an array or a function becomes a tensor, or an error that says what is wrong with it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnnecessaryCast=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import numpy as np
import torch

from tnc.api import Network, expected
from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import listed, plural, unknown
from tnc.ir.program import Output

DTYPES: Final = {
    "float32": torch.float32,
    "float64": torch.float64,
    "complex64": torch.complex64,
    "complex128": torch.complex128,
}
"""What can be fitted in; halves have too few digits for the sums of a fit."""

_COMPLEX: Final = {torch.float32: "complex64", torch.float64: "complex128"}


def target_tensor(network: Network, target: object, dtype: str | None, device: str) -> torch.Tensor:
    """The target on a device, in the dtype of the fit.

    A function is called with the indices of each axis, as open grids of int64 like those of ``numpy.ogrid``, and its
    result is broadcast. Without ``dtype``, targets in double precision and complex ones keep theirs, all others
    become ``float32``.

    Raises:
        CompileError: TN057 for a target that cannot be used, TN058 if it does not fit the network.
        TypeError: for a target of another type.
    """
    output = fitted_output(network)
    shape = tuple(size for size in network.program.shapes()[output.tensor] if isinstance(size, int))
    given = _tensor(target, shape)
    _check_shape(output, shape, tuple(given.shape))
    kind = DTYPES[_dtype(given, dtype)]
    if given.is_complex() and not kind.is_complex:
        help_text = f"fit in `{_COMPLEX.get(kind, 'complex64')}`, or give its real part"
        raise _error("TN057", f"the target is complex and cannot be fitted in `{dtype}`", help_text)
    if not bool(torch.isfinite(given).all()):
        count = int((~torch.isfinite(given)).sum())
        first = [int(index) for index in torch.nonzero(~torch.isfinite(given))[0]]
        message = f"{plural(count, 'entry', 'entries')} of the target are not finite, the first at {first}"
        raise _error("TN057", message, "replace NaN and infinite entries")
    if not bool(given.any()):
        raise _error("TN057", "every entry of the target is zero", "a relative error needs a target that is not zero")
    result = given.to(device=_device(device), dtype=kind)
    if not bool(torch.isfinite(result).all()):
        raise _error("TN057", f"the target has entries beyond the range of `{_name(kind)}`", "fit in `float64`")
    if not bool(result.any()):
        raise _error("TN057", f"every entry of the target is zero in `{_name(kind)}`", "fit in `float64`")
    return result.contiguous()


def fitted_output(network: Network) -> Output:
    """The one output of a network without inputs that has something to train.

    Raises:
        CompileError: TN058 for any other network.
    """
    found: list[Diagnostic] = []
    if network.program.inputs:
        names = listed(given.name for given in network.program.inputs)
        message = f"the network `{network.name}` has inputs: {names}"
        found.append(Diagnostic("TN058", message, help="fit a network whose output depends on its cores alone"))
    if len(network.outputs) != 1:
        names = listed(output.name for output in network.outputs)
        message = f"the network `{network.name}` has several outputs: {names}"
        found.append(Diagnostic("TN058", message, help="fit a network with one output"))
    if all(parameter.frozen for parameter in network.parameters):
        message = f"the network `{network.name}` has no trainable cores"
        found.append(Diagnostic("TN058", message, help="declare a core without `frozen`"))
    if found:
        raise CompileError(found)
    return network.outputs[0]


def _tensor(target: object, shape: tuple[int, ...]) -> torch.Tensor:
    given = target
    if callable(given) and not isinstance(given, torch.Tensor):
        given = _values(cast("Callable[..., object]", given), shape)
    if not isinstance(given, torch.Tensor):
        try:
            array = np.asarray(given)
            if array.dtype.kind not in "biufc":
                raise ValueError
            given = torch.from_numpy(_plain(array))
        except (ValueError, TypeError):
            raise expected("the target", "a tensor, an array, or a function of indices", target) from None
    result = given.detach()
    if result.is_quantized or result.layout != torch.strided:
        raise _error("TN057", "the target is quantized or sparse", "give a dense tensor, as of `.dequantize()`")
    return result


def _plain(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy that torch can take: native byte order, writable, no integer beyond int64, no extended precision."""
    kind = {"u": "float64", "g": "float64"}.get(array.dtype.kind, array.dtype.newbyteorder("="))
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        kind = "float64"
    if array.dtype.kind == "c" and array.dtype.itemsize > 16:
        kind = "complex128"
    return np.array(array, dtype=kind, order="C")


def _values(function: Callable[..., object], shape: tuple[int, ...]) -> object:
    """The values of a function on the indices of every axis."""
    grids = np.ogrid[tuple(slice(size) for size in shape)] if shape else ()
    values = np.asarray(function(*grids))
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        message = f"the function returns values of shape {values.shape}, not {shape}"
        raise _error("TN058", message, "return one value for each index, as `numpy.fromfunction` wants it") from None


def _check_shape(output: Output, wanted: tuple[int, ...], given: tuple[int, ...]) -> None:
    axes = [f"`{name}`" if name else str(axis) for axis, name in enumerate(output.axes)]
    if len(given) != len(wanted):
        message = (
            f"the target has {plural(len(given), 'axis', 'axes')}, "
            f"the output `{output.name}` has {plural(len(wanted), 'axis', 'axes')}"
        )
        raise _error("TN058", message, f"give a target of shape {_shape(wanted)}, or reshape it")
    wrong = [axis for axis, sizes in enumerate(zip(wanted, given, strict=True)) if sizes[0] != sizes[1]]
    found = [
        Diagnostic(
            "TN058",
            f"axis {axes[axis]} of the target has {plural(given[axis], 'entry', 'entries')}, "
            f"that of the output `{output.name}` has {wanted[axis]}",
            help=f"give a target of shape {_shape(wanted)}, or change the network",
        )
        for axis in wrong
    ]
    if found:
        raise CompileError(found)


def _dtype(target: torch.Tensor, dtype: str | None) -> str:
    if dtype is not None:
        if dtype not in DTYPES:
            raise CompileError((unknown("TN012", "dtype", dtype, DTYPES),))
        return dtype
    found = _name(target.dtype)
    return found if found in DTYPES else "complex64" if target.is_complex() else "float32"


def _device(device: str) -> torch.device:
    """A device that this machine has.

    Raises:
        CompileError: TN024 if it has no such device.
    """
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise _error("TN024", f"nothing can be computed on the device `{device}` here", "fit on `cpu`") from None
    return found


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "()"


def _error(code: str, message: str, help_text: str) -> CompileError:
    return CompileError((Diagnostic(code, message, help=help_text),))
