"""Alternating least squares: where the output is linear in each core, every core has a best value for the others."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import torch

from tnc.fit.dependence import Dependence
from tnc.fit.methods import State
from tnc.fit.problem import Problem, norm

Tensor = torch.Tensor

MOST_BYTES: Final = 2**28
"""A matrix of a sub-problem that would need more is not built; conjugate gradients apply it instead."""


@dataclass(frozen=True, slots=True)
class Als:
    """One step is a sweep: the exact least-squares problem of every core in turn, back and forth.

    A core changes by the update of least norm among the best ones, so that what the output does not depend on stays
    as it is. Rounding cannot raise the loss: an update that would is dropped.
    """

    name: str = "als"
    most_bytes: int = MOST_BYTES

    def start(self, problem: Problem, x: Tensor) -> State:
        """The state before the first sweep."""
        problem.set(x)
        return State(x, problem.error() ** 2)

    def advance(self, problem: Problem, state: State) -> State:
        """One sweep over all cores."""
        problem.set(state.x)
        loss, cores = state.loss, list(problem.trainable())
        for name in reversed(cores) if state.taken % 2 else cores:
            loss = _improve(problem, name, loss, self.most_bytes)
        return State(problem.vector(), loss, state.taken + 1, stuck=loss >= state.loss)


def not_linear(problem: Problem) -> list[str]:
    """The trainable cores that the output is not linear in, apart from a constant summand."""
    return [name for name in problem.trainable() if problem.dependences[name] is Dependence.OTHER]


def _improve(problem: Problem, name: str, loss: float, most_bytes: int) -> float:
    """Solve for one core, the others fixed; the loss then."""
    core = problem.core(name)
    before = core.clone()
    residual = (problem.target - problem.output() * problem.scale) / problem.norm
    output = problem.outputs_of(name)
    constant = output(torch.zeros_like(core))

    def apply(move: Tensor) -> Tensor:
        return (output(move) - constant) / problem.norm

    size = residual.numel() * core.numel() * residual.element_size()
    update = (_direct if size <= most_bytes else _iterative)(apply, residual, core)
    with torch.no_grad():
        core.add_(update.to(core.dtype))
    after = problem.error() ** 2
    if after < loss:
        return after
    with torch.no_grad():
        core.copy_(before)
    return loss


def _direct(apply: Callable[[Tensor], Tensor], residual: Tensor, core: Tensor) -> Tensor:
    """The solution of least norm, from the QR decomposition of the matrix and the singular values of its R."""
    count = core.numel()
    basis = torch.eye(count, dtype=core.dtype, device=core.device).reshape(count, *core.shape)
    with torch.no_grad():
        columns = torch.vmap(apply, chunk_size=_chunk(residual.numel()))(basis).reshape(count, -1)
    wanted = residual.reshape(-1)
    if columns.is_complex() and not core.is_complex():  # the update is real: real and imaginary parts are rows
        columns, wanted = torch.cat([columns.real, columns.imag], 1), torch.cat([wanted.real, wanted.imag])
    decomposed: Any = torch.linalg.qr(columns.T, mode="reduced")
    q, r = cast(Tensor, decomposed[0]), cast(Tensor, decomposed[1])
    small = q.mH @ wanted.to(q.dtype)
    tolerance = torch.finfo(r.dtype).eps * max(columns.shape)
    inverse: Tensor = torch.linalg.pinv(r, rtol=tolerance)
    return (inverse @ small).reshape(core.shape)


def _iterative(apply: Callable[[Tensor], Tensor], residual: Tensor, core: Tensor) -> Tensor:
    """The same solution by conjugate gradients on the normal equations (CGLS), which need no matrix."""
    update = torch.zeros_like(core)
    rest = residual
    gradient = _adjoint(apply, rest, core)
    direction, size = gradient, norm(gradient) ** 2
    least = size * torch.finfo(core.dtype).eps ** 2
    for _ in range(2 * core.numel()):
        if size <= least:
            break
        image = apply(direction)
        length = size / norm(image) ** 2 if bool(image.any()) else 0.0
        update, rest = update + length * direction, rest - length * image
        gradient = _adjoint(apply, rest, core)
        size, before = norm(gradient) ** 2, size
        direction = gradient + (size / before) * direction
    return update


def _adjoint(apply: Callable[[Tensor], Tensor], cotangent: Tensor, core: Tensor) -> Tensor:
    """The adjoint of a linear map from cores, applied to a tensor."""
    image, pull = cast("tuple[Tensor, Callable[[Tensor], tuple[Tensor]]]", torch.func.vjp(apply, core))
    return pull(cotangent.to(image.dtype))[0].detach()


def _chunk(entries: int) -> int:
    """How many columns are computed at once: few enough for the caches of a processor, and at least one."""
    return max(1, min(64, 2**21 // max(entries, 1)))
