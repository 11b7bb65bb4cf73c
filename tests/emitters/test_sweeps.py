"""Sweeps on every backend: values against NumPy's tensordot, gradients against differences, the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.emitters.schedules import BACKENDS, plan_of, random_cores, run, torch_module
from tests.emitters.sweeps import SWEEPS, swept
from tests.evaluate_schedule import evaluate_schedule
from tnc.backends.numpy_source import NumpyDialect
from tnc.codegen import emitter
from tnc.codegen.body import Body
from tnc.codegen.documents import Doc, call
from tnc.cost import totals
from tnc.ir import verify_schedule
from tnc.ir.schedule import Schedule, Sweep, Window
from tnc.ir.traits import SWEEP, Traits


@pytest.mark.parametrize(
    ("backend", "is_complex"), [*((name, False) for name in BACKENDS), ("jax", True), ("numpy", True)]
)
@pytest.mark.parametrize("case", SWEEPS)
def test_values(case: str, backend: str, is_complex: bool) -> None:
    schedule = SWEEPS[case]
    verify_schedule(schedule)
    cores = random_cores(schedule)
    (given,) = schedule.inputs
    state = np.random.default_rng(1).normal(size=[int(size) for size in given.shape])
    if is_complex:
        state = state + 1j * state[::-1]
    (value,) = run(schedule, backend, state, cores=cores)
    np.testing.assert_allclose(value, evaluate_schedule(schedule, {**cores, "a": state})["y"], rtol=1e-12, atol=1e-12)


@dataclass(frozen=True, slots=True)
class FusedDialect(NumpyDialect):
    """NumPy with a function for whole sweeps in the place of a fused kernel."""

    def sweep(self, operand: str, gates: Sequence[str], fronts: Sequence[int]) -> Doc:
        return call("sweep", operand, f"[{', '.join(gates)}]", str(list(fronts)))


def sweep(state: Any, gates: Sequence[Any], fronts: Sequence[int]) -> Any:
    """All windows, by einsum; without the axis of legs that are not there."""
    for gate, front in zip(gates, fronts, strict=True):
        state = np.einsum("ns,fsb->fnb", gate, state.reshape(front, gate.shape[1], -1))
    front, new, back = state.shape
    return state.reshape((new, back) if front == 1 else (front, new) if back == 1 else state.shape)


@pytest.mark.parametrize("case", SWEEPS)
def test_a_backend_may_emit_a_sweep_itself(case: str) -> None:
    schedule = SWEEPS[case]
    body = Body(replace(plan_of(schedule), traits=Traits(frozenset({SWEEP}))), FusedDialect(), depth=0)
    (result,) = body.write()
    lines = body.writer.finish().splitlines()
    assert [line for line in lines if "sweep(" in line and "@" not in line]
    cores = random_cores(schedule)
    (given,) = schedule.inputs
    state = np.random.default_rng(1).normal(size=[int(size) for size in given.shape])
    scope: dict[str, Any] = {"params": cores, "a": state, "sweep": sweep, "np": np}
    exec("\n".join(lines), scope)
    wanted = evaluate_schedule(schedule, {**cores, "a": state})["y"]
    np.testing.assert_allclose(eval(result, scope), wanted, rtol=1e-12, atol=1e-12)


def test_gates_may_be_transposed() -> None:
    schedule = swept(4 * 3 * 5, (3, 3, 4), (5, 5, 12))
    (step,) = schedule.steps
    assert isinstance(step.operation, Sweep)
    turned = tuple(Window(replace(w.gate, perm=(1, 0)), w.front) for w in step.operation.windows)
    schedule = replace(schedule, steps=(replace(step, operation=replace(step.operation, windows=turned)),))
    verify_schedule(schedule)
    cores = random_cores(schedule)
    state = np.random.default_rng(1).normal(size=60)
    wanted = np.einsum("fsb,sn,bm->fnm", state.reshape(4, 3, 5), cores["g0"], cores["g1"]).ravel()
    for backend in BACKENDS:
        (value,) = run(schedule, backend, state, cores=cores)
        np.testing.assert_allclose(value, wanted, rtol=1e-12)


@pytest.mark.parametrize("case", SWEEPS)
def test_gradients(case: str) -> None:
    schedule = SWEEPS[case]
    network: Any = torch_module(schedule)
    (given,) = schedule.inputs
    state = torch.randn([int(size) for size in given.shape], dtype=torch.float64, requires_grad=True)
    parameters = {name: value.detach().clone().requires_grad_() for name, value in network.named_parameters()}

    def function(*values: torch.Tensor) -> Any:
        return torch.func.functional_call(network, dict(zip(parameters, values[:-1], strict=True)), (values[-1],))

    assert torch.autograd.gradcheck(function, (*parameters.values(), state))


@pytest.mark.parametrize("schedule", [*SWEEPS.values(), swept(64, (4, 4, 1), (2, 4, 4), frozen=(0,), core=True)])
def test_kept_for_the_backward_pass(schedule: Schedule) -> None:
    """As a chain of products: the state before every gate that is trained, and the gates that are computed."""
    network: Any = torch_module(schedule, "float32")
    inputs = [torch.rand([int(size) for size in given.shape]) for given in schedule.inputs]
    free = {t.untyped_storage().data_ptr() for t in (*network.parameters(), *network.buffers(), *inputs)}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in free:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = network(*inputs)
    assert totals(schedule, "float32").bytes_saved == sum(kept.values())
    del result


def test_text() -> None:
    schedule = swept(128, (2, 2, 1), (2, 2, 2), (2, 2, 64))
    lines = emitter("numpy").emit(plan_of(schedule)).splitlines()
    body = [line.strip() for line in lines if line.strip().startswith(("h = ", "h_window"))]
    assert body == [
        'h_window_1 = params["g0"] @ a.reshape(2, 64)',
        'h_window_2 = params["g1"] @ h_window_1.reshape(2, 2, 32)',
        'h = h_window_2.reshape(64, 2) @ params["g2"].T  # q',
    ]
