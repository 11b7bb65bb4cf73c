"""Targets: which profile a backend gets, what it is reported as, and what traits change in the costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import tnc
from tnc import CompileError, codegen
from tnc.codegen import registry
from tnc.cost import Target
from tnc.cost.device_file import find_profile, place, profile_text, shipped
from tnc.cost.kernels import Kernel, MemoryPass, kernels
from tnc.ir.program import Apply, Argument
from tnc.ir.schedule import Kron, Multiply, Operation, Plan, Pointwise, Read, Step
from tnc.ir.traits import Traits

LAYER = """network layer(act: fn = relu) {
  input x(batch?, 64)
  core w(64, 64)
  core v(64, 64)
  h(b, o) = act(x(b, i) * w(i, o))
  output y(b, o) = h(b, i) * v(i, o)
}
"""


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_a_backend_has_times_of_its_own_for_the_generic_processor(backend: str) -> None:
    target = codegen.target(backend, None)
    assert (target.device.backend, target.device.name, target.device.measured) == (backend, "generic-cpu", True)
    assert target.eager == Target().device
    assert target.reference == Target()


@pytest.mark.parametrize("device", [name for name in shipped() if name != "generic-cpu"])
def test_where_nothing_was_measured_the_times_of_torch_stand_in(device: str) -> None:
    target = codegen.target("jax", device)
    assert target.device == find_profile(device)
    label = tnc.loads(LAYER, device=device).report("jax").networks[0].predicted.label
    assert label == f"jax on {device} ({target.device.digest[:12]}), by the times of torch"


def test_torch_is_the_reference_itself() -> None:
    assert codegen.target("torch", None) == Target()
    assert Target().reference is None


def test_calibrated_profiles_are_chosen_by_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "tnc" / "devices"
    example = find_profile("generic-cpu", "numpy")
    text = (Path(tnc.__file__).parent / "devices" / place("generic-cpu", "numpy")).read_text(encoding="utf-8")
    for backend in ("numpy", "cupy"):
        path = folder / place("lab", backend)
        path.parent.mkdir(parents=True)
        path.write_text(text.replace('"backend": "numpy"', f'"backend": "{backend}"'), encoding="utf-8")
    assert find_profile("lab", "numpy") == example
    assert find_profile("lab", "cupy").backend == "cupy"
    assert find_profile("lab", "jax").backend == "cupy"  # neither its own nor PyTorch's: the first by name
    (folder / "lab.json").write_text(text.replace('"backend": "numpy",', ""), encoding="utf-8")
    assert find_profile("lab", "jax").backend == "torch"
    assert find_profile("lab", "numpy").backend == "numpy"


def test_profiles_go_where_they_are_found() -> None:
    assert (place("lab", "torch"), place("lab", "jax")) == ("lab.json", "jax/lab.json")
    assert profile_text({"backend": "jax"}) == '{\n  "backend": "jax"\n}\n'


class Theirs:
    """The emitter of a package whose framework has no backward pass."""

    traits: object = Traits(saves=False)

    def emit(self, plan: Plan) -> str:
        assert not plan.traits.saves
        return codegen.emitter("numpy").emit(plan)


class Mistaken(Theirs):
    traits = "no backward pass"


@pytest.mark.parametrize("emitter", [Theirs, Mistaken])
def test_another_package_declares_its_traits(emitter: type[Theirs], monkeypatch: pytest.MonkeyPatch) -> None:
    offered = {**registry.BACKENDS, "theirs": f"{__name__}:{emitter.__name__}"}
    monkeypatch.setattr(registry, "BACKENDS", offered)
    network = tnc.loads(LAYER)
    if emitter is Mistaken:
        with pytest.raises(CompileError, match="declares traits of the wrong type: str"):
            network.report("theirs")
    else:
        (report,) = network.report("theirs")
        assert not report.trains
        assert "def apply" in network.source("theirs")


def test_without_a_backward_pass_nothing_is_saved_and_no_gradient_is_counted() -> None:
    network = tnc.loads(LAYER, sizes={"batch": 64})
    (forward,), (both,) = network.report("numpy"), network.report()
    assert forward.flops_training == forward.flops_forward == both.flops_forward < both.flops_training
    assert (forward.bytes_saved, forward.predicted.backward) == (0, 0.0)
    assert forward.bytes_peak_training == forward.bytes_peak_forward
    assert "training" not in str(forward and network.report("numpy"))
    assert network.explain("numpy").networks[0].forward_only


@pytest.mark.parametrize(
    ("act", "eager", "fused"),
    [("relu", 1, 2), ("tanh", 1, 1), ("sigmoid", 1, 1), ("silu", 2, 3), ("leaky_relu", 1, 2)],
)
def test_a_compiled_step_saves_arguments_of_cheap_functions_and_results_of_expensive_ones(
    act: str, eager: int, fused: int
) -> None:
    """In arrays: the product before the activation, its result for the product behind it, the sigmoid inside `silu`."""
    network = tnc.loads(LAYER, sizes={"batch": 64}, act=act)
    saved = [network.report(backend).networks[0].bytes_saved / (4 * 64 * 64) for backend in ("torch", "jax")]
    assert saved == [eager, fused]


A, B = Read("a", (8, 8)), Read("b", (1, 8))


@pytest.mark.parametrize(
    ("operation", "forward", "backward"),
    [
        (Multiply(A, B), [64 + 8 + 64], [64 + 72 + 64, 64 + 72 + 8]),
        (Kron(A, B), [64 + 8 + 64], [64 + 72 + 64, 64 + 72 + 8]),
        (Pointwise(Apply("sin", (Apply("exp", (Argument(0),)),)), (A,)), [128], [192]),
    ],
)
def test_a_fused_operation_is_a_pass_and_so_is_each_gradient(
    operation: Operation, forward: list[int], backward: list[int]
) -> None:
    step = Step("h", (8, 8), operation)
    grads = [True] * len(backward)
    eager, fused = (kernels(step, grads, {}, fuses=fuses) for fuses in (False, True))
    assert [each.entries for each in fused.forward] == forward
    assert [each.entries for each in fused.backward] == backward
    assert sum(each.entries for each in fused.backward) < sum(each.entries for each in eager.backward)

    def functions(passes: Sequence[Kernel]) -> int:
        return sum(each.functions for each in passes if isinstance(each, MemoryPass))

    assert functions(fused.forward) == functions(eager.forward)
