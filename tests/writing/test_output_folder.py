"""Folders of modules: all files or none, whatever else is in the folder and whatever happens on the way."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tnc.diagnostics import CompileError
from tnc.writing import replace_folder
from tnc.writing.output import write_folder

NAMES = tuple(f"{letter}.py" for letter in "abcdefgh")

WRITER = """
import os, signal, sys
from pathlib import Path
from tnc.writing.output import write_folder

def write(text):
    write_folder(Path(sys.argv[1]), {f"{letter}.py": text * 1000 for letter in "abcdefgh"})

"""


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def version(folder: Path) -> set[str]:
    """The first letters of all modules: one letter if they belong together."""
    return {text[:1] for name, text in contents(folder).items() if name in NAMES}


def write(folder: Path, text: str) -> None:
    write_folder(folder, dict.fromkeys(NAMES, text))


@pytest.fixture(params=["nothing else", "a file of the user", "a folder of the user"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with all modules as version `o`."""
    folder = tmp_path / "out"
    write(folder, "o")
    if request.param == "a file of the user":
        (folder / "notes.txt").write_text("mine")
    if request.param == "a folder of the user":
        (folder / "more").mkdir()
        (folder / "more" / "notes.txt").write_text("mine")
    return folder


@pytest.fixture(autouse=True)
def nothing_else(tmp_path: Path) -> Any:
    """What is the user's is still there in the end, and no staged file is."""
    yield
    if (tmp_path / "out" / "more").exists():
        assert contents(tmp_path / "out" / "more") == {"notes.txt": "mine"}
    assert entries(tmp_path) <= {"out", "link", "log"}
    assert entries(tmp_path / "out") <= {*NAMES, "notes.txt", "more", "new.py", "__pycache__"}


def test_a_folder_is_made_and_made_anew(folder: Path) -> None:
    before = entries(folder) - set(NAMES)
    write(folder, "n")
    assert version(folder) == {"n"}
    write_folder(folder, {**dict.fromkeys(NAMES, "m"), "new.py": "m"})
    assert version(folder) == {"m"}
    write_folder(folder, {"a.py": "x"})
    assert contents(folder)["a.py"] == "x"
    assert contents(folder)["b.py"] == "m"
    assert entries(folder) - set(NAMES) == {*before, "new.py"}


