"""Alternating least squares: monotone, exact in each core, and only where the output is linear in each core."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import tnc
from tests.fit.networks import DOUBLE, network, smooth
from tnc.fit import fit_cores
from tnc.fit.als import Als
from tnc.fit.dependence import Dependence, dependences
from tnc.fit.problem import Problem, norm

LINEAR = {
    "mps": ("mps([2] * 8, chi = 3)", [2] * 8),
    "tree": ("ttn([2] * 8, chi = 3, act = identity)", [2] * 8),
    "cp": ("cp([4] * 4, rank = 3)", [4] * 4),
    "tucker": ("tucker([4, 8, 8], ranks = [2, 3, 3], act = identity)", [4, 8, 8]),
    "mera": ("mera([2] * 8, act = identity)", [2] * 8),
    "low rank": ("lowrank(16, 16, 3)", [16, 16]),
}


def problem(name: str, dtype: torch.dtype = DOUBLE) -> Problem:
    call, shape = LINEAR[name]
    target = smooth().reshape(shape).to(dtype)
    target = target + 1j * target.flip(0) if dtype.is_complex else target
    return Problem(network(call, len(shape)), target)


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE, torch.complex128], ids=str)
@pytest.mark.parametrize("name", LINEAR)
def test_the_error_never_grows(name: str, dtype: torch.dtype) -> None:
    call, shape = LINEAR[name]
    given = problem(name, dtype)
    found = fit_cores(network(call, len(shape)), given.target, steps=6, restarts=2)
    assert found.how.method == "als"
    errors = [error for _, error in found.history]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.9 * errors[0]


@pytest.mark.parametrize("most_bytes", [2**28, 0], ids=["a matrix", "conjugate gradients"])
@pytest.mark.parametrize("name", LINEAR)
def test_each_sub_problem_is_solved(name: str, most_bytes: int) -> None:
    given = problem(name)
    state = Als(most_bytes=most_bytes).start(given, given.start(0, 0))
    state = Als(most_bytes=most_bytes).advance(given, state)
    last = list(given.trainable())[-1]  # the last core of a sweep is still the best for the others
    module: Any = given.network.torch()(dtype=DOUBLE)
    given.set(state.x)
    for parameter in module.parameters():
        parameter.requires_grad_()
    _, gradient = given.value_and_gradient(state.x)
    key, place, _ = vars(__import__("sys").modules[type(module).__module__])["CORES"][last]
    start = 0
    for name_, parameter in module.named_parameters():
        if name_ == key:
            mine = gradient[start : start + parameter.numel()].reshape(parameter.shape)
            mine = mine if place is None else mine[place]
            assert float(mine.abs().max()) < 1e-6 * float(gradient.abs().max()) + 1e-10
        start += parameter.numel()


def test_a_low_rank_is_that_of_the_singular_values() -> None:
    target = torch.randn(16, 16, generator=torch.Generator().manual_seed(5), dtype=DOUBLE)
    found = fit_cores(network("lowrank(16, 16, 4)", 2), target, steps=300, restarts=1)
    best = torch.linalg.svdvals(target)[4:].square().sum().sqrt() / target.norm()
    assert found.error == pytest.approx(float(best), rel=1e-2)


def test_a_teacher_is_found_exactly() -> None:
    call, shape = LINEAR["mps"]
    net = network(call, len(shape))
    teacher: Any = net.torch()(dtype=DOUBLE, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        target = teacher()
    assert fit_cores(net, target, restarts=6).error < 1e-6


def test_useless_entries_stay() -> None:
    text = "network n() { core a(2, 4)  core b(4)  output w(i: 1 = i) = a(i, k) * b(k) }"
    net = tnc.loads(text)
    given = Problem(net, torch.tensor([2.0], dtype=DOUBLE))
    x = given.start(0, 0)
    before = given.core("a").clone()
    state = Als().advance(given, Als().start(given, x))
    given.set(state.x)
    assert torch.equal(given.core("a")[1], before[1])
    assert state.loss < 1e-20


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("output w(i, j) = a(i, k) * b(k, j)", (Dependence.LINEAR, Dependence.LINEAR)),
        ("output w(i, j) = a(i, k) * b(k, j) + b(i, j)", (Dependence.AFFINE, Dependence.LINEAR)),
        ("output w(i, j) = a(i, k) * b(k, j) + 1", (Dependence.AFFINE, Dependence.AFFINE)),
        ("output w(i, j) = tanh(a(i, k)) * b(k, j)", (Dependence.OTHER, Dependence.LINEAR)),
        ("output w(i, j) = a(i, k) * a(k, l) * b(l, j)", (Dependence.OTHER, Dependence.LINEAR)),
        ("output w(i, j) = rms(a(i, k) * b(k, j))", (Dependence.OTHER, Dependence.OTHER)),
        ("h(i, j) = a(i, k) * b(k, j)  output w(i, j) = h(i, k) * b(k, j)", (Dependence.LINEAR, Dependence.OTHER)),
        ("output w(i, j: 1 = j) = a(i, k) * b(k, j)", (Dependence.LINEAR, Dependence.LINEAR)),
        ("output w(i, j) = conj(a(i, k)) * b(k, j)", (Dependence.LINEAR, Dependence.LINEAR)),
    ],
)
def test_linearity_is_read_from_the_program(body: str, expected: tuple[Dependence, Dependence]) -> None:
    program = tnc.loads(f"network n() {{ core a(2, 2)  core b(2, 2)  {body} }}").program
    found = dependences(program)
    assert (found["a"], found["b"]) == expected


def test_a_conjugate_is_linear_in_real_numbers_only() -> None:
    net = tnc.loads("network n() { core a(2, 2)  core b(2, 2)  output w(i, j) = conj(a(i, k)) * b(k, j) }")
    assert dependences(net.program, complex_dtype=True)["a"] is Dependence.OTHER
    assert fit_cores(net, np.eye(2)).how.method == "als"
    assert fit_cores(net, np.eye(2) * 1j).how.method == "lbfgs"


def test_an_affine_network_is_fitted() -> None:
    net = tnc.loads("network n() { core a(4, 1)  core b(1, 4)  output w(i, j) = a(i, k) * b(k, j) + 3 }")
    target = 3 + torch.outer(torch.arange(1.0, 5.0), torch.arange(2.0, 6.0)).double()
    found = fit_cores(net, target)
    assert found.how.method == "als"
    assert found.error < 1e-10


def test_real_cores_of_a_complex_output() -> None:
    text = "network n() { core a(4, 2)  core b(2, 4) complex  output w(i, j) = a(i, k) * b(k, j) }"
    net = tnc.loads(text)
    given = Problem(net, torch.randn(4, 4, generator=torch.Generator().manual_seed(2), dtype=DOUBLE))
    state = Als().start(given, given.start(0, 0))
    losses = [state.loss]
    for _ in range(5):
        state = Als().advance(given, state)
        losses.append(state.loss)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0]


def test_an_activation_is_refused() -> None:
    with pytest.raises(tnc.CompileError, match="TN059") as caught:
        fit_cores(network("ttn([2] * 8, act = tanh)"), smooth(), method="als")
    assert "is not linear in the cores" in str(caught.value)
    assert norm(smooth()) > 0
