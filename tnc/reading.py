"""Files become sources: every way in which that can fail is a diagnostic."""

from __future__ import annotations

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


def read_source(path: str | Path, limits: Limits) -> Source:
    """The text of a file, under the name by which it was asked for.

    Raises:
        CompileError: TN001 if there is no such file to read, else as :func:`decode_source`.
    """
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(limits.file_bytes + 1)
    except (OSError, ValueError) as error:
        raise CompileError((Diagnostic("TN001", unreadable(name, error), help=_way_out(name, error)),)) from None
    return decode_source(name, data, limits)


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


def unreadable(name: str, error: OSError | ValueError) -> str:
    """Why a file could not be opened, as a message."""
    match error:
        case FileNotFoundError():
            return f"there is no file `{name}`"
        case IsADirectoryError():
            return f"`{name}` is a directory, not a file"
        case PermissionError():
            return f"`{name}` may not be read"
        case OSError(strerror=str(reason)):
            return f"`{name}` cannot be read: {reason[:1].lower()}{reason[1:]}"
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
