"""Arrays of pytrees give way to cores, and come back."""

# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.requirements import package
from tnc.diagnostics import CompileError

jax: Any = package("jax")
jnp: Any = package("jax.numpy")
tnc_jax: Any = package("tnc.jax")

KEY: Any = jax.random.key(0)


def dense_params() -> Any:
    return {
        "first": {"kernel": jnp.ones((8, 16)), "bias": jnp.zeros(16)},
        "second": [{"kernel": jnp.ones((16, 8))}, {"kernel": jnp.ones((8, 16)), "steps": jnp.zeros((2, 2), jnp.int32)}],
        "conv": {"kernel": jnp.ones((3, 3, 4, 8)), "bias": jnp.zeros(8)},
    }


def errors(params: Any, choice: Any, **options: Any) -> list[tuple[str, str]]:
    """What is wrong; the params are untouched."""
    before = jax.tree.map(lambda leaf: leaf, params)
    with pytest.raises(CompileError) as caught:
        tnc_jax.replace(params, choice, key=KEY, **options)
    assert jax.tree.structure(before) == jax.tree.structure(params)
    assert all(one is two for one, two in zip(jax.tree.leaves(before), jax.tree.leaves(params), strict=True))
    return [(each.code, each.message) for each in caught.value.diagnostics]


def shapes(tree: Any) -> Any:
    return jax.tree.map(jnp.shape, tree)


def distance(one: Any, two: Any) -> float:
    distances: list[float] = jax.tree.leaves(jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), one, two))
    return max(distances)


def test_the_full_params_have_the_shapes_of_the_dense_ones() -> None:
    params = dense_params()
    small, expand = tnc_jax.replace(params, {"**/kernel": "mps"}, key=KEY)
    full = expand(small)
    assert shapes(full) == shapes(params)
    assert set(small["first"]["kernel"]) == {"cores"}
    assert full["first"]["bias"] is params["first"]["bias"]
    assert sum(leaf.size for leaf in jax.tree.leaves(small)) < sum(leaf.size for leaf in jax.tree.leaves(params))


def test_kernels_start_with_the_deviation_of_he() -> None:
    params = {"kernel": jnp.ones((128, 256)), "conv": {"kernel": jnp.ones((3, 3, 32, 64))}}
    small, expand = tnc_jax.replace(params, {"**/kernel": "mps"}, key=KEY)
    assert [row.std for row in expand.plan.rows] == pytest.approx([math.sqrt(2 / 288), math.sqrt(2 / 128)])
    drawn = [tnc_jax.replace(params, {"**/kernel": "mps"}, key=jax.random.key(seed)).params for seed in range(6)]
    full = [expand(small) for small in drawn]
    assert np.mean([jnp.std(each["kernel"]) for each in full]) == pytest.approx(math.sqrt(2 / 128), rel=0.2)
    assert np.mean([jnp.std(each["conv"]["kernel"]) for each in full]) == pytest.approx(math.sqrt(2 / 288), rel=0.2)
    assert small["kernel"]["cores"]


def test_one_star_is_one_part_of_a_path() -> None:
    params = dense_params()
    assert [row.path for row in tnc_jax.plan_layers(params, {"*/kernel": "mps"}).rows] == [
        "conv/kernel",
        "first/kernel",
    ]
    assert [row.path for row in tnc_jax.plan_layers(params, {"second/**": "mps"}).rows] == [
        "second/0/kernel",
        "second/1/kernel",
    ]
    assert len(tnc_jax.plan_layers(params, {"**/kernel": "mps"}).rows) == 4


def test_equal_arrays_share_a_network_and_start_differently() -> None:
    params = dense_params()
    small, expand = tnc_jax.replace(params, {"**/kernel": "mps"}, key=KEY)
    by_path = dict(zip((layer.path for layer in expand.layers), expand.modules, strict=True))
    assert by_path["first/kernel"] is by_path["second/1/kernel"]
    assert distance(small["first"]["kernel"], small["second"][1]["kernel"]) > 0.01


@pytest.mark.parametrize("batch", [True, False, None])
def test_a_batch_has_the_values_of_single_calls(batch: bool | None) -> None:
    params = {f"layer_{number}": {"kernel": jnp.ones((8, 16))} for number in range(3)}
    small, expand = tnc_jax.replace(params, {"**/kernel": "attn"}, key=KEY, batch=batch)
    single = tnc_jax.replace({"layer_1": params["layer_1"]}, {"**/kernel": "attn"}, key=KEY)
    full = expand(small)
    assert distance(full["layer_1"], single.expand(single.params)["layer_1"]) < 1e-6
    batched = "f32[3,8,16]" in str(jax.make_jaxpr(expand)(small))
    assert batched == (batch is not False)