def test_modes_links_and_the_cache_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write(folder, "o")
    folder.chmod(0o750)
    (folder / "a.py").chmod(0o640)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("cache")
    (tmp_path / "link").symlink_to("out")
    write(tmp_path / "link", "n")
    assert (tmp_path / "link").is_symlink()
    assert version(folder) == {"n"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert stat.S_IMODE((folder / "a.py").stat().st_mode) == 0o640
    assert contents(folder / "__pycache__") == {"x.pyc": "cache"}


def test_a_module_that_is_a_link_is_written_through(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write(folder, "o")
    (folder / "a.py").unlink()
    (tmp_path / "log").write_text("elsewhere")
    (folder / "a.py").symlink_to("../log")
    write(folder, "n")
    assert (folder / "a.py").is_symlink()
    assert (tmp_path / "log").read_text() == "n"
    assert version(folder) == {"n"}


def test_a_folder_in_which_somebody_works_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    write(folder, "o")
    monkeypatch.chdir(folder)
    write(Path(), "n")
    write(folder, "m")
    assert entries(Path()) == set(NAMES)
    assert version(Path()) == {"m"}


def test_a_module_that_cannot_be_moved_leaves_all_as_they_were(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(folder)
    replace = os.replace

    def failing(source: str, target: str, **options: Any) -> None:
        if target == "e.py" and "tmp" in source and failures:
            raise OSError(failures.pop(), "it failed", source, None, target)
        replace(source, target, **options)

    def without(*_: object) -> None:
        raise OSError(errno.ENOSYS, "no such call")

    monkeypatch.setattr(os, "replace", failing)
    monkeypatch.setattr(replace_folder, "_exchange", without)
    failures = [errno.EIO]
    with pytest.raises(CompileError, match="it failed"):
        write_folder(folder, {**dict.fromkeys(NAMES, "n"), "new.py": "n"})
    assert contents(folder) == before
    write(folder, "n")
    assert version(folder) == {"n"}


def test_a_directory_in_the_place_of_a_module(folder: Path) -> None:
    before = contents(folder)
    (folder / "new.py").mkdir()
    with pytest.raises(CompileError, match="is a directory"):
        write_folder(folder, {**dict.fromkeys(NAMES, "n"), "new.py": "n"})
    assert contents(folder) == before


def test_a_full_disk_leaves_all_as_they_were(folder: Path) -> None:
    before = contents(folder)
    script = f"{WRITER}write('n')"
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 0; exec "$@"', "bash", sys.executable, "-B", "-c", script, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "TN008" in done.stderr
    assert contents(folder) == before


def test_a_new_folder_that_cannot_be_written_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(CompileError, match="no space left on device"):
        write(tmp_path / "out" / "more" / "deep", "n")
    assert entries(tmp_path / "out") == set()


def test_a_process_that_is_killed_leaves_all_or_nothing(tmp_path: Path) -> None:
    """Before every call that makes, changes, moves or removes something, one after the other."""
    folder = tmp_path / "out"
    write(folder, "o" * 1000)
    script = WRITER + (
        "left = int(sys.argv[2])\n"
        "def counted(function):\n"
        "    def call(*arguments, **options):\n"
        "        global left\n"
        "        left -= 1\n"
        "        if left < 0:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return function(*arguments, **options)\n"
        "    return call\n"
        "from tnc.writing import replace_folder\n"
        "replace_folder._exchange = counted(replace_folder._exchange)\n"
        "for name in ('open', 'write', 'fsync', 'mkdir', 'rename', 'replace', 'unlink', 'rmdir', 'fchmod'):\n"
        "    setattr(os, name, counted(getattr(os, name)))\n"
        "write('n')\n"
    )
    seen: set[str] = set()
    for calls in range(0, 200, 3):
        done = subprocess.run([sys.executable, "-c", script, str(folder), str(calls)], check=False)
        assert sorted(contents(folder)) == sorted(NAMES)
        (found,) = version(folder)
        assert set(contents(folder).values()) == {found * 1000}
        seen.add(found)
        if done.returncode == 0:
            break
        for litter in entries(tmp_path) - {"out"}:
            subprocess.run(["rm", "-r", str(tmp_path / litter)], check=True)
    else:
        pytest.fail("the write never ended")
    assert seen == {"o", "n"}
    assert calls > 30


def test_two_writers_take_turns(folder: Path) -> None:
    script = WRITER + "for _ in range(8):\n    write(sys.argv[2])\n"
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(folder), letter], stderr=subprocess.PIPE, text=True)
        for letter in "np"
    ]
    for writer in writers:
        assert writer.communicate(timeout=120)[1] == ""
        assert writer.returncode == 0
    assert len(version(folder)) == 1
    assert version(folder) <= {"n", "p"}


def test_two_writers_make_one_new_folder(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / "out" / "more" / str(number)
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER + "write(sys.argv[2])", str(folder), letter])
            for letter in "np"
        ]
        assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
        assert len(version(folder)) == 1
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    (tmp_path / "out" / "more").rmdir()


def test_a_writer_that_is_stopped_blocks_nobody_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replace_folder, "LOCK_SECONDS", 0.05)
    before = contents(folder)
    held = replace_folder.locked(folder)
    assert held is not None
    with pytest.raises(CompileError, match="another process is writing to the folder"):
        write(folder, "n")
    assert contents(folder) == before
    os.close(held)
    write(folder, "n")
    assert version(folder) == {"n"}
