"""Generated layers where people put layers, in one process and without a compiler."""

# torch is typed in part
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import func, nn
from torch.utils.checkpoint import checkpoint

from tests.torch_layers.small_models import Small, dense, generated, gradients, images, trained

close = torch.testing.assert_close


@pytest.fixture(name="model")
def made() -> Small:
    return generated()


def test_what_is_replaced_is_no_subclass_and_keeps_its_names(model: Small) -> None:
    replaced = model.conv, model.built, model.applied
    assert not any(isinstance(layer, nn.Linear | nn.Conv2d) for layer in replaced)
    keys = set(model.state_dict())
    assert {"conv.bias", "built.bias", "applied.bias", "head.weight", "norm.running_mean"} <= keys
    assert not {"conv.weight", "built.weight", "applied.weight"} & keys


def test_autocast_to_bfloat16(model: Small) -> None:
    expected = model(images())
    with torch.autocast("cpu", torch.bfloat16):
        result = model(images())
    assert result.dtype == torch.bfloat16
    close(result.float(), expected, atol=0.1, rtol=0.1)
    result.float().square().sum().backward()
    found = gradients(model)
    assert set(found) == {name for name, _ in model.named_parameters()}
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in found.values())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_models_are_converted(model: Small, dtype: torch.dtype) -> None:
    expected = model(images())
    result = model.to(dtype)(images().to(dtype))
    assert result.dtype == dtype
    close(result.float(), expected, atol=0.1, rtol=0.1)
    assert model.conv.weight.dtype == dtype


@pytest.mark.parametrize("reentrant", [False, True])
def test_activation_checkpointing(model: Small, reentrant: bool) -> None:
    x = images().requires_grad_()
    model(x).square().sum().backward()
    expected, model_gradients = x.grad, {name: value.clone() for name, value in gradients(model).items()}
    x.grad = None
    model.zero_grad()
    result: Any = checkpoint(model, x, use_reentrant=reentrant)
    result.square().sum().backward()
    close(x.grad, expected)
    close(gradients(model), model_gradients)


def test_copies_share_nothing(model: Small) -> None:
    before = model(images()).detach()
    twin = copy.deepcopy(model)
    assert torch.equal(twin(images()), before)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(0.5)
    assert not torch.allclose(twin(images()), before)
    assert torch.equal(model(images()), before)
    assert list(twin.state_dict()) == list(model.state_dict())


def test_pickles(model: Small) -> None:
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again(images()), model(images()))
    stream = io.BytesIO()
    torch.save(model, stream)
    stream.seek(0)
    saved = torch.load(stream, weights_only=False)
    assert torch.equal(saved(images()), model(images()))


def test_inference_mode_leaves_nothing_behind(model: Small) -> None:
    expected = model(images()).detach()
    with torch.inference_mode():
        result = model(images())
        assert result.is_inference()
        assert model.conv.weight.is_inference()
    close(result.clone(), expected)
    model(images()).sum().backward()
    assert set(gradients(model)) == {name for name, _ in model.named_parameters()}


def test_the_weight_is_the_layer(model: Small) -> None:
    """A dense model with these weights computes the same; each weight is differentiable, and read-only."""
    twin = dense()
    for name in ("conv", "built", "applied"):
        layer, plain = getattr(model, name), getattr(twin, name)
        with torch.no_grad():
            plain.weight.copy_(layer.weight)
        (slope,) = torch.autograd.grad(layer.weight.sum(), [next(iter(layer.parameters()))], allow_unused=True)
        assert slope is None or slope.isfinite().all()
        assert layer.weight.requires_grad
        with pytest.raises((AttributeError, TypeError)):
            layer.weight = torch.zeros(3)
    close(model(images()), twin(images()), atol=1e-5, rtol=1e-5)


def test_functional_call(model: Small) -> None:
    other = generated(seed=7)
    assert not torch.allclose(model(images()), other(images()))
    state = {**dict(other.named_parameters()), **dict(other.named_buffers())}
    close(func.functional_call(model, state, (images(),)), other(images()))


def test_gradients_of_functions(model: Small) -> None:
    params = dict(model.named_parameters())

    def loss(params: Any, x: torch.Tensor) -> Any:
        return func.functional_call(model, params, (x,)).square().mean()

    found: Any = func.grad(loss)(params, images())
    loss(params, images()).backward()
    close(dict(found), gradients(model))


def test_vmap_over_data_and_over_models(model: Small) -> None:
    batches = torch.stack([images(seed=seed) for seed in range(3)])
    close(torch.vmap(model)(batches), torch.stack([model(each) for each in batches]), atol=1e-5, rtol=1e-5)
    models = [generated(seed) for seed in range(3)]
    params, buffers = func.stack_module_state(models)

    def call(params: Any, buffers: Any, x: torch.Tensor) -> Any:
        return func.functional_call(models[0], (params, buffers), (x,))

    expected = torch.stack([each(images()) for each in models])
    close(torch.vmap(call, (0, 0, None))(params, buffers, images()), expected, atol=1e-5, rtol=1e-5)


def test_per_sample_gradients(model: Small) -> None:
    params = {name: value.detach() for name, value in model.named_parameters()}

    def loss(params: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = func.functional_call(model, params, (x.unsqueeze(0),)).square().sum()
        return found

    found: Any = torch.vmap(func.grad(loss), (None, 0))(params, images(3))
    for row, x in enumerate(images(3)):
        close({name: value[row] for name, value in found.items()}, func.grad(loss)(params, x), atol=1e-5, rtol=1e-4)


def test_a_state_dict_goes_there_and_back(model: Small) -> None:
    other = generated(seed=7)
    assert not torch.allclose(other(images()), model(images()))
    stream = io.BytesIO()
    torch.save(trained(model).state_dict(), stream)
    stream.seek(0)
    result = other.load_state_dict(torch.load(stream))
    assert result.missing_keys == result.unexpected_keys == []
    assert torch.equal(other.eval()(images()), model.eval()(images()))


def test_an_optimizer_goes_on_where_it_was(model: Small) -> None:
    """Two steps, everything saved, loaded into a fresh model, and a third step, equal three steps."""
    whole = copy.deepcopy(model)

    def steps(model: nn.Module, optimizer: torch.optim.Optimizer, seeds: range) -> None:
        for seed in seeds:
            optimizer.zero_grad()
            model(images(4, seed)).square().mean().backward()
            optimizer.step()

    steps(whole, torch.optim.AdamW(whole.parameters(), 1e-2), range(3))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    steps(model, optimizer, range(2))
    saved = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    fresh = generated(seed=7)
    again = torch.optim.AdamW(fresh.parameters(), 1e-2)
    fresh.load_state_dict(saved[0])
    again.load_state_dict(saved[1])
    steps(fresh, again, range(2, 3))
    close(fresh.state_dict(), whole.state_dict())


def test_meta_and_empty(model: Small) -> None:
    empty = copy.deepcopy(model).to("meta")
    assert empty(images().to("meta")).shape == (2, 5)
    full = empty.to_empty(device="cpu")
    full.load_state_dict(model.state_dict())
    assert torch.equal(full(images()), model(images()))


def test_hooks_and_freezing(model: Small) -> None:
    seen: list[str] = []

    def forward(*_: object) -> None:
        seen.append("forward")

    def backward(*_: object) -> None:
        seen.append("backward")

    model.built.register_forward_hook(forward)
    model.built.register_full_backward_hook(backward)
    model.requires_grad_(False)
    assert not model(images()).requires_grad
    model.requires_grad_(True)
    model(images()).sum().backward()
    assert seen == ["forward", "forward", "backward"]
    assert model.train().training
    assert model.built.training
