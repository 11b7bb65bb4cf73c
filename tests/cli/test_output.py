from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tnc.cli.compile import file_name
from tnc.cli.output import write_files
from tnc.diagnostics import CompileError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_files_are_written_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    write_files({tmp_path / "a.py": "a\n", tmp_path / "b.py": "ä\r\n"})
    assert names(tmp_path) == ["a.py", "b.py"]
    assert (tmp_path / "b.py").read_bytes() == "ä\r\n".encode()


def test_none_is_written_if_one_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("old")
    (tmp_path / "b.py").mkdir()
    with pytest.raises(CompileError) as caught:
        write_files({tmp_path / "a.py": "new", tmp_path / "b.py": "new"})
    assert [d.code for d in caught.value.diagnostics] == ["TN008"]
    assert (tmp_path / "a.py").read_text() == "old"
    assert names(tmp_path) == ["a.py", "b.py"]


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
    assert names(tmp_path) == ["a.py"]
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
    assert names(tmp_path) == ["file"]


def test_a_device_is_written_to() -> None:
    write_files({Path("/dev/null"): "text"})
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    ("network", "name"),
    [("torch", "torch_.py"), ("jax", "jax_.py"), ("numpy", "numpy_.py"), ("typing", "typing_.py"), ("net", "net.py")],
)
def test_no_generated_file_shadows_what_it_imports(network: str, name: str) -> None:
    assert file_name(network) == name
