"""Tables as CSV: raw numbers, one header line of column keys."""

from __future__ import annotations

import csv
import io
from typing import Any

from nodemem.render.visible import visible
from nodemem.results import Table

_FORMULA = ("=", "+", "-", "@")


def to_csv(table: Table) -> str:
    """`table` as CSV: bytes, counts and shares as plain numbers, unknown as an empty cell.

    Text that a spreadsheet would take for a formula gets a leading quote; a heap may hold text
    that somebody else chose.
    """
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_cell(column.key) for column in table.columns)
    writer.writerows([_cell(value) for value in record] for record in table.records)
    return lines.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple):
        return _cell(", ".join(str(_cell(item)) for item in value))
    text = visible(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
