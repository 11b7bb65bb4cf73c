"""Which weights can be sharded, what a rank computes then, and the reasons for which others are refused."""

from __future__ import annotations

import numpy as np
import pytest

import tnc
from tests.evaluate_program import evaluate_program, random_tensors
from tests.layers.test_blocks import assert_blocks_are_the_whole, value_of_block
from tnc.diagnostics import CompileError
from tnc.layers.blocks import Blocked
from tnc.layers.sharding import Sharded, shard

LIBRARY = {
    "cp": "std.cp(dims, rank = 3)",
    "mps": "std.mps(dims, chi = 4)",
    "ttn": "std.ttn(dims, act = silu)",
    "attn": "std.attn(dims)",
    "brickwall": "std.brickwall(dims)",
    "mera": "std.mera(dims)",
}


def weight(topology: str, bits: int = 6, objective: str = "time") -> tnc.Network:
    text = f"""
        network weight() {{
          let dims = [2] * {2 * bits}
          let net = {topology}
          output w(out = (o[0..{bits}]), in = (i[0..{bits}])) std he = net(interleave(o[0..{bits}], i[0..{bits}]))
        }}
        """
    return tnc.loads(text, objective=objective)


def refusal(net: tnc.Network, axis: int, ranks: int) -> str:
    with pytest.raises(CompileError) as caught:
        shard(net, axis, ranks)
    (diagnostic,) = caught.value.diagnostics
    return f"{diagnostic.code}: {diagnostic.message}; {diagnostic.label}"


@pytest.mark.parametrize("ranks", [2, 4, 64])
@pytest.mark.parametrize("name", LIBRARY)
def test_blocks_of_the_library_are_the_whole(name: str, ranks: int) -> None:
    net = weight(LIBRARY[name])
    sharded = shard(net, 0, ranks)
    assert_same_weight(net, sharded)
    assert_blocks_are_the_whole(net.program, "w", 1, ranks)


def assert_same_weight(net: tnc.Network, sharded: Sharded) -> None:
    program = sharded.network.program
    assert program.parameters == net.program.parameters
    tensors = random_tensors(net.program)
    (output,) = net.program.outputs
    whole = evaluate_program(net.program, tensors)[output.name]
    ranks = range(sharded.ranks)
    blocks = [value_of_block(Blocked(program, sharded.selectors), tensors, rank, output.name) for rank in ranks]
    np.testing.assert_allclose(np.concatenate(blocks, sharded.axis), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["mps", "attn", "mera"])
def test_work_falls_with_the_number_of_ranks(name: str) -> None:
    net = weight(LIBRARY[name], bits=8, objective="flops")
    whole = flops(net)
    for ranks in (2, 4):
        assert whole / flops(shard(net, 0, ranks).network) > 0.85 * ranks


def flops(net: tnc.Network) -> int:
    (network,) = net.report().networks
    return network.flops_training


def test_cores_start_as_in_the_whole_network() -> None:
    net = weight(LIBRARY["attn"])
    assert shard(net, 0, 4).network.initialised.initialisation.inits == net.initialised.initialisation.inits


def test_data_go_in_before_the_selectors() -> None:
    net = tnc.loads(
        """
        network layer() {
          input x(batch?, 6)
          core w(8 -> 6)
          y(b, o) = x(b, i) * w(o, i)
          output z(b, o) = y(b, o)
        }
        """
    )
    sharded = shard(net, 1, 4)
    assert [(given.name, given.shape) for given in sharded.network.program.inputs] == [
        ("x", ("batch", 6)),
        ("block", (2, 8)),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("core a(8, 8) output w(out = o, in = i) = rms(a(o, i))", "`w` divides by the root mean square of all entries"),
        (
            "core a(8, 8) core b(8, 8) h(o, i) = relu(a(o, i)) output w(out = o, in = i) = h(p, i) * b(p, o)",
            "`w` mixes or sums the legs of `h`; every rank would compute all of `h` for this, <string>:1",
        ),
        (
            "core a(8, 8) h(o, i) = relu(a(o, i)) s(i) = h(o, i) * ones(o) output w(out = o, in = i) = h(o, i) * s(i)",
            "`s` mixes or sums the legs of `h`",
        ),
        (
            "core a(3, 3, 8) h(o, p, i) = relu(a(o, p, i)) output w(out: 8 = (o, p), in = i) = h(o, p, i)",
            "its blocks do not align with the legs 3 × 3 × 8 that `w_view` is reshaped from",
        ),
        (
            "core a(9, 4, 8) h(o, p, i) = relu(a(o, p, i)) output w(out = (o, p), in = i) = h(o, p, i)",
            "its blocks do not align with the legs 9 × 4 × 8",
        ),
    ],
)
def test_refusals_give_the_reason(text: str, reason: str) -> None:
    found = refusal(tnc.loads(f"network n() {{ {text} }}"), 0, 4)
    assert found.startswith("TN063: axis `out` of `w` cannot be sharded over 4 ranks")
    assert reason in found


def test_blocks_are_equal() -> None:
    net = tnc.loads("network n() { core a(10, 4) output w(out = o, in = i) = a(o, i) }")
    assert refusal(net, 0, 4) == "TN064: axis `out` of `w` has 10 entries, not a multiple of 4 ranks; "
    net = tnc.loads("network n() { input x(batch?, 4) core a(4) output w(b, i) = x(b, i) * a(i) }")
    assert refusal(net, 0, 4) == "TN064: axis 0 of `w` has the dynamic size `batch` and cannot be sharded; "
