"""Several networks: a summary first, and the same bytes from any number of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import requirements
from tnc.cli import main

ROOT = Path(__file__).parents[2]
MANY = """
network a(chi: int = 2) { core u(4, chi)  core v(chi, 4)  output w(i, j) = u(i, k) * v(k, j) }
network b(chi: int = 2) { core u(4, chi)  core v(chi, 4)  output w(i, j) = tanh(u(i, k)) * v(k, j) }
network c() { input x(batch?, 4)  core u(4, 3)  output y(z, j) = x(z, i) * u(i, j) }
"""


@pytest.fixture
def many(tmp_path: Path) -> str:
    path = tmp_path / "many.tn"
    path.write_text(MANY, encoding="utf-8")
    return str(path)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("options", [("report",), ("explain", "--json")])
def test_any_number_of_processes_prints_the_same(
    many: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    alone = printed(capsys, *options, many)
    assert alone[0] == 0
    assert printed(capsys, *options, many, "--jobs", "2") == alone


def test_an_error_is_that_of_a_single_process(many: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("report", many, "--dtype", "complex128", "--device", "no-such-device", "--color", "never")
    alone = printed(capsys, *options)
    assert alone[0] == 2
    assert "TN020" in alone[2]
    assert printed(capsys, *options, "--jobs", "2") == alone


@pytest.mark.parametrize("command", ["report", "explain"])
def test_a_summary_comes_first(many: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = printed(capsys, command, many)
    head, a, b, c, blank, *_ = out.splitlines()
    assert head.split() == ["network", "parameters", "compression", "largest", "FLOPs", "peak", "time"]
    assert [line.split()[0] for line in (a, b, c)] == ["a", "b", "c"]
    assert blank == ""
    assert err == ""
    _, out, _ = printed(capsys, command, many, "--network", "a")
    assert not out.startswith("network  parameters")


def children(pid: int) -> list[int]:
    """The processes that a process started, as Linux lists them."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(number) for number in text.split()]


@pytest.mark.parametrize("whole_group", [False, True])
def test_ctrl_c_ends_all_processes_without_a_word(whole_group: bool) -> None:
    requirements.require(Path("/proc/self/task").exists(), "the system does not list child processes in /proc")
    command = [sys.executable, "-m", "tnc", "report", str(ROOT / "examples" / "vgg16.tn"), "--jobs", "2"]
    process = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    started: list[int] = []
    deadline = time.monotonic() + 60
    while len(started) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
        started = children(process.pid)
    if whole_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
    assert started
    while any(Path(f"/proc/{pid}").exists() for pid in started) and time.monotonic() < deadline:
        time.sleep(0.05)  # the process that tracks shared resources is the last to go
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