def test_it_is_pure_under_jit_grad_vmap_and_donation() -> None:
    params = dense_params()
    small, expand = tnc_jax.replace(params, {"**/kernel": "mps"}, key=KEY)

    def loss(small: Any) -> Any:
        return sum(jnp.sin(leaf).sum() for leaf in jax.tree.leaves(expand(small)) if leaf.dtype == jnp.float32)

    assert float(jax.jit(loss)(small)) == pytest.approx(float(loss(small)), rel=1e-5)
    keys = jax.random.split(KEY, 3)
    many = jax.vmap(lambda key: tnc_jax.replace(params, {"**/kernel": "mps"}, key=key).params)(keys)
    assert jax.vmap(expand)(many)["conv"]["kernel"].shape == (3, 3, 3, 4, 8)
    floating, fixed = jax.tree.map(lambda leaf: leaf if leaf.dtype == jnp.float32 else None, small), small
    gradient = jax.grad(
        lambda part: loss(jax.tree.map(lambda a, b: b if a is None else a, part, fixed, is_leaf=_none))
    )(floating)
    assert float(jnp.abs(jax.tree.leaves(gradient["conv"]["kernel"])[0]).max()) > 0

    def step(small: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf + 1, small)

    donated = jax.jit(step, donate_argnums=0)
    copy = jax.tree.map(jnp.copy, small)
    again = donated(copy)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(copy))
    assert shapes(expand(again)) == shapes(params)


def _none(leaf: object) -> bool:
    return leaf is None


def test_dense_arrays_need_not_exist() -> None:
    abstract = jax.eval_shape(dense_params)
    small, expand = tnc_jax.replace(abstract, {"**/kernel": "mps"}, key=KEY)
    real, _ = tnc_jax.replace(dense_params(), {"**/kernel": "mps"}, key=KEY)
    assert distance(small["conv"]["kernel"], real["conv"]["kernel"]) == 0
    assert expand(real)["conv"]["kernel"].shape == (3, 3, 4, 8)


def test_an_adapter_starts_at_the_dense_weight_and_holds_what_is_trained() -> None:
    params = dense_params()
    params["conv"]["kernel"] = jax.random.normal(KEY, (3, 3, 4, 8))
    small, expand = tnc_jax.replace(params, {"**/kernel": "attn"}, key=KEY, mode="add")
    assert distance(expand(small, params), params) == 0
    assert small["first"]["bias"] is None
    assert set(small["first"]["kernel"]) == {"cores", "scale"}

    def loss(small: Any) -> Any:
        return jnp.sin(expand(small, params)["conv"]["kernel"]).sum()

    gradient = jax.jit(jax.grad(loss))(small)
    assert jax.tree.structure(gradient) == jax.tree.structure(small)
    assert float(gradient["conv"]["kernel"]["scale"]) != 0
    assert jax.grad(lambda base: jnp.sin(expand(small, base)["conv"]["kernel"]).sum(), allow_int=True)(params)["conv"][
        "kernel"
    ].any() == jnp.array(False)
    kept, expand = tnc_jax.replace(params, {"conv/*": "attn"}, key=KEY, mode="add", freeze=False)
    assert kept["first"]["kernel"] is params["first"]["kernel"]
    assert distance(expand(kept, params), params) == 0


def test_the_plan_is_a_table() -> None:
    plan = tnc_jax.plan_layers(dense_params(), {"conv/kernel": tnc_jax.Generated("attn", chi=2)})
    (row,) = plan.rows
    assert (row.kind, row.shape, row.template, row.dense) == ("kernel", (3, 3, 4, 8), "attn chi=2", 288)
    assert (
        " ".join(str(plan).splitlines()[0].split())
        == "array kind shape template mode dense generated ratio std step time"
    )
    assert plan.to_dict()["layers"][0]["generated"] == row.generated


def test_a_fit_starts_at_the_array() -> None:
    package("torch")
    columns = jax.random.normal(KEY, (8, 2))
    params = {"kernel": columns @ jax.random.normal(jax.random.key(1), (2, 16))}
    choice = {"kernel": tnc_jax.Generated("lowrank", chi=2, start="fit")}
    small, expand = tnc_jax.replace(params, choice, key=KEY)
    assert distance(expand(small), params) < 1e-3
    (row,) = expand.plan.rows
    assert row.error is not None
    assert row.error < 1e-4
    assert "error" in str(expand.plan).splitlines()[0]


# -- bad use -----------------------------------------------------------------------------------


