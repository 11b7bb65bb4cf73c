"""The generated text of real networks, so that a change of the planner or of an emitter is read in a diff."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.emitters.examples import BACKENDS, EXAMPLES, file_name, load

_GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_golden(name: str, backend: str, update_golden: bool) -> None:
    path = _GOLDEN / file_name(name, backend)
    text = load(name).source(backend)
    if update_golden:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "review the difference, then run with --update-golden"


@pytest.mark.parametrize("backend", BACKENDS)
def test_formatter_and_linter_accept_every_example(backend: str, tmp_path: Path) -> None:
    for name in EXAMPLES:
        (tmp_path / f"{name}.py").write_text(load(name).source(backend), encoding="utf-8")
    for command in (["format", "--diff"], ["check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", str(tmp_path)]
        checked = subprocess.run(ruff, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout
