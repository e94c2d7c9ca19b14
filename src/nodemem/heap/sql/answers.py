"""What DuckDB answers, as a Table: single values, and units where names tell them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from nodemem.heap.sql.views import known_columns
from nodemem.results import Column, Table, to_json
from nodemem.results.table import Role, Unit

_SUMMED = re.compile(
    r"(?:sum|min|max|avg|median|any_value|first|last)\(\W?(?:\w+\W?\.\W?)?(\w+)\W?\)"
)
_NUMERIC = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL.*")
_BYTES = re.compile(r"(.*_)?(size|bytes)")


def to_table(described: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> Table:
    """`described` are name and DuckDB type of each column."""
    columns: list[Column] = []
    taken: set[str] = set()
    for name, kind in described:
        key, number = name, 2
        while key in taken:
            key, number = f"{name}_{number}", number + 1
        taken.add(key)
        unit, role = _reading(name, numeric=_NUMERIC.fullmatch(kind) is not None)
        columns.append(Column(key, unit, role))
    return Table(tuple(columns), [tuple(map(_single, row)) for row in rows])


def _reading(name: str, *, numeric: bool) -> tuple[Unit | None, Role | None]:
    """Unit and role of a column by its name: of a column of a view, a sum or the like of one, a
    count, or what calls itself bytes."""
    summed = _SUMMED.fullmatch(name)
    known = known_columns().get(summed[1] if summed else name)
    if known is not None and numeric == (known.type != "VARCHAR"):
        return known.unit, None if summed else known.role
    if numeric and name.startswith(("count(", "count_star(")):
        return "count", None
    if numeric and _BYTES.fullmatch(name):
        return "bytes", None
    return None, None


def _single(value: Any) -> Any:
    """JSON for lists and structures, numbers as they are, text for anything else; what is no
    number is unknown."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | dict | tuple):
        return to_json(_plain(value)).decode()
    return str(value)


def _plain(value: Any) -> Any:
    """A nested value with keys and leaves that JSON has."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return _single(value)
