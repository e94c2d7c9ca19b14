"""One or two snapshots as a database that can be asked, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from string import Template
from typing import Any

from nodemem.errors import InternalError, UsageError
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.sql.answers import to_table
from nodemem.heap.sql.connection import connect, interruptible, load_duckdb
from nodemem.heap.sql.sources import PARTS, Sources
from nodemem.heap.sql.views import TYPES, VIEWS, later
from nodemem.results import SILENT, Progress, Table, Truncated

MEMORY = 2 << 30
"""Bytes that DuckDB may take, beside the columns of the snapshots, unless told otherwise."""
TOP = 100
_MOST_COUNTED = 100_000_000
_SCHEMAS = "ab"
_HELP = "nodemem heap sql FILE --schema lists the views and their columns"
_PLACE = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)


class _NotYetError(Exception):
    """A query met a part that has not been worked out."""


class Database:
    """The views of docs/commands/heap-sql.md over one snapshot; with two, those of the first are in
    the schema `a`, those of the second in `b`.

    Raises:
        MissingExtra: DuckDB is not installed.
        UsageError: no snapshot, or more than two.
    """

    def __init__(
        self, snapshots: Sequence[Snapshot], *, memory: int = MEMORY, progress: Progress = SILENT
    ) -> None:
        if not 1 <= len(snapshots) <= len(_SCHEMAS):
            raise UsageError("SQL is asked of one snapshot or two")
        self._duckdb = load_duckdb()
        self._progress = progress
        self._memory = memory
        self._connection = connect(memory)
        self._needed: set[tuple[str, str]] = set()
        self._sources: dict[str, Sources] = {}
        for schema, snapshot in zip(_SCHEMAS, snapshots, strict=False):
            prefix = f"_{schema}_" if len(snapshots) > 1 else "_"
            self._sources[prefix] = Sources(self._connection, snapshot, prefix)
            if len(snapshots) > 1:
                self._connection.execute(f"CREATE SCHEMA {schema}")
            for part, kind in product(PARTS, TYPES):
                self._declare(prefix, part, kind)
        self._connection.execute("CREATE TABLE _one AS SELECT 0::UINTEGER AS x")

    def query(self, text: str, top: int = TOP) -> Table:
        """The answer to one SELECT, at most `top` rows of it.

        Columns get a unit where their name tells it: `retained_size`, `sum(self_size)`,
        anything that ends in `size` or `bytes`.

        Raises:
            UsageError: it is not one SELECT, is not valid, wants what is not allowed, or takes more
                memory than it may.
            InputError: the snapshot cannot be read.
        """
        statement = self._checked(text)
        # A join for the texts costs time even where no column of it is asked for: each query
        # begins without, and what was worked out before is taken again at once.
        self._needed = set()
        while True:
            self._define_views()
            before = set(self._needed)
            try:
                return interruptible(self._connection, lambda: self._run(statement, top))
            except self._duckdb.Error as error:
                if self._needed == before:
                    raise self._explained(error) from error
            for prefix, part in sorted(self._needed - before):
                self._progress.phase(f"sql: {part}")
                self._sources[prefix].load(part)

    def _declare(self, prefix: str, part: str, kind: str) -> None:
        def needed(_: int | None) -> Any:
            self._needed.add((prefix, part))
            raise _NotYetError(part)

        name = later(prefix, part, kind)
        self._connection.create_function(
            name, needed, ["UINTEGER"], kind, null_handling="special", side_effects=False
        )

    def _define_views(self) -> None:
        for prefix, sources in self._sources.items():
            schema = prefix.strip("_") or "main"
            parts = {part for of, part in self._needed if of == prefix}
            for view in VIEWS:
                select = Template(view.sql(prefix, parts)).substitute(sources.constants)
                self._connection.execute(f"CREATE OR REPLACE VIEW {schema}.{view.name} AS {select}")

    def _checked(self, text: str) -> str:
        try:
            statements = self._connection.extract_statements(text)
        except self._duckdb.Error as error:
            raise self._explained(error, shift=0) from error
        if len(statements) != 1:
            said = "there is none" if not statements else f"there are {len(statements)}"
            raise UsageError(f"one SELECT is asked for, {said}", next=_HELP)
        if statements[0].type != self._duckdb.StatementType.SELECT:
            raise UsageError(
                f"this is {statements[0].type.name}, and only SELECT is allowed",
                why="a snapshot is read, never changed",
                next=_HELP,
            )
        return str(statements[0].query).strip().rstrip("; \n\t")

    def _run(self, statement: str, top: int) -> Table:
        connection = self._connection
        # As a part of another query, a statement that changes something is refused by DuckDB.
        framed = f"(\n{statement}\n)"
        connection.execute("BEGIN TRANSACTION READ ONLY")
        try:
            cursor = connection.execute(f"SELECT * FROM {framed} LIMIT {top + 1}")
            described = [(name, str(kind)) for name, kind, *_ in cursor.description]
            rows = cursor.fetchall()
            total = len(rows)
            if total > top:
                cut = f"SELECT count(*) FROM (SELECT 1 FROM {framed} LIMIT {_MOST_COUNTED})"
                total = max(total, connection.execute(cut).fetchone()[0])
        finally:
            connection.execute("ROLLBACK")
        table = to_table(described, rows[:top])
        if total <= top:
            return table
        how = "--top N shows more"
        if total == _MOST_COUNTED:
            how += f"; counting stopped at {_MOST_COUNTED:,} rows, there may be more"
        return Table(table.columns, table.records, truncated=Truncated(top, total, how))

    def _explained(self, error: Any, shift: int = 1) -> Exception:
        """What DuckDB says, as ours. `shift` is the number of lines put before the query."""
        kinds, text = self._duckdb, str(error)
        why, _, _ = text.partition("\n")
        why = why.partition(": ")[2] or why
        if isinstance(error, kinds.OutOfMemoryException):
            return UsageError(
                "the query needs more memory than it may take",
                why=f"the limit is {self._memory:,} bytes",
                next="narrow it down with WHERE, or raise the limit: --memory 8GiB",
            )
        if isinstance(error, kinds.InternalException | kinds.FatalException):
            return InternalError("DuckDB failed", why=why)
        if isinstance(error, kinds.PermissionException):
            return UsageError(
                "the query wants what is not allowed",
                why="queries read the snapshot, no files, no network and no settings",
                next=_HELP,
            )
        step = _HELP
        if len(self._sources) > 1 and isinstance(error, kinds.CatalogException):
            step = "name the file with the view: a.nodes is of the first, b.nodes of the second"
        if place := _PLACE.search(text):
            line = int(place[1]) - shift
            column = len(place[3]) - len(f"LINE {place[1]}: ") + 1
            why += f" (line {line}, column {column}: {place[2].strip()})"
        return UsageError("the query cannot be answered", why=why, next=step)