def test_patterns_and_shapes_that_do_not_fit(tmp_path: Path) -> None:
    own = tmp_path / "own.tn"
    own.write_text("network fc2() { core a(8, 15) output w(o, i) = a(o, i) }\n")
    data = tmp_path / "data.tn"
    data.write_text("network n() { input x(8) core a(16) output w(i, o) = x(i) * a(o) }\n")
    params = dense_params()
    assert errors(params, {"frist/kernel": "mps"}) == [("TN045", "pattern `frist/kernel` selects no layer")]
    assert errors(params, {"first/bias": "mps"})[0][0] == "TN047"
    assert errors(params, {"**/steps": "mps"})[0][0] == "TN045"
    assert errors(params, {"first/kernel": str(own)}) == [
        ("TN041", f"`first/kernel`: axis `out` of the output of network `{own}` has 15 entries, expected 16")
    ]
    assert errors(params, {"first/kernel": str(data)})[0][0] == "TN042"
    assert errors(params, {"first/kernel": "mps", "first/*": "mps"})[0][0] == "TN046"
    assert errors(params, {"first/kernel": "atn"})[0] == ("TN040", "`first/kernel`: unknown topology `atn`")
    assert errors(params, {"first/kernel": tnc_jax.Generated("mps", chi=0)})[0][1].startswith("`first/kernel`: ")
    assert errors(params, {"first/kernel": "mps"}, mode="ad") == [("TN049", "unknown mode `ad`")]
    shard = tnc_jax.Generated("mps", shard="kw")
    assert errors(params, {"first/kernel": shard}) == [("TN064", "`first/kernel` has no axis `kw` to be sharded")]


def test_nothing_is_replaced_twice() -> None:
    small, _ = tnc_jax.replace(dense_params(), {"first/kernel": "mps"}, key=KEY)
    assert errors(small, {"first/kernel": "mps"})[0][:2] == (
        "TN047",
        "`first/kernel` is generated already; its cores are under it",
    )
    assert errors(small, {"**/kernel": "mps"}) == [
        ("TN046", "pattern `**/kernel` selects `first/kernel`, replaced before")
    ]


def test_tied_arrays_are_refused() -> None:
    weight = jnp.ones((8, 8))
    found = errors({"a": {"kernel": weight}, "b": {"kernel": weight}}, {"a/kernel": "mps"})
    assert found == [("TN048", "`a/kernel` and `b/kernel` are one array, and replacing it would untie them")]


def test_abstract_arrays_are_never_tied() -> None:
    weight = jax.ShapeDtypeStruct((8, 8), jnp.float32)
    assert len(tnc_jax.plan_layers({"a": {"kernel": weight}, "b": {"kernel": weight}}, {"**": "mps"}).rows) == 2


def test_a_fit_needs_an_array_to_fit_to() -> None:
    abstract = jax.eval_shape(dense_params)
    assert errors(abstract, {"first/kernel": "mps"}, start="fit")[0][0] == "TN057"
    assert errors(dense_params(), {"first/kernel": "mps"}, start="fit", mode="add")[0][0] == "TN049"


def test_other_params_are_refused() -> None:
    params = dense_params()
    small, expand = tnc_jax.replace(params, {"first/kernel": "mps"}, key=KEY)
    for wrong in (params, {"first": small["first"]}, {**small, "more": 1}):
        with pytest.raises(CompileError, match="TN067"):
            expand(wrong)
    adapters, expand = tnc_jax.replace(params, {"first/kernel": "mps"}, key=KEY, mode="add")
    with pytest.raises(CompileError, match=r"call `expand\(small, params\)`"):
        expand(adapters)


@pytest.mark.parametrize("key", [0, None, jax.random.split(KEY, 2), jnp.zeros(2)])
def test_a_key_is_a_key(key: Any) -> None:
    with pytest.raises(TypeError, match=r"`key` must be a random key, such as `jax.random.key\(0\)`"):
        tnc_jax.replace(dense_params(), {"first/kernel": "mps"}, key=key)


def test_options_have_types() -> None:
    with pytest.raises(TypeError, match="`choice` must be a mapping"):
        tnc_jax.replace(dense_params(), "attn", key=KEY)
    with pytest.raises(TypeError, match="a value of `choice`"):
        tnc_jax.replace(dense_params(), {"first/kernel": 3}, key=KEY)
    with pytest.raises(ValueError, match="`std` must be a positive number"):
        tnc_jax.Generated("attn", std=0.0)
    with pytest.raises(TypeError, match="given twice"):
        tnc_jax.Generated("attn", chi=2, args={"chi": 2})
    assert tnc_jax.Generated("attn", chi=2) == tnc_jax.Generated("attn", chi=2)
    assert len({tnc_jax.Generated("attn", chi=2), tnc_jax.Generated("attn", chi=2), tnc_jax.Generated("attn")}) == 2
    assert repr(tnc_jax.Generated("attn", chi=2, shard="out")) == "Generated('attn', shard='out', chi=2)"
