"""Tables as Parquet files."""

from __future__ import annotations

from pathlib import Path

from nodemem.heap.sql.connection import connect, load_duckdb, quoted
from nodemem.heap.sql.tables import create_table
from nodemem.results import Table

_MEMORY = 1 << 30


def write_parquet(table: Table, path: Path) -> None:
    """Write the rows of `table` into the file `path`, which exists, and keep its mode.

    Raises:
        MissingExtra: DuckDB is not installed.
        OSError: the file cannot be written.
    """
    target = str(path.absolute())
    copy = f"COPY result TO {quoted(target)} (FORMAT parquet, USE_TMP_FILE false)"
    with connect(_MEMORY, allowed_path=target) as connection:
        create_table(connection, "result", table)
        try:
            connection.execute(copy)
        except load_duckdb().IOException as error:
            raise OSError(str(error)) from error
