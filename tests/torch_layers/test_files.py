"""Models are saved and loaded: what files keep, what they warn of, and files that do not fit."""

# torch is typed in part
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.torch_layers.small_models import CHOICE, Small, dense, generated, images, trained
from tnc.diagnostics import CompileError, Diagnostic
from tnc.layers.core_file import open_core_file
from tnc.layers.merge import merge_file
from tnc.layers.tensor_file import open_tensors
from tnc.torch import Generated, load_layers, merge_layers, replace_layers, save_layers

close = torch.testing.assert_close


@pytest.fixture(name="path")
def place(tmp_path: Path) -> Path:
    return tmp_path / "cores.safetensors"


def adapted(seed: int = 0, *names: str) -> Any:
    model = dense(seed)
    for name in names or ("default",):
        replace_layers(model, {"conv": Generated("ttn", chi=2), "built": "mps"}, mode="add", name=name)
    return model


def refused(action: Callable[[], object], model: nn.Module) -> list[Diagnostic]:
    """The diagnostics of an action that leaves the model as it was."""
    before = copy.deepcopy(model)
    with pytest.raises(CompileError) as caught:
        action()
    assert repr(model) == repr(before)
    assert list(model.state_dict()) == list(before.state_dict())
    close(model.state_dict(), before.state_dict(), rtol=0, atol=0)
    assert [p.requires_grad for p in model.parameters()] == [p.requires_grad for p in before.parameters()]
    return list(caught.value.diagnostics)


def names_in(path: Path) -> set[str]:
    with open_tensors(path) as file:
        return set(file.tensors)


# -- what is kept ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["trainable", "all"])
def test_a_fresh_model_becomes_the_saved_one(rest: Any, path: Path) -> None:
    model = trained(generated()).eval()
    save_layers(model, path, rest=rest)
    fresh = dense(0 if rest == "trainable" else 9)
    assert load_layers(fresh, path) is fresh
    assert torch.equal(fresh(images()), model(images()))
    assert list(fresh.state_dict()) == list(model.state_dict())
    assert repr(fresh) == repr(model)
    close(merge_layers(fresh)(images()), model(images()), atol=1e-5, rtol=0)
    assert list(fresh.state_dict()) == list(dense().state_dict())


def test_cores_and_biases_alone(path: Path) -> None:
    model = generated()
    save_layers(model, path)
    own = {name for name in model.state_dict() if name.split(".")[0] in CHOICE}
    assert names_in(path) == own
    assert {"conv.bias", "built.bias", "applied.bias"} <= own
    assert path.stat().st_size < sum(p.numel() * 4 for p in dense().parameters())


def test_training_goes_on_after_loading(path: Path) -> None:
    model = generated()
    save_layers(model, path, rest="all")
    close(trained(load_layers(dense(9), path)).state_dict(), trained(model).state_dict())


@pytest.mark.parametrize("choice", [CHOICE, {name: Generated("lowrank", chi=3) for name in CHOICE}])
def test_a_model_that_was_replaced_already(choice: Any, path: Path) -> None:
    """By the same networks with other cores, or by other networks."""
    model = generated()
    save_layers(model, path, rest="all")
    other = dense(9)
    replace_layers(other, choice)
    assert not torch.allclose(other(images()), model(images()))
    load_layers(other, path)
    assert torch.equal(other(images()), model(images()))
    assert repr(other) == repr(model)


def test_adapters_with_names_scales_and_flags(path: Path) -> None:
    model = adapted(0, "one", "two")
    with torch.no_grad():
        model.conv.adapters.one.scale.fill_(0.5)
        model.built.adapters.two.scale.fill_(-0.25)
    model.conv.adapters.two.enabled = False
    save_layers(model, path)
    fresh = load_layers(dense(), path)
    assert torch.equal(fresh(images()), model(images()))
    assert repr(fresh) == repr(model)
    assert list(fresh.conv.adapters) == ["one", "two"]
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    assert {name: p.requires_grad for name, p in fresh.named_parameters()} == flags
    assert not any(name.split(".")[0] == "head" for name in names_in(path))
    merged = merge_layers(fresh)
    close(merged(images()), model(images()), atol=1e-5, rtol=0)
    assert list(merged.state_dict()) == list(dense().state_dict())


