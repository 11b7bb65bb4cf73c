from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tnc.cli import main
from tnc.cli.compile import file_name
from tnc.cli.output import write_files
from tnc.diagnostics import CompileError


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_files_are_written_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    write_files({tmp_path / "a.py": "a\n", tmp_path / "b.py": "ä\r\n"})
    assert names_in(tmp_path) == ["a.py", "b.py"]
    assert (tmp_path / "b.py").read_bytes() == "ä\r\n".encode()


def test_none_is_written_if_one_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("old")
    (tmp_path / "b.py").mkdir()
    with pytest.raises(CompileError) as caught:
        write_files({tmp_path / "a.py": "new", tmp_path / "b.py": "new"})
    assert [d.code for d in caught.value.diagnostics] == ["TN008"]
    assert (tmp_path / "a.py").read_text() == "old"
    assert names_in(tmp_path) == ["a.py", "b.py"]


def test_earlier_files_are_put_back_if_a_later_one_cannot_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text("old")
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "c.py":
            raise PermissionError(13, "Permission denied", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(CompileError):
        write_files({tmp_path / name: "new" for name in ("a.py", "b.py", "c.py")})
    assert names_in(tmp_path) == ["a.py"]
    assert (tmp_path / "a.py").read_text() == "old"


def test_an_existing_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_text("old")
    real.chmod(0o640)
    link = tmp_path / "link.py"
    link.symlink_to(real)
    write_files({link: "new"})
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.parametrize("path", ["missing/x.py", "file/x.py", "."])
def test_where_nothing_can_be_written(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CompileError, match="TN008"):
        write_files({tmp_path / path: "text"})
    assert names_in(tmp_path) == ["file"]


def test_a_device_is_written_to() -> None:
    write_files({Path("/dev/null"): "text"})
    assert not Path("/dev/null").is_file()


def test_links_that_lead_nowhere_are_told_by_where_they_lead(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    (tmp_path / "lost").symlink_to(tmp_path / "none" / "x.py")
    with pytest.raises(CompileError, match="the output cannot be written: too many levels of symbolic links"):
        write_files({tmp_path / "one": "text"})
    with pytest.raises(CompileError, match=r"`\S*/none` is no folder to write to") as caught:
        write_files({tmp_path / "lost": "text"})
    assert caught.value.diagnostics[0].help == "make the folder, or name another place with `-o`"
    with pytest.raises(CompileError, match="file name too long") as caught:
        write_files({tmp_path / ("n" * 300): "text"}, "do without")
    assert caught.value.diagnostics[0].help == "do without"


@pytest.mark.parametrize(
    ("network", "name"),
    [
        ("torch", "torch_.py"),
        ("jax", "jax_.py"),
        ("numpy", "numpy_.py"),
        ("typing", "typing_.py"),
        ("class", "class_.py"),
        ("None", "None_.py"),
        ("__init__", "__init___.py"),
        ("net", "net.py"),
    ],
)
def test_every_generated_file_can_be_imported_and_shadows_nothing(network: str, name: str) -> None:
    assert file_name(network) == name


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("torch", "torch_"), "`torch` and `torch_` would be written to one file, `torch_.py`"),
        (("Net", "net"), "`Net.py` and `net.py` differ in capitals only"),
    ],
)
def test_no_network_takes_the_place_of_another(
    names: tuple[str, str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "nets.tn"
    file.write_text("\n".join(f"network {name}() {{ core a(2)  output w(i) = a(i) }}" for name in names))
    assert main(["compile", str(file), "-o", f"{tmp_path}/out/"]) == 2
    assert told in capsys.readouterr().err
    assert names_in(tmp_path) == ["nets.tn"]
    for name in names:
        assert main(["compile", str(file), "-o", f"{tmp_path}/{name}/", "--network", name]) == 0


def test_a_long_name_and_a_dash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "net.tn"
    file.write_text("network net() { core a(2)  output w(i) = a(i) }")
    assert main(["compile", str(file), "-o", str(tmp_path / ("n" * 300))]) == 2
    assert "file name too long" in capsys.readouterr().err
    assert main(["compile", str(file)]) == 0
    module = capsys.readouterr().out
    assert main(["compile", str(file), "-o", "-"]) == 0
    assert capsys.readouterr().out == module
    assert module.startswith('"""The tensor network `net`')


def test_a_pipe_cannot_be_rewritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert main(["fmt", str(pipe)]) == 2  # and does not wait for someone to write
    assert "is no file that could be rewritten" in capsys.readouterr().err


def test_a_folder_in_which_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.tn"
    file.write_text("network net(){ core a(2)  output w(i) = a(i) }")

    def refused(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    opening = Path.open

    def guarded(self: Path, mode: str = "r", **options: Any) -> Any:
        return refused(self) if "x" in mode else opening(self, mode, **options)

    monkeypatch.setattr(Path, "open", guarded)
    assert main(["fmt", str(file)]) == 2
    err = capsys.readouterr().err
    assert f"`{tmp_path}` may not be written to" in err
    assert f"help: print it: `tnc fmt - < {file}`" in err
