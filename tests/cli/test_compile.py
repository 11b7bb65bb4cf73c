from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tnc.cli import main

TEXT = "network {name}() {{\n  core c(2)\n  output y(i) = {value}\n}}\n"


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def three(tmp_path: Path) -> Path:
    file = tmp_path / "three.tn"
    file.write_text("".join(TEXT.format(name=name, value="c(i)") for name in ("torch", "jax", "plain")))
    return file


def test_several_networks_go_to_a_folder(three: Path, tmp_path: Path) -> None:
    assert main(["compile", str(three), "-b", "numpy", "-o", f"{tmp_path}/a/b/"]) == 0
    assert written(tmp_path / "a") == ["b/jax_.py", "b/plain.py", "b/torch_.py"]
    for path in (tmp_path / "a" / "b").iterdir():
        ast.parse(path.read_text(encoding="utf-8"))


def test_one_network_goes_to_a_file_a_folder_or_stdout(
    three: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = ["compile", str(three), "--network", "jax", "-b", "numpy"]
    (tmp_path / "there").mkdir()
    assert main([*one, "-o", str(tmp_path / "x.py")]) == 0
    assert main([*one, "-o", str(tmp_path / "there")]) == 0
    assert capsys.readouterr().out == ""
    assert main(one) == 0
    text = capsys.readouterr().out
    assert (tmp_path / "x.py").read_text(encoding="utf-8") == text
    assert (tmp_path / "there" / "jax_.py").read_text(encoding="utf-8") == text


def test_several_networks_without_a_folder(three: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.py"
    out.write_text("mine")
    assert main(["compile", str(three), "-o", str(out)]) == 2
    assert "TN003" in capsys.readouterr().err
    assert out.read_text() == "mine"


@pytest.mark.parametrize(("value", "code"), [("c(i", 1), ("d(i)", 1), ("c(i) * ones(j)", 1)])
def test_an_error_leaves_the_old_file_alone(value: str, code: int, tmp_path: Path) -> None:
    file, out = tmp_path / "a.tn", tmp_path / "out.py"
    file.write_text(TEXT.format(name="a", value=value))
    out.write_text("mine")
    assert main(["compile", str(file), "-o", str(out)]) == code
    assert out.read_text() == "mine"
    assert written(tmp_path) == ["a.tn", "out.py"]


def test_a_broken_budget_compiles_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.tn"
    budget = "core c(2)\n  require params <= 1"
    file.write_text(
        TEXT.format(name="a", value="c(i)") + TEXT.format(name="b", value="c(i)").replace("core c(2)", budget)
    )
    assert main(["compile", str(file), "-o", f"{tmp_path}/out/"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "network b()" in err
    assert "network a()" not in err
    assert "error[TN401]" in err
    assert written(tmp_path) == ["a.tn"]


@pytest.mark.parametrize("output", ["missing/x.py", "three.tn/", "three.tn/x.py"])
def test_where_nothing_can_be_written(
    output: str, three: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compile", str(three), "--network", "plain", "-o", f"{tmp_path}/{output}"]) == 2
    assert "error[TN008]" in capsys.readouterr().err
    assert written(tmp_path) == ["three.tn"]


def test_the_bytes_do_not_depend_on_where_the_file_lies(three: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "three.tn"
    other.parent.mkdir()
    other.write_bytes(three.read_bytes())
    for number, file in enumerate((three, other)):
        assert main(["compile", str(file), "-o", f"{tmp_path}/{number}/"]) == 0
    for name in ("torch_.py", "jax_.py", "plain.py"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("three.tn", "is the source"),
        ("other.tn", "is for networks"),
        ("copy.txt", "is the source"),
        ("torch.py", "in place of `torch`"),
        ("jax.py", "in place of `jax`"),
        ("", "names no file"),
        ("a\0b", "names no file"),
    ],
)
def test_names_that_no_module_may_have(
    output: str,
    told: str,
    three: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody loses a network to a slip of the keys, and no script its framework."""
    monkeypatch.chdir(tmp_path)
    text = three.read_text()
    Path("copy.txt").write_text(text)
    source = "copy.txt" if output == "copy.txt" else "three.tn"
    assert main(["compile", source, "--network", "plain", "-o", output]) == 2
    err = capsys.readouterr().err
    assert "TN008" in err
    assert told in err
    assert written(tmp_path) == ["copy.txt", "three.tn"]
    assert three.read_text() == text == Path("copy.txt").read_text()