def test_an_adapter_is_loaded_beside_another(path: Path) -> None:
    model = adapted(0, "one")
    with torch.no_grad():
        model.conv.adapters.one.scale.fill_(1)
    save_layers(model, path)
    other = adapted(0, "two")
    load_layers(other, path)
    assert list(other.conv.adapters) == ["two", "one"]
    assert torch.equal(other(images()), model(images()))


def test_adapters_on_weights_that_train_stay_so(path: Path) -> None:
    model = dense()
    replace_layers(model, {"built": "mps"}, mode="add", freeze=False)
    save_layers(model, path, rest="trainable")
    assert all(p.requires_grad for p in load_layers(dense(), path).parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_dtypes_are_kept(dtype: torch.dtype, path: Path) -> None:
    model = generated().to(dtype)
    save_layers(model, path, rest="all")
    with open_core_file(path) as file:
        name = {torch.bfloat16: "BF16", torch.float64: "F64"}[dtype]
        assert {file.tensors.tensors[each].dtype for layer in file.header.layers for each in layer.tensors} == {name}
    fresh = load_layers(dense(9).to(dtype), path)
    assert torch.equal(fresh(images().to(dtype)), model(images().to(dtype)))
    assert {value.dtype for value in fresh.parameters()} == {dtype}


def test_a_model_of_another_dtype_keeps_its_own(path: Path) -> None:
    model = generated()
    save_layers(model, path, rest="all")
    half = load_layers(dense(9).bfloat16(), path)
    assert {value.dtype for value in half.parameters()} == {torch.bfloat16}
    close(half(images().bfloat16()).float(), model(images()), atol=0.1, rtol=0.1)


def test_a_model_on_the_meta_device_is_made_real(path: Path) -> None:
    model = generated()
    save_layers(model, path, rest="all")
    with torch.device("meta"):
        empty = Small().eval()
    load_layers(empty, path)
    assert torch.equal(empty(images()), model(images()))
    save_layers(empty, path)
    assert "meta" not in {value.device.type for value in empty.state_dict().values()}


def test_layers_that_share_cores_share_them_again(path: Path) -> None:
    def pair() -> Any:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 6, bias=False), nn.Tanh(), nn.Linear(6, 6, bias=False))

    model = pair()
    replace_layers(model, {"0": "mps"})
    model[2] = model[0]
    save_layers(model, path)
    fresh = load_layers(pair(), path)
    x = torch.randn(2, 6)
    assert torch.equal(fresh(x), model(x))
    assert len(list(fresh.parameters())) == len(list(model.parameters()))
    merged = merge_layers(model)
    assert merged[0] is merged[2]
    merge_file(path, path.with_name("dense"))
    assert names_in(path.with_name("dense")) == {"0.weight", "2.weight"}
    close(merge_layers(fresh)(x), merged(x))


def test_tied_dense_weights_are_saved_under_both_names(path: Path) -> None:
    def model(seed: int) -> Any:
        torch.manual_seed(seed)
        found = nn.ModuleDict({"a": nn.Linear(6, 6), "b": nn.Linear(6, 6), "c": nn.Linear(6, 6)})
        found["c"].weight = found["b"].weight
        return found

    saved = model(0)
    replace_layers(saved, {"a": "mps"})
    save_layers(saved, path, rest="all")
    fresh = load_layers(model(1), path)
    assert fresh["c"].weight is fresh["b"].weight
    close(fresh.state_dict(), saved.state_dict())


def test_attention_and_embeddings(path: Path) -> None:
    def model(seed: int) -> Any:
        torch.manual_seed(seed)
        parts = {
            "embed": nn.Embedding(10, 8, padding_idx=3),
            "attention": nn.MultiheadAttention(8, 2, batch_first=True),
        }
        return nn.ModuleDict(parts).eval()

    saved = model(0)
    replace_layers(saved, {"embed": "ttn", "attention": "mps"})
    save_layers(saved, path, rest="all")
    fresh = load_layers(model(1), path)
    tokens = torch.tensor([[1, 3, 5]])

    def result(model: nn.ModuleDict) -> torch.Tensor:
        x = model["embed"](tokens)
        return torch.cat([x, model["attention"](x, x, x)[0]])

    assert torch.equal(result(fresh), result(saved))
    merge_file(path, path.with_name("dense"))
    plain = model(2)
    with open_tensors(path.with_name("dense")) as file:
        plain.load_state_dict({name: torch.tensor(file.array(name)) for name in file.tensors})
    close(result(plain), result(saved), atol=1e-5, rtol=0)
    assert plain["embed"].weight[3].abs().max() == 0


