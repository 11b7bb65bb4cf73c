"""Diagnostics as text for people, in rustc's manner: message, place, excerpt, carets, help."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tnc.characters import escaped, printable
from tnc.diagnostics.diagnostic import Diagnostic, Severity
from tnc.diagnostics.excerpt import Mark, excerpt_rows, last_line
from tnc.source import Source


class Style(StrEnum):
    """What a piece of text is; the value is its ANSI escape."""

    ERROR = "\x1b[1;31m"
    WARNING = "\x1b[1;33m"
    FRAME = "\x1b[1;34m"
    BOLD = "\x1b[1m"
    HELP = "\x1b[1;36m"


@dataclass(frozen=True, slots=True)
class Painter:
    """Wraps text in ANSI escapes, or leaves it alone."""

    colour: bool

    def __call__(self, text: str, style: Style) -> str:
        """The text in a style; the empty text stays empty."""
        return f"{style}{text}\x1b[0m" if self.colour and text else text


def render_diagnostics(diagnostics: Iterable[Diagnostic], colour: bool = False) -> str:
    """All diagnostics, a blank line after each; the empty text if there are none."""
    painter = Painter(colour)
    return "".join(_render(diagnostic, painter) + "\n" for diagnostic in diagnostics)


def render(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """Return diagnostics as the command line prints them: message, excerpt and help, one after the other.

    ``color`` adds ANSI escapes. Without diagnostics the text is empty.
    """
    return render_diagnostics(diagnostics, color).rstrip("\n")


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """``3 errors, 1 warning``; the empty text if there is nothing to count."""
    counts = {Severity.ERROR: 0, Severity.WARNING: 0}
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
    return ", ".join(f"{n} {severity}{'' if n == 1 else 's'}" for severity, n in counts.items() if n)


def _render(diagnostic: Diagnostic, painter: Painter) -> str:
    style = Style.ERROR if diagnostic.severity is Severity.ERROR else Style.WARNING
    headline = painter(f"{diagnostic.severity}[{diagnostic.code}]", style) + painter(
        f": {_continued(diagnostic.message)}", Style.BOLD
    )
    lines = [headline]
    files = _marks_by_file(diagnostic)
    width = max((len(str(last_line(source, marks))) for source, marks in files), default=1)
    gutter = " " * width
    for number, (source, marks) in enumerate(files):
        place = source.position(marks[0].start)
        arrow = f"{gutter}--> " if number == 0 else f"{gutter}::: "
        lines.append(painter(arrow, Style.FRAME) + f"{escaped(source.name)}:{place.line}:{place.column}")
        lines.append(painter(f"{gutter} |", Style.FRAME))
        for row in excerpt_rows(source, marks, first_column=width + 3):
            bar = f"{'...':<{width + 2}}" if row.gap else f"{'' if row.number is None else row.number:>{width}} |"
            text = "".join(painter(piece, _mark_style(mark, style)) if mark else piece for piece, mark in row.pieces)
            lines.append((painter(bar, Style.FRAME) + (f" {text}" if text else "")).rstrip())
    if diagnostic.help is not None:
        if files:
            lines.append(painter(f"{gutter} |", Style.FRAME))
        lines.append(_help(diagnostic.help, gutter if files else "", painter))
    return "\n".join(lines) + "\n"


def _continued(message: str) -> str:
    """A message whose further lines, as an author's assertion may have, are indented: none passes for another one."""
    return printable(message).replace("\n", "\n  ")


def _help(text: str, gutter: str, painter: Painter) -> str:
    first, *rest = printable(text).split("\n")
    lead = f"{gutter} = " if gutter else "  = "
    indent = " " * (len(lead) + len("help: "))
    return "\n".join(
        [painter(lead, Style.FRAME) + painter("help", Style.HELP) + f": {first}", *(indent + line for line in rest)]
    )


def _mark_style(mark: Mark, primary: Style) -> Style:
    return primary if mark.primary else Style.FRAME


def _marks_by_file(diagnostic: Diagnostic) -> list[tuple[Source, list[Mark]]]:
    """The primary place's file first, then the others in the order of their labels; the first mark of a file leads."""
    if diagnostic.span is None:
        primary: list[tuple[Source, Mark]] = []
    else:
        span = diagnostic.span
        primary = [(span.source, Mark(span.start, span.end, diagnostic.label, primary=True))]
    secondary = [
        (la.span.source, Mark(la.span.start, la.span.end, la.message, primary=False)) for la in diagnostic.labels
    ]
    files: list[tuple[Source, list[Mark]]] = []
    for source, mark in [*primary, *secondary]:
        for known, marks in files:
            if known.name == source.name and known.text == source.text:
                marks.append(mark)
                break
        else:
            files.append((source, [mark]))
    return [(source, [_inside(source, mark) for mark in marks]) for source, marks in files]


def _inside(source: Source, mark: Mark) -> Mark:
    """The mark with its ends in the text, the right way round."""
    start = max(0, min(mark.start, len(source.text)))
    return Mark(start, max(start, min(mark.end, len(source.text))), mark.message, mark.primary)
