"""`heap classes`: the heap by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from nodemem import results
from nodemem.heap.classes import class_table
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.results import SILENT, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[int | None, about(description="rows to show, the largest first")] = None
    match: Annotated[str | None, about(description="only classes whose name has this text")] = None
    compat: Annotated[
        Literal["devtools"] | None, about(description="count exactly as Chrome DevTools does")
    ] = None


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """Rows `class, count, shallow, retained, distance`, the largest retained size first."""
    progress.phase("classes", unit="nodes")
    table = class_table(snapshots[0], params.compat)
    if params.match is not None:
        wanted = params.match.casefold()
        place = [column.key for column in table.columns].index("class")
        records = [record for record in table.records if wanted in record[place].casefold()]
        table = Table(table.columns, records)
    return table.head(params.top, "--top N shows more")
