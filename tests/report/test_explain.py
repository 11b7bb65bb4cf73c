from __future__ import annotations

import pytest

from tnc.ir.cost import Terms
from tnc.order import Decision, Evaluation, Objective
from tnc.report import Explanation, NetworkExplanation
from tnc.report.explain import MOST_CANDIDATES, reason

SLOW = Evaluation("as written", True, Terms(arithmetic=1e-3, traffic=4e-3, calls=1e-5), 100, 10, 64, 64, 3)
FAST = Evaluation("optimal", False, Terms(arithmetic=2e-3, traffic=1e-3, calls=1e-5), 200, 10, 64, 128, 2)
CLOSE = Evaluation("along a frontier", True, Terms(arithmetic=2.1e-3, traffic=1e-3, calls=1e-5), 300, 10, 64, 64, 2)


@pytest.mark.parametrize(
    ("trials", "chosen", "objective", "words"),
    [
        ((SLOW,), 0, "time", "the only candidate"),
        (
            (SLOW, FAST),
            1,
            "time",
            "40 % less time than `as written`, the next best: "
            "3.00 ms less for memory traffic, 1.00 ms more for arithmetic",
        ),
        (
            (CLOSE, FAST),
            0,
            "time",
            "a regular order, within 5 % of `optimal`: it becomes a loop and reads like the source",
        ),
        ((FAST, FAST), 0, "time", "as good as `optimal`, and found first"),
        ((SLOW, FAST), 0, "flops", "50 % fewer FLOPs than `optimal`, the next best"),
        ((SLOW, FAST), 0, "memory", "33 % fewer bytes saved and alive at the peak than `optimal`, the next best"),
        (
            (SLOW, CLOSE),
            1,
            "memory",
            "equal to `as written` by `memory`, and faster: "
            "3.00 ms less for memory traffic, 1.10 ms more for arithmetic",
        ),
    ],
)
def test_the_reason(trials: tuple[Evaluation, ...], chosen: int, objective: Objective, words: str) -> None:
    assert reason(Decision("h", objective, trials, chosen)) == words


def explanation(*decisions: Decision) -> Explanation:
    return Explanation(
        (NetworkExplanation("net", (("batch", 2),), "torch", "h100 (0123)", "time", False, False, decisions),)
    )


def test_the_winner_is_shown_however_many_there_are() -> None:
    trials = (*(FAST,) * MOST_CANDIDATES, SLOW)
    lines = str(explanation(Decision("h", "time", trials, MOST_CANDIDATES))).splitlines()
    assert sum(line.lstrip().startswith("*") for line in lines) == 1
    assert not [line for line in lines if "worse" in line]
    lines = str(explanation(Decision("h", "time", (*trials, SLOW), 0))).splitlines()
    assert lines[-2] == "    … and 2 worse"


def test_regions_of_one_kind_are_told_once() -> None:
    first = Decision("h", "time", (SLOW, FAST), 1)
    text = str(explanation(first, Decision("g", "time", (SLOW, FAST), 1, like="h")))
    assert text.endswith("\n\n  region g: as region h, by optimal")
    assert text.count("as written") == 2  # in the table and in the reason


def test_the_json_has_every_candidate() -> None:
    value = explanation(Decision("h", "time", (SLOW, FAST), 1)).to_dict()
    assert value == {
        "networks": [
            {
                "name": "net",
                "sizes": {"batch": 2},
                "backend": "torch",
                "device": "h100 (0123)",
                "objective": "time",
                "forward_only": False,
                "input_grads": False,
                "sharing": None,
                "regions": [
                    {
                        "name": "h",
                        "like": None,
                        "candidates": [
                            {
                                "planner": trial.name,
                                "chosen": trial is FAST,
                                "seconds": round(trial.seconds, 6),
                                "terms": {
                                    "arithmetic": trial.terms.arithmetic,
                                    "traffic": trial.terms.traffic,
                                    "moves": 0.0,
                                    "fresh": 0.0,
                                    "calls": 1e-5,
                                },
                                "flops": trial.flops,
                                "bytes": 10,
                                "saved": 64,
                                "peak": trial.peak,
                                "steps": trial.steps,
                            }
                            for trial in (SLOW, FAST)
                        ],
                        "reason": reason(Decision("h", "time", (SLOW, FAST), 1)),
                    }
                ],
            }
        ]
    }
