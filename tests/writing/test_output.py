from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tnc.cli import main
from tnc.cli.compile import file_name
from tnc.diagnostics import CompileError, Diagnostic
from tnc.writing import replace
from tnc.writing.output import refuse_target, write_file, write_folder
from tnc.writing.replace import new_name


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(action: Callable[[], object]) -> Diagnostic:
    """The one diagnostic, TN008, that an action ends in."""
    with pytest.raises(CompileError) as caught:
        action()
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "TN008"
    return diagnostic


# -- files -------------------------------------------------------------------------------------


def test_a_file_is_written_as_it_is_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_file(tmp_path / "b.py", "ä\r\n")
    assert names_in(tmp_path) == ["b.py"]
    assert (tmp_path / "b.py").read_bytes() == "ä\r\n".encode()


def test_names_of_staged_files_cannot_be_guessed() -> None:
    assert len({new_name() for _ in range(1000)}) == 1000
    assert len(new_name()) >= 20


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_a_new_file_has_the_mode_that_the_mask_gives(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_file(tmp_path / "a.py", "new")
        write_folder(tmp_path / "new", {"a.py": "new"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.py").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "new" / "a.py").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o777 & ~mask


def test_an_existing_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_text("old")
    real.chmod(0o640)
    (tmp_path / "folder").mkdir()
    link = tmp_path / "folder" / "link.py"
    link.symlink_to("../real.py")
    other = tmp_path / "other.py"
    other.symlink_to(link)
    write_file(other, "new")
    assert link.is_symlink()
    assert other.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_link_to_nothing_makes_the_file_that_it_means(tmp_path: Path) -> None:
    (tmp_path / "link.py").symlink_to("real.py")
    write_file(tmp_path / "link.py", "new")
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "real.py").read_text() == "new"


def test_all_names_of_a_file_show_the_new_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("old and long")
    os.link(one, two)
    for text in ("new", "new and much longer than before"):
        write_file(one, text)
        assert two.read_text() == text
        assert one.stat().st_nlink == 2
        assert one.samefile(two)
    assert names_in(tmp_path) == ["one.py", "two.py"]


@pytest.mark.parametrize("mode", [0o444, 0o400, 0o555, 0o000])
def test_a_file_that_is_read_only_is_not_replaced(mode: int, tmp_path: Path) -> None:
    """Not by the superuser either, as whom the tests may run."""
    file = tmp_path / "a.py"
    file.write_text("old")
    file.chmod(mode)
    for action in (
        lambda: write_file(file, "new"),
        lambda: write_folder(tmp_path, {"a.py": "new", "b.py": "new"}),
        lambda: refuse_target(file),
    ):
        diagnostic = refused(action)
        assert diagnostic.message == f"`{file}` may not be written to: it is read-only"
        assert diagnostic.help == "make it writable, or name another place with `-o`"
    assert names_in(tmp_path) == ["a.py"]
    file.chmod(0o600)
    assert file.read_text() == "old"


def test_names_of_255_bytes(tmp_path: Path) -> None:
    for name in ("n" * 255, "ä" * 127):
        write_file(tmp_path / name, "new")
        write_file(tmp_path / name, "newer")
        write_folder(tmp_path / f"{name[:120]}folder", {name: "new"})
        assert (tmp_path / name).read_text() == "newer"
    assert "file name too long" in refused(lambda: write_file(tmp_path / ("n" * 256), "new")).message


def test_paths_that_are_as_long_as_paths_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A staged file's path would be longer than that of its target."""
    monkeypatch.chdir(tmp_path)
    folder = Path("/".join(["d" * 200] * 20))
    folder.mkdir(parents=True)
    path = folder / ("x" * min(255, 4095 - len(str(folder)) - 1))
    write_file(path, "new")
    assert path.read_text() == "new"
    os.chdir(folder)  # from here on, absolute paths are too long
    write_file(Path("a.py"), "new")
    write_folder(Path("b"), {"a.py": "new"})
    write_folder(Path("b"), {"a.py": "newer"})
    assert Path("a.py").read_text() == "new"
    assert Path("b/a.py").read_text() == "newer"
    os.chdir(tmp_path)


@pytest.mark.parametrize("path", ["missing/x.py", "file/x.py", "."])
def test_where_nothing_can_be_written(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    refused(lambda: write_file(tmp_path / path, "text"))
    assert names_in(tmp_path) == ["file"]


def test_links_that_lead_nowhere_are_told_by_where_they_lead(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    (tmp_path / "lost").symlink_to(tmp_path / "none" / "x.py")
    assert "too many levels of symbolic links" in refused(lambda: write_file(tmp_path / "one", "text")).message
    diagnostic = refused(lambda: write_file(tmp_path / "lost", "text"))
    assert diagnostic.message == f"`{tmp_path}/none` is not a folder that can be written to"
    assert diagnostic.help == "make the folder, or name another place with `-o`"
    assert refused(lambda: write_file(tmp_path / ("n" * 300), "text", "do without")).help == "do without"


# -- what is not a file ------------------------------------------------------------------------


def test_devices_pipes_and_sockets(tmp_path: Path) -> None:
    write_file(Path("/dev/null"), "text")
    assert not Path("/dev/null").is_file()
    assert "no space left" in refused(lambda: write_file(Path("/dev/full"), "text")).message
    os.mkfifo(tmp_path / "pipe")
    assert "nothing is at its other end" in refused(lambda: write_file(tmp_path / "pipe", "text")).message
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        assert "it is a socket" in refused(lambda: write_file(tmp_path / "socket", "text")).message
    assert "it is not a file" in refused(lambda: write_folder(tmp_path, {"pipe": "text"})).message
    assert names_in(tmp_path) == ["pipe", "socket"]


def test_a_pipe_with_a_reader_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = "text\n" * 100_000  # more than a pipe holds
    cat = subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE, text=True)
    with cat as reader, ThreadPoolExecutor() as pool:
        written = pool.submit(written_as_soon_as_it_is_read, tmp_path / "pipe", text)
        assert reader.communicate(timeout=60)[0] == text
        written.result()
    assert names_in(tmp_path) == ["pipe"]


def written_as_soon_as_it_is_read(pipe: Path, text: str) -> None:
    while True:
        try:
            return write_file(pipe, text)
        except CompileError:
            sleep(0.01)


# -- what goes wrong on the way ----------------------------------------------------------------

LIMITED = "import sys; from pathlib import Path; from tnc.writing.output import write_file, write_folder; {}"


@pytest.mark.parametrize("links", [1, 2])
@pytest.mark.parametrize("old", ["old", "old" * 3000])
def test_a_file_that_grows_too_large_leaves_the_old_one(links: int, old: str, tmp_path: Path) -> None:
    """As with a full disk, the write fails in the middle: here after a kibibyte."""
    file = tmp_path / "a.py"
    file.write_text(old)
    if links == 2:
        os.link(file, tmp_path / "b.py")
    before = names_in(tmp_path)
    script = LIMITED.format("write_file(Path(sys.argv[1]), 'new' * 3001)")
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 1; exec "$@"', "bash", sys.executable, "-B", "-c", script, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "file too large" in done.stderr
    assert file.read_text() == old
    assert names_in(tmp_path) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_until_the_file_is_whole(number: signal.Signals, tmp_path: Path) -> None:
    script = LIMITED.format(
        "import os, signal; sync = os.fsync\n"
        "os.fsync = lambda descriptor: (signal.raise_signal(int(sys.argv[2])), sync(descriptor))[1]\n"
        "write_file(Path(sys.argv[1]), 'new')\n"
        "print('went on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.py"), str(int(number))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -number
    assert done.stdout == ""
    assert names_in(tmp_path) == ["a.py"]
    assert (tmp_path / "a.py").read_text() == "new"


def test_what_a_killed_process_left_blocks_nobody(tmp_path: Path) -> None:
    script = LIMITED.format(
        "import os, signal; os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_file(Path(sys.argv[1]), 'half')"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.py")], check=False)
    assert len(names_in(tmp_path)) == 2
    write_file(tmp_path / "a.py", "whole")
    assert (tmp_path / "a.py").read_text() == "whole"


def test_a_staged_file_is_never_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were its name known, a link placed there would lead the text elsewhere."""
    (tmp_path / "precious").write_text("old")
    (tmp_path / "known").symlink_to("precious")
    monkeypatch.setattr(replace, "new_name", lambda: "known")
    assert "file exists" in refused(lambda: write_file(tmp_path / "a.py", "new")).message
    assert (tmp_path / "precious").read_text() == "old"
    assert names_in(tmp_path) == ["known", "precious"]


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
    ("names", "files"),
    [
        (("torch", "torch_"), ("torch__2.py", "torch_.py")),
        (("lambda_", "lambda"), ("lambda_.py", "lambda__2.py")),
        (("Net", "net", "net_2"), ("Net.py", "net_2.py", "net_2_2.py")),
        (("n" * 300, "n" * 301), (f"{'n' * 200}.py", f"{'n' * 200}_2.py")),
    ],
    ids=["framework", "keyword", "capitals", "long"],
)
def test_no_network_takes_the_place_of_another(names: tuple[str, ...], files: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "nets.tn"
    text = "\n".join(f"network {name}() {{ core c{k}(2)  output w(i) = c{k}(i) }}" for k, name in enumerate(names))
    file.write_text(text, encoding="utf-8")
    assert main(["compile", str(file), "-b", "numpy", "-o", f"{tmp_path}/out/"]) == 0
    assert names_in(tmp_path / "out") == sorted(files)
    for k, written in enumerate(files):
        assert f'"c{k}"' in (tmp_path / "out" / written).read_text(encoding="utf-8")


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
    assert "is not a file, so it cannot be rewritten" in capsys.readouterr().err


def test_a_folder_in_which_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.tn"
    file.write_text("network net(){ core a(2)  output w(i) = a(i) }")

    opening = os.open

    def guarded(path: str, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return opening(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", guarded)
    assert main(["fmt", str(file)]) == 2
    err = capsys.readouterr().err
    assert f"`{tmp_path}` may not be written to" in err
    assert f"help: print it: `tnc fmt - < {file}`" in err
