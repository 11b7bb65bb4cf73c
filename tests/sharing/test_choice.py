"""Which shared tensors are built and which are computed anew."""

from __future__ import annotations

import pytest

import tnc
from tnc import ir, sharing
from tnc.diagnostics import CompileError
from tnc.driver import Planned
from tnc.order import PlanOptions
from tnc.sharing.problem import SharingProblem
from tnc.sharing.searches import built, inlined

MPS = """network m(n: int = 20) {
  let a = std.mps([2] * n, 3)
  output z() = a(x[0..n]) * a(x[0..n])
}
"""

TWICE = """network m(n: int = 20) {
  def bond(k) = min(3, 2^min(k + 1, n - 1 - k))
  core g[k in 0..n]([bond(j) for j in max(0, k - 1)..k], 2, [bond(j) for j in k..min(k + 1, n - 1)])
  output z() = prod(k in 0..n) g[k](r[max(0, k - 1)..k], x[k], r[k..min(k + 1, n - 1)])
             * prod(k in 0..n) g[k](s[max(0, k - 1)..k], x[k], s[k..min(k + 1, n - 1)])
}
"""

PEPS = """network m(n: int = 4) {
  let t = std.peps(n, n, [2] * (n * n), 2)
  output z() = t(x[0..n * n]) * t(x[0..n * n])
}
"""

PAIR = """network m() {
  core a[k in 0..12](3, 2, 3)
  core b[k in 0..12](3, 2, 3)
  s(y[0..12]) = prod(k in 0..12) a[k](r[k], y[k], r[(k + 1) % 12])
  t(y[0..12]) = prod(k in 0..12) b[k](r[k], y[k], r[(k + 1) % 12])
  output u() = s(y[0..12]) * s(y[0..12])
  output v() = t(y[0..12]) * t(y[0..12])
}
"""

OUTPUT_TOO = """network m() {
  let a = std.mps([2] * 12, 2)
  output w(x[0..12]) = a(x[0..12])
  output z() = a(x[0..12]) * a(x[0..12])
}
"""

TIED = """network m(batch: int = 1) {
  let w = std.mpo([2] * 6, [2] * 6, 8)
  input x(batch?, 64)
  h(b, (i[0..6])) = relu(w(i[0..6], j[0..6]) * x(b, (j[0..6])))
  output y(b, (i[0..6])) = w(i[0..6], j[0..6]) * h(b, (j[0..6]))
}
"""

DENSE = """network m() {
  core u(3)
  core t[k in 0..20]([4] * 19)
  s(y) = u(y) * prod(k in 0..20) t[k](x[0..k, k..k + 1], x[k..k + 1, k + 1..20])
  output w() = s(y) * s(y)
}
"""

SQUARES = """network m() {
  core c(4, 4)
  t0(i, j) = c(i, k) * c(k, j)
  {steps}
  output y(i, j) = t{last}(i, j)
}
"""


def planned(text: str, **options: object) -> Planned:
    return tnc.loads(text, **options)._planned("torch")  # type: ignore[arg-type]


def ways(text: str, **options: object) -> tuple[str, dict[str, float]]:
    """The chosen way, and the measure of every way by name."""
    found = planned(text, **options).sharing
    assert found is not None
    decision = found.decision
    return decision.winner.name, {each.name: each.measure(decision.objective)[0] for each in decision.evaluations}


def test_a_network_without_shared_tensors_has_no_decision() -> None:
    assert planned(TWICE).sharing is None


@pytest.mark.parametrize("objective", ["time", "flops", "memory"])
def test_a_square_is_planned_like_the_cores_written_twice(objective: str) -> None:
    shared, twice = (planned(text, objective=objective).report for text in (MPS, TWICE))
    assert shared.flops_training == twice.flops_training < 12_000
    assert shared.seconds_training == twice.seconds_training
    assert shared.bytes_saved == twice.bytes_saved


@pytest.mark.parametrize(("text", "n"), [(MPS, 60), (MPS, 784), (PEPS, 8)])
def test_what_cannot_be_stored_is_inlined(text: str, n: int) -> None:
    found = planned(text, args={"n": n}).sharing
    assert found is not None
    assert found.decision.winner.name == "inlined"
    assert [name for name, _ in found.refused] == ["built"]


@pytest.mark.parametrize(("n", "flops"), [(4, 7e4), (5, 9e5), (6, 9e6), (7, 6e7), (8, 3.2e8)])
def test_norms_of_a_grid(n: int, flops: float) -> None:
    """Within 3 times the best orders of cotengra: 1.9e8 for 8 × 8 at bond 2."""
    assert planned(PEPS, args={"n": n}, objective="flops").report.flops_forward <= flops


def test_an_error_remains_where_no_way_has_a_plan() -> None:
    """Every two of twenty cores share a bond, in the tensor that is used twice."""
    with pytest.raises(CompileError) as caught:
        planned(DENSE)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "TN404"
    assert "`w`" in diagnostic.message


def test_tensors_that_play_the_same_part_are_decided_together() -> None:
    found = planned(PAIR).sharing
    assert found is not None
    assert [tensor.name for tensor in found.tensors] == ["s", "t"]
    assert {each.name for each in found.decision.evaluations} == {"built", "inlined"}


def test_tensors_that_differ_are_decided_apart() -> None:
    different = PAIR.replace("b[k in 0..12](3, 2, 3)", "b[k in 0..12](2, 2, 2)")
    _, measures = ways(different)
    assert set(measures) == {"built", "inlined", "inlined: s", "inlined: t"}


def test_an_output_that_is_built_anyway_may_still_be_inlined_elsewhere() -> None:
    chosen, measures = ways(OUTPUT_TOO, objective="flops")
    assert chosen == "inlined"
    assert measures["inlined"] < measures["built"]


@pytest.mark.parametrize(("batch", "way"), [(1, "inlined"), (512, "built")])
def test_a_tied_weight_is_built_for_a_large_batch(batch: int, way: str) -> None:
    assert ways(TIED, sizes={"batch": batch}, objective="flops")[0] == way


@pytest.mark.parametrize("objective", ["time", "flops", "memory"])
@pytest.mark.parametrize("text", [MPS, PEPS, PAIR, OUTPUT_TOO, TIED])
def test_the_choice_is_the_best_of_all_ways(text: str, objective: str) -> None:
    chosen, measures = ways(text, objective=objective)
    assert measures[chosen] == min(measures.values())
    assert "built" in measures


def test_repeated_squares_stay_bounded() -> None:
    """Inlining all of 30 squares of squares would need 2^30 factors."""
    steps = "\n  ".join(f"t{k}(i, j) = t{k - 1}(i, k) * t{k - 1}(k, j)" for k in range(1, 31))
    found = planned(SQUARES.replace("{steps}", steps).replace("{last}", "30")).sharing
    assert found is not None
    assert found.decision.winner.name == "built"
    assert len(found.tensors) == 30
    assert len(found.decision.evaluations) < 40


def test_the_searches_yield_sets_of_uses() -> None:
    network = tnc.loads(MPS).initialised
    program = network.initialisation.optimised
    stacks = ir.stacks(network.program, network.initialisation.inits)
    tensors = sharing.shared_tensors(program, {})
    problem = SharingProblem(program, stacks, "", PlanOptions(), tensors)
    assert list(built(problem)) == [frozenset()]
    assert list(inlined(problem)) == [frozenset(tensors[0].uses)]
    assert problem.plans == 0
