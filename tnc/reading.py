"""Files become sources: every way in which that can fail is a diagnostic, and no file is waited for."""

from __future__ import annotations

import errno
import os
import re
import select
import stat
from contextlib import suppress
from itertools import islice
from pathlib import Path

from tnc.diagnostics import CompileError, Diagnostic
from tnc.diagnostics.suggest import did_you_mean
from tnc.limits import Limits
from tnc.source import Source, Span

LIKE = 0.75
"""How like another the name of a file must be to be suggested: all of them end alike."""

ENCODING_HELP = "save the file as UTF-8"

_CHUNK = 2**20
_MOST_LINKS = 40
_OWN_DESCRIPTORS = ("/dev/fd", "/proc/self/fd", "/proc/thread-self/fd")

_SMALL = re.compile("[0-9]{1,6}")

_NO_FILE = {
    stat.S_IFSOCK: "it is a socket, not a file",
    stat.S_IFCHR: "it is a device, not a file",
    stat.S_IFBLK: "it is a device, not a file",
    stat.S_IFIFO: "it is a pipe, not a file",
}


def read_source(path: str | Path, limits: Limits, *, streams: bool = True) -> Source:
    """The text of a file, under the name by which it was asked for; ``streams`` as in :func:`read_bytes`.

    Raises:
        CompileError: TN001 if there is no such file to read, else as :func:`decode_source`.
    """
    name = str(path)
    try:
        data = read_bytes(path, limits.file_bytes + 1, streams=streams)
    except (OSError, ValueError) as error:
        raise CompileError((Diagnostic("TN001", unreadable(name, error), help=_way_out(name, error)),)) from None
    return decode_source(name, data, limits)


def read_bytes(path: str | Path, most: int, *, streams: bool) -> bytes:
    """The first ``most`` bytes of a file.

    With ``streams``, pipes are read too: those of this process (``/dev/stdin``, ``/dev/fd/63``), and others into which
    a process writes. Nothing waits for a process that may never come, and no device is opened, because opening
    can have effects; the null device is an empty file.

    Raises:
        OSError: with the reason, also for everything that is not a file.
        ValueError: if no file can have this name.
    """
    status = Path(path).stat()
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == Path(os.devnull).stat().st_rdev:
        return b""
    own = own_descriptor(path) if streams else None
    if own is not None and not stat.S_ISREG(status.st_mode):
        return read_descriptor(own, most)
    _refuse_kind(status.st_mode, path, streams=streams)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        _refuse_kind(mode, path, streams=streams)
        return _read_pipe(descriptor, most, path) if stat.S_ISFIFO(mode) else _drain(descriptor, most, wait=False)
    finally:
        os.close(descriptor)


def read_descriptor(descriptor: int, most: int) -> bytes:
    """The first ``most`` bytes of a stream that this process was given; waits for the process that writes it.

    Raises:
        OSError: with the reason.
    """
    return _drain(descriptor, most, wait=True)


def own_descriptor(path: str | Path) -> int | None:
    """The open descriptor of this process that a path such as ``/dev/stdin`` or ``/dev/fd/63`` means, if any."""
    place = Path(path)
    for _ in range(_MOST_LINKS):
        name = place.name
        if str(place.parent) in (*_OWN_DESCRIPTORS, f"/proc/{os.getpid()}/fd") and _SMALL.fullmatch(name):
            return int(name)
        try:
            place = place.parent / place.readlink()
        except (OSError, ValueError):
            return None
    return None


def mode(path: str | Path) -> int:
    """The ``st_mode`` of what a path leads to; 0 if there is nothing, or it cannot be found out."""
    try:
        return Path(path).stat().st_mode
    except (OSError, ValueError):
        return 0


def is_file(path: str | Path) -> bool:
    """Whether a path leads to a regular file; False for a path that cannot exist."""
    return stat.S_ISREG(mode(path))


def identity(name: str) -> str:
    """A name of a file that is the same for all paths to it; the name itself where that cannot be found out."""
    try:
        return os.path.realpath(name)
    except (OSError, ValueError):  # relative to a working directory that is gone
        return name


def _refuse_kind(mode: int, path: str | Path, *, streams: bool) -> None:
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if kind in _NO_FILE and not (streams and kind == stat.S_IFIFO):
        raise OSError(errno.ENXIO, _NO_FILE[kind], str(path))


def _read_pipe(descriptor: int, most: int, path: str | Path) -> bytes:
    """A pipe that was opened without waiting: it is at its end before its first byte if no process writes into it."""
    try:
        first = os.read(descriptor, min(most, _CHUNK))
    except BlockingIOError:
        return _drain(descriptor, most, wait=True)
    if not first:
        raise OSError(errno.ENXIO, "it is a pipe into which no process writes", str(path))
    return first + _drain(descriptor, most - len(first), wait=True)


def _drain(descriptor: int, most: int, *, wait: bool) -> bytes:
    """At most ``most`` bytes; memory grows with what is there, whatever ``most`` is."""
    chunks: list[bytes] = []
    left = most
    while left > 0:
        try:
            chunk = os.read(descriptor, min(left, _CHUNK))
        except BlockingIOError:
            if not wait:
                raise
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            waiting.poll()
            continue
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def decode_source(name: str, data: bytes, limits: Limits) -> Source:
    """The source that some bytes hold; a byte order mark is dropped.

    Raises:
        CompileError: TN151 for more bytes than the limit, TN150 at the first byte that is not UTF-8.
    """
    if len(data) > limits.file_bytes:
        message = f"`{name}` is larger than {limits.file_bytes} bytes"
        help_text = f"`--limit file_bytes={2 * len(data)}` allows more"
        raise CompileError((Diagnostic("TN151", message, help=help_text),))
    try:
        return Source(name, data.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        source = Source(name, data.decode("utf-8", errors="replace").removeprefix("\ufeff"))
        offset = len(data[: error.start].decode("utf-8").removeprefix("\ufeff"))
        message = f"`{name}` is not UTF-8: byte 0x{data[error.start]:02x} begins no character"
        diagnostic = Diagnostic("TN150", message, Span(source, offset, offset + 1), "here", help=ENCODING_HELP)
        raise CompileError((diagnostic,)) from None


def reason(error: OSError) -> str:
    """The system's words for an error, as they continue a message."""
    text = error.strerror or "unknown reason"
    return f"{text[:1].lower()}{text[1:]}"


def unreadable(name: str, error: OSError | ValueError) -> str:
    """Why a file could not be opened, as a message."""
    match error:
        case FileNotFoundError():
            return f"there is no file `{name}`"
        case IsADirectoryError():
            return f"`{name}` is a directory, not a file"
        case PermissionError():
            return f"`{name}` may not be read"
        case OSError():
            return f"`{name}` cannot be read: {reason(error)}"
        case _:
            return f"`{name}` cannot be the name of a file"


def _way_out(name: str, error: OSError | ValueError) -> str:
    """What to do about a file that could not be opened."""
    match error:
        case FileNotFoundError():
            folder = Path(name).parent
            with suppress(OSError):
                beside = [str(folder / entry.name) for entry in islice(folder.iterdir(), 1000)]
                hint = did_you_mean(name, [each for each in beside if each.endswith(".tn")], LIKE)
                if hint is not None:
                    return hint
            return "names are relative to the folder in which the command runs; `-` is standard input"
        case IsADirectoryError():
            return f"name the files in it: `{Path(name) / '*.tn'}`"
        case _:
            return "see that it is a file, and that you may read it"
