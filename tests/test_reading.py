"""What can be read as a file: nothing is waited for, and no device is opened."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest

import tnc
from tests import requirements
from tnc.cost.device_file import find_profile
from tnc.diagnostics import CompileError, Diagnostic
from tnc.limits import Limits
from tnc.reading import own_descriptor, read_bytes, read_source

NETWORK = "network n() {\n  core c(2)\n  output y(i) = c(i)\n}\n"


def refused(action: Callable[[], object]) -> Diagnostic:
    """The one diagnostic that an action ends in; ends the test if it waits."""
    found: list[Diagnostic] = []

    def run() -> None:
        try:
            action()
        except CompileError as error:
            found.extend(error.diagnostics)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it waits"
    (diagnostic,) = found
    return diagnostic


@pytest.fixture(params=["pipe", "socket", "device", "folder", "loop", "name"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """Something that is not a file, and what is said of it."""
    path = tmp_path / "x.json"
    match request.param:
        case "pipe":
            os.mkfifo(path)
            return path, "pipe"
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
            return path, "it is a socket, not a file"
        case "device":
            path.symlink_to("/dev/zero")
            return path, "it is a device, not a file"
        case "folder":
            path.mkdir()
            return path, "is a directory"
        case "loop":
            path.symlink_to(path)
            return path, "too many levels of symbolic links"
        case _:
            return tmp_path / ("n" * 300 + ".json"), "file name too long"


def test_what_is_not_a_file_is_refused_at_once(no_file: tuple[Path, str], tmp_path: Path) -> None:
    path, told = no_file
    importer = tmp_path / "importer.tn"
    importer.write_text(f'import "{path.name}" as x\n' + NETWORK)
    assert told in refused(lambda: tnc.load(path)).message
    assert told in refused(lambda: tnc.load(importer)).message
    assert told in refused(lambda: find_profile(str(path))).message


def test_a_pipe_with_a_writer_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = NETWORK + "# more than a pipe holds\n" * 10_000
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()
    while True:
        try:
            source = read_source(pipe, Limits())
            break
        except CompileError:
            sleep(0.01)
    writer.join()
    assert source.text == text


def test_a_pipe_with_a_writer_is_no_import(tmp_path: Path) -> None:
    """A program decides what it imports, and may not make the compiler wait."""
    os.mkfifo(tmp_path / "pipe.tn")
    (tmp_path / "a.tn").write_text('import "pipe.tn"\n' + NETWORK)
    reading = os.open(tmp_path / "pipe.tn", os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(tmp_path / "pipe.tn", os.O_WRONLY)
    assert "it is a pipe, not a file" in refused(lambda: tnc.load(tmp_path / "a.tn")).message
    os.close(reading)
    os.close(writing)


def test_a_file_that_grows_is_read_up_to_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "a.tn"
    with file.open("wb") as sparse:
        sparse.truncate(2**40)
    assert refused(lambda: read_source(file, Limits())).code == "TN151"


def test_a_file_without_a_size_has_its_content() -> None:
    path = Path("/proc/self/status")
    requirements.require(path.exists(), "the system has no /proc")
    assert path.stat().st_size == 0
    assert read_bytes(path, 2**20, streams=False).startswith(b"Name:")
    assert read_bytes(path, 3, streams=False) == b"Nam"


def test_the_null_device_is_an_empty_file() -> None:
    assert read_source(os.devnull, Limits()).text == ""


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/dev/fd/63", 63),
        ("/dev/stdin", 0),
        ("/proc/self/fd/7", 7),
        ("/proc/OWN/fd/7", 7),
        ("/proc/1/fd/7", None),
        ("/dev/fd/x", None),
        ("/dev/fd/99999999999999999999", None),
        ("/dev/fd", None),
        ("/dev/null", None),
        ("7", None),
        ("", None),
        ("a\0b", None),
    ],
)
def test_paths_of_the_streams_of_this_process(path: str, number: int | None) -> None:
    assert own_descriptor(path.replace("OWN", str(os.getpid()))) == number


@pytest.mark.parametrize(
    "command",
    [
        "check <(cat a.tn)",
        "check /dev/stdin < a.tn",
        "cat a.tn | check /dev/stdin",
        "cat a.tn | check -",
        "check - < a.tn",
        "check /dev/fd/7 7< a.tn",
        "(sleep 0.3; cat a.tn) | check /dev/stdin",
        "(sleep 0.3; cat a.tn) | check -",
        "check /proc/self/fd/0 < a.tn",
    ],
)
def test_streams_that_the_shell_opens(command: str, tmp_path: Path) -> None:
    (tmp_path / "a.tn").write_text(NETWORK)
    done = in_shell(command, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 network, no errors" in done.stdout


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("check - 0> out", "standard input cannot be read: bad file descriptor"),
        ("check /dev/fd/98", "there is no file `/dev/fd/98`"),
        ("check /dev/tty", "`/dev/tty` cannot be read: it is a device"),
        ("check /dev/ptmx", "`/dev/ptmx` cannot be read: it is a device"),
    ],
)
def test_streams_that_cannot_be_read(command: str, told: str, tmp_path: Path) -> None:
    done = in_shell(command, tmp_path)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_stream_that_does_not_block_is_waited_for(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    process = subprocess.Popen([sys.executable, "-m", "tnc", "check", "-"], stdin=reading, stdout=subprocess.PIPE)
    os.close(reading)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    os.write(writing, NETWORK.encode())
    os.close(writing)
    assert b"1 network" in process.communicate(timeout=60)[0]


def in_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = command.replace("check", f"{sys.executable} -m tnc check")
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, cwd=folder, timeout=60, env={**os.environ}
    )


def test_a_profile_is_a_file(tmp_path: Path) -> None:
    """It is read more than once, and a pipe can be read once only."""
    (tmp_path / "n.tn").write_text(NETWORK)
    done = in_shell("check n.tn", tmp_path)
    assert done.returncode == 0
    script = f"{sys.executable} -m tnc report n.tn --device <(echo '{json.dumps({})}')"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert done.returncode == 2
    assert "it is a pipe, not a file" in done.stderr
