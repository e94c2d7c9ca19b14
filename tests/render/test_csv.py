"""CSV: raw numbers, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodemem.render import to_csv
from nodemem.results import Column, Table


def read(table: Table) -> list[list[str]]:
    return list(csv.reader(io.StringIO(to_csv(table))))


def test_raw_numbers_and_empty_unknown() -> None:
    table = Table(
        (Column("class"), Column("retained", "bytes"), Column("share", "share"), Column("open")),
        [('say "hi", twice', 310_000_000, 0.25, True), ("b", None, -1.5, False)],
    )
    assert to_csv(table) == (
        "class,retained,share,open\n"
        '"say ""hi"", twice",310000000,0.25,true\n'
        "b,,-1.5,false\n"
    )  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1"])
def test_formulas_are_defused(text: str) -> None:
    cell = read(Table((Column("class"),), [(text,)]))[1][0]
    assert cell[0] in "'\\"


@given(st.lists(st.tuples(st.text(max_size=20), st.integers()), max_size=20))
def test_every_row_is_one_line(records: list[tuple[str, int]]) -> None:
    rows = read(Table((Column("class"), Column("count", "count")), records))
    assert len(rows) == len(records) + 1
    assert [int(row[1]) for row in rows[1:]] == [n for _, n in records]
    assert all(cell.isprintable() or "\u200c" in cell or "\u200d" in cell
               or any(c.isspace() for c in cell) for row in rows for cell in row)  # fmt: skip
