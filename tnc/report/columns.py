"""Columns: what a table shows of its rows, and the JSON with it. A column is one entry of a tuple."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

LEFT: Final = "<"
RIGHT: Final = ">"

Row = TypeVar("Row")


def _same(value: Any) -> Json:
    """The value itself."""
    return value  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A quantity of a row: a column of the table, a key of the JSON, or both.

    ``key`` is its name in the JSON, None if it is only shown. ``header`` is its title in the table, None if it is only
    in the JSON. ``text`` and ``json`` convert the ``value``. A column with ``adds_up`` is also shown for a row that
    stands for several.
    """

    key: str | None
    value: Callable[[Row], Any]
    header: str | None = None
    side: str = RIGHT
    text: Callable[[Any], str] = str
    json: Callable[[Any], Json] = _same
    adds_up: bool = False


Cells: TypeAlias = "tuple[str, ...]"


def table(columns: Sequence[Column[Row]], rows: Sequence[Cells], indent: int = 2) -> Iterator[str]:
    """The lines of a table: the headers, then the rows."""
    shown = _shown(columns)
    yield from aligned([_headers(columns), *rows], "".join(column.side for column in shown), indent)


def cells(columns: Sequence[Column[Row]], row: Row) -> Cells:
    """A row of a table."""
    return tuple(column.text(column.value(row)) for column in _shown(columns))


def sum_cells(columns: Sequence[Column[Row]], total: Row) -> Cells:
    """A row that stands for several, of which only what adds up is shown."""
    return tuple(column.text(column.value(total)) if column.adds_up else "" for column in _shown(columns))


def sparse_cells(columns: Sequence[Column[Row]], by_header: Mapping[str, str]) -> Cells:
    """A row with text under a few headers; its other cells are empty.

    Raises:
        KeyError: if no column has one of the headers.
    """
    headers = _headers(columns)
    if missing := by_header.keys() - set(headers):
        raise KeyError(*missing)
    return tuple(by_header.get(header, "") for header in headers)


def to_json(columns: Sequence[Column[Row]], row: Row) -> dict[str, Json]:
    """A row as an object of the JSON, with its keys in the order of the columns."""
    return {column.key: column.json(column.value(row)) for column in columns if column.key is not None}


def aligned(rows: Sequence[Sequence[str]], alignment: str, indent: int = 2) -> Iterator[str]:
    """Rows as columns two spaces apart; ``alignment`` has ``<`` or ``>`` for each column."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(alignment))]
    for row in rows:
        padded = (f"{cell:{side}{width}}" for cell, side, width in zip(row, alignment, widths, strict=True))
        yield f"{' ' * indent}{'  '.join(padded)}".rstrip()


def _shown(columns: Sequence[Column[Row]]) -> list[Column[Row]]:
    return [column for column in columns if column.header is not None]


def _headers(columns: Sequence[Column[Row]]) -> Cells:
    return tuple(column.header for column in columns if column.header is not None)
