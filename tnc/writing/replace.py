"""New content for files: staged beside the target under an unguessable name, then moved into place.

Everything here reports by ``OSError``. Folders are held by descriptors, so that a name of 255 bytes and a path that is
nearly too long are as good as others.
"""

from __future__ import annotations

import errno
import os
import secrets
import select
import signal
import stat
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Final

NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
HELD_FOLDER: Final = os.O_DIRECTORY | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
"""How a folder is opened to make names in it; with ``O_PATH``, it need not be readable."""

_MOST_LINKS: Final = 40


@dataclass(frozen=True, slots=True)
class _Change:
    """A file that gets new content: its folder and name, and the names of the staged files.

    ``staged`` holds the new content, ``backup`` a copy of the old one where it may be needed. Without ``staged``, the
    file is written in place.
    """

    folder: int
    name: str
    content: bytes
    staged: str | None
    backup: str | None


def followed(path: Path) -> Path:
    """The place that a path leads to through symbolic links; there may be nothing.

    Raises:
        OSError: ELOOP for a circle of links, and where a folder on the way cannot be searched.
    """
    for _ in range(_MOST_LINKS):
        try:
            path = path.parent / path.readlink()
        except FileNotFoundError:
            return path
        except OSError as error:
            if error.errno == errno.EINVAL:  # it is not a link
                return path
            raise
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Give all files their new content, or none of them.

    A file with one name is replaced by a new file with the same mode, owner and attributes, so that no reader sees a
    part of it. A file with several names (hard links), one whose owner this process cannot keep, and one that is a
    mount point are written in place, because a new file would part the names or change the owner; the old content is
    put back if that fails.
    """
    with undisturbed(), ExitStack() as stack:
        changes = [_staged(path, content, len(contents) > 1, stack) for path, content in contents.items()]
        with ExitStack() as undo:
            for change in changes:
                undo.callback(_commit(change))
            undo.pop_all()


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A new file, to be written in parts, that takes the place of ``path`` when the block ends.

    The old file is as it was until then, and remains if the block raises or the process is killed. The new one has
    its mode, owner and attributes. A file with several names (hard links) is replaced under this name only.
    """
    place = followed(path)
    with _interruptible(), ExitStack() as stack:
        folder = os.open(place.parent, HELD_FOLDER)
        stack.callback(os.close, folder)
        staged = new_name()
        descriptor = os.open(staged, NEW_FILE, 0o666, dir_fd=folder)
        stack.callback(_remove, staged, folder)
        with os.fdopen(descriptor, "wb") as file:
            with suppress(FileNotFoundError):
                old = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
                stack.callback(os.close, old)
                if _can_own(os.fstat(old)):
                    _copy_metadata(old, descriptor)
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(staged, place.name, src_dir_fd=folder, dst_dir_fd=folder)


@contextmanager
def _interruptible() -> Generator[None]:
    """Let the signals that end a process at once raise ``SystemExit`` instead, so that staged files are removed."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    ending: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():  # signals belong to the main thread
        ending = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) == signal.SIG_DFL]
    try:
        for each in ending:
            signal.signal(each, leave)
        yield
    finally:
        for each in ending:
            signal.signal(each, signal.SIG_DFL)


@contextmanager
def undisturbed() -> Generator[None]:
    """Let the signals that end a process wait until no staged file is left."""
    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread
        yield
        return
    caught: list[int] = []
    handlers: dict[signal.Signals, Callable[[int, FrameType | None], object] | int] = {}

    def note(number: int, _: FrameType | None) -> None:
        caught.append(number)

    try:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(each)
            if handler is not None and handler != signal.SIG_IGN:
                handlers[each] = handler
                signal.signal(each, note)
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        for number in caught:
            signal.raise_signal(number)


def new_name() -> str:
    """A name for a staged file or folder, which nobody can guess; short, whatever the target is called."""
    return f".tnc-{secrets.token_hex(8)}.tmp"


def write_all(descriptor: int, content: bytes, *, wait: bool = False) -> None:
    """Write all bytes to a descriptor; with ``wait``, also to a slow reader of a stream that does not block.

    Where there is a disk, it is waited for, because one that is full or far away may say so only then.
    """
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            if not wait:
                raise
            waiting = select.poll()
            waiting.register(descriptor, select.POLLOUT)
            waiting.poll()
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise


def _staged(path: Path, content: bytes, keep: bool, stack: ExitStack) -> _Change:
    """Stage the content of one file, and the old one with ``keep``; the stack removes what is staged."""
    place = followed(path)
    folder = os.open(place.parent, HELD_FOLDER)
    stack.callback(os.close, folder)
    try:
        before = os.stat(place.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return _Change(folder, place.name, content, _stage(folder, content, None, stack), None)
    if before.st_nlink > 1 or not _can_own(before):
        return _Change(folder, place.name, content, None, None)
    old = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    try:
        staged = _stage(folder, content, old, stack)
        backup = _stage(folder, os.pread(old, before.st_size, 0), old, stack) if keep else None
    finally:
        os.close(old)
    return _Change(folder, place.name, content, staged, backup)


def _stage(folder: int, content: bytes, like: int | None, stack: ExitStack) -> str:
    """Write a new file into a folder, with the metadata of an open file if there is one, and return its name."""
    staged = new_name()
    descriptor = os.open(staged, NEW_FILE, 0o666 if like is None else 0o600, dir_fd=folder)
    stack.callback(_remove, staged, folder)
    try:
        if like is not None:
            _copy_metadata(like, descriptor)
        write_all(descriptor, content)
    finally:
        os.close(descriptor)
    return staged


def _commit(change: _Change) -> Callable[[], None]:
    """Move a staged file into place, or write the file in place; return what takes that back."""
    folder, name, backup = change.folder, change.name, change.backup
    if change.staged is None:
        return _overwrite(folder, name, change.content)
    try:
        os.replace(change.staged, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return _overwrite(folder, name, change.content)  # a mount point
    if backup is None:
        return lambda: _remove(name, folder)
    return lambda: os.replace(backup, name, src_dir_fd=folder, dst_dir_fd=folder)


def _overwrite(folder: int, name: str, content: bytes) -> Callable[[], None]:
    """Give a file new content in place; the old one stays if that fails. Return what takes it back."""
    descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        old = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        try:
            if len(content) > len(old):  # the room is found before a byte changes
                os.posix_fallocate(descriptor, 0, len(content))
            write_all(descriptor, content)
        except BaseException:
            os.lseek(descriptor, 0, os.SEEK_SET)
            write_all(descriptor, old)
            os.ftruncate(descriptor, len(old))
            raise
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)

    def undo() -> None:
        _overwrite(folder, name, old)

    return undo


def _can_own(status: os.stat_result) -> bool:
    """Whether this process can make a file that belongs to the same user and group."""
    if os.geteuid() == 0:
        return True
    return os.geteuid() == status.st_uid and status.st_gid in {os.getegid(), *os.getgroups()}


def _copy_metadata(old: int, new: int) -> None:
    """Make a new file as an old one is: owner, extended attributes (access lists among them) and mode."""
    status, made = os.fstat(old), os.fstat(new)
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(new, status.st_uid, status.st_gid)
    if hasattr(os, "listxattr"):
        with suppress(OSError):  # not every file system has them, nor may everybody set each
            for attribute in os.listxattr(old):
                os.setxattr(new, attribute, os.getxattr(old, attribute))
    os.fchmod(new, stat.S_IMODE(status.st_mode))


def _remove(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
