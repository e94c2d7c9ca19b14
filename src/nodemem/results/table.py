"""Table: rows with typed columns, the shape in which every question is answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from nodemem.results.finding import Finding

Unit = Literal["bytes", "count", "ms", "s", "share", "hops"]
"""`share` is a ratio, 0..1; `hops` a distance in edges."""

Role = Literal["node_id", "class", "source", "edge", "name", "kind", "depth", "pid"]
"""What a value refers to, so that a face can link it: `source` is `file:line:column`."""


class Column(msgspec.Struct, frozen=True):
    """One column: its key in rows and JSON, and how its values are to be read."""

    key: str
    unit: Unit | None = None
    role: Role | None = None


class Truncated(msgspec.Struct, frozen=True):
    """What was left out of a result, and how to get it."""

    shown: int
    total: int
    how: str


class Table(msgspec.Struct, frozen=True):
    """`records` hold one tuple a row, its values in the order of `columns`; None is unknown.

    Trees are tables with a column of role `depth` (0 for the top). `findings` are conclusions
    that the same question came to; `summary` names single figures beside the rows (bytes, counts).
    """

    columns: tuple[Column, ...]
    records: Sequence[tuple[Any, ...]]
    findings: tuple[Finding, ...] = ()
    summary: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()
    truncated: Truncated | None = None

    def __len__(self) -> int:
        return len(self.records)

    def rows(self) -> list[dict[str, Any]]:
        """The rows as dicts, keyed by column."""
        return list(self.iter_rows())

    def iter_rows(self) -> Iterator[dict[str, Any]]:
        keys = [column.key for column in self.columns]
        return (dict(zip(keys, record, strict=True)) for record in self.records)

    def values(self, key: str) -> list[Any]:
        """All values of one column."""
        index = [column.key for column in self.columns].index(key)
        return [record[index] for record in self.records]

    def select(self, *keys: str) -> Table:
        """The same rows with these columns only, in this order."""
        at = {column.key: index for index, column in enumerate(self.columns)}
        chosen = [at[key] for key in keys]
        return msgspec.structs.replace(
            self,
            columns=tuple(self.columns[i] for i in chosen),
            records=[tuple(record[i] for i in chosen) for record in self.records],
        )

    def head(self, limit: int | None, how: str) -> Table:
        """The first `limit` rows, with a note on what is missing; `how` says how to get it."""
        if limit is None or limit >= len(self.records):
            return self
        return msgspec.structs.replace(
            self,
            records=self.records[:limit],
            truncated=Truncated(shown=limit, total=len(self.records), how=how),
        )

    def to_data(self) -> dict[str, Any]:
        """The JSON form: `summary`, `columns`, `rows` as dicts, `findings`."""
        return {
            "summary": self.summary,
            "columns": list(self.columns),
            "rows": self.rows(),
            "findings": list(self.findings),
        }
