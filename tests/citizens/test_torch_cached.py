"""Inside ``cached()`` calls share a result, and nobody can tell but by the time that it takes."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import tnc
from tests.citizens.networks import WEIGHT, imported

_untyped: Any = torch  # its functions are typed in part

_SEVERAL = """
network several() {
  core gain() init 1
  core a(3, 4) init normal(1)
  output w(i, j) = gain() * tanh(a(i, j))
  output v(j, i) = sigmoid(a(i, j))
}
"""
_FROZEN = "network fixed() { core a(3, 4) init normal(1) frozen output w(i, j) = tanh(a(i, j)) }"


class Counted(TorchDispatchMode):
    """Counts the activations that are computed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += "tanh" in str(func)
        return func(*args, **(kwargs or {}))


def _computes(call: Callable[[], object]) -> bool:
    with Counted() as counted:
        call()
    return bool(counted.count)


def _fresh(network: Any) -> Any:
    """The result computed anew."""
    return network.forward.__wrapped__(network)


def _bytes(tensor: torch.Tensor) -> tuple[torch.dtype, torch.Size, list[int]]:
    values: Any = tensor.reshape(-1).view(torch.uint8)
    return tensor.dtype, tensor.shape, values.tolist()


def _same(one: Any, other: Any) -> bool:
    """Whether two results agree in every bit."""
    ones, others = ([x] if torch.is_tensor(x) else list(x) for x in (one, other))
    return list(map(_bytes, ones)) == list(map(_bytes, others))


def _of(text: str) -> Any:
    return tnc.loads(text).module("torch")()  # type: ignore[operator]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A class in a file, so that instances pickle."""
    yield vars(imported(WEIGHT, "torch", tmp_path_factory.mktemp("cached"), "citizens_cached"))["Generated"]
    del sys.modules["citizens_cached"]


@pytest.fixture
def network(generated: Any) -> Any:
    return generated()


# -- hits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_weight_is_generated_once(network: Any, mode: Callable[[], AbstractContextManager[object]]) -> None:
    with mode():
        assert _computes(network)
        assert _computes(network)
        with network.cached():
            assert _computes(network)
            assert not _computes(network)
            assert _same(network(), _fresh(network))
        assert _computes(network)


def test_networks_of_every_kind() -> None:
    with torch.no_grad():
        for net in (_of(_SEVERAL), _of(_FROZEN)):
            with net.cached():
                expected = net()
                assert not _computes(net)
                assert type(net()) is type(expected)
                assert _same(net(), expected)


def test_frozen_cores_need_no_context_without_gradients() -> None:
    net = _of(_FROZEN)
    with net.cached():
        net()
        assert not _computes(net)
        assert not net().requires_grad
        net.a.mul_(2)
        assert _same(net(), _fresh(net))


def test_nothing_is_shared_where_gradients_are_needed(network: Any) -> None:
    with network.cached():
        with torch.inference_mode():
            network()
        assert _computes(network)
        network().square().sum().backward()
        assert network.gain.grad is not None
        with torch.no_grad():
            assert not _computes(network)
        network.requires_grad_(False)
        assert not _computes(network)


def test_a_result_of_inference_serves_autograd(network: Any) -> None:
    with network.cached():
        with torch.inference_mode():
            network()
        with torch.no_grad():
            weight = network()
        assert not weight.is_inference()
        x = torch.ones(8, requires_grad=True)
        (weight @ x).sum().backward()
        torch.testing.assert_close(x.grad, weight.sum(0))


def test_a_result_belongs_to_its_caller(network: Any) -> None:
    edits: list[Callable[[Any], object]] = [
        lambda weight: weight.zero_(),
        lambda weight: weight.numpy().fill(7),
        lambda weight: weight.data.mul_(3),
    ]
    with torch.no_grad(), network.cached():
        expected = _fresh(network)
        for edit in edits:
            for _ in range(2):
                edit(network())
                assert _same(network(), expected)


# -- changes -------------------------------------------------------------------------------------


def _step(name: str, **options: Any) -> Callable[[Any], object]:
    def change(net: Any) -> None:
        optimizer = getattr(torch.optim, name)(net.parameters(), lr=0.1, **options)
        with torch.enable_grad():
            _fresh(net).square().sum().backward()
        optimizer.step()

    return change


