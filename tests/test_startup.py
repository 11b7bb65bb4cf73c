"""What is loaded when: the command line starts on the standard library, checking loads no planner and no framework."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HELP = "import contextlib, io, sys, tnc.cli\nwith contextlib.redirect_stdout(io.StringIO()): tnc.cli.main({argv!r})\n"
TELL = "import json\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
PLANNERS = {"cotengra", "torch", "jax", "jaxlib", "opt_einsum"}

NETWORK = "network n(chi: int = 2) {\n  core a(chi, 2)\n  output y(i) = a(k, i) * ones(k)\n}\n"


def loaded(script: str) -> set[str]:
    """The top-level modules that a script loads beyond what the interpreter starts with."""
    done = subprocess.run([sys.executable, "-c", script + TELL], capture_output=True, text=True, check=True)
    bare = subprocess.run([sys.executable, "-c", "import sys\n" + TELL], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout)) - set(json.loads(bare.stdout))


def strangers(modules: set[str]) -> set[str]:
    """What is neither ours nor in the standard library."""
    return modules - set(sys.stdlib_module_names) - {"tnc"}


@pytest.mark.parametrize(
    "argv", [["--help"], ["--version"], ["check", "--help"], ["compile", "--help"], ["chek"], []], ids=" ".join
)
def test_the_command_line_starts_on_the_standard_library(argv: list[str]) -> None:
    assert strangers(loaded(HELP.format(argv=argv))) == set()


def test_importing_the_package_loads_nothing() -> None:
    assert loaded("import sys, tnc\n") <= {"tnc", "typing", "__future__"} | set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", ["networkx", "lark"])
def test_the_guard_can_fail(module: str) -> None:
    assert module in strangers(loaded(f"import {module}\n" + HELP.format(argv=["--help"])))


def test_checking_loads_no_planner_and_no_framework(tmp_path: Path) -> None:
    file = tmp_path / "n.tn"
    file.write_text(NETWORK, encoding="utf-8")
    assert loaded(HELP.format(argv=["check", str(file)])) & PLANNERS == set()


def test_compiling_loads_no_framework_and_no_networkx(tmp_path: Path) -> None:
    file = tmp_path / "n.tn"
    file.write_text(NETWORK, encoding="utf-8")
    out = tmp_path / "n.py"
    modules = loaded(HELP.format(argv=["compile", str(file), "-o", str(out)]))
    assert out.exists()
    assert modules & {"torch", "jax", "jaxlib", "networkx"} == set()
