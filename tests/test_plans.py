"""Whatever plan an option chooses, values and gradients are the oracle's."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
import pytest

import tnc
from tests import oracle
from tests.agreement import Array, assert_close, random_inputs

LINEAR = """
network linear(modes: ints = [3, 2, 4], rank: int = 3) {
  input x(batch?, prod(modes))
  let n = len(modes)
  let weight = std.mpo(modes, modes, rank)
  output y(b, (o[0..n])) = tanh(x(b, (i[0..n])) * weight(o[0..n], i[0..n]))
}
"""


@dataclass(frozen=True)
class Subject:
    """A small network, smooth so that its differences are its derivatives."""

    text: str
    sizes: dict[str, int] = field(default_factory=dict[str, int])


def generated(call: str, leaves: int) -> Subject:
    text = f"network t() {{ let n = {call}  output w((x[0..2]), (x[2..{leaves}])) = n(x[0..{leaves}]) }}"
    return Subject(text)


SUBJECTS = {
    "attn": generated("std.attn([2] * 6, 2, layers = 2, act = tanh)", 6),
    "mera": generated("std.mera([2, 3, 2, 2, 2], 2, act = tanh)", 5),
    "brick": generated("std.brickwall([2] * 6, 2, act = tanh)", 6),
    "linear": Subject(LINEAR, {"batch": 5}),
}
CHOICES = tuple(product(("time", "flops", "memory"), (False, True), (None, "h100")))
STEP = 1e-6


@pytest.mark.parametrize("name", SUBJECTS)
def test_values_and_gradients(name: str) -> None:
    subject = SUBJECTS[name]
    expected = oracle.load(subject.text)
    cores = expected.random_cores(0, "float64")
    inputs = random_inputs(expected, subject.sizes, "float64", 0)
    value: Array
    (value,) = expected.evaluate(cores, inputs).values()
    random: Any = np.random.default_rng(7)
    cotangent: Array = random.normal(size=value.shape)
    direction: dict[str, Array] = {core: random.normal(size=entries.shape) for core, entries in cores.items()}
    above: Array
    below: Array
    (above,), (below,) = (
        expected.evaluate({core: cores[core] + sign * STEP * direction[core] for core in cores}, inputs).values()
        for sign in (1, -1)
    )
    slope = float(np.sum(cotangent * (above - below)) / (2 * STEP))
    sources = set[str]()
    for objective, forward_only, device in CHOICES:
        network = tnc.loads(
            subject.text,
            sizes=subject.sizes,
            dtype="float64",
            device=device,
            objective=objective,
            forward_only=forward_only,
        )
        sources.add(network.source("torch").partition("def forward")[2])
        got, gradients = _run(network, cores, list(inputs.values()), cotangent)
        assert_close(got, value, f"{objective}, {forward_only}, {device}")
        along = sum(float(np.sum(gradients[core] * direction[core])) for core in cores)
        assert abs(along - slope) <= 1e-6 * max(1.0, abs(slope)), (objective, forward_only, device)
    assert len(sources) > 1, "no option changes anything: this tests one plan only"


def _run(network: tnc.Network, cores: Any, inputs: list[Any], cotangent: Any) -> tuple[Any, dict[str, Any]]:
    """The value, and the gradient of every core."""
    torch: Any = import_module("torch")
    make: Any = network.module("torch")
    module = make(dtype=torch.float64)
    module.load_cores({core: torch.as_tensor(entries) for core, entries in cores.items()})
    result = module(*(torch.as_tensor(data) for data in inputs))
    result.backward(torch.as_tensor(cotangent))
    places: dict[str, tuple[str, int | None, tuple[int, ...]]] = import_module(make.__module__).CORES
    gradients = {key: parameter.grad.numpy() for key, parameter in module.named_parameters()}
    own = {core: gradients[key] if at is None else gradients[key][at] for core, (key, at, _) in places.items()}
    return result.detach().numpy(), own
