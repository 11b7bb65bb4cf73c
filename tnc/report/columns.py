"""Tables as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def aligned(rows: Sequence[Sequence[str]], alignment: str, indent: int = 2) -> Iterator[str]:
    """Rows as columns two spaces apart; ``alignment`` has ``<`` or ``>`` for each column."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(alignment))]
    for row in rows:
        cells = (f"{cell:{side}{width}}" for cell, side, width in zip(row, alignment, widths, strict=True))
        yield f"{' ' * indent}{'  '.join(cells)}".rstrip()
