"""A fit that was killed ends with the bits that it would have ended with, and no other fit goes on from its state."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import tnc
from tests.fit.networks import network, smooth
from tests.markdown import ROOT
from tnc.fit import FitResult, fit_cores

CALLS = {"lbfgs": "ttn([2] * 8, act = tanh)", "adam": "ttn([2] * 8, act = tanh)", "als": "mps([2] * 8, chi = 3)"}


class KilledError(Exception):
    """What ends a fit in these tests."""


def fitted(method: str, state: Path | None = None, stop: int | None = None, **options: Any) -> FitResult:
    """A small fit; with ``stop``, it ends at that call of its progress."""
    calls = iter(range(10**6))

    def progress(*_: Any) -> None:
        if next(calls) == stop:
            raise KilledError

    steps = 12 if method == "als" else 90
    return fit_cores(
        network(CALLS[method]), smooth(), method=method, steps=steps, state=state, progress=progress, **options
    )


def same(a: FitResult, b: FitResult) -> bool:
    return all(torch.equal(a.cores[name], b.cores[name]) for name in a.cores) and (a.history, a.how, a.error) == (
        b.history,
        b.how,
        b.error,
    )


@pytest.mark.parametrize("stops", [[3], [25], [45], [60], [25, 1, 30]], ids=str)
@pytest.mark.parametrize("method", CALLS)
def test_a_killed_fit_ends_with_the_same_bits(method: str, stops: list[int], tmp_path: Path) -> None:
    whole = fitted(method)
    state = tmp_path / "cores.fit"
    for stop in stops:
        try:
            fitted(method, state, stop)
        except KilledError:
            continue
        break
    assert same(fitted(method, state), whole)
    assert not state.exists()


def test_the_state_is_used(tmp_path: Path) -> None:
    state = tmp_path / "cores.fit"
    with pytest.raises(KilledError):
        fitted("lbfgs", state, 60)
    seen: list[int] = []
    fit_cores(
        network(CALLS["lbfgs"]),
        smooth(),
        method="lbfgs",
        steps=90,
        state=state,
        progress=lambda done, *_: seen.append(done),
    )
    assert seen[0] > 20


def test_a_process_that_is_killed(tmp_path: Path) -> None:
    program = """
import os, sys
from pathlib import Path
from tests.fit.test_state import fitted
import tnc.fit.fitting as fitting
stored = fitting.store
def store(*arguments):
    stored(*arguments)
    if os.environ.get("DIE") and arguments[2].taken > 40:
        os.kill(os.getpid(), 9)
fitting.store = store
found = fitted("lbfgs", Path("cores.fit"))
print(found.error.hex(), [core.reshape(-1).tolist() for core in found.cores.values()])
"""

    def run(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
        folder.mkdir(exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
        command = [sys.executable, "-c", program]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    whole = run(tmp_path / "whole")
    assert run(tmp_path / "killed", DIE="1").returncode == -signal.SIGKILL
    assert (tmp_path / "killed" / "cores.fit").exists()
    resumed = run(tmp_path / "killed")
    assert resumed.stdout == whole.stdout != ""


OTHERS: dict[str, Callable[[Path], Any]] = {
    "seed": lambda state: fitted("lbfgs", state, seed=1),
    "restarts": lambda state: fitted("lbfgs", state, restarts=2),
    "method": lambda state: fitted("adam", state),
    "target": lambda state: fit_cores(network(CALLS["lbfgs"]), smooth() + 1, method="lbfgs", steps=90, state=state),
    "network": lambda state: fit_cores(
        network("ttn([2] * 8, chi = 3, act = tanh)"), smooth(), method="lbfgs", steps=90, state=state
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_the_state_of_another_fit_is_refused(other: str, tmp_path: Path) -> None:
    state = tmp_path / "cores.fit"
    with pytest.raises(KilledError):
        fitted("lbfgs", state, 30)
    before = state.read_bytes()
    with pytest.raises(tnc.CompileError, match="TN059") as caught:
        OTHERS[other](state)
    assert "is not the state of this fit" in str(caught.value)
    assert state.read_bytes() == before


def test_a_state_can_be_dropped(tmp_path: Path) -> None:
    state = tmp_path / "cores.fit"
    with pytest.raises(KilledError):
        fitted("lbfgs", state, 30)
    assert same(fitted("lbfgs", state, seed=1, fresh=True), fitted("lbfgs", seed=1))


@pytest.mark.parametrize("content", [b"", b"nothing of ours", b"\\xff" * 100], ids=["empty", "text", "bytes"])
def test_a_damaged_state_is_refused(content: bytes, tmp_path: Path) -> None:
    state = tmp_path / "cores.fit"
    state.write_bytes(content)
    with pytest.raises(tnc.CompileError, match="TN05"):
        fitted("lbfgs", state)
