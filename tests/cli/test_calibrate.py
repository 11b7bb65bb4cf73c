"""``tnc calibrate``: where profiles go, what is never replaced, and what is said where nothing can be measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.measure.machines import PaperMachine
from tnc.cli import main
from tnc.cost.device_file import find_profile
from tnc.measure import machine as machines
from tnc.measure import rounds

FAST = ["--seconds", "0.001"]


@pytest.fixture(name="machine", autouse=True)
def paper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PaperMachine:
    machine = PaperMachine()
    monkeypatch.setattr(rounds, "now", machine.time)
    monkeypatch.setattr(machines, "this_machine", machine.asked_with)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return machine


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_profile_goes_to_the_users_folder_and_is_found_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "lab", *FAST]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "`--device lab` uses it" in out
    assert "float32 64 GFLOP/s" in out
    assert names(tmp_path / "config" / "tnc" / "devices") == ["lab.json"]
    assert find_profile("lab").measured


def test_a_profile_is_not_replaced_without_force(
    tmp_path: Path, machine: PaperMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.json"
    file.write_text("mine")
    assert main(["calibrate", "lab", "-o", str(file), *FAST]) == 2
    assert "error[TN023]: there is a profile already" in capsys.readouterr().err
    assert machine.asked == []
    assert file.read_text() == "mine"
    assert main(["calibrate", "lab", "-o", str(file), "--force", *FAST]) == 0
    assert json.loads(file.read_text())["name"] == "lab"
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("name", ["h100", "generic-cpu", "a b", "", ".x", "-x", "a/b", "x" * 65, "ä", "a.json", "a\n"])
def test_names_that_are_none(name: str, machine: PaperMachine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", *FAST, "--", name]) == 2
    assert "error[TN025]: `" in capsys.readouterr().err
    assert machine.asked == []


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("none/a.json", "is not a folder that can be written to"),
        ("file/a.json", "is not a folder that can be written to"),
        ("folder", "is a directory, not a file to write"),
    ],
)
def test_places_where_nothing_can_be_written(
    place: str, told: str, tmp_path: Path, machine: PaperMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert main(["calibrate", "lab", "-o", str(tmp_path / place), *FAST]) == 2
    err = capsys.readouterr().err
    assert "error[TN008]" in err
    assert told in err
    assert machine.asked == []


def test_a_users_folder_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    assert main(["calibrate", "lab", *FAST]) == 2
    assert "error[TN008]" in capsys.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator")])
def test_a_machine_without_memory(
    error: Exception, tmp_path: Path, machine: PaperMachine, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(machine, "copy", fail)
    assert main(["calibrate", "lab", *FAST]) == 2
    err = capsys.readouterr().err
    assert "error[TN024]: this machine cannot be measured" in err
    assert "Traceback" not in err
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize("option", ["--threads=0", "--threads=x", "--threads=99999", "--seconds=0", "--seconds=nan"])
def test_options_out_of_range(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "lab", option]) == 2
    assert "is not a number of" in capsys.readouterr().err
