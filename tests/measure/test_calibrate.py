"""A machine whose figures are known is measured, and they come out."""

from __future__ import annotations

import pytest

from tests.measure import machines
from tests.measure.machines import PaperMachine
from tnc.cost.device import Profile
from tnc.cost.device_file import parse_profile, profile_text
from tnc.measure import rounds
from tnc.measure.calibrate import calibrate


@pytest.fixture(name="machine")
def paper(monkeypatch: pytest.MonkeyPatch) -> PaperMachine:
    machine = PaperMachine()
    monkeypatch.setattr(rounds, "now", machine.time)
    return machine


def measured(machine: PaperMachine) -> Profile:
    return parse_profile(profile_text(calibrate("paper", "paper", machine, budget=1e-3)), "paper.json")


def test_the_figures_come_out(machine: PaperMachine) -> None:
    profile = measured(machine)
    assert (profile.name, profile.measured) == ("paper", True)
    assert profile.title.endswith(", 3 threads")
    assert [dtype for dtype, _ in profile.products] == ["float32", "float64"]
    for dtype, rates in profile.products:
        for shape in ((2**18, 4, 4), (8, 2**16, 16), (32, 32, 2**15), (300, 300, 300)):
            assert rates.rate(*shape) == pytest.approx(machines.RATE[dtype], rel=1e-2)
    assert profile.bandwidth.at(2**24) == pytest.approx(machines.BANDWIDTH, rel=1e-2)
    assert profile.scatter.at(4) == pytest.approx(machines.SCATTERED, rel=1e-2)
    assert profile.scatter.at(1024) == 1
    assert profile.functions == pytest.approx(machines.FUNCTIONS, rel=1e-2)
    assert profile.batch == pytest.approx(machines.BATCH, rel=0.1)
    assert profile.turn == pytest.approx(machines.TURN, rel=1e-2)
    assert (profile.call.forward, profile.view.forward) == pytest.approx((machines.CALL, machines.VIEW))
    assert profile.call.backward == pytest.approx(machines.BACKWARD * machines.CALL)
    assert profile.view.backward == pytest.approx(machines.BACKWARD * machines.VIEW)
    assert profile.kron.forward == pytest.approx(machines.KRON)
    assert profile.kron.backward == pytest.approx(machines.BACKWARD * machines.KRON)
    assert profile.recycled == machines.RECYCLED
    assert profile.fresh == pytest.approx(machines.FRESH, rel=1e-2)


def test_the_same_times_give_the_same_profile(machine: PaperMachine) -> None:
    assert measured(machine) == measured(machine)


def test_progress_is_told_to_the_end(machine: PaperMachine) -> None:
    told: list[tuple[int, int]] = []
    calibrate("paper", "paper", machine, 1e-3, lambda done, parts: told.append((done, parts)))
    parts = told[0][1]
    assert told == [(done, parts) for done in range(parts + 1)]
    assert parts >= 4


def test_a_machine_of_one_dtype(machine: PaperMachine) -> None:
    machine.dtypes = ("float64",)
    assert [dtype for dtype, _ in measured(machine).products] == ["float64"]


def test_times_of_nothing_still_give_a_profile(machine: PaperMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock too coarse to see small operations."""
    monkeypatch.setattr(machine.time, "speed", 0.0)
    profile = measured(machine)
    assert profile.call.forward > 0
    assert profile.fresh > 0
