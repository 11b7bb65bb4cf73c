from __future__ import annotations

from dataclasses import dataclass

import pytest

from tnc.report.columns import LEFT, Column, cells, sparse_cells, sum_cells, table, to_json
from tnc.report.regions import REGION_COLUMNS


@dataclass(frozen=True)
class Animal:
    name: str
    legs: int


COLUMNS: tuple[Column[Animal], ...] = (
    Column("name", lambda row: row.name, "animal", LEFT, adds_up=True),
    Column("kind", lambda row: "bird" if row.legs == 2 else "other"),
    Column("legs", lambda row: row.legs, "legs", adds_up=True),
    Column(None, lambda row: row.legs // 2, "pairs", text=lambda pairs: f"{pairs} p"),
)


def test_a_column_is_one_entry_of_text_and_json() -> None:
    sheep = Animal("sheep", 4)
    rows = [cells(COLUMNS, sheep), sum_cells(COLUMNS, Animal("all", 6)), sparse_cells(COLUMNS, {"animal": "  rest"})]
    assert list(table(COLUMNS, rows)) == [
        "  animal  legs  pairs",
        "  sheep      4    2 p",
        "  all        6",
        "    rest",
    ]
    assert to_json(COLUMNS, sheep) == {"name": "sheep", "kind": "other", "legs": 4}


def test_a_cell_needs_a_column() -> None:
    with pytest.raises(KeyError, match="wings"):
        sparse_cells(COLUMNS, {"wings": "2"})


def test_keys_and_headers_of_regions_are_unique() -> None:
    keys = [column.key for column in REGION_COLUMNS if column.key is not None]
    headers = [column.header for column in REGION_COLUMNS if column.header is not None]
    assert len(set(keys)) == len(keys)
    assert len(set(headers)) == len(headers)
    assert all(column.key is not None or column.header is not None for column in REGION_COLUMNS)
