"""A template and a shape become the network of a weight, or of a layer on data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tnc.api import Network
from tnc.diagnostics import CompileError
from tnc.layers import Template, layer_network, make_template, weight_network
from tnc.options import Options

OWN = str(Path(__file__).with_name("own.tn"))
PLAIN = """network weight(shape: ints) {
  core a(shape)
  output w(x[0..len(shape)]) = a(x[0..len(shape)])
}
"""


def own(network: str = "", **arguments: object) -> Template:
    return make_template(f"{OWN}:{network}" if network else OWN, arguments)


def errors(template: Template, shape: tuple[int, ...], axes: tuple[str, ...] | None = None) -> list[tuple[str, str]]:
    with pytest.raises(CompileError) as caught:
        weight_network(template, shape, axes=axes)
    assert all(each.help or each.span for each in caught.value.diagnostics)
    return [(each.code, each.message) for each in caught.value.diagnostics]


def shape_of(net: Network) -> tuple[Any, ...]:
    (output,) = net.outputs
    return net.program.shapes()[output.tensor]


def test_the_shape_is_bound() -> None:
    net = weight_network(own("weight", chi=3, act="tanh"), (4, 6, 3, 3), std=0.02)
    assert shape_of(net) == (4, 6, 3, 3)
    assert net.outputs[0].axes == ("out", "in", "kh", "kw")
    assert net.outputs[0].std == 0.02
    assert net.program.arguments == (("chi", "3"), ("act", "tanh"))


def test_without_a_parameter_shape_the_shape_must_agree() -> None:
    assert shape_of(weight_network(own("fc2"), (8, 6))) == (8, 6)
    assert errors(own("fc2"), (8, 7)) == [
        ("TN041", f"axis `in` of the output of network `{OWN}:fc2` has 6 entries, expected 7")
    ]
    assert errors(own("fc2"), (8, 6, 3)) == [
        ("TN041", f"the output of network `{OWN}:fc2` has 2 axes, expected 3: 8 × 6 × 3")
    ]


def test_every_wrong_axis_is_named() -> None:
    found = errors(own("padded"), (8, 6), axes=("rows", "columns"))
    assert [message.partition(" of ")[0] for _, message in found] == ["axis `rows`", "axis `columns`"]
    assert [code for code, _ in found] == ["TN041", "TN041"]


def test_a_function_of_the_file_is_an_argument() -> None:
    net = weight_network(own("weight", act="wave"), (2, 2, 2, 2, 2))
    assert dict(net.program.arguments)["act"] == "wave"
    assert "sin(3 *" in net.expand()


def test_a_parameter_may_be_called_like_a_name_of_the_wrapper() -> None:
    assert [str(core.name) for core in weight_network(own("weight"), (4, 4)).parameters] == ["w_.tree.top"]
    assert [str(core.name) for core in weight_network(own("fc2"), (8, 6)).parameters] == ["w.a", "w.b"]


def test_lists_make_hashable_templates() -> None:
    template = make_template("attn", {"dims": [2, [3, 4]], "more": np.array([1, 2])})
    assert template.arguments == (("dims", (2, (3, 4))), ("more", (1, 2)))
    assert hash(template) == hash(make_template("attn", {"dims": (2, (3, 4)), "more": (1, 2)}))
    assert str(template) == "attn dims=[2, [3, 4]] more=[1, 2]"


def test_the_file_needs_no_network_name_where_one_takes_a_shape(tmp_path: Path) -> None:
    file = tmp_path / "one file.tn"
    file.write_text("network other() { core a(2)  output w(i) = a(i) }\n" + PLAIN)
    assert shape_of(weight_network(Template(str(file)), (4, 2, 2))) == (4, 2, 2)


def test_several_networks_could_be_meant() -> None:
    ((code, message),) = errors(own(), (4, 4))
    assert (code, message) == ("TN040", f"several networks of `{OWN}` could be meant: `weight` and `padded`")


@pytest.mark.parametrize(
    ("template", "code", "message"),
    [
        (Template("atnn"), "TN040", "unknown topology `atnn`"),
        (Template("zzz"), "TN040", "unknown topology `zzz`"),
        (Template(f"{OWN}:fc3"), "TN040", f"`{OWN}` declares no network `fc3`"),
        (own("with_data"), "TN042", f"network `{OWN}:with_data` has `x` as input, and a weight has none"),
        (own("two"), "TN043", f"network `{OWN}:two` has 2 outputs: `first` and `second`"),
        (
            own("weight", shape=[8, 6]),
            "TN044",
            f"the argument `shape` of `{OWN}:weight` is the shape of the layer's weight",
        ),
        (own("fc2", ch=3), "TN006", f"unknown parameter `ch` of `{OWN}:fc2`"),
        (own("fc2", chi="many"), "TN221", None),
        (own("fc2", chi=0), "TN251", None),
    ],
)
def test_what_is_wrong_with_a_template(template: Template, code: str, message: str | None) -> None:
    found = errors(template, (8, 6))
    assert {found_code for found_code, _ in found} == {code}
    assert message in (None, found[0][1])


def test_a_file_that_is_not_there_or_broken(tmp_path: Path) -> None:
    assert [code for code, _ in errors(Template(str(tmp_path / "no.tn")), (2, 2))] == ["TN001"]
    broken = tmp_path / "broken.tn"
    broken.write_text("network n( {")
    assert errors(Template(str(broken)), (2, 2))[0][0].startswith("TN1")


def values(net: Network, seed: int = 0) -> dict[str, Any]:
    return dict(net.numpy().init(seed, dtype=np.float64))


def test_a_layer_has_the_cores_and_values_of_its_weight() -> None:
    for template, shape in ((own("fc2"), (8, 6)), (own("weight", chi=4), (16, 9))):
        weight, layer = weight_network(template, shape, 0.3), layer_network(template, shape, 0.3)
        params = values(weight)
        assert {key: value.shape for key, value in params.items()} == {k: v.shape for k, v in values(layer).items()}
        assert all(np.allclose(params[key], value) for key, value in values(layer).items())
        x = np.random.default_rng(0).normal(size=(5, shape[1]))
        np.testing.assert_allclose(layer.numpy().apply(params, x), x @ weight.numpy().apply(params).T, atol=1e-12)


def test_the_layer_is_planned_for_a_batch() -> None:
    net = layer_network(own("fc2"), (8, 6), options=Options(sizes=(("batch", 64),)))
    assert str(net.report()).count("batch = 64") == 1
    weight_network(own("fc2"), (8, 6), options=Options(sizes=(("batch", 64),)))  # which has no batch


def test_a_layer_on_data_needs_a_matrix() -> None:
    with pytest.raises(ValueError, match="needs a matrix"):
        layer_network(own("weight"), (8, 6, 3))


def test_the_weight_starts_with_the_deviation_asked_for() -> None:
    net = weight_network(own("weight", chi=8), (64, 8, 8), std=0.02)
    found = [net.numpy().apply(values(net, seed)).std() for seed in range(8)]
    assert math.isclose(np.mean(found), 0.02, rel_tol=0.25)
