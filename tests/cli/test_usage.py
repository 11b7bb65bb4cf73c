"""What goes wrong before or beside the compiler: usage, files, pipes, interrupts, faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tnc import driver
from tnc.cli import main
from tnc.cli.console import Console, exit_code
from tnc.cli.main import SUBCOMMANDS
from tnc.diagnostics import Diagnostic
from tnc.source import Source, Span

COMMANDS = tuple(module.__name__.rpartition(".")[2] for module in SUBCOMMANDS)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "required: COMMAND"),
        (["chek", "x.tn"], "did you mean `check`?"),
        (["zzz"], "the commands are `check`, `fmt`"),
        (["check"], "required: FILE"),
        (["report", "--sett", "a=1", "x.tn"], "did you mean `--set`?"),
        (["report", "--jsn", "x.tn"], "did you mean `--json`?"),
        (["report", "a.tn", "b.tn"], "unexpected argument `b.tn`"),
        (["check", "x.tn", "--color", "red"], "unknown value `red` of `--color`"),
        (["report", "x.tn", "--set", "chi"], "`--set chi` does not read as a name"),
        (["report", "x.tn", "--set", "=4"], "`--set =4` does not read as a name"),
        (["report", "x.tn", "--set", "a=1", "--set", "a=2"], "`--set a` is given twice"),
        (["check", "x.tn", "--deny", "TN307"], "TN307 is an error, and always told"),
        (["report", "x.tn", "--network", "a", "--network", "b"], "`--network` is given twice"),
        (["compile", "x.tn", "-o", "a.py", "-o", "b.py"], "`-o` is given twice"),
        (["report", "x.tn", "--size", f"batch={10**30}"], "the number of 31 digits is not a size"),
        (["report", "x.tn", "--size", "batch=-1"], "`-1` is not a size"),
        (["report", "x.tn", "--size", "batch=many"], "`many` is not a size"),
        (["check", "x.tn", "--limit", "step=5"], "did you mean `steps`?"),
        (["check", "x.tn", "--limit", "steps=0"], "`0` is not a size"),
        (["check", "x.tn", "--limit", "nesting=251"], "it can be 250 at most"),
        (["fmt", "x.tn", "--limit", "list_length=999999999999999999"], "too large for the limit `list_length`"),
        (["check", "x.tn", "--limit", f"steps={2**63}"], "the number of 19 digits is not a size"),
        (["check", "x.tn", "--limit", "steps=-1"], "`-1` is not a size"),
        (["check", "x.tn", "--limit", "steps=1.5"], "`1.5` is not a size"),
    ],
)
def test_wrong_usage(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_an_unknown_file_and_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.tn")]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["report", str(tmp_path)]) == 2
    assert "is a directory, not a file" in capsys.readouterr().err
    assert main(["check", "a\0b"]) == 2


def test_broken_utf8_has_a_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.tn"
    file.write_bytes("\ufeff# ä\n  # ".encode() + b"\xff\xfe\n")
    assert main(["check", "--json", str(file)]) == 1
    (entry,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (entry["code"], entry["span"]["start"]) == ("TN150", {"line": 2, "column": 5})


def test_a_file_beyond_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.tn"
    file.write_text("# " + "x" * 100)
    assert main(["check", str(file), "--limit", "file_bytes=50"]) == 1
    assert "is larger than 50 bytes" in capsys.readouterr().err


def test_a_fault_of_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.tn"
    file.write_text("")

    def fail(*_: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.delenv("TNC_TRACEBACK", raising=False)
    monkeypatch.setattr(driver, "check", fail)
    assert main(["check", str(file)]) == 70
    err = capsys.readouterr().err
    assert "error[TN901]: the compiler failed: RuntimeError: it broke (cli/test_usage.py:" in err
    assert "report it" in err
    assert "Traceback" not in err
    monkeypatch.setenv("TNC_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        main(["check", str(file)])


class UnspeakableError(Exception):
    """An exception that fails where it is to be printed."""

    def __str__(self) -> str:
        raise RecursionError


def raised_in_a_string(*_: object) -> None:
    exec(compile("raise ValueError('deep')", "<string>", "exec"))


def raise_(error: Exception) -> Callable[..., None]:
    def action(*_: object) -> None:
        raise error

    return action


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (raised_in_a_string, "ValueError: deep (<string>:1)"),
        (raise_(UnspeakableError()), "the compiler failed: UnspeakableError (cli/test_usage.py:"),
        (raise_(RecursionError("too deep")), "RecursionError: too deep"),
        (raise_(OSError("no number")), "OSError: no number"),
        (raise_(ValueError("a\x1b[31mb\udcff")), "ValueError: a"),
        (raise_(ValueError("x" * 10_000_000)), "ValueError: xxx"),
    ],
)
def test_the_report_of_a_fault_does_not_fail(
    action: Callable[..., None], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TNC_TRACEBACK", raising=False)
    monkeypatch.setattr(driver, "check", action)
    assert main(["check", os.devnull]) == 70
    err = capsys.readouterr().err
    assert "error[TN901]" in err
    assert told in err
    assert "\x1b" not in err
    assert len(err) < 5000


def test_the_last_words_need_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even memory for a message, or the module that renders it."""

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.delenv("TNC_TRACEBACK", raising=False)
    monkeypatch.setattr(driver, "check", raise_(ValueError("x")))
    monkeypatch.setattr(Console, "show", fail)
    assert main(["check", os.devnull]) == 70
    assert capsys.readouterr().err == "error[TN901]: the compiler failed: ValueError\n"


