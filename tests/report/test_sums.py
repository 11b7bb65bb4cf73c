"""Regions and what belongs to none add up to the totals, for every network and every option."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from math import fsum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tnc
from benchmarks.cases import all_cases
from tests.program_strategies import programs
from tnc import driver
from tnc.init import Initialisation
from tnc.ir.program import Init, Normal, Program
from tnc.limits import Limits
from tnc.passes import run_passes
from tnc.reading import read_source

ROOT = Path(__file__).parents[2]
BRICK = """
network brick(n: int = 8) {
  let net = std.brickwall([2] * n, 2, act = relu)
  w(out = (o[0..n // 2]), in = (i[0..n // 2])) = net(interleave(o[0..n // 2], i[0..n // 2]))
  output weight(out: 15 = a, b) = w(a, b)
}
"""
LAYER = """
network layer() {
  input x(batch?, 6)
  core up(4, 2)
  core down(2, 6)
  core bias(4) init 0
  h(b, o) = relu(x(b, i) * down(r, i) * up(o, r) + bias(o))
  output y(b, o) = rms(h(b, o))
  output z(o, b) = h(b, o)
}
"""
TOPOLOGIES = (
    "ttn([2] * 6, 2, act = relu)",
    "attn([2] * 6, 2, 1, act = tanh)",
    "mera([2] * 6, 2, act = relu)",
    "mera([2] * 8, 2, periodic = true)",
    "mera3([2] * 9, 2)",
    'brickwall([2] * 6, 2, "trained", act = relu)',
    'brickwall([2] * 6, 1, "folded")',
    "mps([2] * 6, 3)",
    "mpo([2, 3, 4], [3, 1, 2], 2)",
    "ring([2] * 6, 2)",
)
LEAVES = {"mera([2] * 8": 8, "mera3": 9, "mpo": 6}


def assert_adds_up(report: Any) -> None:
    """The sums of one network's report, taken from its JSON."""
    value = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    regions, elsewhere = value["regions"], value["elsewhere"]
    assert set(elsewhere) == {"permutations", "calls", "allocation"}
    seconds = [*(region["seconds"] for region in regions), *elsewhere.values()]
    assert all(each >= 0 for each in seconds)
    assert fsum(seconds) == pytest.approx(value["seconds"]["training"], rel=1e-10, abs=1e-18)
    assert sum(region["flops"] for region in regions) == value["flops"]["forward"]
    assert sum(region["flops_training"] for region in regions) == value["flops"]["training"]
    assert sum(region["saved"] for region in regions) == value["bytes"]["saved"]
    for own, passes in (("bytes", "forward"), ("bytes_training", "training")):
        moved = sum(region[own] for region in regions) + value["elsewhere_bytes"][passes]
        assert moved == value["traffic"][passes]


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    programs(),
    st.sampled_from(("time", "flops", "memory")),
    st.booleans(),
    st.sampled_from(("float32", "bfloat16", "complex64")),
    st.sampled_from((None, "h100")),
    st.sampled_from((1, 3)),
)
def test_random_programs(
    program: Program, objective: str, forward_only: bool, dtype: str, device: str | None, size: int
) -> None:
    sizes = {dim: size for tensor in program.inputs for dim in tensor.shape if isinstance(dim, str)}
    options = driver.Options(
        sizes=tuple(sizes.items()), dtype=dtype, device=device, objective=objective, forward_only=forward_only
    )
    inits: dict[str, Init] = {str(parameter.name): Normal(1.0) for parameter in program.parameters}
    program = replace(program, requirements=())
    network = driver.Initialised(program, Initialisation(inits, (), (), (), run_passes(program)))
    assert_adds_up(driver.plan(network, options).report)


@pytest.mark.parametrize(
    ("objective", "forward_only", "device"), tuple(product(("time", "memory"), (False, True), (None, "h100")))
)
def test_options(objective: str, forward_only: bool, device: str | None) -> None:
    subjects: tuple[tuple[str, dict[str, int]], ...] = ((BRICK, {}), (LAYER, {"batch": 3000}))
    for text, sizes in subjects:
        network = tnc.loads(text, sizes=sizes, objective=objective, forward_only=forward_only, device=device)
        (report,) = network.report()
        assert_adds_up(report)


@pytest.mark.parametrize("call", TOPOLOGIES)
def test_standard_topologies(call: str) -> None:
    leaves = next((number for name, number in LEAVES.items() if call.startswith(name)), 6)
    (report,) = tnc.loads(
        f"network t() {{ let n = std.{call}  output w(x[0..{leaves}]) = n(x[0..{leaves}]) }}"
    ).report()
    assert_adds_up(report)


def test_a_copy_for_an_output_belongs_to_no_region() -> None:
    text = (
        "network t() { core a(512, 8)  core b(8, 512)  h(i, j) = relu(a(i, k) * b(k, j))  output y((j, i)) = h(i, j) }"
    )
    (report,) = tnc.loads(text).report()
    assert_adds_up(report)
    copies = report.elsewhere
    assert copies.permutations > 0.5 * report.predicted.training
    # Read once and written once, forward and backward.
    assert (copies.bytes, copies.bytes_training) == (2 * 4 * 512 * 512, 4 * 4 * 512 * 512)
    assert [region.name for region in report.regions] == ["h_product", "h", "y_product"]


def test_a_gradient_of_an_output_is_copied_outside_regions() -> None:
    text = """network t() {
      core a(512, 8)  core b(8, 512)
      h(i, j) = a(i, k) * b(k, j)
      output z(i, j) = h(i, j)
      output y(j, i) = tanh(h(i, j))
    }"""
    (report,) = tnc.loads(text).report()
    assert_adds_up(report)
    assert report.elsewhere.permutations > 0
    assert (report.elsewhere.bytes, report.elsewhere.bytes_training) == (0, 2 * 4 * 512 * 512)


def test_where_the_time_of_a_brick_wall_goes() -> None:
    network = tnc.load(ROOT / "examples" / "vgg16.tn", network="conv512_brick")
    (report,) = network.report()
    assert_adds_up(report)
    assert report.elsewhere.permutations > 0.9 * report.predicted.training
    rows = [line.split()[0] for line in str(network.report()).splitlines() if "%" in line]
    assert rows[:4] == ["g.w", "permutations", "calls", "allocation"]


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.tn")), ids=lambda path: path.name)
def test_examples(path: Path) -> None:
    options = driver.Options()
    for network in driver.elaborate(read_source(str(path), Limits()), options).networks:
        assert_adds_up(driver.plan(network, options).report)


@pytest.mark.slow
@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_benchmarks(case: Any) -> None:
    (report,) = case.load().report()
    assert_adds_up(report)
