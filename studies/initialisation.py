"""How networks start: deviations and gradients over many seeds, with ``auto`` cores and with plain normal ones.

The generated PyTorch module draws its own cores, once for each seed; all seeds then run as one batch. Plain normal
cores are independent normal entries whose mean squares are those of the ``auto`` cores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

import tnc
from studies.cases import DECLARED, Case
from tnc.init.moments import core_moment

FEWEST, MOST = 400, 12_000
"""Seeds."""
_BATCH = 200
_AIM = 0.0125
"""The relative standard error that the number of seeds is chosen for."""

Params = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Start:
    """Statistics of the start over the seeds of a case; ``root`` and all quantiles relative to the declared deviation.

    ``root`` is that of the mean square over seeds and entries, ``error`` its relative standard error. ``within`` is
    the share of seeds whose own root lies in [0.5, 2], ``quantiles`` the 5th, 50th and 95th percentile of these
    roots. ``gradients`` are the norms, by stack, of the gradient of the sum of all entries times standard normal
    numbers: the root of their mean square over seeds.
    """

    seeds: int
    root: float
    error: float
    within: float
    quantiles: tuple[float, float, float]
    gradients: dict[str, float]

    @property
    def spread(self) -> float:
        """The largest norm over the smallest."""
        smallest = min(self.gradients.values())
        return max(self.gradients.values()) / smallest if smallest else math.inf


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case with what its cores, as the compiler chooses them or plain normal, start with."""

    case: Case
    parameters: int
    auto: Start
    normal: Start


def measure(case: Case, fewest: int = FEWEST, most: int = MOST) -> CaseResult:
    """Draw ``fewest`` seeds, and as many more as they show to be needed; plain normal cores get the same number."""
    network = tnc.loads(case.text())
    kind: Any = network.module("torch")
    module = kind()
    samples = _Samples(module, lambda first, count: _auto(module, first, count))
    samples.extend(fewest)
    pilot = samples.start().error
    if pilot > _AIM:
        samples.extend(min(most, math.ceil(fewest * (pilot / _AIM) ** 2)) - fewest)
    start = samples.start()
    deviations = _deviations(network, module)
    normal = _Samples(module, lambda first, count: _normal(module, deviations, first, count))
    normal.extend(start.seeds)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return CaseResult(case, parameters, start, normal.start())


class _Samples:
    """Mean squares and squared gradient norms of one seed after the other."""

    def __init__(self, module: Any, draw: Callable[[int, int], Params]) -> None:
        self._module = module
        self._draw = draw
        self._squares: list[NDArray[np.float64]] = []
        self._norms: dict[str, list[NDArray[np.float64]]] = {key: [] for key, _ in module.named_parameters()}
        self._seeds = 0

    def extend(self, count: int) -> None:
        """Run ``count`` more seeds."""
        for size in _batches(count):
            self._run(self._draw(self._seeds, size), size)
            self._seeds += size

    def _run(self, params: Params, size: int) -> None:
        for key in self._norms:
            params[key].requires_grad_()

        def forward(one: Params) -> torch.Tensor:
            return cast(torch.Tensor, torch.func.functional_call(self._module, one, ()))

        output: torch.Tensor = torch.func.vmap(forward)(params)
        cotangent = torch.randn(output.shape, generator=torch.Generator().manual_seed(self._seeds))
        gradients = torch.autograd.grad((output * cotangent).sum(), [params[key] for key in self._norms])
        flat = output.detach().double().reshape(size, -1)
        self._squares.append(flat.square().mean(1).numpy())
        for norms, gradient in zip(self._norms.values(), gradients, strict=True):
            norms.append(gradient.double().reshape(size, -1).square().sum(1).numpy())

    def start(self) -> Start:
        """What all seeds so far started with."""
        squares = np.concatenate(self._squares) / DECLARED**2
        roots = np.sqrt(squares)
        low, middle, high = (float(value) for value in np.quantile(roots, (0.05, 0.5, 0.95)))
        return Start(
            seeds=self._seeds,
            root=math.sqrt(float(squares.mean())),
            error=float(squares.std(ddof=1) / math.sqrt(self._seeds) / (2 * squares.mean())),
            within=float(np.mean((roots >= 0.5) & (roots <= 2))),
            quantiles=(low, middle, high),
            gradients={key: math.sqrt(float(np.concatenate(norms).mean())) for key, norms in self._norms.items()},
        )


def _batches(count: int) -> Iterator[int]:
    for start in range(0, count, _BATCH):
        yield min(_BATCH, count - start)


# -- cores -------------------------------------------------------------------------------------


def _auto(module: Any, first: int, count: int) -> Params:
    """All tensors of the module for ``count`` seeds from ``first`` on, drawn by the module itself."""
    states: list[Params] = []
    for seed in range(first, first + count):
        module.reset_parameters(torch.Generator().manual_seed(seed))
        states.append({key: value.clone() for key, value in module.state_dict().items()})
    return {key: torch.stack([state[key] for state in states]) for key in states[0]}


def _deviations(network: tnc.Network, module: Any) -> dict[str, list[float | None]]:
    """By stack, the deviation of every member's entries, where it is for the compiler to choose."""
    inits = network.initialised.initialisation.inits
    parameters = {str(parameter.name): parameter for parameter in network.program.parameters}
    found: dict[str, list[float | None]] = {}
    for name, (key, _, _) in _cores_table(module).items():
        moment = core_moment(replace(parameters[name], init=inits[name])) if name in inits else None
        found.setdefault(key, []).append(None if moment is None else math.sqrt(moment))
    return found


def _cores_table(module: Any) -> dict[str, tuple[str, int | None, tuple[int, ...]]]:
    import sys

    table: dict[str, tuple[str, int | None, tuple[int, ...]]] = vars(sys.modules[type(module).__module__])["CORES"]
    return table


def _normal(module: Any, deviations: dict[str, list[float | None]], first: int, count: int) -> Params:
    """All tensors of the module, the chosen ones as independent normal entries."""
    random = torch.Generator().manual_seed(first)
    params: Params = {}
    for key, given in module.state_dict().items():
        sizes = [size for size in deviations[key] if size is not None]
        if len(sizes) < len(deviations[key]):
            params[key] = given.expand(count, *given.shape).clone()
            continue
        scale = torch.tensor(sizes).reshape(-1, *[1] * (given.dim() - 1)) if len(sizes) > 1 else sizes[0]
        params[key] = torch.randn((count, *given.shape), generator=random) * scale
    return params
