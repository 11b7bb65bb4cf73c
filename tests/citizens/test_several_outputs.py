"""Named tuples of results where frameworks save, load, compile and copy functions."""

from __future__ import annotations

import copy
import io
import json
import pickle
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tnc
from tests import requirements
from tests.citizens.networks import imported, source

_pytree: Any = import_module("torch.utils._pytree")
_untyped: Any = torch

TEXT = """
network pair() {
  input x(batch?, 4)
  core gain() init 2
  core a(4, 3) init normal(1)
  output y(n, j) = tanh(gain() * x(n, i) * a(i, j))
  output gram(i, k) = a(i, j) * a(k, j)
}
"""
OTHER = TEXT.replace("4", "5").replace("output gram", "output other")


def test_torch_saves_exported_modules(tmp_path: Path) -> None:
    module = imported(TEXT, "torch", tmp_path, "citizens_pair")
    network, x = vars(module)["Pair"](), torch.randn(2, 4)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, tmp_path / "pair.pt2")
    longer = torch.randn(6, 4)
    result = torch.export.load(tmp_path / "pair.pt2").module()(longer)
    assert type(result) is vars(module)["PairOutput"]
    for value, expected in zip(result, network(longer), strict=True):
        torch.testing.assert_close(value, expected)
    del sys.modules["citizens_pair"]


def test_torch_loads_in_another_process(tmp_path: Path) -> None:
    """The generated module is imported there first: it names the type."""
    module = imported(TEXT, "torch", tmp_path, "citizens_pair")
    program = torch.export.export(vars(module)["Pair"](), (torch.randn(2, 4),))
    torch.export.save(program, tmp_path / "pair.pt2")
    script = textwrap.dedent("""
        import torch, citizens_pair
        result = torch.export.load("pair.pt2").module()(torch.ones(2, 4))
        assert type(result) is citizens_pair.PairOutput
    """)
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=120)
    del sys.modules["citizens_pair"]


def test_every_import_registers_its_own_type(tmp_path: Path) -> None:
    """Twice under one name, under two names, and two networks of one name; warnings are errors."""
    modules = [imported(text, "torch", tmp_path, name) for text, name in ((TEXT, "one"), (TEXT, "one"), (TEXT, "two"))]
    modules.append(imported(OTHER, "torch", tmp_path, "three"))
    modules.append(sys.modules[tnc.loads(OTHER, sizes={"batch": 2}).module("torch").__module__])
    assert len({vars(module)["PairOutput"] for module in modules}) == 5
    for module in modules[1:]:
        network = vars(module)["Pair"]()
        stream = io.BytesIO()
        torch.export.save(torch.export.export(network, (torch.ones(2, network.a.shape[0]),)), stream)
        stream.seek(0)
        result = torch.export.load(stream).module()(torch.ones(2, network.a.shape[0]))
        assert type(result) is vars(module)["PairOutput"]
    for name in ("one", "two", "three"):
        del sys.modules[name]


def test_torch_sees_a_tree(tmp_path: Path) -> None:
    module = imported(TEXT, "torch", tmp_path, "citizens_tree")
    network, x = vars(module)["Pair"](), torch.randn(2, 4)
    result = network(x)
    doubled = _pytree.tree_map(torch.neg, result)
    assert type(doubled) is type(result)
    _, spec = _pytree.tree_flatten(result)
    assert _pytree.treespec_loads(_pytree.treespec_dumps(spec)) == spec
    torch.compiler.reset()
    compiled = _untyped.compile(network, fullgraph=True, backend="eager")(x)
    assert type(compiled) is type(result)
    torch.testing.assert_close(compiled.y, result.y)
    again = pickle.loads(pickle.dumps(result))
    assert type(again) is type(result)
    torch.testing.assert_close(again.gram, result.gram)
    del sys.modules["citizens_tree"]


def test_instances_of_classes_from_memory_pickle() -> None:
    """Copies and pickles are of the same class here, and load in a process that has not compiled the network."""
    network: Any = tnc.loads(TEXT, sizes={"batch": 2}).module("torch")
    first = network()
    for again in (pickle.loads(pickle.dumps(first)), copy.deepcopy(first), copy.copy(first)):
        assert type(again) is network
        torch.testing.assert_close(again.state_dict(), first.state_dict())
    assert tnc.loads(TEXT, sizes={"batch": 2}).module("torch") is network
    result = pickle.loads(pickle.dumps(first(torch.ones(2, 4))))
    torch.testing.assert_close(result.y, first(torch.ones(2, 4)).y)
    script = "import pickle, sys, torch\nprint(pickle.load(sys.stdin.buffer)(torch.ones(2, 4)).y.tolist())"
    done = subprocess.run([sys.executable, "-c", script], input=pickle.dumps(first), capture_output=True, check=True)
    torch.testing.assert_close(torch.tensor(json.loads(done.stdout)), result.y)


def test_jax_knows_the_type(tmp_path: Path) -> None:
    jax: Any = import_module("jax")
    export: Any = import_module("jax.export")
    module: Any = imported(TEXT, "jax", tmp_path, "citizens_pair_known")
    with pytest.raises(ValueError, match="Duplicate serialization registration"):
        export.register_namedtuple_serialization(module.PairOutput, serialized_name="another name")
    result = jax.tree.map(np.asarray, jax.jit(module.apply)(module.init(jax.random.key(0)), np.ones((2, 4), "float32")))
    assert type(result) is module.PairOutput
    assert type(pickle.loads(pickle.dumps(result))) is module.PairOutput
    del sys.modules["citizens_pair_known"]


def test_jax_serializes_exported_functions(tmp_path: Path) -> None:
    requirements.package("flatbuffers")  # JAX serializes with it
    jax: Any = import_module("jax")
    export: Any = import_module("jax.export")
    for _ in range(2):  # a second import under the same name
        imported(TEXT, "jax", tmp_path, "citizens_pair_jax")
    other: Any = tnc.loads(OTHER, sizes={"batch": 2}).module("jax")
    again: Any = imported(TEXT, "jax", tmp_path, "citizens_pair_again")
    for generated, size in ((other, 5), (again, 4)):
        params, x = generated.init(jax.random.key(0)), np.ones((2, size), "float32")
        exported = export.export(jax.jit(generated.apply))(params, x)
        result = export.deserialize(exported.serialize()).call(params, x)
        assert type(result) is generated.PairOutput
        for value, expected in zip(result, generated.apply(params, x), strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-5)
    for name in ("citizens_pair_jax", "citizens_pair_again"):
        del sys.modules[name]


@pytest.mark.parametrize("backend", ["torch", "jax", "numpy"])
def test_one_output_registers_nothing(backend: str) -> None:
    text = source("network one() { core a(2) init 1 output y(i) = a(i) }", backend)
    assert "_register_namedtuple" not in text
    assert "jax.export" not in text
