"""Generated PyTorch modules are ordinary modules: compilers, transforms, precision, saving."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest
import torch

from tests.emitters.schedules import BACKENDS, module, random_cores, run, tensor_train, torch_module

_untyped: Any = torch  # for what torch itself leaves without types


@pytest.fixture
def network() -> Any:
    network = torch_module(tensor_train())
    network.load_cores({name: torch.as_tensor(core) for name, core in random_cores(tensor_train()).items()})
    return network


@pytest.fixture
def data() -> torch.Tensor:
    return torch.randn(4, 8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_backends_agree(data: torch.Tensor) -> None:
    cores = random_cores(tensor_train())
    results = {backend: run(tensor_train(), backend, data.numpy(), cores=cores) for backend in BACKENDS}
    for values in results.values():
        for value, expected in zip(values, results["numpy"], strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


def test_gradients(network: Any, data: torch.Tensor) -> None:
    parameters = {name: value.detach().clone().requires_grad_() for name, value in network.named_parameters()}

    def function(*values: torch.Tensor) -> Any:
        return torch.func.functional_call(network, dict(zip(parameters, values[:-1], strict=True)), (values[-1],)).y

    assert torch.autograd.gradcheck(function, (*parameters.values(), data.requires_grad_()))


def test_frozen_cores_are_buffers(network: Any) -> None:
    assert [name for name, _ in network.named_buffers()] == ["fixed"]
    assert {name for name, _ in network.named_parameters()} == {"first", "g", "tree__out", "gain"}


# torch itself warns when the compiler is loaded.
@pytest.mark.peers  # Inductor calls a C++ compiler
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compile_without_graph_breaks(network: Any, data: torch.Tensor) -> None:
    torch.compiler.reset()
    compiled = _untyped.compile(network, fullgraph=True)
    for got, expected in zip(compiled(data), network(data), strict=True):
        torch.testing.assert_close(got, expected)
    compiled(data).y.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_export_with_a_dynamic_batch(network: Any, data: torch.Tensor) -> None:
    program = torch.export.export(network, (data,), dynamic_shapes={"x": {0: torch.export.Dim("batch")}})
    longer = torch.cat([data, data, data])
    for got, expected in zip(program.module()(longer), network(longer), strict=True):
        torch.testing.assert_close(got, expected)


def test_transforms(network: Any, data: torch.Tensor) -> None:
    parameters = dict(network.named_parameters())

    def loss(values: dict[str, torch.Tensor], x: torch.Tensor) -> Any:
        return torch.func.functional_call(network, values, (x.unsqueeze(0),)).y.sum()

    def forward(x: torch.Tensor) -> Any:
        return network(x).y

    def member(values: dict[str, torch.Tensor]) -> Any:
        return torch.func.functional_call(network, values, (data,)).y

    per_sample = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, data)
    network(data).y.sum().backward()
    for name, parameter in parameters.items():
        torch.testing.assert_close(per_sample[name].sum(0), parameter.grad)
    jacobian = torch.func.jacrev(forward)(data)
    assert jacobian.shape == (4, 5, 4, 8, 2)
    ensemble = {name: torch.stack([value, 2 * value]) for name, value in parameters.items()}
    both = torch.func.vmap(member)(ensemble)
    torch.testing.assert_close(both[0], network(data).y)


def test_copies(network: Any, data: torch.Tensor) -> None:
    expected = network(data).y
    twin = copy.deepcopy(network)
    torch.testing.assert_close(twin(data).y, expected)
    torch.testing.assert_close(pickle.loads(pickle.dumps(network))(data).y, expected)
    stream = io.BytesIO()
    torch.save(network.state_dict(), stream)
    stream.seek(0)
    other = type(network)(dtype=torch.float64)
    other.load_state_dict(torch.load(stream))
    torch.testing.assert_close(other(data).y, expected)
    with torch.no_grad():
        twin.gain.add_(1)
    assert not torch.allclose(twin(data).y, expected)


def test_precisions(network: Any, data: torch.Tensor) -> None:
    expected = network(data).y.detach()
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.bfloat16, 0.2), (torch.float16, 0.05)):
        got = copy.deepcopy(network).to(dtype)(data.to(dtype)).y
        assert got.dtype == dtype
        torch.testing.assert_close(got.double(), expected, atol=tolerance, rtol=tolerance)
    half = copy.deepcopy(network).float()
    with torch.autocast("cpu", torch.bfloat16):
        got = half(data.float()).y
    got.sum().backward()
    torch.testing.assert_close(got.double(), expected, atol=0.2, rtol=0.2)


def test_inputs_need_not_be_contiguous(network: Any, data: torch.Tensor) -> None:
    strided = data.transpose(0, 2).contiguous().transpose(0, 2)
    torch.testing.assert_close(network(strided).y, network(data).y)


def test_no_data(network: Any) -> None:
    assert network(torch.empty(0, 8, 2, dtype=torch.float64)).y.shape == (0, 5)


def test_cores_are_views(network: Any, data: torch.Tensor) -> None:
    generated: Any = module(tensor_train(), "torch")
    cores = network.cores()
    assert list(cores) == list(generated.CORES)
    for name, (key, position, shape) in generated.CORES.items():
        assert cores[name].shape == shape
        stored = getattr(network, key)
        assert cores[name].data_ptr() == (stored if position is None else stored[position]).data_ptr()
    before = network(data).y
    with torch.no_grad():
        cores["g[2]"].zero_()
        cores["gain"].fill_(0.5)
    assert not torch.allclose(network(data).y, before)
    assert network.g[2].abs().sum() == 0


def test_loading_cores(network: Any) -> None:
    cores = {name: core.detach().clone() for name, core in network.cores().items()}
    other = type(network)(dtype=torch.float32)
    other.load_cores({name: core.numpy() for name, core in reversed(cores.items())})
    for name, core in other.cores().items():
        assert core.dtype == torch.float32
        torch.testing.assert_close(core, cores[name].float())
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in other.parameters())
    with pytest.raises(ValueError, match=r"missing cores: \['first'\]; unknown: \['second'\]"):
        other.load_cores({**{name: core for name, core in cores.items() if name != "first"}, "second": cores["first"]})
    kept = other.gain.clone()
    with pytest.raises(ValueError, match=r"core g\[3\] has shape \(3, 2, 3\), not \(3, 3\)"):
        other.load_cores({**cores, "gain": torch.tensor(7.0), "g[3]": torch.zeros(3, 3)})
    assert other.gain == kept


def test_large_values_do_not_outlive_their_last_use() -> None:
    """Peak memory of a chain of large steps is that of two of them, also inside a loop."""
    from tnc.ir.schedule import Index, InputTensor, Loop, Multiply, Read, Result, Scale, Schedule, Step

    shape = (1024, 1024)
    steps = [Step("h0", shape, Scale(Read("x", shape), 0.5))]
    steps += [Step(f"h{i}", shape, Scale(Read(f"h{i - 1}", shape), 0.5)) for i in range(1, 6)]
    body = (
        Step("s", shape, Scale(Read("c", shape), 0.5)),
        Step("t", shape, Scale(Read("s", shape), 2.0)),
        Step("u", shape, Multiply(Read("t", shape), Read("w", (1, 1), (0, Index(0, 1))))),
    )
    loop = Step("r", shape, Loop(3, Read("h5", shape), "c", body))
    schedule = Schedule(
        "chain",
        (),
        (InputTensor("x", shape), InputTensor("w", (3,))),
        (*steps, loop),
        (Result("y", Read("r", shape), (None, None)),),
    )
    network = torch_module(schedule, "float32")
    x, w = torch.ones(shape), torch.ones(3)
    with torch.no_grad(), _untyped.profiler.profile(profile_memory=True) as profile:
        network(x, w)
    alive = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            alive += event.nbytes()
            peak = max(peak, alive)
    assert peak <= 2 * 4 * 2**20 + 4096
