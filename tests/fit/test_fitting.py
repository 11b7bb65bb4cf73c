"""Cores fitted by gradients: what they reach, that a seed decides everything, and what is refused."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import tnc
from tests.fit.networks import DOUBLE, LEAVES, network, smooth
from tnc.fit import fit_cores
from tnc.fit.problem import norm

TEACHERS = {
    "tree": f"ttn({LEAVES}, act = tanh)",
    "brick wall": f"brickwall({LEAVES}, act = tanh)",
    "tensor train": f"mps({LEAVES}, chi = 3)",
}


def value(net: tnc.Network, cores: Any, dtype: torch.dtype) -> torch.Tensor:
    """The output of a new module with given cores."""
    module: Any = net.torch()(dtype=dtype)
    module.load_cores(cores)
    with torch.no_grad():
        made: torch.Tensor = module()
    return made


@pytest.mark.parametrize("name", TEACHERS)
def test_a_teacher_of_the_same_network_is_found(name: str) -> None:
    net = network(TEACHERS[name])
    teacher: Any = net.torch()(dtype=torch.float64, generator=torch.Generator().manual_seed(11))
    with torch.no_grad():
        target = teacher() * 7.0
    found = fit_cores(net, target, steps=400, restarts=3, method="lbfgs")
    assert found.error < 0.02, found
    made = value(net, found.cores, torch.float64)
    assert math.isclose(float((made - target).norm() / target.norm()), found.error, rel_tol=1e-6)


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_equal_seeds_give_equal_cores(method: str) -> None:
    net = network(TEACHERS["tree"])
    first, again, other = (fit_cores(net, smooth(), method=method, steps=40, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(first.cores[name], again.cores[name]) for name in first.cores)
    assert first.history == again.history
    assert first.how == again.how
    assert any(not torch.equal(first.cores[name], other.cores[name]) for name in first.cores)


def test_the_best_restart_is_continued() -> None:
    found = fit_cores(network(TEACHERS["tree"]), smooth(), steps=100, restarts=5)
    trials = found.how.trials
    assert len(trials) == 5
    assert trials[found.how.restart] == min(trials)
    assert found.error <= min(trials)
    errors = [error for _, error in found.history]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == pytest.approx(found.error, rel=1e-4)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_the_size_of_the_target_does_not_matter(size: float) -> None:
    net = network(TEACHERS["tree"])
    plain, scaled = (fit_cores(net, smooth() * times, steps=60, restarts=2, seed=3) for times in (1.0, size))
    assert scaled.error == pytest.approx(plain.error, rel=0.05)
    made = value(net, scaled.cores, torch.float32)
    assert norm(made - smooth() * size) / norm(smooth() * size) == pytest.approx(scaled.error, rel=1e-3)


def test_a_bounded_output_is_fitted_as_it_is() -> None:
    net = network(f"ttn({LEAVES}, last = tanh)")
    found = fit_cores(net, 0.5 * torch.tanh(smooth()), steps=200)
    assert found.error < 0.6


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(torch.bfloat16, "float32"), (torch.int64, "float32"), (torch.float64, "float64"), (torch.complex64, "complex64")],
)
def test_the_dtype_is_that_of_the_target(kind: torch.dtype, dtype: str) -> None:
    target = (smooth() * 10).to(kind)
    target = target + 1j * target.flip(0) if kind.is_complex else target
    found = fit_cores(network(f"mps({LEAVES}, chi = 4)"), target, steps=60, method="lbfgs")
    assert found.how.dtype == dtype
    assert {str(core.dtype) for core in found.cores.values()} == {f"torch.{dtype}"}
    assert found.error < 0.35


@pytest.mark.parametrize(
    "kind", [np.uint16, np.dtype(">f4"), np.longdouble, np.bool_], ids=["unsigned", "big-endian", "long", "truth"]
)
def test_arrays_of_every_kind(kind: Any) -> None:
    target = np.arange(64).reshape([2] * 6).astype(kind)
    assert fit_cores(network("mps([2] * 6, chi = 2)", 6), target, steps=60).error < 0.05


def test_a_function_of_indices() -> None:
    def table(*index: Any) -> Any:
        return sum(axis * 2.0**-place for place, axis in enumerate(index))

    found = fit_cores(network(f"mps({LEAVES}, chi = 2)"), table, dtype="float64", steps=300)
    assert found.error < 1e-3
    assert fit_cores(network("mps([3], chi = 2)", 1), lambda i: 2 + 0 * i, steps=20).error < 1e-5


def test_frozen_cores_stay() -> None:
    text = "network n() { core a(8, 3)  core b(3, 8) init normal(1) frozen  output w(i, j) = a(i, k) * b(k, j) }"
    net = tnc.loads(text)
    target = torch.randn(8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = fit_cores(net, target, restarts=3, steps=200)
    fixed = found.cores["b"]
    best = torch.linalg.lstsq(fixed.T, target.T).solution.T
    assert found.error == pytest.approx(float((best @ fixed - target).norm() / target.norm()), rel=1e-4)
    assert found.parameters == 24


def test_progress_goes_to_its_end() -> None:
    seen: list[tuple[int, int, float]] = []
    fit_cores(network(TEACHERS["tree"]), smooth(), steps=50, restarts=3, progress=lambda *now: seen.append(now))
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert all(0 < done <= total == 60 for done, total, _ in seen)
    assert seen[-1][2] <= seen[0][2]


REFUSED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "not a number": (lambda: torch.full([2] * 3, math.nan), "TN057", "8 entries of the target are not finite"),
    "infinite": (lambda: torch.tensor([[[1.0, math.inf]] * 2] * 2), "TN057", "the first at [0, 0, 1]"),
    "zero": (lambda: torch.zeros([2] * 3), "TN057", "every entry of the target is zero"),
    "too large": (lambda: np.full([2] * 3, 1e300), "TN057", "beyond the range of `float32`"),
    "complex": (lambda: np.full([2] * 3, 1j), "TN057", "is complex and cannot be fitted in `float32`"),
    "too few axes": (lambda: np.ones([2, 2]), "TN058", "the target has 2 axes, the output `w` has 3 axes"),
    "one axis": (lambda: np.ones([2, 3, 2]), "TN058", "axis 1 of the target has 3 entries, that of the output `w` has"),
    "empty": (lambda: np.ones([2, 0, 2]), "TN058", "axis 1 of the target has 0 entries"),
    "values of a function": (lambda: lambda i, j, k: np.ones(5), "TN058", "the function returns values of shape (5,)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_targets_that_are_refused(name: str) -> None:
    make, code, message = REFUSED[name]
    with pytest.raises(tnc.CompileError) as caught:
        fit_cores(network("ttn([2] * 3)", 3), make(), dtype="float32")
    assert {diagnostic.code for diagnostic in caught.value.diagnostics} == {code}
    assert message in str(caught.value)


def test_two_wrong_axes_are_both_reported() -> None:
    with pytest.raises(tnc.CompileError) as caught:
        fit_cores(network("ttn([2] * 3)", 3), np.ones([3, 2, 5]))
    assert len(caught.value.diagnostics) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input x(3)  core a(3, 2)  output w(j) = x(i) * a(i, j)", "has inputs: `x`"),
        ("core a(3)  output w(i) = a(i)  output v(i) = 2 * a(i)", "several outputs: `w` and `v`"),
        ("core a(3) frozen  output w(i) = a(i)", "has no trainable cores"),
    ],
)
def test_networks_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(tnc.CompileError, match="TN058") as caught:
        fit_cores(tnc.loads(f"network n() {{ {text} }}"), np.ones(3))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "`steps` is 0"),
        ({"restarts": -1}, "`restarts` is -1"),
        ({"goal": -0.5}, "`goal` is -0.5"),
        ({"method": "lbgfs"}, "did you mean `lbfgs`?"),
    ],
)
def test_options_that_are_refused(options: Any, message: str) -> None:
    with pytest.raises(tnc.CompileError, match="TN059") as caught:
        fit_cores(network("ttn([2] * 3)", 3), np.ones([2] * 3), **options)
    assert message in str(caught.value)


def test_other_mistakes() -> None:
    net = network("ttn([2] * 3)", 3)
    with pytest.raises(tnc.CompileError, match="TN501"):
        fit_cores(network("ttn([2] * 8, act = relu)"), np.ones([2] * 8) * 1j)
    with pytest.raises(tnc.CompileError, match="TN012"):
        fit_cores(net, np.ones([2] * 3), dtype="float8")
    with pytest.raises(tnc.CompileError, match="TN024"):
        fit_cores(net, np.ones([2] * 3), device="no such device")
    with pytest.raises(TypeError, match="the target must be a tensor"):
        fit_cores(net, "weights")


def test_norms_of_huge_and_tiny_entries() -> None:
    for size in (1e-200, 1e200):
        assert norm(torch.full((4,), size, dtype=DOUBLE)) == pytest.approx(2 * size)
    assert norm(torch.tensor([3.0, 4j])) == pytest.approx(5)
