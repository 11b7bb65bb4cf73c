from __future__ import annotations

from pathlib import Path

import pytest

from tnc.cli import main
from tnc.limits import LARGEST

UGLY = "network  a( ){core c( 2 )\noutput y(i)=c(i)}   # done\n"


def test_files_are_rewritten_and_pretty_ones_left_alone(tmp_path: Path) -> None:
    ugly, pretty = tmp_path / "ugly.tn", tmp_path / "pretty.tn"
    ugly.write_text(UGLY)
    assert main(["fmt", str(ugly)]) == 0
    text = ugly.read_text()
    assert text != UGLY
    pretty.write_text(text)
    before = pretty.stat()
    assert main(["fmt", str(pretty), str(ugly)]) == 0
    assert pretty.read_text() == text
    assert pretty.stat().st_mtime_ns == before.st_mtime_ns
    assert pretty.stat().st_ino == before.st_ino


def test_check_and_diff_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.tn"
    file.write_text(UGLY)
    assert main(["fmt", "--check", str(file)]) == 1
    assert capsys.readouterr().out == f"would reformat {file}\n"
    assert main(["fmt", "--diff", str(file)]) == 0
    assert "-network  a( ){core c( 2 )\n" in capsys.readouterr().out
    assert main(["fmt", "--check", "--diff", str(file)]) == 1
    assert file.read_text() == UGLY


def test_one_broken_file_keeps_no_other_from_being_formatted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, ugly = tmp_path / "broken.tn", tmp_path / "ugly.tn"
    broken.write_text("network a( {\n")
    ugly.write_text(UGLY)
    assert main(["fmt", str(broken), str(tmp_path / "none.tn"), str(ugly)]) == 2
    err = capsys.readouterr().err
    assert "broken.tn:1" in err
    assert "none.tn" in err
    assert broken.read_text() == "network a( {\n"
    assert ugly.read_text() != UGLY


@pytest.mark.parametrize("nesting", [100, LARGEST.nesting])
@pytest.mark.parametrize(
    ("opening", "inner", "closing"), [("(", "1", ")"), ("if true then ", "1", " else 2"), ("-", "1", "")]
)
def test_whatever_the_limit_lets_pass_is_formatted(
    opening: str, inner: str, closing: str, nesting: int, tmp_path: Path
) -> None:
    file = tmp_path / "a.tn"
    depth = nesting - 5
    file.write_text(f"let n = {opening * depth}{inner}{closing * depth}\n")
    limit = ["--limit", f"nesting={nesting}"]
    assert main(["check", str(file), *limit]) == 0
    assert main(["fmt", str(file), *limit]) == 0
    assert main(["fmt", "--check", str(file), *limit]) == 0
