"""A folder of files gets new content: all of its files, or none.

``docs/decisions/0022-whole-files-and-folders.md`` has the reasons.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from tnc.writing.replace import HELD_FOLDER, NEW_FILE, followed, new_name, replace_files, undisturbed, write_all

LOCK_SECONDS: Final = 10.0
"""How long to wait for another process that writes the same folder, which takes it milliseconds."""

_MOST_TRIES: Final = 100
_READ_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_RENAME_EXCHANGE: Final = 2
_CACHE: Final = "__pycache__"


def replace_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Give files of a folder, by their names, new content: all or none. The folder is made where it is missing.

    Writers of one folder take turns. A folder that holds nothing but such files is replaced whole, in one step. One
    that holds anything else stays, and the files are moved into it one after the other, and back if one fails.

    Raises:
        OSError: with the reason, after which everything is as it was.
    """
    for _ in range(_MOST_TRIES):
        place = followed(folder)
        descriptor = locked(place)
        if descriptor is None:
            if _created(place, contents):
                return
            continue  # another process was faster
        try:
            if not _exchanged(place, descriptor, contents):
                replace_files({place / name: content for name, content in contents.items()})
            return
        finally:
            os.close(descriptor)
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(folder))


@contextmanager
def folders_made(folder: Path) -> Generator[None]:
    """A folder with its parents. Those that are new are removed if what is done in them fails."""
    made: list[Path] = []
    try:
        for each in (*reversed(folder.parents), folder):
            if not each.exists():
                with suppress(FileExistsError):
                    each.mkdir()
                    made.append(each)
        yield
    except BaseException:
        for each in reversed(made):
            with suppress(OSError):
                each.rmdir()
        raise


def locked(folder: Path) -> int | None:
    """A descriptor of the folder that keeps other writers out until it is closed; None if there is no folder."""
    end = monotonic() + LOCK_SECONDS
    while True:
        try:
            descriptor = os.open(folder, _READ_FOLDER)
        except FileNotFoundError:
            return None
        keep = False
        try:
            keep = _try_lock(descriptor) and os.path.samestat(os.fstat(descriptor), folder.stat())
        except FileNotFoundError:  # it was replaced in between
            continue
        finally:
            if not keep:
                os.close(descriptor)
        if keep:
            return descriptor
        if monotonic() > end:
            raise OSError(errno.EBUSY, "another process is writing to the folder", str(folder))
        sleep(0.005)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _created(folder: Path, contents: Mapping[str, bytes]) -> bool:
    """Make a folder with all its files in one step; False if another process has made it in between."""
    with folders_made(folder.parent), undisturbed(), ExitStack() as stack:
        parent = os.open(folder.parent, HELD_FOLDER)
        stack.callback(os.close, parent)
        staged, _ = _staged_folder(parent, 0o777, contents, {}, stack)
        try:
            os.rename(staged, folder.name, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return False
    return True


def _exchanged(folder: Path, descriptor: int, contents: Mapping[str, bytes]) -> bool:
    """Put a new folder in the place of one that holds nothing but files of these names; False if that cannot be."""
    modes = _modes_of_files(descriptor)
    if modes is None or not modes.keys() <= contents.keys() or not _is_replaceable(folder, descriptor):
        return False
    with undisturbed(), ExitStack() as stack:
        try:
            parent = os.open(folder.parent, HELD_FOLDER)
            stack.callback(os.close, parent)
            staged, made = _staged_folder(parent, 0o700, contents, modes, stack)
            os.fchmod(made, stat.S_IMODE(os.fstat(descriptor).st_mode))
            _exchange(parent, staged, folder.name)
        except OSError:
            return False
        for name in set(os.listdir(descriptor)) - modes.keys():  # Python's cache, and what came in between
            with suppress(OSError):
                os.rename(name, name, src_dir_fd=descriptor, dst_dir_fd=made)
    return True


def _modes_of_files(folder: int) -> dict[str, int] | None:
    """The mode of every file of a folder; None if it holds anything but plain files of this user with one name."""
    modes: dict[str, int] = {}
    for name in os.listdir(folder):
        if name == _CACHE:
            continue
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or not _is_ours(status):
            return None
        modes[name] = stat.S_IMODE(status.st_mode)
    return modes


def _is_replaceable(folder: Path, descriptor: int) -> bool:
    """Whether a new folder is as good as this one: ours, without attributes, and not where this process works."""
    status = os.fstat(descriptor)
    plain = not hasattr(os, "listxattr") or not os.listxattr(descriptor)
    try:
        here = os.path.samestat(status, Path().stat())
    except OSError:
        here = False
    return _is_ours(status) and plain and not here and folder.name not in ("", "..")


def _is_ours(status: os.stat_result) -> bool:
    return (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())


def _staged_folder(
    parent: int, mode: int, contents: Mapping[str, bytes], modes: Mapping[str, int], stack: ExitStack
) -> tuple[str, int]:
    """A new folder with files, its name and a descriptor; the stack removes whatever has that name in the end."""
    staged = new_name()
    os.mkdir(staged, mode, dir_fd=parent)
    stack.callback(_remove_folder, staged, parent)
    descriptor = os.open(staged, _READ_FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    stack.callback(os.close, descriptor)
    for name, content in contents.items():
        file = os.open(name, NEW_FILE, 0o666, dir_fd=descriptor)
        try:
            if name in modes:
                os.fchmod(file, modes[name])
            write_all(file, content)
        finally:
            os.close(file)
    return staged, descriptor


def _exchange(folder: int, one: str, other: str) -> None:
    """Exchange two names of a folder in one step.

    Raises:
        OSError: where the system cannot do that.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if library.renameat2(folder, os.fsencode(one), folder, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), other)


def _remove_folder(name: str, parent: int) -> None:
    """Remove a folder of files, if it is there."""
    with suppress(OSError):
        descriptor = os.open(name, _READ_FOLDER | os.O_NOFOLLOW, dir_fd=parent)
        try:
            names = os.listdir(descriptor)  # noqa: PTH208 - a descriptor is not a path
            for each in names:
                os.unlink(each, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        os.rmdir(name, dir_fd=parent)
