"""Golden cases of the command line: a folder with ``command`` and the files it names, and beside them what it printed.

``command`` holds the arguments of ``tnc``, quoted as for a shell. If there is a file ``stdin``, the command reads it.
Everything the command prints, and its exit code, is in ``expected.golden``.
"""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path

import pytest

from tnc.cli import main

FOLDER = Path(__file__).parent / "cli" / "golden"


def cases() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/command"))


def expected_outputs() -> list[Path]:
    return sorted(FOLDER.glob("*/expected.golden"))


def run_case(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    folder = FOLDER / name
    monkeypatch.chdir(folder)
    stdin = folder / "stdin"
    data = stdin.read_bytes() if stdin.exists() else b""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    code = main(shlex.split((folder / "command").read_text(encoding="utf-8")))
    out, err = capsys.readouterr()
    return f"exit {code}\n--- stdout\n{out}--- stderr\n{err}"
