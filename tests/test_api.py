from __future__ import annotations

import copy
import pickle
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tnc
from tests.backends import evaluate

TEXT = """
network pair(chi: int = 2, dims: ints = [2, 3], act: fn = tanh) {
  core a(dims[0], chi)
  core b(chi, dims[1])
  output w(i, j) = act(a(i, k) * b(k, j))
}

network layer(rank: int) {
  input x(batch?, 6)
  core down(rank, 6)
  output y(b, r) = x(b, i) * down(r, i)
  output norm(b) = x(b, i) * x(b, i)
}
"""


def codes(caught: pytest.ExceptionInfo[tnc.CompileError]) -> list[str]:
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def test_a_network_from_a_file_and_from_a_text(tmp_path: Path) -> None:
    file = tmp_path / "a.tn"
    file.write_text(TEXT, encoding="utf-8")
    for network in (tnc.load(file), tnc.load(str(file), network="pair"), tnc.loads(TEXT)):
        assert network.name == "pair"
        assert [str(parameter.name) for parameter in network.parameters] == ["a", "b"]
        assert [output.name for output in network.outputs] == ["w"]
        assert network.warnings == ()


def test_arguments_are_python_values_and_activations_go_by_name() -> None:
    network = tnc.loads(TEXT, network="pair", chi=3, dims=[4, 5], act="sin")
    assert [parameter.shape for parameter in network.parameters] == [(4, 3), (3, 5)]
    assert repr(network) == "<tnc.Network pair(chi=3, dims=[4, 5], act=sin)>"
    random = np.random.default_rng(0)
    cores = {"a": random.standard_normal((4, 3)), "b": random.standard_normal((3, 5))}
    np.testing.assert_allclose(evaluate(network, "numpy", [], cores)["w"], np.sin(cores["a"] @ cores["b"]))


def test_sizes_and_reports() -> None:
    network = tnc.loads(TEXT, network="layer", rank=2, sizes={"batch": 64})
    entry = network.report().networks[0].to_dict()
    assert entry["sizes"] == {"batch": 64}
    assert entry["outputs"] == [
        {"name": "y", "shape": [64, 2], "elements": 128, "std": 1.0},
        # the root of the mean square of a sum of six squares of normal numbers: of 6 · 3 + 30 · 1
        {"name": "norm", "shape": [64], "elements": 64, "std": pytest.approx(48**0.5, rel=0.02)},
    ]
    assert entry["parameters"] == 12
    assert entry["compression"] is None
    assert str(network.report()).startswith("network layer(rank = 2)\n")


def test_expand_is_the_same_network_again() -> None:
    network = tnc.loads(TEXT, chi=3, dims=[2, 2])
    assert tnc.loads(network.expand()).program == network.program


def test_the_graph_has_the_cores() -> None:
    assert {"a", "b"} <= {str(node) for node in tnc.loads(TEXT).graph().nodes}


