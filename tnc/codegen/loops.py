"""Loops as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tnc.codegen.documents import Doc, Group, prefixed
from tnc.codegen.writer import Writer
from tnc.ir.schedule import Loop


@dataclass(frozen=True, slots=True)
class LoopText:
    """A :class:`Loop` with its variables.

    ``carried`` is passed from iteration to iteration, beginning with ``initial``. ``walked`` are pairs of the
    variable for an entry and the expression that it is taken from. ``sources`` are the tensors from outside that the
    body reads. ``function`` and ``entries`` are names for a loop that is written as a function: its own and that of its
    second parameter. ``converts`` says that the dtype of ``initial`` may differ from the result's.
    """

    operation: Loop
    carried: str
    initial: str
    walked: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    function: str
    entries: str
    converts: bool


def write_for(writer: Writer, loop: LoopText, write_body: Callable[[], None]) -> None:
    """A ``for`` statement: what is carried, what the body ends with and the result are one variable."""
    with writer.block(for_header(loop.walked, loop.operation.count)):
        write_body()


def for_header(walked: Sequence[tuple[str, Doc]], count: int) -> Doc:
    """The head of a ``for`` statement over pairs of a variable and what it runs along; over numbers without any."""
    match walked:
        case []:
            return f"for _ in range({count}):"
        case [(entry, str(iterable))]:
            return f"for {entry} in {iterable}:"
        case [(entry, Group() as iterable)]:
            return prefixed(f"for {entry} in ", replace(iterable, tail=f"{iterable.tail}:"))
        case _:
            entries = ", ".join(entry for entry, _ in walked)
            return Group(f"for {entries} in zip(", tuple(iterable for _, iterable in walked), "):")
