"""Complex numbers: `conj`, complex cores and what takes real numbers only, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import tnc
from tests import backends, oracle
from tests.agreement import Array, assert_agreement, assert_close
from tests.random_programs import random_program
from tnc.measure.memory import saved_bytes

CONJUGATES = {
    "expectation value": "input H(3, 3)  core u(3)  output e() = conj(u(i)) * H(i, j) * u(j)",
    "norm": "core u(3, 4)  output n() = conj(u(i, j)) * u(i, j)",
    "of a product": "core u(3, 4)  core v(4)  output y(i) = conj(u(i, j) * v(j))",
    "of a sum": "core u(3)  core v(3)  output y(i) = conj(u(i) - 2 * conj(v(i)))",
    "of an input": "input x(batch?, 3)  core u(3)  output y(b) = conj(x(b, i)) * u(i)",
    "term of a sum": "core u(3, 4)  core v(4)  output y(i, j) = conj(u(i, j)) + v(j) - conj(v(j))",
    "of an activation": "core u(3, 4)  core v(4)  h(i) = tanh(u(i, j) * v(j))  output y(i) = conj(h(i)) * h(i)",
    "under an activation": "core u(3)  output y(i) = sin(conj(u(i)), 0.5)",
    "of members": "core A[k in 0..6](3, 3)  output t() = prod(k in 0..6) conj(A[k](x[k], x[(k + 1) % 6]))",
    "of one member": "core A[k in 0..3](3, 3)  output y(i, j) = A[0](i, k) * conj(A[1](k, l)) * A[2](l, j)",
    "member alone": "core A[k in 0..3](3)  h(i) = conj(A[1](i))  output y(i) = h(i) * conj(A[1](i)) + A[0](i)",
    "diagonal": "core u(3, 3)  output y(i) = conj(u(i, i)) * u(i, i)",
    "twice": "core u(3)  output y(i) = conj(conj(u(i)))",
    "of a crop": "core u(4, 4)  h(a: 3 = i, b: 2 = j) = u(i, j)  output y(i) = conj(h(i, j)) * h(i, j)",
    "of an instance": "let a = std.mps([2] * 4, 2)  output z() = conj(a(x[0..4])) * a(x[0..4])",
    "of a loop": "input l(3)  core A[k in 0..40](3, 3)"
    "  output z(x[40]) = l(x[0]) * prod(k in 0..40) conj(A[k](x[k], x[k + 1]))",
    "of rms": "core u(3)  output y(i) = conj(rms(u(i)))",
}


@pytest.mark.parametrize("counted", ["float32", "complex64"])
@pytest.mark.parametrize("name", CONJUGATES)
def test_conj_is_computed_whatever_the_report_counts(name: str, counted: str) -> None:
    text = f"network n() {{ {CONJUGATES[name]} }}"
    expected = oracle.load(text)
    random = np.random.default_rng(1)
    cores = {core: _scaled(value) for core, value in expected.random_cores(1, "complex128").items()}
    inputs = {
        given.name: random.normal(size=shape) + 1j * random.normal(size=shape)
        for given in expected.inputs
        for shape in [tuple(5 if isinstance(dim, str) else dim for dim in given.shape)]
    }
    wanted = expected.evaluate(cores, inputs)
    network = tnc.loads(text, dtype=counted)
    for backend in backends.BACKENDS:
        got = backends.evaluate(network, backend, list(inputs.values()), cores)
        for output, value in wanted.items():
            assert_close(got[output], value, f"{backend}, {output}")


def _scaled(core: Array) -> Array:
    return np.asarray(core / np.sqrt(core.shape[-1] if core.shape else 1))


DECLARED = {
    "expectation value": "input H(3, 3)  core u(3) complex  output e() = conj(u(i)) * H(i, j) * u(j)",
    "beside real ones": "core u(3, 4) complex  core v(4, 2)  output y(i, k) = u(i, j) * v(j, k)",
    "real ones first": "core u(3, 4)  core v(4, 2) complex  core w(3, 2) frozen"
    "  output y(i, k) = u(i, j) * v(j, k) + u(i, j) * u(m, j) * w(m, k)",
    "magnitudes": "core u(3, 4) complex  core v(4)  output y(i) = magnitude(u(i, j) * v(j))",
    "magnitudes in a product": "core u(3, 4)  core v(3, 2)  output y(j, k) = magnitude(u(i, j)) * v(i, k)",
    "real functions of magnitudes": "core u(3, 4) complex  output y(i) = relu(magnitude(u(i, j)) * ones(j))",
    "chain": "core l(3)  core A[k in 0..40](3, 3) complex"
    "  output z(x[40]) = l(x[0]) * prod(k in 0..40) A[k](x[k], x[k + 1])",
    "chain on data": "input l(batch?, 3)  core A[k in 0..40](3, 3) complex"
    "  output z(b, x[40]) = l(b, x[0]) * prod(k in 0..40) A[k](x[k], x[k + 1])",
    "one family, two kinds": "core A[0](2, 2)  core A[1](2, 2) complex  output y(i, k) = A[0](i, j) * A[1](j, k)",
    "scalar": "core s() complex  core u(3)  output y(i) = s() * u(i)",
    "scalar of a function": "core s() complex  core u(3)  fn f(t) = exp(s() * t)  output y(i) = f(u(i))",
    "frozen": "core u(2) complex init [1, 2] frozen  core v(2)  output y() = conj(u(i)) * v(i)",
    "constants": "core u(3) complex  output y(i) = u(i) + 1",
    "sums of ones": "input x(batch?, 3)  core u(3) complex  output y(i) = u(i) * ones(b) * x(b, j) * ones(j)",
}


@pytest.mark.parametrize("name", DECLARED)
def test_complex_cores(name: str) -> None:
    text = f"fn magnitude(t) = abs(t)\nnetwork n() {{ {DECLARED[name]} }}"
    assert_agreement(text, sizes={"batch": 5} if "batch" in text else None, seed=1)


def test_dtypes_follow_the_module() -> None:
    cores = "core u(3) complex  core v(3)  core s() complex"
    network = tnc.loads(f"network n() {{ {cores}  output y(i) = s() * u(i) * v(i) }}")
    pairs = [("float32", "complex64"), ("float64", "complex128")]
    module = _torch(network)
    for real, both in pairs:
        made = module(dtype=getattr(torch, real))
        assert {name: str(value.dtype)[6:] for name, value in made.state_dict().items()} == {
            "u": both,
            "v": real,
            "s": both,
        }
        arrays = _functions(network, "numpy").init(0, dtype=real)
        assert {name: value.dtype.name for name, value in arrays.items()} == {"u": both, "v": real, "s": both}
    jax: Any = import_module("jax")
    arrays = _functions(network, "jax").init(jax.random.key(0))
    assert {name: value.dtype.name for name, value in arrays.items()} == {
        "u": "complex64",
        "v": "float32",
        "s": "complex64",
    }


def _torch(network: tnc.Network) -> Any:
    return network.module("torch")


def _functions(network: tnc.Network, backend: str) -> ModuleType:
    module = network.module(backend)
    assert isinstance(module, ModuleType)
    return module


def test_a_real_dtype_sets_the_precision_of_complex_cores() -> None:
    module = _torch(tnc.loads("network n() { core u(3) complex  core v(3)  output y() = u(i) * v(i) }"))()
    before = module.u.detach().clone()
    module.to(torch.float64)
    assert module.u.dtype == torch.complex128
    assert module.v.dtype == torch.float64
    module.float()
    assert module.u.dtype == torch.complex64
    assert torch.equal(module.u, before)
    module.to("meta")
    assert module.u.is_meta
    assert module.u.dtype == torch.complex64


def test_a_real_module_refuses_complex_entries_instead_of_dropping_half_of_them() -> None:
    module = _torch(tnc.loads("network n() { core u(3)  core v(3)  output y() = u(i) * v(i) }"))()
    before = module.u.detach().clone()
    cores = {"u": torch.ones(3), "v": torch.ones(3, dtype=torch.complex64)}
    with pytest.raises(TypeError, match="core v is real"):
        module.load_cores(cores)
    assert torch.equal(module.u, before)


def test_real_values_for_complex_cores() -> None:
    declared = "core u(3) complex  core A[k in 0..2](2) complex"
    network = tnc.loads(f"network n() {{ {declared}  output y(i, j) = u(i) * A[0](j) * A[1](j) }}")
    cores = {"u": np.ones(3), "A[0]": np.ones(2), "A[1]": np.ones(2)}
    for backend in ("numpy", "jax"):
        parameters = _functions(network, backend).params_from_cores(cores)
        assert all(np.iscomplexobj(value) for value in parameters.values())


# -- gradients ---------------------------------------------------------------------------------

GRADIENTS = {
    "expectation value": "core u(3) complex  core H(3, 3)  output e() = conj(u(i)) * H(i, j) * u(j)",
    "norm of a chain": "core A[k in 0..5](2, 2, 2) complex  output n() = prod(k in 0..5)"
    " (A[k](x[k], s[k], x[(k + 1) % 5]) * conj(A[k](y[k], s[k], y[(k + 1) % 5])))",
    "magnitudes": "core u(3, 2) complex  core v(2)  output y(i) = magnitude(u(i, j) * v(j))",
    "activations": "core u(3, 2) complex  core v(2)  output y(i) = tanh(u(i, j) * v(j)) * conj(sin(u(i, j))) * ones(j)",
    "scalar of a function": "core s() complex  core u(3)  fn f(t) = exp(s() * t)  output y(i) = f(u(i))",
    "rms": "core u(3) complex  core v(3)  output y(i) = rms(u(i)) * conj(v(i))",
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_follow_the_conventions_of_the_frameworks(name: str) -> None:
    """Against differences of NumPy's values: ∂L/∂x + i ∂L/∂y on PyTorch, its conjugate on JAX."""
    network = tnc.loads(f"fn magnitude(t) = abs(t)\nnetwork n() {{ {GRADIENTS[name]} }}")
    random = np.random.default_rng(0)
    plain = _functions(network, "numpy")
    cores: dict[str, Array] = {}
    for parameter in network.parameters:
        entries = np.asarray(random.normal(size=parameter.shape))
        if parameter.is_complex:
            entries = np.asarray(entries + 1j * random.normal(size=parameter.shape))
        cores[str(parameter.name)] = entries

    def loss(values: dict[str, Array]) -> float:
        return float((np.abs(plain.apply(plain.params_from_cores(values))) ** 2).sum())

    expected = {core: _differences(loss, cores, core) for core in cores}

    module = _torch(network)(dtype=torch.float64)
    module.load_cores({core: torch.as_tensor(value) for core, value in cores.items()})
    parameters = dict(module.named_parameters())
    torch.autograd.backward((module().abs() ** 2).sum())
    positions: dict[str, tuple[str, int | None, tuple[int, ...]]] = plain.CORES
    for core, (key, position, shape) in positions.items():
        gradient = parameters[key].grad
        assert gradient is not None
        found = gradient.numpy() if position is None else gradient[position].numpy()
        assert np.allclose(found.reshape(shape), expected[core], rtol=1e-6, atol=1e-7)

    jax: Any = import_module("jax")
    functions = _functions(network, "jax")

    def square(params: dict[str, Any]) -> Any:
        return (jax.numpy.abs(functions.apply(params)) ** 2).sum()

    with jax.enable_x64(True):
        slopes = jax.grad(square)(functions.params_from_cores(cores))
    for core, (key, position, shape) in positions.items():
        found = np.asarray(slopes[key] if position is None else slopes[key][position])
        assert np.allclose(found.reshape(shape).conj(), expected[core], rtol=1e-6, atol=1e-7)


