"""Several plans of a network beside each other."""

from __future__ import annotations

from pathlib import Path

from benchmarks.cases import all_cases
from benchmarks.ranking import APART, FAR, Ranking, Timed, rank, read, write
from benchmarks.report import document
from benchmarks.results import Results
from tnc.cost.device_file import default_profile


def test_plans_of_a_network_are_timed_in_the_order_of_their_predictions(tmp_path: Path) -> None:
    case = next(case for case in all_cases() if case.name == "tree-rows-2^8-bond2")
    ranking = rank(case, default_profile(), 0.1, most=4)
    predicted = [plan.predicted for plan in ranking.plans]
    assert len(predicted) == 4
    assert predicted == sorted(predicted)
    assert predicted[-1] <= FAR * predicted[0]
    assert all(plan.measured > 0 for plan in ranking.plans)
    write([ranking], tmp_path / "ranking.json")
    (again,) = read(tmp_path / "ranking.json")
    assert (again.case, again.pairs) == (ranking.case, ranking.pairs)


def test_only_pairs_that_are_apart_count() -> None:
    near = APART - 0.01
    plans = (Timed(1.0, 1.0), Timed(1.1, near), Timed(1.2, 2.0), Timed(1.3, 0.5))
    ranking = Ranking("n", held_out=False, profile="p", plans=plans)
    # Apart are all but the first two; the last one is predicted worst and is best.
    assert ranking.pairs == (5, 2)
    assert ranking.loss == 2.0
    page = document(Results("quick", {}, 1e10, 1e11, ()), None, "", (ranking,))
    assert "| n | 4 | 5 | 40% | 2.00× |" in page
