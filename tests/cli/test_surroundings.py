"""Every command in surroundings that are hostile: it ends with a message, and leaves files as they were."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NETWORKS = """\
network one(n: int = 2) {
  core c(n)
  output y(i) = c(i)
}
network two() {
  core c(2)
  output y(i) = c(i)
}
"""
CLEAN = (0, 1, 2, 130)

COMMANDS = {
    "check": "check {file}",
    "check json": "check {file} --json",
    "stdin": "check -",
    "fmt": "fmt {file}",
    "fmt diff": "fmt --diff {file}",
    "expand": "expand {file} --network one",
    "report": "report {file} --json",
    "explain": "explain {file}",
    "compile": "compile {file} -b numpy --network one -o {folder}/one.py",
    "compile folder": "compile {file} -b numpy -o {folder}/out/",
    "compile stdout": "compile {file} -b numpy --network one",
    "calibrate": "calibrate h100",
    "help": "help TN201",
    "wrong": "check {file} --set one=2",
    "usage": "chek",
}
"""What is run; ``{file}`` is wrong in its layout only, and the folder has outputs of an earlier run."""

SURROUNDINGS = {
    "no working directory": "mkdir gone; cd gone; rmdir ../gone; {tnc} <{file}",
    "no standard error": "{tnc} <{file} 2>&-",
    "a full standard error": "{tnc} <{file} 2>/dev/full",
    "a full standard output": "{tnc} <{file} >/dev/full",
    "no streams": "{tnc} <&- >&- 2>&-",
    "a broken standard error": "{tnc} <{file} 2> >(:)",
    "the C locale": "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {tnc} <{file}",
    "an ASCII terminal": "PYTHONIOENCODING=ascii:strict COLUMNS=0 TERM=dumb {tnc} <{file}",
    "odd variables": "COLUMNS=-1 LINES=x NO_COLOR= TERM= XDG_CONFIG_HOME=/dev/null {tnc} <{file}",
    "no home": "env -u HOME -u XDG_CONFIG_HOME TMPDIR=/none {tnc} <{file}",
    "a home that is none": "HOME=/dev/null XDG_CONFIG_HOME= {tnc} <{file}",
    "no disk": "ulimit -f 0; {tnc} <{file}",
    "few files": "ulimit -n 24; {tnc} <{file}",
}


def cases() -> list[object]:
    """All pairs. By default, each command in two surroundings, such that each surrounding has its turn."""
    pairs = [(name, where) for name in COMMANDS for where in SURROUNDINGS]
    turns = {pair for shift in (0, 6) for pair in zip(COMMANDS, (list(SURROUNDINGS) * 3)[shift:], strict=False)}
    return [pytest.param(*pair, marks=() if pair in turns else pytest.mark.slow) for pair in pairs]


@pytest.mark.parametrize(("name", "where"), cases())
def test_a_command_ends_well(name: str, where: str, tmp_path: Path) -> None:
    file, out = tmp_path / "n.tn", tmp_path / "out"
    file.write_text(NETWORKS.replace("  ", "   "))
    out.mkdir()
    before = {"n.tn": file.read_text(), "one.py": "old", "out/one.py": "old", "out/two.py": "old", "out/mine": "mine"}
    for path, text in before.items():
        (tmp_path / path).write_text(text)
    command = f"{sys.executable} -B -m tnc {COMMANDS[name].format(file=file, folder=tmp_path)}"
    done = subprocess.run(
        ["bash", "-c", SURROUNDINGS[where].format(tnc=command, file=file)],
        capture_output=True,
        cwd=tmp_path,
        check=False,
        timeout=120,
        env={key: value for key, value in os.environ.items() if key != "TNC_TRACEBACK"},
    )
    said = done.stderr.decode("utf-8", errors="replace")
    assert done.returncode in CLEAN, said
    assert "Traceback" not in said
    assert "TN901" not in said
    assert "Exception" not in said
    after = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert after.keys() == before.keys()
    changed = {path for path in before if after[path] != before[path]}
    written = {"fmt": {"n.tn"}, "compile": {"one.py"}, "compile folder": {"out/one.py", "out/two.py"}}.get(name, set())
    assert changed == (written if done.returncode == 0 else set())
    assert all(len(after[path]) > 20 for path in changed)