def _differences(loss: Callable[[dict[str, Array]], float], cores: dict[str, Array], name: str) -> Array:
    gradient = np.zeros_like(cores[name])
    for place in np.ndindex(cores[name].shape):
        for unit in (1.0, 1j) if np.iscomplexobj(gradient) else (1.0,):
            ends: list[float] = []
            for sign in (1, -1):
                moved = cores[name].copy()
                moved[place] += sign * 1e-6 * unit
                ends.append(loss({**cores, name: moved}))
            gradient[place] += unit * (ends[0] - ends[1]) / 2e-6
    return gradient


# -- what takes real numbers only --------------------------------------------------------------


def test_a_real_function_of_a_complex_core_is_found_by_check() -> None:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.loads("network n() {\n  core u(3) complex\n  h(i) = tanh(u(i))\n  output y(i) = relu(h(i)) + gelu(h(i))\n}")
    assert [d.code for d in caught.value.diagnostics] == ["TN501", "TN501"]
    assert all("core `u`" in d.message and d.labels for d in caught.value.diagnostics)


@pytest.mark.parametrize(
    "text",
    [
        "core u(3) complex  output y(i) = f(u(i))",
        "core u(3) complex  core v(3)  output y(i) = relu(v(i)) * u(i)",
        "core u(3) complex  h(i) = abs_of(u(i))  output y(i) = relu(h(i)) + u(i)",
    ],
)
def test_real_functions_of_what_is_real_beside_complex_cores(text: str) -> None:
    functions = "fn abs_of(t) = abs(t)\nfn f(t) = where(abs(t) > 1, t, max(abs(t), 2))\n"
    assert_agreement(f"{functions}network n() {{ {text} }}", seed=1)


