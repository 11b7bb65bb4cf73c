"""Files are written whole or not at all: what is refused, and what is said of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tnc.diagnostics import CompileError, Diagnostic
from tnc.reading import mode, own_descriptor, reason
from tnc.writing.replace import followed, replace_files, replacing, write_all
from tnc.writing.replace_folder import folders_made, replace_folder

WAY_OUT = "name another place with `-o`"

_READ_ONLY = "it is read-only"


def write_file(path: Path, text: str, way_out: str = WAY_OUT, *, make_folders: bool = False) -> None:
    """Write a file whole, or leave it as it is; ``way_out`` is what else the user could ask for.

    A stream of this process (``/dev/stdout``), a device and a pipe that a process reads are written to as they are.

    Raises:
        CompileError: TN008, with the reason.
    """
    content = _encoded(text)
    with _refusing((path,), way_out):
        if _is_stream(path):
            _write_stream(path, content)
        elif make_folders:
            with folders_made(path.parent):
                replace_files({path: content})
        else:
            replace_files({path: content})


@contextmanager
def new_file(path: Path, way_out: str = WAY_OUT) -> Generator[BinaryIO]:
    """A file to write in parts, which appears whole when the block ends, or not at all.

    Raises:
        CompileError: TN008, with the reason.
    """
    with _refusing((path,), way_out):
        if _is_stream(path):
            raise OSError(errno.EINVAL, "it is not a file", str(path))
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise CompileError((_refusal(error, (path,), way_out),)) from None


def write_folder(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files, by their names, into a folder: all of them or none; the folder is made if need be.

    Raises:
        CompileError: TN008, with the reason.
    """
    paths = tuple(folder / name for name in texts)
    with _refusing(paths, WAY_OUT):
        for path in paths:
            if _is_stream(path):
                raise OSError(errno.EINVAL, "it is not a file", str(path))
        replace_folder(folder, {name: _encoded(text) for name, text in texts.items()})


def refuse_target(path: Path, way_out: str = WAY_OUT) -> None:
    """Find out long before writing whether there is something at a path that may not be written over.

    That is a named pipe, too: nobody knows who will read it by then.

    Raises:
        CompileError: TN008, as :func:`write_file` would raise it.
    """
    with _refusing((path,), way_out):
        if _is_stream(path) and stat.S_ISFIFO(mode(path)) and own_descriptor(path) is None:
            raise OSError(errno.ENXIO, "it is a pipe, not a file", str(path))


def _encoded(text: str) -> bytes:
    """The bytes of a text; parts of file names that are not UTF-8 are escaped."""
    return text.encode("utf-8", errors="backslashreplace")


def _is_stream(path: Path) -> bool:
    """Whether there is something at a path that is written to as it is, with no file to keep whole.

    Raises:
        OSError: for what cannot or may not be written to.
    """
    if own_descriptor(path) is not None:
        return True
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFREG:
        # The superuser may write to every file, but not against the word of its owner.
        if not status.st_mode & 0o222 or not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, _READ_ONLY, str(path))
        return False
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if kind in (stat.S_IFSOCK, stat.S_IFBLK):
        what = "a socket" if kind == stat.S_IFSOCK else "a disk"
        raise OSError(errno.ENXIO, f"it is {what}, not a file", str(path))
    return True


def _write_stream(path: Path, content: bytes) -> None:
    """Write to a stream, a pipe or a device; one that nobody reads is not waited for."""
    own = own_descriptor(path)
    if own is not None:
        write_all(own, content, wait=True)
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            error.strerror = "nothing is at its other end"
        raise
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, True)  # there is a reader, who may be slow
        write_all(descriptor, content)
    finally:
        os.close(descriptor)


@contextmanager
def _refusing(paths: tuple[Path, ...], way_out: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise CompileError((_refusal(error, paths, way_out),)) from None
    except ValueError:  # a null character
        message = f"`{paths[0]}` cannot be the name of a file"
        raise CompileError((Diagnostic("TN008", message, help=way_out),)) from None


def _refusal(error: OSError, paths: tuple[Path, ...], way_out: str) -> Diagnostic:
    """The diagnostic of an error, in terms of the path as the user gave it."""
    path = next((each for each in paths if str(each) == str(error.filename)), paths[0])
    match error:
        case IsADirectoryError():
            return Diagnostic("TN008", f"`{path}` is a directory, not a file to write", help=way_out)
        case FileNotFoundError() | NotADirectoryError():
            message = f"`{_folder(path)}` is not a folder that can be written to"
            return Diagnostic("TN008", message, help=f"make the folder, or {way_out}")
        case PermissionError(strerror=str(why)) if why == _READ_ONLY:
            return Diagnostic("TN008", f"`{path}` may not be written to: {why}", help=f"make it writable, or {way_out}")
        case PermissionError():
            return Diagnostic("TN008", f"`{_folder(path)}` may not be written to", help=way_out)
        case _:
            return Diagnostic("TN008", f"`{path}` cannot be written: {reason(error)}", help=way_out)


def _folder(path: Path) -> Path:
    """The folder in which a file would be made."""
    try:
        return followed(path).parent
    except OSError:
        return path.parent