def test_the_authors_file_is_in_the_header_and_not_needed(path: Path, tmp_path: Path) -> None:
    body = "  core a(shape[0], 2)\n  core b(2, shape[1])\n  output w(o, i) = a(o, k) * b(k, i)\n"
    text = f"network own(shape: ints) {{\n{body}}}\n"
    (tmp_path / "own.tn").write_text(text)
    model = dense()
    replace_layers(model, {"built": f"{tmp_path / 'own.tn'}:own"})
    (tmp_path / "own.tn").unlink()
    save_layers(model, path)
    with open_core_file(path) as file:
        assert file.header.networks[0].source == text
        assert "std." not in file.header.networks[0].text
    assert torch.equal(load_layers(dense(), path)(images()), model(images()))


def test_constants_from_a_seed_are_in_no_file(path: Path, tmp_path: Path) -> None:
    body = "  core basis(3 -> shape[0], shape[1]) init normal(1) seed 7 frozen\n  core z(3)\n"
    text = f"network own(shape: ints) {{\n{body}  output w(o, i) = tanh(z(d) * basis(d, o, i))\n}}\n"
    (tmp_path / "own.tn").write_text(text)
    model = dense()
    replace_layers(model, {"built": str(tmp_path / "own.tn")})
    save_layers(model, path)
    assert not [name for name in names_in(path) if "basis" in name]
    assert torch.equal(load_layers(dense(9), path).built.weight, model.built.weight)
    merge_file(path, path.with_name("dense"))
    with open_tensors(path.with_name("dense")) as file:
        close(torch.tensor(file.array("built.weight")), model.built.weight.detach(), atol=1e-5, rtol=0)


def test_equal_layers_are_stored_and_compiled_once(path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(8, 8) for _ in range(4)))
    replace_layers(model, {"*": "attn"})
    save_layers(model, path)
    with open_core_file(path) as file:
        assert len(file.header.layers) == 4
    fresh = load_layers(nn.Sequential(*(nn.Linear(8, 8) for _ in range(4))), path)
    layers: list[Any] = list(fresh)
    assert len({type(layer.generator) for layer in layers}) == len({layer.compiled.digest for layer in layers})


# -- merged by the command --------------------------------------------------------------------------------


def test_the_command_merges_what_was_saved(path: Path) -> None:
    model = trained(generated()).eval()
    save_layers(model, path, rest="all")
    merge_file(path, path.with_name("dense"))
    plain = dense(9)
    with open_tensors(path.with_name("dense")) as file:
        assert set(file.tensors) == set(plain.state_dict())
        state = {name: torch.tensor(file.array(name)) for name in file.tensors if file.tensors[name].dtype != "I64"}
    plain.load_state_dict(state, strict=False)
    close(plain(images()), model(images()), atol=1e-5, rtol=0)


# -- warnings ----------------------------------------------------------------------------------------------