def _through_data(net: Any) -> None:
    net.gain.data.mul_(2)


def _new_storage(net: Any) -> None:
    net.gain.data = net.gain.data + 1


def _numpy_view(net: Any) -> None:
    net.base.numpy()[0] += 1


def _vector(net: Any) -> None:
    vector = _untyped.nn.utils.parameters_to_vector(net.parameters())
    _untyped.nn.utils.vector_to_parameters(2 * vector, net.parameters())


def _one_bit(net: Any) -> None:
    net.gain.view(torch.int32).bitwise_xor_(1)


def _replaced(net: Any) -> None:
    net.gain = torch.nn.Parameter(torch.tensor([3.0]))


def _parametrized(net: Any) -> None:
    class Double(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return 2 * x

    torch.nn.utils.parametrize.register_parametrization(net, "gain", Double())


def _pruned(net: Any) -> None:
    prune: Any = import_module("torch.nn.utils.prune")
    prune.random_unstructured(net, "tree__top" if hasattr(net, "tree__top") else "gain", amount=1)


CHANGES: dict[str, Callable[[Any], object]] = {
    "load": lambda net: net.load_state_dict(type(net)().state_dict()),
    "assign": lambda net: net.load_state_dict(type(net)().state_dict(), assign=True),
    "cores": lambda net: net.load_cores(type(net)().cores()),
    "reset": lambda net: net.reset_parameters(),
    "parameter": lambda net: net.gain.mul_(2),
    "buffer": lambda net: net.base.zero_(),
    "data": _through_data,
    "new storage": _new_storage,
    "numpy": _numpy_view,
    "vector": _vector,
    "one bit": _one_bit,
    "minus zero": lambda net: net.gain.copy_(net.gain.new_zeros(1).neg()),
    "nan": lambda net: net.gain.fill_(float("nan")),
    "replaced": _replaced,
    "parametrized": _parametrized,
    "pruned": _pruned,
    "half": lambda net: net.half(),
    "bfloat16": lambda net: net.bfloat16(),
    "double": lambda net: net.double(),
    "complex": lambda net: net.to(torch.complex64),
    **{name: _step(name, fused=True) for name in ("SGD", "Adam", "AdamW", "Adagrad")},
    "SGD foreach": _step("SGD", foreach=True),
}


@pytest.mark.parametrize("alias", [False, True], ids=["context", "alias"])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.filterwarnings("ignore:Casting complex values to real|Complex modules")
def test_a_result_is_never_stale(
    network: Any, change: Callable[[Any], object], mode: Callable[[], AbstractContextManager[object]], alias: bool
) -> None:
    network.cache = alias
    with nullcontext() if alias else network.cached():
        with mode():
            network()
        with torch.no_grad():
            change(network)
        with mode():
            for _ in range(2):
                assert _same(network(), _fresh(network))


def test_parametrizations_are_evaluated_as_ever(network: Any) -> None:
    """Some change at every evaluation, as spectral norms do: so comparing must not evaluate them."""
    evaluated: list[Any] = []

    class Seen(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            evaluated.append(x)
            return x

    torch.nn.utils.parametrize.register_parametrization(network, "gain", Seen())
    with torch.no_grad():
        evaluated.clear()
        network()
        once = len(evaluated)
        with network.cached():
            for _ in range(3):
                evaluated.clear()
                network()
                assert len(evaluated) == once


def test_zero_and_minus_zero_differ() -> None:
    net = _of("network inverse() { fn own(t) = 1 / t core a(3) init 0 output w(i) = own(a(i)) }")
    with torch.no_grad(), net.cached():
        assert net().tolist() == [float("inf")] * 3
        net.a.neg_()
        assert net().tolist() == [-float("inf")] * 3


def test_modules_made_in_inference_mode() -> None:
    with torch.inference_mode():
        net = _of(_SEVERAL)
        with net.cached():
            net()
            net.load_state_dict({key: 2 * value for key, value in net.state_dict().items()})
            assert _same(net(), _fresh(net))
            assert not _computes(net)


def test_settings_count(network: Any) -> None:
    deterministic = torch.are_deterministic_algorithms_enabled()
    with torch.no_grad(), network.cached():
        network()
        with torch.autocast("cpu", torch.bfloat16):
            assert _same(network(), _fresh(network))
            assert not _computes(network)
        assert _same(network(), _fresh(network))
        try:
            network()
            torch.set_default_dtype(torch.float64)
            assert _computes(network)
            torch.use_deterministic_algorithms(True)
            assert _computes(network)
        finally:
            torch.set_default_dtype(torch.float32)
            torch.use_deterministic_algorithms(deterministic)


# -- hooks ---------------------------------------------------------------------------------------


@pytest.fixture
def handles() -> Iterator[list[Any]]:
    """Hooks, which are removed afterwards: some are global."""
    made: list[Any] = []
    yield made
    for handle in made:
        handle.remove()


def test_hooks_run_on_hits(network: Any, handles: list[Any]) -> None:
    module: Any = torch.nn.modules.module
    ran: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *_: ran.append(name)

    def change(net: Any, _: object) -> None:
        net.gain.data.add_(1)

    def negate(net: Any, _: object, result: Any) -> Any:
        return -result

    handles += [
        network.register_forward_pre_hook(note("before")),
        network.register_forward_pre_hook(note("before, with kwargs"), with_kwargs=True),
        network.register_forward_hook(note("after")),
        network.register_forward_hook(note("always"), always_call=True),
        module.register_module_forward_pre_hook(note("global before")),
        module.register_module_forward_hook(note("global after")),
    ]
    with torch.no_grad(), network.cached():
        network()
        once = list(ran)
        ran.clear()
        assert not _computes(network)
        assert ran == once
        assert len(ran) == 6
        network.register_forward_pre_hook(change)
        network.register_forward_hook(negate)
        for _ in range(2):
            value = network()
            assert _same(-value, _fresh(network))


# -- contexts ------------------------------------------------------------------------------------


def _kept(net: Any) -> Any:
    _, result = net._kept
    return result


def test_contexts_nest_and_what_is_kept_goes_with_the_last(network: Any) -> None:
    with torch.no_grad():
        with network.cached():
            with network.cached():
                network()
            assert not _computes(network)
            kept = weakref.ref(_kept(network))
            assert kept() is not None
        gc.collect()
        assert kept() is None
        with pytest.raises(KeyError, match="inside"), network.cached():
            raise KeyError(f"inside, {network().shape}")
        assert _computes(network)
        assert _kept(network) is None


def test_the_alias(network: Any) -> None:
    assert network.cache is False
    network.cache = True
    with torch.no_grad():
        network()
        with network.cached():
            assert not _computes(network)
        assert not _computes(network)
        network.cache = False
        assert _kept(network) is None
        assert _computes(network)


def test_instances_share_nothing(network: Any) -> None:
    other = type(network)()
    with torch.no_grad(), network.cached(), other.cached():
        assert not _same(network(), other())
        for net in (network, other):
            assert not _computes(net)
            assert _same(net(), _fresh(net))
        other.load_state_dict(network.state_dict())
        assert _same(network(), other())


def test_copies_do_not_carry_what_is_kept(network: Any) -> None:
    keys = set(network.state_dict())
    with torch.no_grad(), network.cached():
        network()
        assert set(network.state_dict()) == keys
        plain = len(pickle.dumps(type(network)()))
        assert len(pickle.dumps(network)) < plain + 100
        for twin in (copy.deepcopy(network), copy.copy(network), pickle.loads(pickle.dumps(network))):
            assert _kept(twin) is None
            assert _same(twin(), _fresh(network))
            assert _computes(twin)  # the copy is not inside the context
    network.cache = True
    assert copy.deepcopy(network).cache


def test_threads(network: Any) -> None:
    """Contexts of several threads overlap; one more thread changes a core all the while."""
    wrong: list[str] = []
    stop = threading.Event()
    values = [torch.tensor([float(i)]) for i in range(1, 4)]
    network.base.zero_()
    with torch.no_grad():
        network.gain.fill_(1)
        unit = _fresh(network).clone()
    possible = [value * unit for value in values]

    def call() -> None:
        with torch.no_grad():
            for _ in range(60):
                with network.cached():
                    result = network()
                    if not any(torch.allclose(result, expected, atol=1e-4) for expected in possible):
                        wrong.append("a mixture")

    def change() -> None:
        with torch.no_grad():
            while not stop.is_set():
                for value in values:
                    network.gain.copy_(value)

    changing, calling = threading.Thread(target=change), [threading.Thread(target=call) for _ in range(3)]
    for thread in (changing, *calling):
        thread.start()
    for thread in calling:
        thread.join()
    stop.set()
    changing.join()
    assert not wrong
    assert vars(network)["_contexts"] == 0
    assert _kept(network) is None
    with torch.no_grad(), network.cached():
        assert _same(network(), _fresh(network))


def test_a_core_that_changes_during_a_call_is_not_missed(network: Any) -> None:
    """What is kept belongs to the cores as they were compared, not as they became under way."""
    real = torch.tanh
    with torch.no_grad(), network.cached(), pytest.MonkeyPatch.context() as patch:
        before = network.gain.clone()

        def tanh(x: torch.Tensor) -> torch.Tensor:
            network.gain.add_(1)
            return real(x)

        patch.setattr(torch, "tanh", tanh)
        patch.setattr(torch, "tanh_", tanh)
        network()
        patch.undo()
        network.gain.copy_(before)
        assert _same(network(), _fresh(network))


# -- compilers and transformations ---------------------------------------------------------------


def test_compilers_see_no_cache(network: Any) -> None:
    torch.compiler.reset()
    with torch.no_grad(), network.cached():
        network()
        compiled = _untyped.compile(network, fullgraph=True, backend="eager")
        exported = torch.export.export(network, ())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            traced = _untyped.jit.trace(network, ())
            scripted = _untyped.jit.script(network)
        make_fx: Any = import_module("torch.fx.experimental.proxy_tensor").make_fx

        def of_gain(gain: torch.Tensor) -> Any:
            return torch.func.functional_call(network, {"gain": gain}, ())

        graph = make_fx(of_gain)(network.gain.detach())
        closed = make_fx(lambda: network())()
        for call in (compiled, exported.module(), traced, scripted, closed, lambda: graph(network.gain)):
            torch.testing.assert_close(call(), _fresh(network))
        network.gain.mul_(2)
        for call in (compiled, traced, closed, lambda: graph(network.gain)):
            torch.testing.assert_close(call(), _fresh(network))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_transformations_see_no_cache(network: Any) -> None:
    def weight(gain: torch.Tensor) -> Any:
        return torch.func.functional_call(network, {"gain": gain}, ())

    def total(gain: torch.Tensor) -> Any:
        return weight(gain).sum()

    gain = network.gain.detach()
    network.requires_grad_(False)

    def check() -> None:
        unit = weight(gain + 1) - weight(gain)
        torch.testing.assert_close(torch.func.jacrev(weight)(gain)[..., 0], unit, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(torch.func.jacfwd(weight)(gain)[..., 0], unit, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(torch.func.jvp(weight, (gain,), (gain,))[1], gain * unit, atol=1e-4, rtol=1e-3)
        both = torch.func.vmap(weight)(torch.stack([gain, 2 * gain]))
        torch.testing.assert_close(both[1], weight(2 * gain))
        torch.testing.assert_close(torch.func.functionalize(weight)(gain), weight(gain))
        with torch.no_grad(), _untyped.autograd.forward_ad.dual_level():
            dual = weight(_untyped.autograd.forward_ad.make_dual(gain, gain))
            tangent = _untyped.autograd.forward_ad.unpack_dual(dual).tangent
            torch.testing.assert_close(tangent, gain * unit, atol=1e-4, rtol=1e-3)
        with torch.no_grad():
            _untyped.func.grad(total)(gain)

    with network.cached():
        for _ in range(2):
            network()
            check()
            assert _same(network(), _fresh(network))
            assert type(_kept(network)) is torch.Tensor
    network()


def test_tensors_without_values_see_no_cache(network: Any) -> None:
    fake: Any = import_module("torch._subclasses.fake_tensor")
    with torch.no_grad(), network.cached():
        network()
        for inner in (nullcontext(), torch.device("meta")):
            with inner, fake.FakeTensorMode(allow_non_fake_inputs=True):
                assert isinstance(network(), fake.FakeTensor)
        assert not _computes(network)
        assert copy.deepcopy(network).to("meta")().is_meta
        network.to("meta")
        assert network().is_meta
        assert network().is_meta
