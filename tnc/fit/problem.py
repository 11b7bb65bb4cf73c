"""A fit as a function of one real vector: the trainable entries of a module, and the loss that they give."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch

from tnc.api import Network
from tnc.fit.dependence import Dependence, dependences
from tnc.ir.program import Parameter

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a core is stored: the parameter's key, the position in its stack or None, the core's shape."""

    key: str
    position: int | None
    shape: tuple[int, ...]


class Problem:
    """A module, a target, and ``loss(x)`` = ‖s·W(x) − T‖² / ‖T‖² of the trainable entries x.

    Complex entries count as two real ones. The fixed number s is the root mean square of T over that of the start, so
    that targets of every size are equally easy; :meth:`finish` multiplies one core by s. Where no core can take it,
    because an activation bounds the output, s is 1.
    """

    def __init__(self, network: Network, target: Tensor) -> None:
        self.network = network
        self.target = target
        self.norm = norm(target)
        self.dependences = dependences(network.program, complex_dtype=target.is_complex())
        self._names = {str(p.name): p for p in network.program.parameters}
        kind = network.torch()
        self._class = kind
        self._slots = {name: Slot(*place) for name, place in vars(sys.modules[kind.__module__])["CORES"].items()}
        self._module: Any = None
        self._drawn: tuple[int, int] | None = None
        self.scale = 1.0

    def start(self, seed: int, restart: int) -> Tensor:
        """Draw the cores of a restart, choose the scale, and return the vector that they are."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + restart)
        module: Any = cast(Any, self._class)(dtype=self.target.dtype, generator=generator)
        self._module = module.to(self.target.device)
        self._drawn = (seed, restart)
        self.scale = 1.0
        if self._scaled_core() is not None:
            size = norm(self.output()) / math.sqrt(self.target.numel())
            wanted = self.norm / math.sqrt(self.target.numel())
            self.scale = wanted / size if size > 0 and math.isfinite(size) else wanted
        return self.vector()

    def resume(self, seed: int, restart: int) -> None:
        """Draw the frozen cores and the scale of a restart again, unless they are there; the vector is free then."""
        if self._drawn != (seed, restart):
            self.start(seed, restart)

    # -- the vector --------------------------------------------------------------------------

    @property
    def parameters(self) -> list[Tensor]:
        """The trainable parameters of the module."""
        return [p for p in self._module.parameters() if p.requires_grad]

    def vector(self) -> Tensor:
        """The trainable entries, complex ones as two real numbers."""
        return torch.cat([_real(p.detach()).reshape(-1) for p in self.parameters])

    def set(self, x: Tensor) -> None:
        """Give the module the entries of a vector."""
        start = 0
        with torch.no_grad():
            for parameter in self.parameters:
                real = _real(parameter)
                real.copy_(x[start : start + real.numel()].reshape(real.shape))
                start += real.numel()

    # -- values ------------------------------------------------------------------------------

    def output(self) -> Tensor:
        """What the module computes, without a graph."""
        with torch.no_grad():
            return cast(Tensor, self._module()).detach()

    def value_and_gradient(self, x: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient; a loss that is not finite is infinite, with a gradient of zeros."""
        self.set(x)
        for parameter in self.parameters:
            parameter.grad = None
        error = (self._module() * (self.scale / self.norm) - self.target / self.norm).reshape(-1)
        loss = torch.linalg.vecdot(error, error).real
        cast(Any, loss).backward()
        value = float(loss.detach())
        if not math.isfinite(value):
            return math.inf, torch.zeros_like(x)
        zero = torch.zeros_like
        gradients = [_real(zero(p) if p.grad is None else p.grad).reshape(-1) for p in self.parameters]
        return value, torch.cat(gradients)

    def error(self) -> float:
        """‖s·W − T‖ / ‖T‖ of the module's entries, accumulated in double precision."""
        return norm(self.output() * self.scale - self.target) / self.norm

    # -- cores -------------------------------------------------------------------------------

    def trainable(self) -> dict[str, Slot]:
        """The cores that are fitted, in the order of their declaration."""
        return {name: self._slots[name] for name, parameter in self._names.items() if not parameter.frozen}

    def core(self, name: str) -> Tensor:
        """A core as a view of the module's entries."""
        slot = self._slots[name]
        tensor: Tensor = self._module.get_parameter(slot.key).detach()
        return (tensor if slot.position is None else tensor[slot.position]).reshape(slot.shape)

    def outputs_of(self, name: str) -> Callable[[Tensor], Tensor]:
        """The output, times s, as a function of one core; all others keep their entries."""
        slot = self._slots[name]
        fixed: dict[str, Tensor] = {key: value.detach() for key, value in self._module.state_dict().items()}

        def output(core: Tensor) -> Tensor:
            stored = fixed[slot.key]
            if slot.position is None:
                replaced = core.reshape(stored.shape)
            else:
                rows = [*stored.unbind(0)]
                rows[slot.position] = core.reshape(stored.shape[1:])
                replaced = torch.stack(rows)
            made: Tensor = torch.func.functional_call(self._module, {**fixed, slot.key: replaced}, ())
            return made * self.scale

        return output

    def finish(self) -> Mapping[str, Tensor]:
        """The cores by name, one of them multiplied by the scale, so that the module alone gives the output."""
        name = self._scaled_core()
        if name is not None:
            with torch.no_grad():
                self.core(name).mul_(self.scale)
            self.scale = 1.0
        cores: Mapping[str, Tensor] = self._module.cores()
        return {core: value.detach().clone() for core, value in cores.items()}

    def _scaled_core(self) -> str | None:
        return next((name for name in self.trainable() if self.dependences.get(name) is Dependence.LINEAR), None)

    def parameter(self, name: str) -> Parameter:
        """The declaration of a core."""
        return self._names[name]


def norm(tensor: Tensor) -> float:
    """The Frobenius norm, also of entries whose squares overflow."""
    if tensor.numel() == 0:
        return 0.0
    largest = float(tensor.abs().max())
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    kind = torch.complex128 if tensor.is_complex() else torch.float64
    return largest * float(torch.linalg.vector_norm(tensor.to(kind) / largest))


def _real(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
