"""Tables of ours as tables of DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nodemem.heap.arrays import Array
from nodemem.results import Table, to_json

_LONG = range(-(1 << 63), 1 << 63)
_EMPTY: dict[str, Any] = {"BOOLEAN": False, "BIGINT": 0, "DOUBLE": 0.0, "VARCHAR": ""}
_ITEMS = {"BOOLEAN": "?", "BIGINT": "i8", "DOUBLE": "f8", "VARCHAR": "O"}


def create_table(connection: Any, name: str, table: Table) -> None:
    """Make the table `name` of `table`: BOOLEAN, BIGINT, DOUBLE or VARCHAR by what a column holds,
    NULL for None, JSON text for what is no single value."""
    arrays, chosen = {}, []
    for at, column in enumerate(table.columns):
        values = [_single(record[at]) for record in table.records]
        kind = _type(values)
        known = [value is not None for value in values]
        empty = _EMPTY[kind]
        filled = [empty if value is None else value for value in values]
        if kind == "VARCHAR":
            arrays[f"v{at}"] = text_array(
                [value if value == "" else str(value) for value in filled]
            )
        else:
            arrays[f"v{at}"] = np.array(filled, _ITEMS[kind])
        arrays[f"k{at}"] = np.array(known, bool)
        key = column.key.replace('"', '""')
        chosen.append(f'CASE WHEN k{at} THEN CAST(v{at} AS {kind}) END AS "{key}"')
    connection.register("_block", arrays)
    connection.execute(f"CREATE TABLE {name} AS SELECT {', '.join(chosen)} FROM _block")
    connection.unregister("_block")


def text_array(texts: Iterable[str]) -> Array:
    """Texts for DuckDB, which holds UTF-8: half a character pair, as JSON can spell it, becomes
    U+FFFD."""
    return np.array([_whole(text) for text in texts], dtype=object)


def _whole(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _single(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return to_json(value).decode()


def _type(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        fits = all(value in _LONG for value in values if value is not None)
        return "BIGINT" if fits else "VARCHAR"
    return "DOUBLE" if float in kinds and kinds <= {int, float} else "VARCHAR"
