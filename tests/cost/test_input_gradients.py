"""Gradients of inputs: FLOPs against torch's counter, peak and saved bytes against torch and XLA."""

from __future__ import annotations

from typing import Any

import pytest
from torch.utils.flop_counter import FlopCounterMode

import tnc
from tnc import driver
from tnc.ir.schedule import Matmul, Schedule
from tnc.measure import runners
from tnc.measure.xla.step import jit_memory

LAYERS = """
network layers() {
  input x(batch?, 64)
  core u(64, 96)
  core v(96, 32)
  h(z, b) = tanh(x(z, a) * u(a, b))
  output y(z, c) = h(z, b) * v(b, c)
}
"""
FROZEN = LAYERS.replace("core u(64, 96)", "core u(64, 96) frozen").replace("core v(96, 32)", "core v(96, 32) frozen")
LINEAR = """
network linear() {
  input x(batch?, 512)
  let matrix = std.mpo([8] * 3, [8] * 3, 8)
  output y(b, (o[0..3])) = x(b, (i[0..3])) * matrix(o[0..3], i[0..3])
}
"""
CHAIN = """
network chain(n: int = 12) {
  input x(batch?, n, 2)
  core first(2, 5)
  core a[k in 1..n - 1](5, 2, 5)
  core last(5, 2)
  output y(z) = first(p[0], l[1]) * x(z, [0], p[0]) * prod(k in 1..n - 1) (a[k](l[k], p[k], l[k + 1]) * x(z, [k], p[k]))
    * last(l[n - 1], p[n - 1]) * x(z, [n - 1], p[n - 1])
}
"""
SUBJECTS = {"layers": LAYERS, "frozen": FROZEN, "linear": LINEAR, "chain": CHAIN}


def planned(name: str, batch: int, *, input_grads: bool) -> tuple[tnc.Network, driver.Planned]:
    network = tnc.loads(SUBJECTS[name], sizes={"batch": batch}, input_grads=input_grads)
    return network, driver.plan(network.initialised, network.options)


def running(network: tnc.Network, plan: driver.Planned) -> Any:
    return runners.prepare("torch", network.source("torch"), plan.plan.schedule, plan.plan.dtype)


def products(schedule: Schedule) -> tuple[int, int]:
    """FLOPs of products of matrices, forward and in training: torch's counter knows no others."""
    steps = [step for step in schedule.steps if isinstance(step.operation, Matmul)]
    forward = sum(step.cost.flops for step in steps)
    return forward, forward + sum(step.cost.flops_backward for step in steps)


@pytest.mark.parametrize("name", ["layers", "frozen", "linear"])
@pytest.mark.parametrize("input_grads", [False, True])
def test_flops_are_those_that_torch_counts(name: str, input_grads: bool) -> None:
    network, plan = planned(name, 40, input_grads=input_grads)
    run = running(network, plan)
    with FlopCounterMode(display=False) as counter:
        run.run()
    assert counter.get_total_flops() == products(plan.plan.schedule)[1]
    (report,) = network.report()
    assert report.flops_training >= counter.get_total_flops()


@pytest.mark.parametrize(
    ("name", "input_grads"), [("layers", False), ("frozen", False), ("linear", False), *((n, True) for n in SUBJECTS)]
)
def test_memory_is_what_torch_takes(name: str, input_grads: bool) -> None:
    network, plan = planned(name, 1000, input_grads=input_grads)
    run = running(network, plan)
    assert plan.report.bytes_saved == run.saved_bytes()
    assert plan.report.bytes_peak_training == pytest.approx(run.peak_bytes(), rel=0.1)


@pytest.mark.parametrize("name", ["layers", "frozen", "linear"])
def test_memory_under_jit_is_what_xla_takes(name: str) -> None:
    network, plan = planned(name, 1000, input_grads=True)
    run = runners.prepare("jax", network.source("jax"), plan.plan.schedule, plan.plan.dtype)
    assert jit_memory(plan.plan.schedule, plan.plan.dtype).total == pytest.approx(run.peak_bytes(), rel=0.1)


def test_where_it_is_said() -> None:
    for input_grads, said in ((True, "gradients of inputs counted"), (False, "gradients of inputs not counted")):
        network, plan = planned("linear", 8, input_grads=input_grads)
        assert said in network.source("torch")
        assert plan.report.to_dict()["input_grads"] is input_grads
        assert network.explain().to_dict()["networks"][0]["input_grads"] is input_grads  # type: ignore[index, call-overload]
        assert ("of cores and inputs" in str(network.report())) is input_grads
    network = tnc.loads("network t() { core a(2, 2)  output y(i, j) = a(i, j) }")
    assert "gradients of inputs" not in network.source("torch")


def test_inputs_take_time() -> None:
    seconds = [planned("chain", 4096, input_grads=grads)[1].report.predicted.training for grads in (False, True)]
    assert seconds[0] < seconds[1]
