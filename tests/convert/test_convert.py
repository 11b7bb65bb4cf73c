"""Converted networks have the value that the other library computes."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tnc
from tests import requirements
from tnc.cli.main import main
from tnc.convert import Converted, from_einsum, from_peft, from_quimb, from_tltorch, to_lora


def value(converted: Converted) -> Any:
    module = converted.network().numpy()
    return module.apply(module.params_from_cores(converted.cores))


def assert_equal(converted: Converted, wanted: Any, tmp_path: Any) -> None:
    got, wanted = value(converted), np.asarray(wanted)
    assert got.shape == wanted.shape
    assert np.linalg.norm(got - wanted) <= 1e-6 * np.linalg.norm(wanted)
    path = tmp_path / "converted.tn"
    path.write_text(converted.text, encoding="utf-8")
    assert main(["fmt", "--check", str(path)]) == 0


def test_an_equation(tmp_path: Any) -> None:
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape) for shape in ((3, 4), (4, 5, 2), (5, 2))]
    found = from_einsum("ij,jkl,kl->il", *arrays, names=["left", "middle", "right"])
    assert_equal(found, np.einsum("ij,jkl,kl->il", *arrays), tmp_path)
    assert "core middle(4, 5, 2)" in found.text


@pytest.mark.peers
@pytest.mark.parametrize("kind", ["mps", "peps", "random"])
def test_networks_of_quimb(kind: str, tmp_path: Any) -> None:
    quimb: Any = requirements.package("quimb.tensor")
    made = {
        "mps": lambda: quimb.MPS_rand_state(6, 3, seed=1, dtype="float64"),
        "peps": lambda: quimb.PEPS.rand(2, 3, 2, seed=1, dtype="float64"),
        "random": lambda: quimb.TN_rand_reg(6, 3, 2, phys_dim=2, seed=1),
    }[kind]()
    wanted = made.contract(output_inds=made.outer_inds())
    assert_equal(from_quimb(made), wanted.data, tmp_path)


@pytest.mark.peers
@pytest.mark.parametrize("kind", ["cp", "tucker", "tt"])
def test_tensors_of_tensorly_torch(kind: str, tmp_path: Any) -> None:
    tltorch: Any = requirements.package("tltorch")
    tensor = tltorch.FactorizedTensor.new((4, 5, 6), rank=0.5, factorization=kind)
    tensor.normal_(0, 1)
    assert_equal(from_tltorch(tensor), tensor.to_tensor().detach().numpy(), tmp_path)


@pytest.mark.peers
def test_adapters_of_peft(tmp_path: Any) -> None:
    peft: Any = requirements.package("peft")
    torch: Any = requirements.package("torch")
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4))
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=2, lora_alpha=6, target_modules=["0", "2"]))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    found = from_peft(adapted)
    assert sorted(found) == ["0", "2"]
    for name, converted in found.items():
        layer = adapted.base_model.model.get_submodule(name)
        assert_equal(converted, layer.get_delta_weight("default").detach().numpy(), tmp_path)
    with pytest.raises(tnc.CompileError, match="TN060"):
        from_peft(adapted, adapter="other")


def test_the_best_adapter_of_a_rank() -> None:
    delta = np.random.default_rng(3).normal(size=(7, 5))
    values = np.linalg.svd(delta, compute_uv=False)
    found = to_lora(delta, 2)
    assert (found.b.shape, found.a.shape) == ((7, 2), (2, 5))
    error = np.linalg.norm(delta - found.b @ found.a) / np.linalg.norm(delta)
    assert found.error == pytest.approx(error) == pytest.approx(math.sqrt((values[2:] ** 2).sum() / (values**2).sum()))
    for rank in (0, 6):
        with pytest.raises(tnc.CompileError, match="TN061"):
            to_lora(delta, rank)


def test_other_objects_are_refused() -> None:
    for convert in (from_quimb, from_tltorch, from_peft):
        with pytest.raises(tnc.CompileError, match="TN060"):
            convert([1.0])