def test_modules_of_all_backends() -> None:
    network = tnc.loads(TEXT)
    for backend in ("numpy", "jax"):
        module = network.module(backend)
        assert isinstance(module, ModuleType)
        assert module is network.module(backend)
        assert network.source(backend).startswith('"""')
    layer: Any = network.module("torch")
    assert layer.__name__ == "Pair"
    again = pickle.loads(pickle.dumps(copy.deepcopy(layer())))
    assert set(again.state_dict()) == {"a", "b"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"network": "pear"}, "TN002"),
        ({"network": "layer"}, "TN004"),
        ({"rank": 2}, "TN003"),
        ({"chi": 2, "colour": 3}, "TN006"),
        ({"sizes": {"batch": 3}}, "TN007"),
        ({"dtype": "float31"}, "TN012"),
    ],
)
def test_what_cannot_be_meant(arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.loads(TEXT, **arguments)
    assert codes(caught) == [code]


@pytest.mark.parametrize("value", [1.5, "relu", None, object(), [2], True, {"a": 1}, np.float64(2)])
def test_values_of_the_wrong_type(value: object) -> None:
    with pytest.raises(tnc.CompileError):
        tnc.loads(TEXT, chi=value)


@pytest.mark.parametrize("value", [np.int64(3), 3])
def test_integers_of_numpy_are_integers(value: object) -> None:
    assert tnc.loads(TEXT, chi=value).parameters[0].shape == (2, 3)


def test_several_targets_are_listed() -> None:
    with pytest.raises(tnc.CompileError, match="`pair` and `layer`"):
        tnc.loads(TEXT, rank=2)


def test_errors_are_values_with_places() -> None:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.loads("network a() {\n  output y(i) = b(i)\n  output z(i) = c(i)\n}\n")
    places = [d.span.source.position(d.span.start).line for d in caught.value.diagnostics if d.span is not None]
    assert places == [2, 3]


def test_an_error_prints_all_of_it_and_survives_pickling() -> None:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.loads("network a() {\n  output y(i) = b(i)\n  output z(i) = c(i)\n}\n")
    error = caught.value
    assert str(error) == tnc.render(error.diagnostics)
    first, _, second = str(error).partition("\n\n")
    assert first.splitlines()[0] == "error[TN201]: tensor or function `b` is not declared"
    assert first.splitlines()[1] == " --> <string>:2:17"
    assert first.splitlines()[-1].endswith("^ not declared")
    assert second.startswith("error[TN201]: tensor or function `c`")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert isinstance(again, tnc.CompileError)
        assert (again.diagnostics, str(again)) == (error.diagnostics, str(error))
    last = traceback.format_exception_only(error)
    assert "".join(last) == f"tnc.CompileError: {error}\n"
    assert "\x1b[1;31merror[TN201]" in tnc.render(error.diagnostics, color=True)
    assert tnc.render(()) == ""


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.load("nowhere.tn")
    assert codes(caught) == ["TN001"]


def test_a_broken_budget_is_reported_and_compiles_nothing() -> None:
    network = tnc.loads("network a() {\n  require params <= 1\n  core c(4)\n  output y(i) = c(i)\n}\n")
    assert "4 in 1 core" in str(network.report())
    with pytest.raises(tnc.CompileError) as caught:
        network.source("numpy")
    assert codes(caught) == ["TN401"]


def test_an_unknown_backend() -> None:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.loads(TEXT).source("pytorch")
    assert codes(caught) == ["TN010"]


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(tnc, "noth" + "ing")


@pytest.mark.parametrize(
    ("options", "code"),
    [({"device": "h1000"}, "TN020"), ({"device": "./none.json"}, "TN020"), ({"objective": "speed"}, "TN026")],
)
def test_what_cannot_be_planned_for(options: dict[str, Any], code: str) -> None:
    network = tnc.loads("network n() { core a(2) output w(i) = a(i) }", **options)
    with pytest.raises(tnc.CompileError) as caught:
        network.report()
    assert codes(caught) == [code]


def test_a_network_is_planned_for_a_device_and_explains_itself() -> None:
    network = tnc.loads(
        "network n() { core a(8, 4) core b(4, 8) output w(i, j) = relu(a(i, r) * b(r, j)) }",
        device="h100",
        objective="memory",
        forward_only=True,
    )
    (reported,) = network.report()
    assert reported.predicted.device == "h100"
    assert "predicted for h100 (" in network.source()
    (explained,) = network.explain().networks
    assert (explained.objective, explained.forward_only) == ("memory", True)
    assert [decision.region for decision in explained.decisions] == ["w_product"]


def test_each_backend_has_a_method_of_one_type() -> None:
    network = tnc.loads("network net() { core a(2, 3)  output y(i, j) = a(i, j) }")
    assert network.torch() is network.module("torch")
    assert isinstance(network.torch(), type)
    assert network.jax().CORES == network.numpy().CORES == {"a": ("a", None, (2, 3))}