def test_what_was_trained_and_is_lost_is_named(path: Path) -> None:
    model = generated()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_layers(model, path)
    trained(model)
    with pytest.warns(UserWarning, match="`norm.weight`, `norm.bias`, `head.weight` and `head.bias` changed since"):
        save_layers(model, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_layers(model, path, rest="trainable")


def test_statistics_are_named_as_well(path: Path) -> None:
    model = generated()
    trained(model.train())
    with pytest.warns(UserWarning, match="`norm.running_mean`"):
        save_layers(model, path, rest="trainable")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_layers(model, path, rest="all")
        load_layers(model, path)
        save_layers(model, path)


def widened(model: Any) -> Any:
    return model.double().float()


@pytest.mark.parametrize("change", [copy.deepcopy, widened])
def test_copies_and_frozen_parameters_are_not_named(change: Any, path: Path) -> None:
    model = change(adapted())
    trained(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_layers(model, path)


# -- what does not fit ---------------------------------------------------------------------------------------


def test_everything_that_does_not_fit_is_reported_at_once(path: Path) -> None:
    model = generated()
    save_layers(model, path, rest="all")
    other: Any = Small().eval()
    del other.conv
    other.built = nn.Linear(120, 25)
    other.applied = nn.Bilinear(2, 2, 2)
    other.head = nn.Linear(24, 6)
    found = refused(lambda: load_layers(other, path), other)
    assert {each.code for each in found} == {"TN054"}
    messages = [each.message.removeprefix(f"{path}: ") for each in found]
    assert sorted(messages) == sorted(
        [
            "the model has no layer `conv`",
            "axis `out` of the weight of layer `built` has 25 entries, 24 in the file",
            "axis `in` of the weight of layer `built` has 120 entries, 128 in the file",
            "layer `applied` is a `Bilinear`, which has no weight to generate, and a `Linear` in the file",
            "`head.weight` has shape (6, 24), (5, 24) in the file",
            "the model has no parameter or buffer `conv.bias`",
            "`built.bias` has shape (25,), (24,) in the file",
            "`applied.bias` has shape (2,), (24,) in the file",
            "`head.bias` has shape (6,), (5,) in the file",
        ]
    )


def test_modes_that_do_not_fit(path: Path) -> None:
    save_layers(generated(), path)
    model = adapted()
    assert {each.code for each in refused(lambda: load_layers(model, path), model)} == {"TN054"}
    save_layers(model, path)
    other = generated()
    found = refused(lambda: load_layers(other, path), other)
    assert found[0].message.endswith("layer `conv` has a generated weight, and an adapter in the file")


def test_tied_weights_do_not_fit(path: Path) -> None:
    save_layers(generated(), path)
    model: Any = dense()
    model.other = nn.Linear(24, 24)
    model.other.weight = model.applied.weight
    (found,) = refused(lambda: load_layers(model, path), model)
    assert "the weight `applied.weight` is also `other.weight`" in found.message
    assert str(found.help).startswith("untie it first: `model.applied.weight =")


def test_files_that_are_none(path: Path, tmp_path: Path) -> None:
    model = dense()
    assert [each.code for each in refused(lambda: load_layers(model, path), model)] == ["TN001"]
    save_layers(generated(), path)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert [each.code for each in refused(lambda: load_layers(model, path), model)] == ["TN050"]
    path.write_bytes(content)
    with open_core_file(path) as file:
        core = bytes(file.tensors.read(file.header.layers[1].tensors[0]))
    path.write_bytes(content.replace(core, core[:-1] + bytes([core[-1] ^ 1])))
    assert [each.code for each in refused(lambda: load_layers(model, path), model)] == ["TN053"]


def test_bad_use(path: Path) -> None:
    model = dense()
    some: Any = "some"
    with pytest.raises(CompileError, match=r"TN049.*has no generated layers"):
        save_layers(model, path)
    with pytest.raises(CompileError, match=r"TN049.*unknown value of `rest` `some`"):
        save_layers(generated(), path, rest=some)
    assert not path.exists()
    save_layers(generated(), path)
    with torch.inference_mode():
        assert [each.code for each in refused(lambda: load_layers(model, path), model)] == ["TN049"]
    with pytest.raises(TypeError):
        load_layers("model", path)  # type: ignore[type-var]
    with pytest.raises(CompileError, match="TN008"):
        save_layers(generated(), path / "inside" / "a")


KILLED = """
import os, signal, sys
from tests.torch_layers.small_models import generated
from tnc.torch import saving
whole = saving._bytes
left = [5]

def dying(value):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(value)

saving._bytes = dying
saving.save_layers(generated(9), sys.argv[1], rest="all")
"""


@pytest.mark.peers
def test_a_kill_during_a_save_leaves_the_old_file(path: Path) -> None:
    save_layers(generated(), path)
    before = path.read_bytes()
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=root, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    assert path.read_bytes() == before
    assert torch.equal(load_layers(dense(), path)(images()), generated()(images()))


@pytest.mark.peers
def test_another_process_reads_the_file_without_tnc(path: Path) -> None:
    model = generated()
    save_layers(model, path)
    script = (
        "import json, sys\nsys.modules['tnc'] = None\n"
        "from safetensors.torch import load_file\nfrom safetensors import safe_open\n"
        "tensors = load_file(sys.argv[1])\n"
        "layers = json.loads(safe_open(sys.argv[1], 'pt').metadata()['tnc'])['layers']\n"
        "print(json.dumps([[layer['name'] for layer in layers], sum(value.numel() for value in tensors.values())]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    numbers = sum(value.numel() for name, value in model.state_dict().items() if name.split(".")[0] in CHOICE)
    assert json.loads(done.stdout) == [list(CHOICE), numbers]
