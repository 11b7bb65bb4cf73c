"""Where the command line speaks: diagnostics to stderr, products to stdout."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TextIO

from tnc.characters import UNSAFE

if TYPE_CHECKING:
    from tnc.diagnostics import Diagnostic


FINE, PROGRAM_WRONG, USAGE_WRONG, COMPILER_WRONG, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 70, 130, 141

MOST_SHOWN = 100
"""Nobody reads more at once; JSON has them all."""

_FAULT = "TN901"
_LONGEST_DETAIL = 2000


class Product(Protocol):
    """What was asked for: ``str()`` is for people, without a line break at its end, ``to_dict()`` for scripts."""

    def to_dict(self) -> Mapping[str, object]:
        """What is printed as JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Console:
    """How to speak: in colour or not, in JSON or in text."""

    colour: bool
    json: bool

    @staticmethod
    def of(arguments: argparse.Namespace) -> Console:
        """As the options and the environment say."""
        wish: str = arguments.color
        terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        plain = bool(os.environ.get("NO_COLOR"))
        colour = wish == "always" or (wish == "auto" and terminal and not plain)
        return Console(colour, arguments.format == "json")

    def write(self, product: Product) -> None:
        """Put a product on stdout in the format that was asked for."""
        write_product(f"{json_text(product.to_dict()) if self.json else product}\n")

    def show(self, diagnostics: Sequence[Diagnostic]) -> int:
        """Print diagnostics with their count, where there are any, and return the exit code that they mean."""
        if diagnostics and self.json:
            self._print_json(diagnostics)
        elif diagnostics:
            from tnc.diagnostics import render_diagnostics, summary

            text = render_diagnostics(diagnostics[:MOST_SHOWN], self.colour) + summary(diagnostics)
            hidden = len(diagnostics) - MOST_SHOWN
            say(f"{text}; {hidden} of them are not shown" if hidden > 0 else text)
        return exit_code(diagnostics)

    def failed(self, error: Exception) -> int:
        """Say why a command could not be run, and return the exit code; this never fails itself."""
        try:
            return self._failed(error)
        except Exception:
            # What is missing may be memory, or our own files: the last words need neither.
            say(f"error[{_FAULT}]: the compiler failed: {type(error).__name__}")
            return COMPILER_WRONG

    def _failed(self, error: Exception) -> int:
        from tnc.diagnostics import CompileError, Diagnostic

        if isinstance(error, CompileError):
            return self.show(error.diagnostics)
        if isinstance(error, MemoryError):
            help_text = "free some memory, or ask for less with `--limit`, `--size` and `--set`"
            return self.show([Diagnostic("TN030", "there is not enough memory", help=help_text)])
        message = f"the compiler failed: {type(error).__name__}{_detail(error)}{_origin(error)}"
        help_text = (
            "this is a fault of the compiler, not of your program; no file is half-written\n"
            "please report it with this command, the file, and what it prints with TNC_TRACEBACK=1"
        )
        self.show([Diagnostic(_FAULT, message, help=help_text)])
        return COMPILER_WRONG

    def _print_json(self, diagnostics: Sequence[Diagnostic]) -> None:
        from tnc.diagnostics import diagnostics_to_json

        say(json_text(diagnostics_to_json(diagnostics)))


def json_text(value: object) -> str:
    """JSON as all subcommands print it: characters that would act on a terminal are escapes of JSON."""
    import json
    import re

    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(rf"(?!\n){UNSAFE.pattern}", lambda match: f"\\u{ord(match[0]):04x}", text)


def open_streams() -> None:
    """Stand something in for streams that were closed before the start, as with ``>&-``, for Python has none then.

    A file that is opened later would take the number of a closed stream, and what is printed would end up in it.
    Standard output is replaced by what cannot be written to, so that a lost product is reported.
    """
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def say(text: str, end: str = "\n") -> None:
    """Print to standard error. What cannot be printed there is dropped, because no other place is left to print it."""
    try:
        stream = sys.stderr
        encoding = stream.encoding or "utf-8"
        stream.write(f"{text}{end}".encode(encoding, errors="backslashreplace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):  # full, closed, or a terminal that has gone
        _silence(sys.stderr)


def silence_stdout() -> None:
    """Drop what is still to be printed: stdout has failed, and would fail again at the end."""
    _silence(sys.stdout)


def write_product(text: str) -> None:
    """Put a product on stdout, in UTF-8 whatever the locale says, so that it is the file that ``-o`` would write.

    Raises:
        CompileError: TN008 if it cannot be written, as where the disk is full.
    """
    from tnc.reading import reason
    from tnc.writing.replace import write_all

    try:
        sys.stdout.flush()
        binary = getattr(sys.stdout, "buffer", None)
        content = text.encode("utf-8", errors="backslashreplace")
        if binary is None:
            sys.stdout.write(text)
        elif (descriptor := _descriptor(binary)) is None:
            binary.write(content)
        else:
            write_all(descriptor, content, wait=True)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        from tnc.diagnostics import CompileError, Diagnostic

        silence_stdout()
        message = f"standard output cannot be written: {reason(error)}"
        raise CompileError((Diagnostic("TN008", message, help="see where the output is sent"),)) from None


def _silence(stream: TextIO) -> None:
    descriptor = _descriptor(stream)
    if descriptor is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _descriptor(stream: TextIO | BinaryIO) -> int | None:
    """The descriptor of a stream; None for a stand-in that has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def exit_code(diagnostics: Sequence[Diagnostic]) -> int:
    """2 if the command line is to be changed, 1 if the program is, else 0."""
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity == "error"]
    if any(_concerns_usage(diagnostic) for diagnostic in errors):
        return USAGE_WRONG
    return PROGRAM_WRONG if errors else FINE


def _concerns_usage(diagnostic: Diagnostic) -> bool:
    in_argument = diagnostic.span is not None and diagnostic.span.source.name.startswith("--set ")
    return in_argument or diagnostic.code.startswith("TN0")


def _detail(error: Exception) -> str:
    """What an exception says of itself, on a line that is not too long; some cannot be turned into text."""
    try:
        reason = " ".join(str(error).split())
    except Exception:
        return ""
    return f": {reason[:_LONGEST_DETAIL]}" if reason else ""


def _origin(error: Exception) -> str:
    """The place in the compiler where an exception was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    place = "/".join(Path(trace.tb_frame.f_code.co_filename).parts[-2:])  # "<string>" has one part
    return f" ({place}:{trace.tb_lineno})"