def test_only_the_data_decide() -> None:
    network = tnc.loads("network n() { input x(3)  core u(3)  output y(i) = relu(x(i)) * u(i) }")
    data = np.ones(3, complex)
    plain = _functions(network, "numpy")
    message = "complex numbers have no relu"
    with pytest.raises(TypeError, match=message):
        plain.apply(plain.init(0), data)
    jax: Any = import_module("jax")
    functions = _functions(network, "jax")
    with pytest.raises(TypeError, match=message):
        functions.apply(functions.init(jax.random.key(0)), data)
    module = _torch(network)
    with pytest.raises(TypeError, match=message):
        module()(torch.as_tensor(data))
    # The core meets no function.
    assert module(dtype=torch.complex64)(torch.ones(3)).is_complex()
    weights = _torch(tnc.loads("network n() { core u(3)  output y(i) = relu(u(i)) }"))
    with pytest.raises(TypeError, match=message):
        weights(dtype=torch.complex64)


# -- reports -----------------------------------------------------------------------------------


def test_complex_cores_take_twice_the_bytes_and_count_once() -> None:
    before = _numbers("core u(8, 8)  core v(8, 8)")
    after = _numbers("core u(8, 8) complex  core v(8, 8)")
    assert before["parameters"] == after["parameters"] == 128
    assert before["bytes"]["parameters"] == 2 * 64 * 4
    assert after["bytes"]["parameters"] == 64 * 4 + 64 * 8
    assert before["flops"] == after["flops"]
    # Neither operand is an intermediate, but the converted copy of `v` is.
    assert (before["bytes"]["saved"], after["bytes"]["saved"]) == (0, 64 * 8)
    text = "network n() { core u(8, 8) complex  core v(8, 8)  output y(i, k) = u(i, j) * v(j, k) }"
    assert "(768 B as complex64 and float32)" in str(tnc.loads(text).report())


def _numbers(cores: str) -> dict[str, Any]:
    report: Any = tnc.loads(f"network n() {{ {cores}  output y(i, k) = u(i, j) * v(j, k) }}").report().to_dict()
    return dict(report["networks"][0])


@pytest.mark.parametrize("seed", [seed for seed in range(50001, 50101) if " complex" in random_program(seed).text])
def test_saved_bytes_are_those_of_each_tensor(seed: int) -> None:
    program = random_program(seed)
    sizes = {"batch": 3} if "batch?" in program.text else {}
    network = tnc.loads(program.text, network="main", sizes=sizes, input_grads=False)
    module = _torch(network)()
    inputs: list[torch.Tensor] = []
    for given in network.program.inputs:
        shape = [3 if isinstance(dim, str) else dim for dim in given.data_shape]
        values = given.index_values
        inputs.append(torch.randn(shape) if values is None else torch.randint(values, shape))

    def run() -> Any:
        results = module(*inputs)
        return tuple(results) if len(network.outputs) > 1 else (results,)

    report: Any = network.report().to_dict()
    measured = saved_bytes(run, (*inputs, *module.parameters(), *module.buffers()))
    assert measured == report["networks"][0]["bytes"]["saved"]
