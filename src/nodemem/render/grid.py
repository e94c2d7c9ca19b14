"""A table's cells in words, before any face lays them out."""

from __future__ import annotations

from dataclasses import dataclass

from nodemem.render.texts import Texts
from nodemem.render.values import is_number, say
from nodemem.results import Column, Table


@dataclass
class Grid:
    """`rows[i][j]` is a cell of `columns[j]`; `right[j]` where the column holds quantities.

    In a tree `depths[i]` is the row's level and `stem` the column that carries the branches; the
    depth itself is no column any more.
    """

    columns: list[Column]
    titles: list[str]
    rows: list[list[str]]
    right: list[bool]
    depths: list[int] | None
    stem: int

    def take(self, index: int) -> tuple[str, list[str]]:
        """Remove a column; its title and its cells."""
        del self.columns[index], self.right[index]
        self.stem -= index < self.stem
        return self.titles.pop(index), [row.pop(index) for row in self.rows]


def grid(table: Table, texts: Texts, *, unknown: str) -> Grid:
    """The cells of `table`; `unknown` stands where a value could not be observed.

    Columns of text in which no row has any are left out.
    """
    shown = [i for i, column in enumerate(table.columns) if _tells(table, column, i)]
    depth = next((i for i, column in enumerate(table.columns) if column.role == "depth"), None)
    right = [_holds_quantities(table, i) for i in shown]
    return Grid(
        columns=[table.columns[i] for i in shown],
        titles=[texts.column(table.columns[i].key) for i in shown],
        rows=[
            [say(record[i], table.columns[i].unit, texts, unknown=unknown) for i in shown]
            for record in table.records
        ],
        right=right,
        depths=None if depth is None else [record[depth] or 0 for record in table.records],
        stem=right.index(False) if False in right else 0,
    )


def _tells(table: Table, column: Column, index: int) -> bool:
    if column.role == "depth":
        return False
    return column.unit is not None or any(record[index] is not None for record in table.records)


def _holds_quantities(table: Table, index: int) -> bool:
    if table.columns[index].unit is not None:
        return True
    known = [record[index] for record in table.records if record[index] is not None]
    return bool(known) and all(map(is_number, known))
