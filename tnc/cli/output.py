"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from tnc.diagnostics import CompileError, Diagnostic


def write_files(texts: Mapping[Path, str], way_out: str = "name another place with `-o`") -> None:
    """Write all texts, or none of them: nobody ever sees a part of one, or some of several.

    Every text goes to a new file beside its destination first; only when all are there are they moved into place.
    ``way_out`` is what else the user could ask for.

    Raises:
        CompileError: TN008, with the reason.
    """
    pending: list[tuple[Path, Path]] = []
    try:
        for path, text in texts.items():
            target = _resolved(path)
            if target.exists() and not target.is_file():
                _write_to_device(target, text)
            else:
                pending.append((_write_beside(target, text), target))
        _move_all(pending)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        advice = f"make the folder, or {way_out}" if missing else way_out
        raise CompileError((Diagnostic("TN008", _reason(error, texts), help=advice),)) from None
    finally:
        for temporary, _ in pending:
            temporary.unlink(missing_ok=True)


def mode(path: Path) -> int:
    """What stands at a path, as ``stat`` has it; 0 if nothing does, or nobody can tell."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def is_file(path: Path) -> bool:
    """Whether there is a regular file; a path that cannot be is none."""
    return stat.S_ISREG(mode(path))


def _resolved(path: Path) -> Path:
    """Where a path leads, through all links."""
    try:
        return path.resolve()
    except RuntimeError:  # what Python 3.12 and earlier make of a circle of links
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None


def _write_beside(target: Path, text: str) -> Path:
    temporary = target.with_name(f".{target.name[:200]}.{os.getpid()}.tmp")
    with temporary.open("x", encoding="utf-8", newline="\n") as file:
        try:
            file.write(text)
        except BaseException:
            temporary.unlink()
            raise
    if target.exists():
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    return temporary


def _move_all(pending: list[tuple[Path, Path]]) -> None:
    """Move new files into place; if one cannot be, put the earlier ones back as they were."""
    before: list[tuple[Path, bytes | None]] = []
    try:
        for temporary, target in pending:
            old = target.read_bytes() if target.exists() and len(pending) > 1 else None
            temporary.replace(target)
            before.append((target, old))
    except OSError:
        for target, old in before:
            if old is None:
                target.unlink(missing_ok=True)
            else:
                target.write_bytes(old)
        raise


def _write_to_device(target: Path, text: str) -> None:
    """``-o /dev/null`` and pipes: there is no file to keep whole."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _reason(error: OSError, paths: Iterable[Path]) -> str:
    """What went wrong, told of the path as the user gave it."""
    place = Path(str(error.filename2 or error.filename))
    given = place
    if error.errno != errno.ELOOP:  # a link is told of by the place where it leads
        given = next((path for path in paths if path.parent.resolve() == place.parent), place)
    match error:
        case IsADirectoryError():
            return f"`{given}` is a directory, not a file to write"
        case FileNotFoundError() | NotADirectoryError():
            return f"`{given.parent}` is no folder to write to"
        case PermissionError():
            return f"`{given.parent}` may not be written to"
        case _:
            return f"the output cannot be written: {reason(error)}"


def reason(error: OSError) -> str:
    """What the system says, in the manner of a message."""
    text = error.strerror or "unknown reason"
    return f"{text[:1].lower()}{text[1:]}"