def test_memory_that_is_not_there_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(driver, "check", raise_(MemoryError()))
    assert main(["check", os.devnull]) == 2
    assert "error[TN030]: there is not enough memory" in capsys.readouterr().err


def test_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.tn"
    file.write_text("")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "check", interrupt)
    assert main(["check", str(file)]) == 130


def test_a_closed_pipe_is_quiet() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "tnc", "check", "-"], input=b"", stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("command", "unbuffered"),
    [
        ("check - </dev/null >&-", ""),
        ("help >&-", ""),
        ("--help >&-", ""),
        ("help >/dev/full", ""),
        ("help >/dev/full", "1"),
        ("--help >/dev/full", ""),
        *((f"{command} --help >/dev/full", "1") for command in ("", *COMMANDS)),
        ("--version >/dev/full", "1"),
        ("--version >&-", ""),
        ("help check >/dev/full", "1"),
    ],
)
def test_an_output_that_cannot_be_written(command: str, unbuffered: str) -> None:
    code, err = in_shell(command, unbuffered)
    assert code == 2
    assert "standard output cannot be written" in err
    assert "Traceback" not in err
    assert "Exception" not in err


def test_streams_that_are_closed() -> None:
    assert in_shell("check - <&-") == (0, "")
    assert in_shell("check - </dev/null 2>&-") == (0, "")
    assert in_shell("check none.tn 2>&-") == (2, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_standard_error_that_is_full_changes_no_exit_code(unbuffered: str) -> None:
    assert in_shell("check none.tn 2>/dev/full", unbuffered) == (2, "")
    assert in_shell("chek 2>/dev/full", unbuffered) == (2, "")


def in_shell(command: str, unbuffered: str = "") -> tuple[int, str]:
    """The exit code of a command and what it says to stderr."""
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    process = subprocess.run(
        ["bash", "-c", f'"$0" -m tnc {command}', sys.executable],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    return process.returncode, process.stderr


def test_exit_codes_say_what_to_change() -> None:
    option = Span(Source("--set chi", "true"), 0, 4)
    file = Span(Source("a.tn", "x"), 0, 1)
    assert exit_code([]) == 0
    assert exit_code([Diagnostic("TN801", "m", file)]) == 0
    assert exit_code([Diagnostic("TN801", "m", option), Diagnostic("TN201", "m", file)]) == 1
    assert exit_code([Diagnostic("TN201", "m", file), Diagnostic("TN203", "m", option)]) == 2
    assert exit_code([Diagnostic("TN001", "m")]) == 2


@pytest.mark.parametrize(
    ("environment", "option", "coloured"),
    [
        ({}, "always", True),
        ({"NO_COLOR": "1"}, "always", True),
        ({}, "auto", False),
        ({}, "never", False),
    ],
)
def test_colour(
    environment: dict[str, str],
    option: str,
    coloured: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    main(["check", "--color", option, str(tmp_path / "none.tn")])
    assert ("\x1b[" in capsys.readouterr().err) is coloured


def test_a_flood_of_errors_is_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(tmp_path / f"{number}.tn") for number in range(150)]
    assert main(["check", *files]) == 2
    err = capsys.readouterr().err
    assert err.count("error[TN001]") == 100
    assert err.endswith("150 errors; 50 of them are not shown\n")
    assert main(["check", "--json", *files]) == 2
    assert len(json.loads(capsys.readouterr().out)["diagnostics"]) == 150
