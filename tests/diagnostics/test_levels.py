"""Lints that a file allows, and those that the command line allows or denies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tnc import driver
from tnc.cli import main
from tnc.diagnostics import CATALOGUE, LINTS, LintLevels
from tnc.limits import Limits
from tnc.source import Source

SIGN = "output w(i) = relu(a(i))"


def found(text: str, levels: LintLevels | None = None) -> list[tuple[str, int]]:
    """Code and line of every diagnostic."""
    checked = driver.check(Source("test.tn", text), driver.Options(lints=levels or LintLevels()))
    return [(d.code, d.span.source.position(d.span.start).line) for d in checked.diagnostics if d.span]


def network(*lines: str) -> str:
    return "network n() {\n  core a(2)\n  " + "\n  ".join(lines) + "\n}\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([SIGN], [("TN805", 3)]),
        ([f"{SIGN}  # tnc: allow TN805"], []),
        ([f"{SIGN}  #tnc:allow TN805"], []),
        ([f"{SIGN}  # tnc: allow TN805: counts are positive"], []),
        ([f"{SIGN}  # tnc: allow TN801, TN805"], []),
        ([f"{SIGN}  # tnc: allow TN801"], [("TN805", 3)]),
        ([f"{SIGN}  # about tnc: allow TN805"], [("TN805", 3)]),
        (["# tnc: allow TN805", SIGN], []),
        (["# tnc: allow TN805", "# another remark", "", SIGN], []),
        (["# tnc: allow TN805", "core b(2)", SIGN], [("TN801", 4), ("TN805", 5)]),
        (["# tnc: allow TN805", SIGN, "output v(i) = relu(a(i))"], [("TN805", 5)]),
        ([SIGN, "output v(i) = relu(a(i))  # tnc: allow TN805"], [("TN805", 3)]),
        # in the middle of a statement, on its last line, after an inner block
        (["output w(i) =", "  # tnc: allow TN805", "  relu(a(i))"], []),
        (["output w(i) =", "  relu(a(i))  # tnc: allow TN805"], []),
        (["if true {", SIGN, "}  # tnc: allow TN805"], []),
        (["if true {  # tnc: allow TN805", SIGN, "}"], []),
        (["# tnc: allow TN805", "if false { } else {", SIGN, "}"], []),
        (["if true {", "# tnc: allow TN805", "}", SIGN], [("TN812", 4), ("TN805", 6)]),
    ],
)
def test_statements(lines: list[str], expected: list[tuple[str, int]]) -> None:
    assert found(network(*lines)) == expected


def test_a_network_and_a_file() -> None:
    two = network(SIGN) + network(SIGN).replace("network n", "network m")
    assert found(two) == [("TN805", 3), ("TN805", 7)]
    assert found("# tnc: allow TN805\n" + two) == [("TN805", 8)]
    assert found("# tnc: allow-file TN805\n" + two) == []
    assert found(two + "# tnc: allow-file TN805") == []


@pytest.mark.parametrize(
    ("comment", "message", "help"),
    [
        ("# tnc: alow TN805", "this comment to the compiler is not understood", "did you mean `allow`?"),
        ("# tnc:", "this comment to the compiler is not understood", None),
        ("# tnc: allow", "`allow` names no lint", None),
        ("# tnc: allow TN201", "`TN201` is not a lint and cannot be turned off", "`tnc help` lists the lints"),
        ("# tnc: allow TN805 and more", "this comment to the compiler is not understood", None),
        ("# tnc: allow TN899", "`TN899` is not a lint and cannot be turned off", None),
    ],
)
def test_comments_that_are_not_understood(comment: str, message: str, help: str | None) -> None:
    text = network("output w(i) = a(i)  " + comment)
    (only,) = driver.check(Source("test.tn", text), driver.Options()).diagnostics
    assert (only.code, only.message) == ("TN812", message)
    assert only.span is not None
    assert only.span.text == comment
    assert only.help is not None
    assert help is None or only.help == help


def test_an_error_cannot_be_allowed() -> None:
    assert found(network("output w(i) = nope(i)  # tnc: allow TN201")) == [("TN201", 3), ("TN812", 3)]


def test_the_formatter_keeps_them_where_they_are() -> None:
    text = network(f"{SIGN}  # tnc: allow TN805", "# tnc: allow TN805", "output v(i)=relu(a(i))")
    formatted = driver.format_source(Source("test.tn", "# tnc: allow-file TN810\n\n" + text), Limits())
    assert formatted.count("# tnc: allow") == 3
    assert found(formatted) == []


def test_imported_files_have_their_own(tmp_path: Path) -> None:
    unused = network("output w(i) = a(i)")
    (tmp_path / "c.tn").write_text(network("output w(i) = a(i)"), encoding="utf-8")
    (tmp_path / "b.tn").write_text("# tnc: allow-file TN806\n" + 'import "c.tn"\n' + unused, encoding="utf-8")
    main_text = 'import "b.tn"\n' + unused
    checked = driver.check(Source(str(tmp_path / "a.tn"), main_text), driver.Options())
    places = [(d.code, d.span and Path(d.span.source.name).name) for d in checked.diagnostics]
    assert places == [("TN806", "a.tn")]


def test_allow_and_deny() -> None:
    text = network("core b(2)", SIGN, "output v(i) = relu(a(i))  # tnc: allow TN805")

    def severities(allow: set[str], deny: set[str]) -> list[tuple[str, str]]:
        options = driver.Options(lints=LintLevels(frozenset(allow), frozenset(deny)))
        return [(d.code, str(d.severity)) for d in driver.check(Source("t", text), options).diagnostics]

    assert severities(set(), set()) == [("TN801", "warning"), ("TN805", "warning")]
    assert severities({"TN801"}, set()) == [("TN805", "warning")]
    assert severities(set(), {"TN801"}) == [("TN801", "error"), ("TN805", "warning")]
    assert severities({"TN805"}, set(LINTS)) == [("TN801", "error")]
    assert severities(set(LINTS), set(LINTS)) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 0, "warning[TN805]"),
        (["--allow", "TN805"], 0, ""),
        (["--allow", "TN801,TN805"], 0, ""),
        (["--allow", "tn805"], 0, ""),
        (["--allow", "all"], 0, ""),
        (["--deny", "TN805"], 1, "error[TN805]"),
        (["--deny", "all"], 1, "error[TN805]"),
        (["--deny", "all", "--allow", "TN805"], 0, ""),
        (["--deny", "TN80"], 2, "did you mean"),
        (["--allow", "TN201"], 2, "`--allow TN201` names no lint"),
    ],
)
@pytest.mark.parametrize("command", ["check", "compile", "expand", "report"])
def test_the_command_line(
    command: str, arguments: list[str], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "n.tn"
    file.write_text(network(SIGN), encoding="utf-8")
    assert main([command, str(file), *arguments]) == code
    told = capsys.readouterr().err
    assert says in told
    assert bool(says) == bool(told)


def test_lints_are_the_codes_of_their_block() -> None:
    assert {code for code in CATALOGUE if code.startswith("TN8")} == LINTS
